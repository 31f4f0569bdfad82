"""Outlines: polygons through points of the face mesh, and how they are filled on a label map."""

import cv2
import numpy as np

from .labels import LABEL_SIZE

# Points of the mesh by number: the outer outline, from the forehead to the viewer's right.
OUTLINE = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
FOREHEAD, CHIN = 10, 152
_EYE_CORNERS, _MOUTH_CORNERS = (33, 133, 362, 263), (61, 291)
# Along the line from chin to forehead, as shares of a point's height above the eyes and of its
# depth below the mouth. Chosen on wrinkle masks; docs/methods.md reports other values.
_STRETCH_ABOVE, _STRETCH_BELOW = 0.4, 0.25
_BITS = 4  # of fractions of pixels in outlines


def stretched_outline(
    points: np.ndarray, above: float = _STRETCH_ABOVE, below: float = _STRETCH_BELOW
) -> np.ndarray:
    """Return the outline of a face's skin, (36, 2), from the mesh's points, (468, 2).

    Points of the mesh's outline are moved along the line from chin to forehead: those above the
    eyes up by a share of their height, those below the mouth down by a share of their depth.
    """
    up = points[FOREHEAD] - points[CHIN]
    up = up / max(float(np.hypot(*up)), 1e-6)
    outline = points[list(OUTLINE)]
    height = (outline - points[list(_EYE_CORNERS)].mean(axis=0)) @ up
    depth = (points[list(_MOUTH_CORNERS)].mean(axis=0) - outline) @ up
    moved = above * height.clip(0) - below * depth.clip(0)
    return np.asarray(outline + moved[:, None] * up)


def to_cells(shape: tuple[int, ...]) -> np.ndarray:
    """Return the affine matrix, (2, 3), from pixels of an image to cells of its label map."""
    height, width = shape[:2]
    return np.array([
        [LABEL_SIZE / width, 0, 0.5 * LABEL_SIZE / width - 0.5],
        [0, LABEL_SIZE / height, 0.5 * LABEL_SIZE / height - 0.5],
    ])  # fmt: skip


def mapped(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return points, (N, 2), mapped by an affine matrix, (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def filled(corners: np.ndarray, size: int, reach: float = 0) -> np.ndarray:
    """Return the pixels within an outline or up to a distance around it, bool (size, size)."""
    pixels = np.zeros((size, size), np.uint8)
    outline = [np.rint(corners * 2**_BITS).astype(np.int32)]
    cv2.fillPoly(pixels, outline, 1, shift=_BITS)
    if reach >= 1:
        cv2.polylines(pixels, outline, True, 1, thickness=round(2 * reach), shift=_BITS)
    return pixels > 0
