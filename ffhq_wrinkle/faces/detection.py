"""Detection: the boxes around the faces of a photo, by MediaPipe's short-range detector.

The detector sees a square of 128x128 pixels and finds the faces that fill at least a quarter of its
side. `squares_of` lists the squares of a photo in which smaller and rotated faces are found, too.
"""

import functools
import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
import torch

from .mesh_networks import DETECTOR_SIDE, Detector
from .squares import Square

_LEAST_SCORE = 0.5
_OVERLAP = 0.3  # intersection over union above which two boxes are of one face
_BATCH = 16  # squares in a forward pass
_LARGEST_LOGIT = 100.0


class Detection(NamedTuple):
    """A detected face.

    Attributes
    ----------
    box : np.ndarray
        Left, top, right and bottom in pixels of the photo, float64 (4,).
    points : np.ndarray
        (x, y) of the person's right eye and left eye, nose, mouth, right ear and left ear, (6, 2).
    score : float
        The detector's confidence, 0 to 1.
    """

    box: np.ndarray
    points: np.ndarray
    score: float


def squares_of(shape: tuple[int, int], level: int, axis: tuple[int, int] = (1, 0)) -> list[Square]:
    """Return the squares in which a photo is searched.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the photo.
    level : int
        0 for one square around the whole photo. Each further level has squares of half the side
        that overlap by half: a face of up to half their side is whole in one of them.
    axis : tuple of int
        Direction of the squares' rows: (1, 0) for upright faces, (0, 1) for faces that are rotated
        clockwise by a quarter turn.

    Returns
    -------
    list of Square
    """
    height, width = shape
    side = max(shape) / 2**level
    half_axis = axis[0] * side / 2, axis[1] * side / 2
    centres = product(_centres(height, side), _centres(width, side))
    return [Square((x, y), half_axis) for y, x in centres]


def _centres(length: int, side: float) -> list[float]:
    """Return the middles of intervals of a side that overlap by half and cover a length."""
    if length <= side:
        return [(length - 1) / 2]
    count = math.ceil(2 * length / side - 1e-9) - 1
    first, last = side / 2 - 0.5, length - side / 2 - 0.5
    return [float(centre) for centre in np.linspace(first, last, count)]


def detect_faces(
    photo: np.ndarray, squares: Sequence[Square], detector: Detector
) -> list[Detection]:
    """Return the faces in squares of a photo, RGB uint8 (H, W, 3), those with high scores first."""
    detections: list[Detection] = []
    for start in range(0, len(squares), _BATCH):
        batch = squares[start : start + _BATCH]
        images = np.stack([
            square.image(photo, DETECTOR_SIDE, cv2.BORDER_CONSTANT) for square in batch
        ])  # fmt: skip
        inputs = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            boxes, logits = (output.numpy().astype(np.float64) for output in detector(inputs))
        scores = 1 / (1 + np.exp(-logits.clip(-_LARGEST_LOGIT, _LARGEST_LOGIT)))
        for index, anchor in zip(*np.nonzero(scores >= _LEAST_SCORE), strict=True):
            values = boxes[index, anchor].reshape(8, 2)  # middle, width and height, six points
            middle, extent = values[0] + _anchors()[anchor], values[1]
            corners = np.stack([middle - extent / 2, middle + extent / 2])
            in_square = np.vstack([corners, values[2:] + _anchors()[anchor]])
            in_photo = batch[index].points_in_photo(in_square, DETECTOR_SIDE)
            box = np.concatenate([in_photo[:2].min(axis=0), in_photo[:2].max(axis=0)])
            detections.append(Detection(box, in_photo[2:], float(scores[index, anchor])))
    return _merged(detections)


def _merged(detections: list[Detection]) -> list[Detection]:
    """Return one detection for each face: the mean of overlapping ones, weighted by their scores.

    This is MediaPipe's weighted non-maximum suppression. The score is that of the best one.
    """
    remaining = sorted(detections, key=lambda detection: -detection.score)
    merged = []
    while remaining:
        best = remaining[0]
        same = [overlap(best.box, other.box) > _OVERLAP for other in remaining]
        same[0] = True  # also if the box is empty
        face = [other for other, is_same in zip(remaining, same, strict=True) if is_same]
        remaining = [other for other, is_same in zip(remaining, same, strict=True) if not is_same]
        weights = [other.score for other in face]
        box = np.average([other.box for other in face], axis=0, weights=weights)
        points = np.average([other.points for other in face], axis=0, weights=weights)
        merged.append(Detection(box, points, best.score))
    return merged


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Return the intersection over union of two boxes: left, top, right, bottom."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    common = float(np.prod(sides.clip(0)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - common
    return common / union if union > 0 else 0.0


@functools.cache
def _anchors() -> np.ndarray:
    """Return the middles of the detector's anchors, in pixels of its input: float64 (896, 2)."""
    grids = []
    for cells, anchors in ((16, 2), (8, 6)):
        middles = (np.arange(cells) + 0.5) * DETECTOR_SIDE / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), anchors, axis=0))
    return np.concatenate(grids)
