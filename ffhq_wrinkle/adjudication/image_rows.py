"""Image rows: how far the decisions on an image lie from the annotators' masks, for the tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..measures.metrics import jaccard, overlap
from .decisions import PartState
from .entries import Entry
from .parts import Part, PixelBox
from .verdicts import Drawing, verdict

MAJORITY = "majority"


class PartRow(NamedTuple):
    """The decision on a part, and how the result compares; a row of `review.csv`.

    `jaccard` has the Jaccard index of the result with each annotator and the majority, None where
    both are empty, and `differing_px` the pixels in which they differ. An open part has neither.
    """

    part: str
    box: list[int]
    state: str
    is_settled: bool
    choice: str
    annotator: str
    reviewer: str
    time: str
    names_hidden: bool
    pixels: int | None
    jaccard: dict[str, float | None]
    differing_px: dict[str, int]
    second_reviewer: str
    second_choice: str
    second_jaccard: float | None
    remarks: list[str]


class ImageRow(NamedTuple):
    """The same for an image, with its parts.

    `second_looks` has, for each part on which two reviewers decided, both and what they decided.
    """

    image_id: str
    height: int
    width: int
    pixels: int | None
    jaccard: dict[str, float | None]
    differing_px: dict[str, int]
    parts: list[PartRow]
    second_looks: list[dict[str, Any]]


def image_row(
    image_id: str,
    names: Sequence[str],
    masks: Sequence[np.ndarray],
    parts: Sequence[Part],
    states: Sequence[PartState],
    result: np.ndarray | None,
) -> ImageRow:
    """Compare the result of an image with each annotator and the majority.

    Parameters
    ----------
    image_id : str
    names : sequence of str
        The annotators' names.
    masks : sequence of np.ndarray
        Their masks within the face, bool (H, W).
    parts : sequence of Part
        The image's parts.
    states : sequence of PartState
        The state of each part.
    result : np.ndarray, optional
        The image's mask, bool (H, W); None as long as a part is open.
    """
    height, width = masks[0].shape
    pixels: int | None = None
    jaccards: dict[str, float | None] = {}
    differing: dict[str, int] = {}
    if result is not None:
        votes = np.sum(masks, axis=0, dtype=np.uint8)
        others = dict(zip(names, masks, strict=True))
        others[MAJORITY] = np.asarray(votes > len(masks) // 2)
        pixels = int(np.count_nonzero(result))
        jaccards, differing = _compared(result, others)
    rows, looks = [], []
    for part, state in zip(parts, states, strict=True):
        rows.append(_part_row(part, state, names, (height, width)))
        look = _second_look(part, state, names, (height, width))
        looks += [look] if look else []
    return ImageRow(image_id, height, width, pixels, jaccards, differing, rows, looks)


def _part_row(
    part: Part, state: PartState, names: Sequence[str], shape: tuple[int, int]
) -> PartRow:
    entry, second, _ = state
    drawing = verdict(part, entry, names, shape)
    box = around([part.box, drawing.box])
    drawn = {
        name: Drawing(part.box, mask).within(box)
        for name, mask in [*zip(names, part.masks, strict=True), (MAJORITY, part.majority)]
    }
    is_open = entry is None and not part.is_settled
    jaccards, differing = _compared(drawing.within(box), drawn)
    return PartRow(
        part.part_id,
        list(part.box),
        "decided" if entry else "open" if is_open else "settled",
        part.is_settled,
        str(entry.choice) if entry else "" if is_open else MAJORITY,
        (entry.annotator or "") if entry else "",
        entry.reviewer if entry else "",
        entry.time if entry else "",
        bool(entry and entry.shown.get("blind")),
        None if is_open else int(np.count_nonzero(drawing.pixels)),
        {} if is_open else jaccards,
        {} if is_open else differing,
        second.reviewer if second else "",
        _named(second) if second else "",
        _jaccard(*_pair(part, state, names, shape)[1]) if second else None,
        [f"{remark.reviewer}: {remark.remark}" for remark in state.remarks],
    )


def _second_look(
    part: Part, state: PartState, names: Sequence[str], shape: tuple[int, int]
) -> dict[str, Any] | None:
    """Return who decided a part twice, and what, if it was decided twice."""
    if not (state.holding and state.second):
        return None
    box, pair = _pair(part, state, names, shape)
    return {
        "part": part.part_id,
        "reviewers": [state.holding.reviewer, state.second.reviewer],
        "drawings": [Drawing(box, pixels).record() for pixels in pair],
    }


def _pair(
    part: Part, state: PartState, names: Sequence[str], shape: tuple[int, int]
) -> tuple[PixelBox, tuple[np.ndarray, np.ndarray]]:
    """Return both verdicts on a part, in one box."""
    first = verdict(part, state.holding, names, shape)
    second = verdict(part, state.second, names, shape)
    box = around([part.box, first.box, second.box])
    return box, (first.within(box), second.within(box))


def _named(entry: Entry) -> str:
    return f"annotator {entry.annotator}" if entry.choice == "annotator" else str(entry.choice)


def around(boxes: Sequence[PixelBox]) -> PixelBox:
    """Return the smallest box around several.

    >>> around([PixelBox(0, 0, 2, 2), PixelBox(1, 5, 1, 1)])
    PixelBox(top=0, left=0, height=2, width=6)
    """
    top, left = min(box.top for box in boxes), min(box.left for box in boxes)
    bottom = max(box.top + box.height for box in boxes)
    right = max(box.left + box.width for box in boxes)
    return PixelBox(top, left, bottom - top, right - left)


def _compared(
    result: np.ndarray, others: Mapping[str, np.ndarray]
) -> tuple[dict[str, float | None], dict[str, int]]:
    """Return the Jaccard index with each other mask, and the pixels that differ from it."""
    return (
        {name: _jaccard(result, mask) for name, mask in others.items()},
        {name: int(np.count_nonzero(result ^ mask)) for name, mask in others.items()},
    )


def _jaccard(first: np.ndarray, second: np.ndarray) -> float | None:
    index = float(jaccard(overlap(first, second)))
    return None if math.isnan(index) else round(index, 6)
