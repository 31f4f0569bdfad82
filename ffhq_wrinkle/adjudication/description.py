"""Description: what the page shows of an image, as JSON can hold it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..annotation_tools.runs import run_lengths
from ..human_labels.agreement import Agreement
from ..human_labels.annotator_figures import SEVERAL_DREW, annotator_colours, mixture_colours
from ..human_labels.tables import column_name
from .entries import Entry
from .images import ReviewedImage
from .parts import Part


def described_colours(annotators: int) -> dict[str, Any]:
    """Return the colours of `disputed/`: of each annotator, mixtures of two of three, of several.

    Mixtures are named by their vote pattern, see `votes`.
    """
    return {
        "colours": annotator_colours(annotators).tolist(),
        "mixtures": {
            str(1 << first | 1 << second): list(colour)
            for (first, second), colour in mixture_colours(annotators).items()
        },
        "several": list(SEVERAL_DREW),
    }


def described_image(
    image: ReviewedImage, queue: Agreement, number: int, order: Sequence[int], *, blind: bool
) -> dict[str, Any]:
    """Describe an image without its parts.

    Parameters
    ----------
    image : ReviewedImage
    queue : Agreement
        The images of the review.
    number : int
        The image's number in it.
    order : sequence of int
        The annotators' numbers in the order in which they are shown.
    blind : bool
        Whether names are hidden; figures that name annotators are then left out.
    """
    figures = [("1 - mean Jaccard of the pairs", queue.disagreement[number])]
    if not blind:
        figures += [
            (column_name(column), queue.per_image[number, place])
            for place, column in enumerate(queue.columns)
            if column.kind == "pair" and column.measure == "jaccard"
        ]
    return {
        "image": image.image_id,
        "height": image.shape[0],
        "width": image.shape[1],
        "annotators": [
            {
                "name": str(place) if blind else queue.names[annotator],
                "pixels": int(np.count_nonzero(image.masks[annotator])),
            }
            for place, annotator in enumerate(order, start=1)
        ],
        "figures": [
            {"name": name, "value": None if np.isnan(value) else round(float(value), 4)}
            for name, value in figures
        ],
    }


def described_part(
    part: Part,
    names: Sequence[str],
    entry: Entry | None,
    remarks: Sequence[Entry],
    *,
    claimed: str | None = None,
) -> dict[str, Any]:
    """Describe a part.

    Parameters
    ----------
    part : Part
    names : sequence of str
        The annotators' names in the order in which they are shown.
    entry : Entry, optional
        The decision that is shown.
    remarks : sequence of Entry
        The remarks on the part.
    claimed : str, optional
        The other reviewer who is looking at the part.
    """
    decision = None
    if entry:
        decision = {
            "reviewer": entry.reviewer,
            "time": entry.time,
            "choice": entry.choice,
            "position": names.index(entry.annotator) if entry.annotator else None,
            "drawn": entry.drawn,
        }
    return {
        "part": part.part_id,
        "box": list(part.box),
        "runs": run_lengths(part.union.ravel()).tolist(),
        "settled": part.is_settled,
        "basis": entry.sequence if entry else 0,
        "decision": decision,
        "claimed": claimed,
        "remarks": [{"reviewer": remark.reviewer, "remark": remark.remark} for remark in remarks],
    }


def packed_masks(image: ReviewedImage, order: Sequence[int]) -> bytes:
    """Return the masks of an image in an order, packed to bits, row by row.

    Each mask begins with a new octet; the highest bit is the first pixel.
    """
    return b"".join(np.packbits(image.masks[number]).tobytes() for number in order)
