"""Geometry: the corners of boxes that tools store with a rotation."""

import math

import numpy as np

from ..images.rasters import checked_points


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
