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
        for square, own, of_own in zip(batch, boxes, scores, strict=True):
            (anchors,) = np.nonzero(of_own >= _LEAST_SCORE)
            # Middle, width and height, six points.
            values = own[anchors].reshape(-1, 8, 2)
            middles = values[:, :1] + _anchors()[anchors, None]
            half = values[:, 1:2] / 2
            points = values[:, 2:] + _anchors()[anchors, None]
            in_square = np.concatenate([middles - half, middles + half, points], axis=1)
            in_photo = square.points_in_photo(in_square, DETECTOR_SIDE)
            low, high = in_photo[:, :2].min(axis=1), in_photo[:, :2].max(axis=1)
            detections += map(
                Detection,
                np.concatenate([low, high], axis=1),
                in_photo[:, 2:],
                of_own[anchors].tolist(),
            )
    return _merged(detections)


def _merged(detections: list[Detection]) -> list[Detection]:
    """Return one detection for each face: the mean of overlapping ones, weighted by their scores.

    This is MediaPipe's weighted non-maximum suppression. The score is that of the best one.
    """
    if not detections:
        return []
    boxes = np.stack([detection.box for detection in detections])
    points = np.stack([detection.points for detection in detections])
    scores = np.array([detection.score for detection in detections])
    remaining = np.argsort(-scores, kind="stable")
    merged = []
    while remaining.size:
        best = remaining[0]
        same = overlaps(boxes[best], boxes[remaining]) > _OVERLAP
        same[0] = True  # also if the box is empty
        face, remaining = remaining[same], remaining[~same]
        weights = scores[face]
        box = np.average(boxes[face], axis=0, weights=weights)
        mean_points = np.average(points[face], axis=0, weights=weights)
        merged.append(Detection(box, mean_points, float(scores[best])))
    return merged


def overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of a box with others: left, top, right, bottom.

    Parameters
    ----------
    box, others : np.ndarray
        Shapes (4,) and (N, 4).

    Returns
    -------
    np.ndarray
        (N,); 0 where both boxes are empty.
    """
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.prod(sides.clip(0), axis=1)
    area = np.prod(box[2:] - box[:2])
    union = area + np.prod(others[:, 2:] - others[:, :2], axis=1) - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))


@functools.cache
def _anchors() -> np.ndarray:
    """Return the middles of the detector's anchors, in pixels of its input: float64 (896, 2)."""
    grids = []
    for cells, anchors in ((16, 2), (8, 6)):
        middles = (np.arange(cells) + 0.5) * DETECTOR_SIDE / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), anchors, axis=0))
    return np.concatenate(grids)
