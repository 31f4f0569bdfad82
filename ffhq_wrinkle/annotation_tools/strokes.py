"""Strokes: whether a threshold of antialiased strokes breaks or loses some."""

from typing import NamedTuple

import cv2
import numpy as np

_STEP = 16


class StrokeLoss(NamedTuple):
    """The strokes of one brush region that a threshold loses or breaks.

    Attributes
    ----------
    lost, broken : int
        Strokes of which nothing is left, and of which more than one piece is.
    pieces : int
        Pieces of the broken strokes.
    keeping_alpha : int
        The largest multiple of 16, or 1, as a threshold that loses and breaks none.
    """

    lost: int
    broken: int
    pieces: int
    keeping_alpha: int

    def __str__(self) -> str:
        said = [f"loses {_strokes(self.lost)}"] if self.lost else []
        if self.broken:
            said.append(f"breaks {_strokes(self.broken)} into {self.pieces} pieces")
        return " and ".join(said)


def _strokes(count: int) -> str:
    return f"{count} stroke{'s' * (count != 1)}"


def stroke_loss(levels: np.ndarray, alpha: int) -> StrokeLoss | None:
    """Compare the strokes of a brush with those that a threshold leaves.

    A stroke is a connected component of levels above 0, with pixels that touch at corners.

    Parameters
    ----------
    levels : np.ndarray
        uint8, (H, W).
    alpha : int
        The threshold.

    Returns
    -------
    StrokeLoss or None
        None if no stroke is lost or broken.

    Examples
    --------
    >>> stroke_loss(np.array([[200, 100, 200]], np.uint8), 128)
    StrokeLoss(lost=0, broken=1, pieces=2, keeping_alpha=96)
    """
    left, top, width, height = cv2.boundingRect(levels)
    if not width:
        return None
    levels = np.ascontiguousarray(levels[top : top + height, left : left + width])
    drawn_px = np.count_nonzero(levels)
    if drawn_px == np.count_nonzero(levels >= alpha):
        return None
    # Labels of 16 bits are faster, and there are not more of them than pixels.
    label_type = cv2.CV_16U if drawn_px < 2**16 else cv2.CV_32S
    strokes, stroke_of = cv2.connectedComponents(
        (levels > 0).view(np.uint8), connectivity=8, ltype=label_type
    )
    pieces = _pieces(levels, stroke_of, strokes, alpha)
    if (pieces == 1).all():
        return None
    lower = [*range((alpha - 1) // _STEP * _STEP, 0, -_STEP), 1]
    keeping = next(
        (value for value in lower if (_pieces(levels, stroke_of, strokes, value) == 1).all()), 1
    )
    broken = pieces > 1
    return StrokeLoss(
        int((pieces == 0).sum()), int(broken.sum()), int(pieces[broken].sum()), keeping
    )


def _pieces(levels: np.ndarray, stroke_of: np.ndarray, strokes: int, alpha: int) -> np.ndarray:
    """Return the number of pieces that a threshold leaves of each stroke, int64 (strokes - 1,)."""
    kept = (levels >= alpha).view(np.uint8)
    inside = np.flatnonzero(kept)
    label_type = cv2.CV_16U if inside.size < 2**16 else cv2.CV_32S
    count, piece_of = cv2.connectedComponents(kept, connectivity=8, ltype=label_type)
    owner = np.zeros(count, np.int64)
    owner[np.take(piece_of, inside)] = np.take(stroke_of, inside)
    return np.bincount(owner[1:], minlength=strokes)[1:]
