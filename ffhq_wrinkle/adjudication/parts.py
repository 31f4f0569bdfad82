"""Parts: the pieces of an image on which reviewers decide; arrays only.

A part is a connected piece of what anybody drew. It is not a piece of what annotators disagree on,
since the rims of lines that all drew would be thousands of such pieces. A part on which all agree
within a tolerance is settled by their majority.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..human_labels.votes import drawn_votes

_ID_DIGITS = 16
_SQUARE = np.ones((3, 3), np.uint8)


class PixelBox(NamedTuple):
    """A rectangle of an image: its first row and column, and its size in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle as an index of an array (H, W)."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


class Part(NamedTuple):
    """A connected piece of what anybody drew on an image.

    Attributes
    ----------
    part_id : str
        A hash of the image, the box and the annotators' masks: it stays the same until somebody
        draws differently here.
    box : PixelBox
        The smallest box around the part.
    masks : np.ndarray
        The annotators' masks of the part alone, bool (A, box height, box width).
    is_settled : bool
        Whether all annotators agree within the tolerance.
    """

    part_id: str
    box: PixelBox
    masks: np.ndarray
    is_settled: bool

    @property
    def union(self) -> np.ndarray:
        """Pixels that anybody drew, bool (box height, box width)."""
        return np.asarray(self.masks.any(axis=0))

    @property
    def majority(self) -> np.ndarray:
        """Pixels that more than half of the annotators drew, bool (box height, box width)."""
        votes = self.masks.sum(axis=0, dtype=np.int64)
        return np.asarray(2 * votes > len(self.masks))


def find_parts(
    image_id: str,
    names: Sequence[str],
    masks: Sequence[np.ndarray],
    *,
    tolerance_px: float = 1.0,
) -> list[Part]:
    """Find the parts of an image, row by row.

    Two drawn pixels belong to the same part if they touch, also at a corner, or if at most two
    pixels that nobody drew lie between them.

    Parameters
    ----------
    image_id : str
        Id of the image, which is part of the ids of its parts.
    names : sequence of str
        The annotators' names.
    masks : sequence of np.ndarray
        Their masks, bool (H, W).
    tolerance_px : float
        A part is settled if every pixel that an annotator drew of it lies at most this far, from
        centre to centre, from a pixel of the part that each other annotator drew.

    Raises
    ------
    ArgumentError
        As `votes.drawn_votes`.

    >>> masks = np.array([[[1, 1, 0, 0, 0, 0, 0]], [[1, 0, 0, 0, 0, 0, 1]]], bool)
    >>> [(*part.box, part.is_settled) for part in find_parts("00007", ["A", "B"], masks)]
    [(0, 0, 1, 2, True), (0, 6, 1, 1, False)]
    """
    votes = drawn_votes(masks)
    patterns = votes.spread(votes.patterns)
    drawn = (patterns != 0).view(np.uint8)
    # A pixel more on every side makes pieces touch that are at most two pixels apart.
    closed = cv2.dilate(drawn, _SQUARE)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    parts = [
        _part(image_id, names, _cropped(patterns, labels, label, row), tolerance_px)
        for label, row in enumerate(stats[1:], start=1)
    ]
    return sorted(parts, key=lambda part: part.box)


def _cropped(
    patterns: np.ndarray, labels: np.ndarray, label: int, stats: np.ndarray
) -> tuple[PixelBox, np.ndarray]:
    """Return the smallest box around a label's drawn pixels, and their patterns in it."""
    left, top, width, height = (int(number) for number in stats[:4])
    window = PixelBox(top, left, height, width).window
    inside = np.where(labels[window] == label, patterns[window], 0)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    within = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    box = PixelBox(top + int(rows[0]), left + int(columns[0]), *inside[within].shape)
    return box, inside[within]


def _part(
    image_id: str, names: Sequence[str], place: tuple[PixelBox, np.ndarray], tolerance_px: float
) -> Part:
    box, patterns = place
    masks = np.stack([patterns >> number & 1 for number in range(len(names))]).astype(bool)
    digest = hashlib.sha256(f"{image_id}\0{' '.join(map(str, box))}".encode("utf-8", "replace"))
    # By name, because the order of the folders on the command line does not matter.
    for name, mask in sorted(zip(names, masks, strict=True), key=lambda named: named[0]):
        digest.update(f"\0{name}\0".encode("utf-8", "replace"))
        digest.update(hashlib.sha256(np.packbits(mask).tobytes()).digest())
    settled = is_within(masks, tolerance_px)
    return Part(digest.hexdigest()[:_ID_DIGITS], box, masks, settled)


def is_within(masks: np.ndarray, tolerance_px: float) -> bool:
    """Tell whether masks, bool (A, H, W), lie within a distance of each other.

    Every pixel of a mask must have a pixel of each other mask at most `tolerance_px` away, from
    centre to centre.
    """
    drawn = masks.any(axis=(1, 2))
    if not drawn.all():
        return not drawn.any()
    if (masks == masks[0]).all():
        return True
    return all((distances[masks.any(axis=0)] <= tolerance_px).all() for distances in _far(masks))


def _far(masks: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the distance of every pixel from each mask, float32 (H, W)."""
    for mask in masks:
        empty = np.logical_not(mask).view(np.uint8)
        yield cv2.distanceTransform(empty, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
