"""Geometry: points of shapes as readers get them from files."""

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError


def checked_points(points: Any) -> np.ndarray:  # noqa: ANN401  # lists from JSON
    """Return points as float64 (N, 2).

    Raises
    ------
    ArgumentError
        They are not pairs of finite numbers.
    """
    try:
        array = np.asarray(points, np.float64).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise ArgumentError("its points are not pairs of numbers") from error
    if not np.isfinite(array).all():
        raise ArgumentError("a point is not a finite number")
    return array


def turned_box(
    left_top: np.ndarray, size_wh: np.ndarray, rotation_deg: float, *, about: np.ndarray
) -> np.ndarray:
    """Return the corners of a box, (4, 2), turned clockwise about a point."""
    corners = left_top + size_wh * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    if not rotation_deg:
        return checked_points(corners)
    turn = math.radians(rotation_deg)
    turning = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return checked_points((corners - about) @ turning + about)
