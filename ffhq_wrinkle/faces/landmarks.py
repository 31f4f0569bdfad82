"""Landmarks: the positions of the eyes and the mouth of each face in a photo.

`mesh` finds them; `read_landmarks` reads them from a table; `alignment` uses them. Coordinates are
pixels of the upright photo, x to the right, y down, (0, 0) the centre of the first pixel.
"""

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from ..dataset.ids import image_id_of
from ..errors import AlignmentError, ArgumentError
from ..storage.writing import text_of

POINTS = ("left_eye", "right_eye", "mouth_left", "mouth_right")
COLUMNS = ("image_id", *(f"{point}_{axis}" for point in POINTS for axis in "xy"))

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
        Confidence that the face is one, 0 to 1.
    box : Box, optional
        Rectangle around the face.

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
