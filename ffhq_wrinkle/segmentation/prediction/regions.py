"""Regions: parts of a face such as the forehead, from the geometry of its label map; arrays only.

Regions are defined in the frame of the face. Its origin is midway between the eyes, x points to the
viewer's right along the line through both eyes, y points down the face, and the unit is the
distance between the centres of the eyes.
"""

from typing import NamedTuple

import numpy as np

from ...faces.labels import CLASSES, LABEL_SIZE, NOSE, SKIN

# In the order of their numbers in a region map, from 1; left and right are the viewer's.
REGIONS = (
    "forehead", "crows_feet_left", "crows_feet_right", "nasolabial_left", "nasolabial_right",
)  # fmt: skip

# In units of the distance between the eyes; docs/methods.md describes the regions.
_BROWS_ABOVE_EYES = 0.30  # if the label map has no brow
_CROWS_FEET_WIDTH = 0.55
_CROWS_FEET_ABOVE, _CROWS_FEET_BELOW = 0.30, 0.40
_FOLD_BEGINS_ABOVE_NOSE_END = 0.30
_FOLD_ENDS_BELOW_MOUTH = 0.10
_FOLD_WIDTH = 0.40
_ROBUST = 2  # percent of the cells of a part that are ignored as stray at each end


class _Frame(NamedTuple):
    """Coordinates of each cell of a label map in the frame of the face, float32 (512, 512) each."""

    x: np.ndarray
    y: np.ndarray


def region_map(label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the number of the facial region that each cell of a label map belongs to.

    Regions contain skin and nose only. In the frame of the face (see the module), they are:

    forehead
        Everything above the upper edge of the brows.
    crow's feet
        Beside the outer corner of each eye, 0.55 wide, from 0.3 above to 0.4 below the corner.
    nasolabial
        A band 0.4 wide, outside the line from the wing of the nose, 0.3 above the lower end of the
        nose, to the corner of the mouth. Below the corner, the band continues straight down to 0.1
        below the mouth.

    Parameters
    ----------
    label_map : np.ndarray
        uint8 (512, 512), classes as in `labels.CLASSES`.
    shape : tuple of int
        Rows and columns of the image, because the label map of an image that is not square has a
        different aspect ratio.

    Returns
    -------
    np.ndarray or None
        uint8 (512, 512): 0 outside all regions, otherwise the number in `REGIONS`, from 1. None if
        the label map lacks an eye (behind glasses, in profile), because there is no frame then.
    """
    parts = {name: label_map == number for number, name in enumerate(CLASSES)}
    frame = _frame(parts["l_eye"], parts["r_eye"], shape)
    if frame is None:
        return None
    skin = (label_map == SKIN) | (label_map == NOSE)
    regions = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
    brows = parts["l_brow"] | parts["r_brow"]
    brow_y = _low(frame.y[brows]) if brows.any() else -_BROWS_ABOVE_EYES
    for number, where in enumerate(
        (
            frame.y < brow_y,
            *_crows_feet(frame, parts["l_eye"] | parts["r_eye"]),
            *_nasolabial(frame, parts),
        ),
        start=1,
    ):
        regions[skin & where & (regions == 0)] = number
    return regions


def _frame(first: np.ndarray, second: np.ndarray, shape: tuple[int, int]) -> _Frame | None:
    """Return the frame of a face from its two eyes, given in any order."""
    if not (first.any() and second.any()):
        return None
    height, width = shape
    rows, columns = (
        ((np.arange(LABEL_SIZE) + 0.5) * side / LABEL_SIZE).astype(np.float32)
        for side in (height, width)
    )
    centres = []
    for eye in (first, second):
        of_eye = np.nonzero(eye)
        centres.append(np.array([columns[of_eye[1]].mean(), rows[of_eye[0]].mean()]))
    left, right = sorted(centres, key=lambda centre: float(centre[0]))
    along = right - left
    unit = float(np.hypot(*along))
    if unit == 0:
        return None
    (x_step, y_step), (x_middle, y_middle) = along / unit**2, (left + right) / 2
    across, down = (columns - x_middle)[None, :], (rows - y_middle)[:, None]
    return _Frame(across * x_step + down * y_step, down * x_step - across * y_step)


def _low(values: np.ndarray) -> float:
    return float(np.percentile(values, _ROBUST))


def _high(values: np.ndarray) -> float:
    return float(np.percentile(values, 100 - _ROBUST))


def _crows_feet(frame: _Frame, eyes: np.ndarray) -> list[np.ndarray]:
    """Return the regions beside the outer corners of the eyes, the viewer's left one first."""
    regions = []
    for side in (-1, 1):
        outwards = side * frame.x
        eye = eyes & (outwards > 0)
        corner_x = _high(outwards[eye])
        at_corner = eye & (outwards > corner_x - 0.1)
        corner_y = float(frame.y[at_corner].mean())
        height = frame.y - corner_y
        regions.append(
            (outwards > corner_x)
            & (outwards < corner_x + _CROWS_FEET_WIDTH)
            & (height > -_CROWS_FEET_ABOVE)
            & (height < _CROWS_FEET_BELOW)
        )
    return regions


def _nasolabial(frame: _Frame, parts: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return the left and the right region, both empty if the label map lacks nose or mouth."""
    nose, mouth = parts["nose"], parts["mouth"] | parts["u_lip"] | parts["l_lip"]
    regions = []
    for side in (-1, 1):
        if not (nose.any() and mouth.any()):
            regions.append(np.zeros_like(nose))
            continue
        outwards = side * frame.x
        top = _high(frame.y[nose]) - _FOLD_BEGINS_ABOVE_NOSE_END
        corner_x, corner_y = _high(outwards[mouth]), float(np.median(frame.y[mouth]))
        bottom = _high(frame.y[mouth]) + _FOLD_ENDS_BELOW_MOUTH
        wing_x = _high(outwards[nose & (frame.y > top)])
        share = np.clip((frame.y - top) / max(corner_y - top, 1e-6), 0, 1)
        line = wing_x + share * (corner_x - wing_x)
        regions.append(
            (frame.y > top)
            & (frame.y < bottom)
            & (outwards > line)
            & (outwards < line + _FOLD_WIDTH)
        )
    return regions
