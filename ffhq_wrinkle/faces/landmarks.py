"""Landmarks: where the eyes and the mouth of each face in a photo are.

`FaceFinder` finds them by YuNet, which needs trained weights; `read_landmarks` reads them from a
table. What is made of them is the business of `alignment`. Coordinates are pixels of the upright
photo, x to the right, y down, (0, 0) the centre of the first pixel.
"""

import csv
import hashlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..dataset.ids import image_id_of
from ..dataset.sources import fetch_weights
from ..errors import AlignmentError, ArgumentError, SourceError

log = logging.getLogger(__name__)

POINTS = ("left_eye", "right_eye", "mouth_left", "mouth_right")
COLUMNS = ("image_id", *(f"{point}_{axis}" for point in POINTS for axis in "xy"))

# The longer side, in pixels, at which a photo is looked at: YuNet knows faces of about 10 to 300
# pixels. The second look is for a face that fills the photo, the third for small ones.
_LOOKS = (640, 320, 1280)
_LEAST_SCORE, _OVERLAP = 0.9, 0.3  # OpenCV's own

Point = tuple[float, float]


class Box(NamedTuple):
    """A rectangle around a face, in pixels: its upper left corner, width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Landmarks:
    """Eyes and mouth of one face, as (x, y); left and right are the viewer's, as in FFHQ.

    Parameters
    ----------
    left_eye, right_eye : tuple of float
        Middle of the eye.
    mouth_left, mouth_right : tuple of float
        Corner of the mouth.
    score : float, optional
        How sure the detector is, 0 to 1.
    box : Box, optional
        What the detector takes as the face.

    Raises
    ------
    ArgumentError
        The points are no face: one is not finite, the eyes are at one point, or the mouth is not
        on the side of the eyes where it belongs, as when left and right are mixed up.
    """

    left_eye: Point
    right_eye: Point
    mouth_left: Point
    mouth_right: Point
    score: float | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for point in self.points for number in point):
            raise ArgumentError("a coordinate is not a finite number")
        if self.left_eye == self.right_eye:
            raise ArgumentError("both eyes are at the same point")
        # However a face is turned, its mouth is to the right of the way from left eye to right.
        (x, y), (right_x, right_y) = self.left_eye, self.right_eye
        across = (right_x - x, right_y - y)
        down = (
            (self.mouth_left[0] + self.mouth_right[0] - x - right_x) / 2,
            (self.mouth_left[1] + self.mouth_right[1] - y - right_y) / 2,
        )
        if not across[0] * down[1] - across[1] * down[0] > 0:
            raise ArgumentError(
                "the mouth is not below the eyes as the face stands; left and right are the "
                "viewer's, not the person's"
            )

    @property
    def points(self) -> tuple[Point, Point, Point, Point]:
        """The four points, in the order of `POINTS`."""
        return self.left_eye, self.right_eye, self.mouth_left, self.mouth_right


class FaceFinder:
    """Finds faces by YuNet (Wu et al. 2023), as OpenCV runs it; of use to many threads at once.

    Parameters
    ----------
    weights : Path, optional
        ``face_detection_yunet_2023mar.onnx`` of opencv/opencv_zoo; fetched into the cache if not
        given.
    least_score : float
        What scores less is no face.

    Attributes
    ----------
    weights_sha256 : str
        SHA-256 of the weights' file.

    Raises
    ------
    SourceError
        The weights are neither given nor in the cache, and can not be fetched; or they are not
        YuNet's.

    References
    ----------
    W. Wu, H. Peng, S. Yu. YuNet: A Tiny Millisecond-level Face Detector. Machine Intelligence
    Research 20, 2023.
    """

    def __init__(self, weights: Path | None = None, *, least_score: float = _LEAST_SCORE) -> None:
        path = weights or fetch_weights("yunet", "YuNet's", "give the faces with --landmarks FILE")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SourceError(f"{path} can not be read: {error.strerror or error}") from error
        self.weights_sha256 = hashlib.sha256(content).hexdigest()
        self.least_score = least_score
        self._content = np.frombuffer(content, np.uint8)
        self._detectors = threading.local()  # each thread its own
        try:
            # OpenCV finds out only when it runs the network whether it is the right one.
            self._look(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise SourceError(
                f"{path} is damaged, or not YuNet (face_detection_yunet_2023mar.onnx); delete it, "
                "or give the faces with --landmarks FILE"
            ) from error

    def find(self, photo: np.ndarray) -> list[Landmarks]:
        """Find the faces of a photo.

        Parameters
        ----------
        photo : np.ndarray
            RGB uint8, (H, W, 3), upright.

        Returns
        -------
        list of Landmarks
            With score and box, the largest face first; empty if there is none.

        Raises
        ------
        ArgumentError
            The photo has another dtype or shape.
        """
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise ArgumentError(f"a photo is uint8 (H, W, 3), not {photo.dtype} {photo.shape}")
        height, width = photo.shape[:2]
        shrinks = (min(1.0, longest / max(height, width)) for longest in _LOOKS)
        for shrink in dict.fromkeys(shrinks):  # a small photo is looked at as it is, once
            size_wh = max(1, round(width * shrink)), max(1, round(height * shrink))
            small = cv2.resize(photo, size_wh, interpolation=cv2.INTER_AREA)
            found = self._look(np.asarray(small)[:, :, ::-1])
            faces = list(_faces(found, (width / size_wh[0], height / size_wh[1])))
            if faces:
                return sorted(faces, key=_area, reverse=True)
        return []

    def _look(self, bgr: np.ndarray) -> np.ndarray:
        """YuNet's faces, float32 (N, 15): box, five points, score; in pixels of this picture."""
        size_wh = (bgr.shape[1], bgr.shape[0])
        detector: cv2.FaceDetectorYN | None = getattr(self._detectors, "own", None)
        if detector is None:
            # From memory, since OpenCV's own reader fails on names that are not ASCII.
            nothing = np.empty(0, np.uint8)
            detector = cv2.FaceDetectorYN.create(
                "onnx", self._content, nothing, size_wh, self.least_score, _OVERLAP
            )
            self._detectors.own = detector
        detector.setInputSize(size_wh)
        found: np.ndarray | None = detector.detect(np.ascontiguousarray(bgr))[1]
        return np.empty((0, 15), np.float32) if found is None else found


def _faces(found: np.ndarray, scale_xy: tuple[float, float]) -> Iterator[Landmarks]:
    """YuNet's rows as landmarks of the photo, `scale_xy` times as large."""
    for row in found.astype(np.float64):
        x, y, width, height = (row[:4] * (*scale_xy, *scale_xy)).tolist()
        points = (row[4:14].reshape(5, 2) + 0.5) * scale_xy - 0.5
        # YuNet's right and left are the person's.
        left_eye, right_eye, _nose, mouth_left, mouth_right = (
            (float(one_x), float(one_y)) for one_x, one_y in points
        )
        try:
            yield Landmarks(
                left_eye, right_eye, mouth_left, mouth_right, float(row[14]),
                Box(x, y, width, height),
            )  # fmt: skip
        except ArgumentError as error:
            log.info("a face at x %.0f, y %.0f is passed over: %s", x, y, error)


def _area(face: Landmarks) -> float:
    return face.box.width * face.box.height if face.box else 0.0


def choose_faces(faces: Sequence[Landmarks], *, all_faces: bool = False) -> list[Landmarks]:
    """The one face of a photo, or all of them if that is asked for.

    Raises
    ------
    AlignmentError
        There is no face, or several and not all are wanted.
    """
    if not faces:
        raise AlignmentError("no face found; --landmarks FILE can say where it is")
    if len(faces) > 1 and not all_faces:
        raise AlignmentError(
            f"{len(faces)} faces found; --all-faces takes every one, --landmarks FILE can say which"
        )
    return list(faces)


def read_landmarks(path: Path) -> dict[str, list[Landmarks]]:
    """Read the faces of photos from a CSV with the columns `COLUMNS`, and any others.

    Parameters
    ----------
    path : Path
        One face a row; several rows of an image id are several faces of that photo.

    Returns
    -------
    dict of str to list of Landmarks
        By image id as `manifest.image_id_of` writes it, in the order of the file.

    Raises
    ------
    ArgumentError
        The file can not be read, lacks a column or has no face, or a row is not one; the line is
        named.
    """
    faces: dict[str, list[Landmarks]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _require_columns(path, reader.fieldnames or ())
            for row in reader:
                where = f"{path}:{reader.line_num}"
                image_id = (row["image_id"] or "").strip()
                if not image_id:
                    raise ArgumentError(f"{where}: the image id is missing")
                faces.setdefault(image_id_of(image_id), []).append(_face_of(row, where))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ArgumentError(f"{path} can not be read as a table of landmarks: {error}") from error
    if not faces:
        raise ArgumentError(f"{path} has no face")
    return faces


def _require_columns(path: Path, header: Sequence[str]) -> None:
    """Refuse a table that lacks columns, or has one twice."""
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise ArgumentError(
            f"{path} lacks {', '.join(missing)}; it should have {','.join(COLUMNS)}"
        )
    twice = [column for column, count in Counter(header).items() if count > 1 and column in COLUMNS]
    if twice:
        raise ArgumentError(f"{path} has {', '.join(twice)} twice")


def _face_of(row: dict[str, str | None], where: str) -> Landmarks:
    """The face in a row of a table."""
    numbers = []
    for column in COLUMNS[1:]:
        text = row[column]
        try:
            numbers.append(float(text or ""))
        except ValueError as error:
            raise ArgumentError(f"{where}: {column} is {text or ''!r}, not a number") from error
    left_eye, right_eye, mouth_left, mouth_right = zip(numbers[::2], numbers[1::2], strict=True)
    try:
        return Landmarks(left_eye, right_eye, mouth_left, mouth_right)
    except ArgumentError as error:
        raise ArgumentError(f"{where}: {error}") from error
