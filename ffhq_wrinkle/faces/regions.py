"""Regions: parts of a face such as the forehead, as outlines through points of the face mesh.

Where the mesh of a face is known, its points are used. Otherwise the points of a standard face are
laid over the eyes, nose and mouth of a label map. docs/methods.md describes the regions.
"""

from collections.abc import Sequence

import numpy as np

from .labels import CLASSES, LABEL_SIZE, NOSE, SKIN
from .mesh import MeshFace
from .outlines import OUTLINE, filled, mapped, stretched_outline, to_cells

# In the order of their numbers in a region map, from 1; left and right are the viewer's.
REGIONS = (
    "forehead", "glabella", "crows_feet_left", "crows_feet_right", "under_eye_left",
    "under_eye_right", "cheek_left", "cheek_right", "nose", "nasolabial_left", "nasolabial_right",
    "perioral", "marionette_left", "marionette_right", "chin",
)  # fmt: skip

# Points of the standard face: number on the viewer's left, number on the right (the same in the
# middle of the face), and the left point's place. The origin is midway between the eyes, x points
# right, y down, and the distance between the eyes is 1. Means of 65 frontal faces and their mirror
# images.
_STANDARD = (
    (2, 2, 0.00, 0.73), (7, 249, -0.67, 0.02), (9, 9, 0.00, -0.28), (10, 10, 0.00, -0.78),
    (18, 18, 0.00, 1.36), (21, 251, -1.03, -0.34), (31, 261, -0.79, 0.12), (32, 262, -0.37, 1.49),
    (33, 263, -0.71, 0.00), (36, 266, -0.50, 0.51), (46, 276, -0.84, -0.15), (47, 277, -0.29, 0.27),
    (54, 284, -0.93, -0.51), (55, 285, -0.19, -0.18), (57, 287, -0.57, 1.00),
    (58, 288, -0.99, 1.01), (61, 291, -0.48, 1.00), (63, 293, -0.80, -0.28), (64, 294, -0.33, 0.61),
    (66, 296, -0.44, -0.32), (67, 297, -0.55, -0.74), (70, 300, -0.89, -0.20),
    (71, 301, -0.96, -0.27), (83, 313, -0.15, 1.34), (92, 322, -0.45, 0.86), (93, 323, -1.08, 0.52),
    (97, 326, -0.14, 0.72), (98, 327, -0.30, 0.67), (100, 329, -0.39, 0.32),
    (103, 332, -0.78, -0.65), (105, 334, -0.64, -0.33), (106, 335, -0.40, 1.20),
    (107, 336, -0.22, -0.30), (109, 338, -0.30, -0.78), (113, 342, -0.79, -0.04),
    (117, 346, -0.83, 0.25), (118, 347, -0.71, 0.28), (119, 348, -0.52, 0.27),
    (123, 352, -1.00, 0.45), (126, 355, -0.29, 0.37), (127, 356, -1.09, 0.08),
    (128, 357, -0.21, 0.15), (129, 358, -0.35, 0.56), (130, 359, -0.74, 0.01),
    (132, 361, -1.05, 0.76), (133, 362, -0.27, 0.02), (135, 364, -0.80, 1.24),
    (136, 365, -0.78, 1.36), (142, 371, -0.38, 0.43), (144, 373, -0.57, 0.05),
    (145, 374, -0.49, 0.05), (148, 377, -0.21, 1.73), (149, 378, -0.50, 1.59),
    (150, 379, -0.63, 1.49), (152, 152, 0.00, 1.75), (153, 380, -0.41, 0.05),
    (154, 381, -0.33, 0.04), (155, 382, -0.29, 0.03), (162, 389, -1.08, -0.15),
    (163, 390, -0.63, 0.03), (165, 391, -0.36, 0.81), (172, 397, -0.90, 1.22),
    (176, 400, -0.37, 1.67), (189, 413, -0.20, -0.04), (193, 417, -0.12, -0.05),
    (194, 418, -0.33, 1.38), (205, 425, -0.66, 0.63), (207, 427, -0.75, 0.78),
    (212, 432, -0.65, 1.03), (214, 434, -0.76, 1.06), (217, 437, -0.22, 0.31),
    (234, 454, -1.09, 0.30), (243, 463, -0.24, 0.03), (244, 464, -0.19, 0.05),
)  # fmt: skip
_RIGHT = {left: right for left, right, _, _ in _STANDARD}
_POINTS = 468

# Centroids of parts of a label map in the same frame.
_STANDARD_EYES, _STANDARD_NOSE, _STANDARD_MOUTH = 0.49, 0.44, 1.07

# The viewer's left half of regions across the middle of the face, from top to bottom.
_ACROSS = {
    "forehead": (10, 109, 67, 103, 54, 21, 71, 70, 63, 105, 66, 107, 9),
    "glabella": (9, 107, 55, 189, 193),
    "nose": (193, 244, 128, 217, 126, 129, 64, 98, 97, 2),
    "perioral": (2, 97, 98, 165, 92, 61, 106, 194, 83, 18),
    "chin": (18, 83, 194, 32, 176, 148, 152),
}
# Regions that the face has on either side, on the viewer's left.
_BESIDE = {
    "cheek": (
        123, 117, 118, 119, 100, 47, 128, 217, 126, 142, 36, 205, 207, 214, 135, 136, 172, 58, 132,
        93, 234,
    ),
    "crows_feet": (70, 71, 21, 162, 127, 234, 123, 117, 31, 130, 113, 46),
    "under_eye": (
        130, 33, 7, 163, 144, 145, 153, 154, 155, 133, 243, 244, 128, 47, 100, 119, 118, 117, 31,
    ),
    "nasolabial": (126, 142, 36, 205, 207, 214, 212, 57, 61, 92, 165, 98, 64, 129),
    "marionette": (61, 57, 212, 214, 135, 136, 150, 149, 176, 32, 194, 106),
}  # fmt: skip
# Points on the outline are moved out from its centre, because skin can reach beyond it.
_BEYOND = 1.3


def region_map(
    shape: tuple[int, int], faces: Sequence[MeshFace] = (), label_map: np.ndarray | None = None
) -> np.ndarray | None:
    """Return the number of the region that each cell of an image's label map belongs to.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    faces : sequence of MeshFace
        The meshes of the image's faces, as `mesh_parser.trusted_faces` returns them. Earlier ones
        hide later ones.
    label_map : np.ndarray, optional
        Classes as in `labels.CLASSES`, uint8 (512, 512): regions contain only skin and nose. If
        not given, regions reach beyond the outline of the face.

    Returns
    -------
    np.ndarray or None
        uint8 (512, 512): 0 outside all regions, otherwise the number in `REGIONS`, from 1. None
        without a mesh if the label map is not given or lacks an eye (behind glasses, in profile).
    """
    meshes = [face.points for face in faces]
    if not meshes and label_map is not None:
        standard = _standard_points(label_map, shape)
        meshes = [] if standard is None else [standard]
    if not meshes:
        return None
    regions = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
    for points in reversed(meshes):
        for number, outline in enumerate(_outlines(points), start=1):
            regions[filled(mapped(outline, to_cells(shape)), LABEL_SIZE)] = number
    if label_map is not None:
        regions[(label_map != SKIN) & (label_map != NOSE)] = 0
    return regions


def _outlines(points: np.ndarray) -> list[np.ndarray]:
    """Return the outline of each region, (N, 2), in the order of `REGIONS`."""
    skin = stretched_outline(points)
    centre = skin.mean(axis=0)
    reaching = points.copy()
    reaching[list(OUTLINE)] = centre + _BEYOND * (skin - centre)
    corners = {}
    for name, left in _ACROSS.items():
        right = [_RIGHT[number] for number in reversed(left)]
        corners[name] = [*left, *right]
    for name, left in _BESIDE.items():
        corners[f"{name}_left"] = list(left)
        corners[f"{name}_right"] = [_RIGHT[number] for number in left]
    return [reaching[corners[name]] for name in REGIONS]


def _standard_points(label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the points of the standard face over a label map, (468, 2), NaN where not needed.

    An affine map takes the centres of eyes, nose and mouth, as far as the label map has them, to
    their places with the least squared error; a similarity, if it has only the eyes.
    """
    eyes = [_centre(label_map, shape, name) for name in ("l_eye", "r_eye")]
    left, right = eyes
    if left is None or right is None or np.array_equal(left, right):
        return None
    if left[0] > right[0]:
        left, right = right, left
    standard = [(-_STANDARD_EYES, 0.0), (_STANDARD_EYES, 0.0)]
    places = [left, right]
    for names, y in ((("nose",), _STANDARD_NOSE), (("mouth", "u_lip", "l_lip"), _STANDARD_MOUTH)):
        centre = _centre(label_map, shape, *names)
        if centre is not None:
            standard.append((0.0, y))
            places.append(centre)
    if len(places) == 2:
        across = (right - left) / (2 * _STANDARD_EYES)
        standard.append((0.0, 1.0))
        places.append((left + right) / 2 + (-across[1], across[0]))
    known = np.column_stack([np.array(standard), np.ones(len(standard))])
    matrix = np.linalg.lstsq(known, np.array(places), rcond=None)[0].T
    points = np.full((_POINTS, 2), np.nan)
    for left_number, right_number, x, y in _STANDARD:
        points[left_number], points[right_number] = (x, y), (-x, y)
    return mapped(points, matrix)


def _centre(label_map: np.ndarray, shape: tuple[int, int], *names: str) -> np.ndarray | None:
    """Return the centre of parts of a label map, (x, y) in pixels of the image; None without."""
    part = np.isin(label_map, [CLASSES.index(name) for name in names])
    if not part.any():
        return None
    rows, columns = np.nonzero(part)
    height, width = shape
    return np.array([
        (columns.mean() + 0.5) * width / LABEL_SIZE - 0.5,
        (rows.mean() + 0.5) * height / LABEL_SIZE - 0.5,
    ])  # fmt: skip
