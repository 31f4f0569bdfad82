"""Pixels of a mask that lie near another mask, found pair by pair."""

import numpy as np
from scipy.spatial import cKDTree


def near(first, second, tolerance):
    """Count the pixels of the first mask that lie near the second, pair by pair."""
    points, others = np.argwhere(first), np.argwhere(second)
    if not len(points) or not len(others):
        return 0
    return int((cKDTree(others).query(points)[0] <= tolerance).sum())
