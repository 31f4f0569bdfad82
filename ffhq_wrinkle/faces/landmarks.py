"""Landmarks: the positions of the eyes and the mouth of each face in a photo.

`FaceFinder` detects them by YuNet, which needs trained weights; `read_landmarks` reads them from a
table. `alignment` uses them. Coordinates are pixels of the upright photo, x to the right, y down,
(0, 0) the centre of the first pixel.
"""

import csv
import hashlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..dataset.ids import image_id_of
from ..dataset.sources import fetch_weights
from ..errors import AlignmentError, ArgumentError, SourceError
from ..storage.writing import text_of

log = logging.getLogger(__name__)

POINTS = ("left_eye", "right_eye", "mouth_left", "mouth_right")
COLUMNS = ("image_id", *(f"{point}_{axis}" for point in POINTS for axis in "xy"))

# Sizes of the longer side, in pixels, at which a photo is searched: YuNet detects faces of about 10
# to 300 pixels. The second size is for a face that fills the photo, the third for small faces.
_SEARCH_SIZES = (640, 320, 1280)
_LEAST_SCORE, _OVERLAP = 0.9, 0.3  # OpenCV's defaults

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
        Confidence of the detector, 0 to 1.
    box : Box, optional
        Face box of the detector.

    Raises
    ------
    ArgumentError
        The points cannot be those of a face: a coordinate is not finite, both eyes are at the same
        point, or the mouth is on the wrong side of the eyes, as when left and right are swapped.
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
        # In any rotation of a face, the mouth is to the right of the path from left to right eye.
        (x, y), (right_x, right_y) = self.left_eye, self.right_eye
        across = (right_x - x, right_y - y)
        down = (
            (self.mouth_left[0] + self.mouth_right[0] - x - right_x) / 2,
            (self.mouth_left[1] + self.mouth_right[1] - y - right_y) / 2,
        )
        if not across[0] * down[1] - across[1] * down[0] > 0:
            raise ArgumentError(
                "the mouth is not below the eyes of the upright face; left and right are the "
                "viewer's, not the person's"
            )

    @property
    def points(self) -> tuple[Point, Point, Point, Point]:
        """The four points, in the order of `POINTS`."""
        return self.left_eye, self.right_eye, self.mouth_left, self.mouth_right


class FaceFinder:
    """Face detection by YuNet (Wu et al. 2023) in OpenCV; many threads may use it at once.

    Parameters
    ----------
    weights : Path, optional
        ``face_detection_yunet_2023mar.onnx`` of opencv/opencv_zoo; fetched into the cache if not
        given.
    least_score : float
        Detections with a lower score are ignored.

    Attributes
    ----------
    weights_sha256 : str
        SHA-256 of the weights file.

    Raises
    ------
    SourceError
        The weights are neither given nor in the cache and cannot be fetched, or they are not those
        of YuNet.

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
            raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
        self.weights_sha256 = hashlib.sha256(content).hexdigest()
        self.least_score = least_score
        self._content = np.frombuffer(content, np.uint8)
        self._detectors = threading.local()  # one for each thread
        try:
            # OpenCV does not notice the wrong network before it runs it.
            self._detect(np.zeros((64, 64, 3), np.uint8))
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
            The faces with score and box, the largest first; empty if there is none.

        Raises
        ------
        ArgumentError
            The photo has a different dtype or shape.
        """
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise ArgumentError(f"a photo is uint8 (H, W, 3), not {photo.dtype} {photo.shape}")
        height, width = photo.shape[:2]
        scales = (min(1.0, longest / max(height, width)) for longest in _SEARCH_SIZES)
        for scale in dict.fromkeys(scales):  # without duplicates, as for a small photo
            size_wh = max(1, round(width * scale)), max(1, round(height * scale))
            small = cv2.resize(photo, size_wh, interpolation=cv2.INTER_AREA)
            detections = self._detect(np.asarray(small)[:, :, ::-1])
            faces = list(_faces(detections, (width / size_wh[0], height / size_wh[1])))
            if faces:
                return sorted(faces, key=_area, reverse=True)
        return []

    def _detect(self, bgr: np.ndarray) -> np.ndarray:
        """Return YuNet's detections in pixels of `bgr`, float32 (N, 15): box, 5 points, score."""
        size_wh = (bgr.shape[1], bgr.shape[0])
        detector: cv2.FaceDetectorYN | None = getattr(self._detectors, "own", None)
        if detector is None:
            # From memory, since OpenCV cannot read files whose names are not ASCII.
            no_config = np.empty(0, np.uint8)
            detector = cv2.FaceDetectorYN.create(
                "onnx", self._content, no_config, size_wh, self.least_score, _OVERLAP
            )
            self._detectors.own = detector
        detector.setInputSize(size_wh)
        detections: np.ndarray | None = detector.detect(np.ascontiguousarray(bgr))[1]
        return np.empty((0, 15), np.float32) if detections is None else detections


def _faces(detections: np.ndarray, scale_xy: tuple[float, float]) -> Iterator[Landmarks]:
    """Yield YuNet's detections as landmarks of the photo, which is `scale_xy` times as large."""
    for row in detections.astype(np.float64):
        x, y, width, height = (row[:4] * (*scale_xy, *scale_xy)).tolist()
        points = (row[4:14].reshape(5, 2) + 0.5) * scale_xy - 0.5
        # In YuNet's names left and right are the person's.
        left_eye, right_eye, _nose, mouth_left, mouth_right = (
            (float(point_x), float(point_y)) for point_x, point_y in points
        )
        try:
            yield Landmarks(
                left_eye, right_eye, mouth_left, mouth_right, float(row[14]),
                Box(x, y, width, height),
            )  # fmt: skip
        except ArgumentError as error:
            log.info("a face at x %.0f, y %.0f is ignored: %s", x, y, error)


def _area(face: Landmarks) -> float:
    return face.box.width * face.box.height if face.box else 0.0


def choose_faces(faces: Sequence[Landmarks], *, all_faces: bool = False) -> list[Landmarks]:
    """Return the only face of a photo, or all faces if requested.

    Raises
    ------
    AlignmentError
        There is no face, or there are several and `all_faces` is not set.
    """
    if not faces:
        raise AlignmentError("no face found; if there is one, give it by --landmarks FILE")
    if len(faces) > 1 and not all_faces:
        raise AlignmentError(
            f"{len(faces)} faces found; --all-faces takes every one, --landmarks FILE selects some"
        )
    return list(faces)


def read_landmarks(path: Path) -> dict[str, list[Landmarks]]:
    """Read the faces of photos from a CSV file with the columns `COLUMNS`, ignoring others.

    Parameters
    ----------
    path : Path
        One face in each row; several rows with the same image id are several faces of that photo.

    Returns
    -------
    dict of str to list of Landmarks
        Faces by image id, as `dataset.ids.image_id_of` writes it, in the order of the file.

    Raises
    ------
    ArgumentError
        The file cannot be read, lacks a column or has no face, or a row is not a face; the line is
        named.
    """
    faces: dict[str, list[Landmarks]] = {}
    try:
        reader = csv.DictReader(StringIO(text_of(path.read_bytes()), newline=""), strict=True)
        _require_columns(path, reader.fieldnames or ())
        for row in reader:
            where = f"{path}:{reader.line_num}"
            image_id = (row["image_id"] or "").strip()
            if not image_id:
                raise ArgumentError(f"{where}: the image id is missing")
            faces.setdefault(image_id_of(image_id), []).append(_face_of(row, where))
    except ArgumentError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise ArgumentError(f"{path} cannot be read as a table of landmarks: {error}") from error
    if not faces:
        raise ArgumentError(f"{path} has no face")
    return faces


def _require_columns(path: Path, header: Sequence[str]) -> None:
    """Refuse a table that lacks a column, or has one twice."""
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise ArgumentError(
            f"{path} lacks {', '.join(missing)}; it should have the columns {','.join(COLUMNS)}"
        )
    twice = [column for column, count in Counter(header).items() if count > 1 and column in COLUMNS]
    if twice:
        raise ArgumentError(f"{path} has {', '.join(twice)} twice")


def _face_of(row: dict[str, str | None], where: str) -> Landmarks:
    """Return the face in a row of a table."""
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
