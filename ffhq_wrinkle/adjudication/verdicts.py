"""Verdicts: the pixels that decisions stand for, and the mask that they make up."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from ..annotation_tools.runs import run_lengths, runs_mask
from ..errors import ArgumentError
from .decisions import Decisions
from .entries import Entry
from .parts import Part, PixelBox

_DIGEST_DIGITS = 32


class Drawing(NamedTuple):
    """Pixels in a box of an image, bool (box height, box width)."""

    box: PixelBox
    pixels: np.ndarray

    def within(self, outer: PixelBox) -> np.ndarray:
        """Return the pixels in a larger box, bool (outer height, outer width)."""
        whole = np.zeros((outer.height, outer.width), bool)
        moved = self.box._replace(top=self.box.top - outer.top, left=self.box.left - outer.left)
        whole[moved.window] = self.pixels
        return whole

    def tight(self) -> "Drawing | None":
        """Return the same pixels in the smallest box around them; None if there are none."""
        rows = np.flatnonzero(self.pixels.any(axis=1))
        columns = np.flatnonzero(self.pixels.any(axis=0))
        if not len(rows):
            return None
        inside = self.pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        top, left = self.box.top + int(rows[0]), self.box.left + int(columns[0])
        return Drawing(PixelBox(top, left, *inside.shape), inside)

    def record(self) -> dict[str, Any]:
        """Return the box and the lengths of runs as JSON can hold them."""
        return {"box": list(self.box), "runs": run_lengths(self.pixels.ravel()).tolist()}


def parse_drawing(drawn: object, shape: tuple[int, int]) -> Drawing:
    """Parse what a page or a file of decisions says was drawn on an image of this shape.

    Raises
    ------
    ArgumentError
        It is not a box within the image and runs that fill it.

    >>> parse_drawing({"box": [0, 1, 1, 3], "runs": [1, 2]}, (4, 4)).pixels
    array([[False,  True,  True]])
    """
    if not isinstance(drawn, Mapping):
        raise ArgumentError("a drawing needs a box and runs")
    box, runs = drawn.get("box"), drawn.get("runs")
    if not (_are_counts(box) and _are_counts(runs) and len(box) == 4):
        raise ArgumentError("the box and the runs of a drawing are lists of numbers of pixels")
    place = PixelBox(*box)
    if (
        not (place.height and place.width)
        or place.top + place.height > shape[0]
        or place.left + place.width > shape[1]
    ):
        raise ArgumentError(f"the box {box} is not inside an image of {shape[1]}x{shape[0]}")
    pixels = runs_mask(runs, place.height * place.width)
    return Drawing(place, pixels.reshape(place.height, place.width))


def _are_counts(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def verdict(
    part: Part, entry: Entry | None, names: Sequence[str], shape: tuple[int, int]
) -> Drawing:
    """Return the pixels of a part that are wrinkle; without a decision, those of the majority.

    Raises
    ------
    ArgumentError
        The decision, in a file changed by hand, does not fit the image or its annotators.
    """
    choice = entry.choice if entry else "majority"
    if entry and choice == "drawn":
        return parse_drawing(entry.drawn, shape)
    if entry and choice == "annotator":
        if entry.annotator is None or entry.annotator not in names:
            raise ArgumentError(f"part {part.part_id}: there is no annotator {entry.annotator!r}")
        return Drawing(part.box, part.masks[list(names).index(entry.annotator)])
    pixels = {"majority": part.majority, "union": part.union, "nothing": part.union & False}
    return Drawing(part.box, pixels[str(choice)])


def composed(
    shape: tuple[int, int], verdicts: Sequence[Drawing], region: np.ndarray | None = None
) -> np.ndarray:
    """Return the mask of an image, bool (H, W): all verdicts together, within a region."""
    mask = np.zeros(shape, bool)
    for drawing in verdicts:
        mask[drawing.box.window] |= drawing.pixels
    return mask if region is None else mask & region


def mask_digest(inputs: str, tolerance_px: float, image_id: str, decisions: Decisions) -> str:
    """Return a hash of everything that the mask of an image depends on."""
    held = [
        [part, entry.verdict]
        for _, part in decisions.parts_of(image_id)
        if (entry := decisions.holding((image_id, part)))
    ]
    return _hash([inputs, tolerance_px, held])


def row_digest(inputs: str, tolerance_px: float, image_id: str, decisions: Decisions) -> str:
    """Return a hash of everything that the rows of an image depend on, remarks included."""
    states = [decisions.state(key) for key in decisions.parts_of(image_id)]
    lines = [
        entry.line().decode()
        for state in states
        for entry in (state.holding, state.second, *state.remarks)
        if entry
    ]
    return _hash([inputs, tolerance_px, lines])


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:_DIGEST_DIGITS]
