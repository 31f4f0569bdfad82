"""Mesh: the 468 points of MediaPipe's face mesh on each face of a photo.

`MeshFinder` finds them; the networks come with the package. `mesh_parser` draws label maps from
them, and `alignment` uses their eyes and mouth. Coordinates are pixels of the upright photo, x to
the right, y down, (0, 0) the centre of the first pixel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ..errors import ArgumentError
from ..inference.devices import laid_out, one_thread
from .detection import Detection, detect_faces, overlaps, squares_of
from .landmarks import Box, Landmarks
from .mesh_networks import MESH_SIDE, load_networks
from .squares import Square

# Points of the mesh by number. Left and right are the viewer's. The six points of each eye are
# those that dlib's eyes have, on which FFHQ was aligned.
LEFT_EYE = (33, 160, 158, 133, 153, 144)
RIGHT_EYE = (362, 385, 387, 263, 373, 380)
MOUTH_LEFT, MOUTH_RIGHT = 61, 291
_OUTER_CORNERS = (33, 263)  # of the eyes: the line between them is the face's horizontal

LEAST_SCORE = 0.5
# The presence logit with a score of 0.5, and the step that changes the odds by e; see docs/methods.
_EVEN_LOGIT, _LOGIT_STEP = 5.0, 2.0
# A face with this logit and whose looks differ by at most this share of its size is upright. A
# rotated face has lower logits, or other points at each look.
_CERTAIN_LOGIT, _CERTAIN_SHIFT = 14.0, 0.01
_LARGEST_SHIFT = 0.02  # of a face's size between two looks: otherwise they did not see one face
_FIRST_LOOK = 1.5  # side of the mesh's square, in sides of the detector's box
_CLOSER_LOOK = 1.35  # the same, in sides of the box around the first look's points
_UPRIGHT = (1, 0)
_TURNED = ((0, 1), (0, -1), (-1, 0))
_LEVELS, _TURNED_LEVELS = 3, 2  # of squares, each of half the side; see `squares_of`
_SMALLER = 2.0  # faces are looked for down to about half the largest one's size
_ONE_FACE = 0.3  # intersection over union of the boxes of two looks at one face
_BATCH = 16


@dataclass(frozen=True)
class MeshFace:
    """A face of a photo.

    Parameters
    ----------
    points : np.ndarray
        (x, y) in pixels of the photo, float64 (468, 2), in MediaPipe's order.
    score : float
        Confidence that the points are those of a face, 0 to 1: a logistic function of the mesh
        network's presence logit. Below `LEAST_SCORE` they are not to be trusted.
    """

    points: np.ndarray
    score: float

    @property
    def box(self) -> Box:
        """The upright rectangle around the points."""
        left, top = self.points.min(axis=0).tolist()
        right, bottom = self.points.max(axis=0).tolist()
        return Box(left, top, right - left, bottom - top)

    @property
    def landmarks(self) -> Landmarks:
        """Eyes and mouth.

        Raises
        ------
        ArgumentError
            The points are not those of a face.
        """
        eyes = (self.points[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE))
        corners = (self.points[corner] for corner in (MOUTH_LEFT, MOUTH_RIGHT))
        points = [(float(x), float(y)) for x, y in (*eyes, *corners)]
        return Landmarks(points[0], points[1], points[2], points[3], self.score, self.box)


class _Look(NamedTuple):
    """The mesh on one square of a photo: points in the photo, and the logit of a face."""

    points: np.ndarray
    logit: float


class _Candidate(NamedTuple):
    """A detected face after two looks: points, logit, and how far the looks differ."""

    face: MeshFace
    logit: float
    shift: float

    @property
    def size(self) -> float:
        """The longer side of the box around the points."""
        return max(self.face.box[2:])


class MeshFinder:
    """The faces of photos and their meshes; many threads may use it at once.

    Attributes
    ----------
    weights_sha256 : str
        SHA-256 of the file of both networks' weights.

    References
    ----------
    Y. Kartynnik, A. Ablavatski, I. Grishchenko, M. Grundmann. Real-time Facial Surface Geometry
    from Monocular Video on Mobile GPUs. CVPR Workshop on Computer Vision for AR/VR, 2019.
    """

    def __init__(self) -> None:
        detector, mesh, self.weights_sha256 = load_networks()
        self._detector = laid_out(detector, torch.channels_last)
        self._mesh = laid_out(mesh, torch.channels_last)

    def __reduce__(self) -> tuple[object, ...]:
        """Load the networks again in another process."""
        return MeshFinder, ()

    def find(self, photo: np.ndarray, *, least_score: float = LEAST_SCORE) -> list[MeshFace]:
        """Find the faces of a photo, upright or rotated.

        Parameters
        ----------
        photo : np.ndarray
            RGB uint8, (H, W, 3).
        least_score : float
            Faces with a lower score are left out.

        Returns
        -------
        list of MeshFace
            The largest face first; empty if there is none. All have `landmarks`.

        Raises
        ------
        ArgumentError
            The photo has a different dtype or shape.
        """
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise ArgumentError(f"a photo is uint8 (H, W, 3), not {photo.dtype} {photo.shape}")
        with one_thread():
            candidates = self._search(photo, _UPRIGHT, _LEVELS)
            if not any(map(_is_certain, candidates)):
                turned = [self._search(photo, axis, _TURNED_LEVELS) for axis in _TURNED]
                candidates = max([candidates, *turned], key=_largest_logit)
        faces = [candidate.face for candidate in candidates]
        return sorted(
            (face for face in faces if face.score >= least_score),
            key=lambda face: -face.box.width * face.box.height,
        )

    def _search(self, photo: np.ndarray, axis: tuple[int, int], levels: int) -> list[_Candidate]:
        """Return the faces that are upright along an axis, from large to small squares."""
        candidates: list[_Candidate] = []
        for level in range(levels):
            trusted = [each for each in candidates if each.face.score >= LEAST_SCORE]
            largest = max((candidate.size for candidate in trusted), default=0.0)
            if max(photo.shape[:2]) / 2**level <= _SMALLER * largest:
                break
            squares = squares_of(photo.shape[:2], level, axis)
            detections = detect_faces(photo, squares, self._detector)
            candidates = _distinct([*candidates, *self._looked_at(photo, detections)])
        return candidates

    def _looked_at(self, photo: np.ndarray, detections: Sequence[Detection]) -> list[_Candidate]:
        """Return the faces of detections, each after two looks."""
        first = self._looks(photo, [_square_of(detection) for detection in detections])
        second = self._looks(photo, [_square_around(look.points) for look in first])
        candidates = []
        for far, near in zip(first, second, strict=True):
            size = float(np.ptp(near.points, axis=0).max())
            shift = float(np.abs(near.points - far.points).mean()) / max(size, 1e-6)
            # The presence was trained with the margin of the first look.
            logit = max(far.logit, near.logit)
            score = 1 / (1 + math.exp((_EVEN_LOGIT - logit) / _LOGIT_STEP))
            face = MeshFace(near.points, score)
            if shift <= _LARGEST_SHIFT and _has_landmarks(face):
                candidates.append(_Candidate(face, logit, shift))
        return candidates

    def _looks(self, photo: np.ndarray, squares: Sequence[Square]) -> list[_Look]:
        """Run the mesh on squares of a photo."""
        looks = []
        for start in range(0, len(squares), _BATCH):
            batch = squares[start : start + _BATCH]
            images = np.stack([square.image(photo, MESH_SIDE) for square in batch])
            inputs = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                points, logits = (output.numpy() for output in self._mesh(inputs))
            for square, own, logit in zip(batch, points, logits, strict=True):
                in_photo = square.points_in_photo(own[:, :2].astype(np.float64), MESH_SIDE)
                looks.append(_Look(in_photo, float(logit)))
        return looks


def _has_landmarks(face: MeshFace) -> bool:
    """Return whether eyes and mouth are those of a face."""
    try:
        face.landmarks  # noqa: B018 (it is checked when it is made)
    except ArgumentError:
        return False
    return True


def _is_certain(candidate: _Candidate) -> bool:
    return candidate.logit >= _CERTAIN_LOGIT and candidate.shift <= _CERTAIN_SHIFT


def _largest_logit(candidates: Sequence[_Candidate]) -> float:
    return max((candidate.logit for candidate in candidates), default=-math.inf)


def _square_of(detection: Detection) -> Square:
    """Return the square for the first look at a detected face."""
    middle = (detection.box[:2] + detection.box[2:]) / 2
    side = float((detection.box[2:] - detection.box[:2]).max()) * _FIRST_LOOK
    return _rotated(middle, detection.points[1] - detection.points[0], side)


def _square_around(points: np.ndarray) -> Square:
    """Return the square for a closer look at a face."""
    left, right = _OUTER_CORNERS
    across = points[right] - points[left]
    unit = across / max(float(np.hypot(*across)), 1e-6)
    axes = np.stack([unit, unit[::-1] * (-1, 1)])
    in_face = points @ axes.T
    low, high = in_face.min(axis=0), in_face.max(axis=0)
    side = float((high - low).max()) * _CLOSER_LOOK
    return _rotated((low + high) / 2 @ axes, across, side)


def _rotated(middle: np.ndarray, across: np.ndarray, side: float) -> Square:
    """Return a square whose rows point along a vector."""
    x, y = (across / max(float(np.hypot(*across)), 1e-6) * max(side, 1e-3) / 2).tolist()
    return Square((float(middle[0]), float(middle[1])), (x, y))


def _distinct(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return candidates without those that overlap with one of a larger logit."""
    kept: list[_Candidate] = []
    boxes: list[np.ndarray] = []
    for candidate in sorted(candidates, key=lambda candidate: -candidate.logit):
        points = candidate.face.points
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        if not boxes or not (overlaps(box, np.stack(boxes)) > _ONE_FACE).any():
            kept.append(candidate)
            boxes.append(box)
    return kept
