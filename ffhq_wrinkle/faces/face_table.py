"""Face table: the squares and landmarks of faces that were cut out of photos, to go back to them.

The row of a face is stored in the comment of its PNG, so that the table can be written again from
the faces, whichever run made them.
"""

import json
import math
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from ..dataset.layout import ImageFile
from ..storage.writing import csv_bytes
from .landmarks import POINTS
from .views import View

TABLE = "faces.csv"
_COLUMNS = (
    *("name", "image_id", "photo", "faces_in_photo"),
    *(f"{point}_{axis}" for point in POINTS for axis in "xy"),
    *("centre_x", "centre_y", "half_axis_x", "half_axis_y", "side_px"),
    *("score", "sharpness", "eyes_to_mouth", "outside"),
)


def face_comment(view: View, photo: ImageFile, shape: tuple[int, ...], faces: int) -> str:
    """Return the row of a face as the comment of its PNG.

    Parameters
    ----------
    view : View
        The face; it must be aligned.
    photo : ImageFile
        The photo that it was cut out of.
    shape : tuple of int
        Rows and columns of the photo.
    faces : int
        Number of faces of the photo.
    """
    return json.dumps(_row(view, photo, shape, faces))


def face_rows(comments: Iterable[str | None]) -> list[dict[str, Any]]:
    """Return the rows in the comments of faces, without those that have none."""
    return [row for row in map(_parsed, comments) if row]


def faces_in_photo(comment: str | None) -> int:
    """Return the number of faces of the photo of a face, from its comment; 1 without a comment."""
    return int(_parsed(comment).get("faces_in_photo", 1))


def face_table(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return rows as a CSV file."""
    return csv_bytes(_COLUMNS, ([row[key] for key in _COLUMNS] for row in rows))


def sharpness(aligned: np.ndarray) -> float:
    """Return the contrast of fine details relative to all contrast in the middle of a face.

    The middle half of the image is reduced to 128 x 128 pixels. The result is the standard
    deviation of its difference from itself blurred (sigma of 1 pixel), divided by that of itself;
    0 for an image of one colour.
    """
    gray = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY)
    quarter = gray.shape[0] // 4
    middle = gray[quarter : gray.shape[0] - quarter, quarter : gray.shape[1] - quarter]
    small = np.asarray(cv2.resize(middle, (128, 128), interpolation=cv2.INTER_AREA), np.float64)
    contrast = float(small.std())
    fine = float((small - cv2.GaussianBlur(small, (0, 0), 1)).std())
    return fine / contrast if contrast else 0.0


def _parsed(comment: str | None) -> dict[str, Any]:
    """Return the row in the comment of a PNG; empty without one."""
    try:
        row = json.loads(comment or "")
    except ValueError:
        return {}
    return row if isinstance(row, dict) and set(_COLUMNS) <= row.keys() else {}


def _row(view: View, photo: ImageFile, shape: tuple[int, ...], faces: int) -> dict[str, Any]:
    if view.alignment is None or view.landmarks is None:
        raise ValueError("a view of a whole image has no landmarks")
    (left, right, mouth_left, mouth_right) = (np.array(point) for point in view.landmarks.points)
    down = (mouth_left + mouth_right - left - right) / 2
    height, width = shape[:2]
    quad = view.alignment.quad.astype(np.float32)
    right_edge, lower_edge = width - 0.5, height - 0.5
    corners = [(-0.5, -0.5), (-0.5, lower_edge), (right_edge, lower_edge), (right_edge, -0.5)]
    frame = np.array(corners, np.float32)
    inside = cv2.intersectConvexConvex(quad, frame)[0]
    score = view.landmarks.score
    values = (
        *(view.name, photo.image_id, photo.path, faces),
        *(round(float(number), 2) for point in view.landmarks.points for number in point),
        *(round(number, 3) for number in (*view.alignment.centre, *view.alignment.half_axis)),
        round(view.alignment.side, 1),
        "" if score is None else round(score, 4),
        round(sharpness(view.image), 4),
        round(float(math.hypot(*(right - left)) / math.hypot(*down)), 4),
        round(max(0.0, 1 - inside / view.alignment.side**2), 4),
    )
    return dict(zip(_COLUMNS, values, strict=True))
