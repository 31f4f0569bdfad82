"""Rasters: polygons, lines and ellipses with exact corners, turned into pixels by one rule.

A pixel belongs to a polygon or an ellipse if its centre lies inside, and to a line if its centre is
at most half of the line's width away. Points are (x, y) in pixels, and (0, 0) is the upper left
corner of the image, so the centre of pixel (row, column) is at (column + 0.5, row + 0.5).
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError

_BAND = 32  # rows of a line that are compared at once
_CURVE_STEP_PX = 0.5


def polygon_mask(rings: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centres lie inside a polygon, by the even-odd rule.

    A ring within another ring is therefore a hole, and where a ring crosses itself, what it
    encloses twice is outside. Pixels whose centres lie exactly on an edge are inside on left and
    upper edges only, so that polygons that share an edge share no pixel.

    Parameters
    ----------
    rings : sequence of np.ndarray
        Corners of each ring, (N, 2) as (x, y); the last is connected to the first. They may lie
        outside the image. A ring of fewer than three corners encloses nothing.
    shape : tuple of int
        Rows and columns of the image.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ArgumentError
        A corner is not a pair of finite numbers.

    Examples
    --------
    >>> square = np.array([[0.4, 0.4], [2.6, 0.4], [2.6, 2.6], [0.4, 2.6]])
    >>> hole = np.array([[1, 1], [2, 1], [2, 2], [1, 2]])
    >>> polygon_mask([square, hole], (4, 4)).astype(int)
    array([[1, 1, 1, 0],
           [1, 0, 1, 0],
           [1, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    height, width = shape
    # Each crossing of an edge with the centres of a row toggles all pixels to its right.
    toggled = np.zeros((height, width + 1), np.uint8)
    for ring in rings:
        corners = checked_points(ring)
        starts, ends = corners, np.roll(corners, -1, axis=0)
        down = starts[:, 1] <= ends[:, 1]
        upper, lower = np.where(down[:, None], (starts, ends), (ends, starts))
        # Rows whose centres lie in [upper, lower): a corner belongs to one of its edges.
        first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.int64)
        behind = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.int64)
        counts = np.maximum(behind - first, 0)
        edge = np.repeat(np.arange(len(counts)), counts)
        row = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts) + first[edge]
        (upper_x, upper_y), (lower_x, lower_y) = upper[edge].T, lower[edge].T
        share = (row + 0.5 - upper_y) / (lower_y - upper_y)
        x = upper_x + share * (lower_x - upper_x)
        column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
        np.bitwise_xor.at(toggled, (row, column), 1)
    return np.bitwise_xor.accumulate(toggled[:, :width], axis=1).astype(bool)


def line_mask(
    points: np.ndarray, shape: tuple[int, int], *, width: float, closed: bool = False
) -> np.ndarray:
    """Return the pixels whose centres are at most half of a width away from a line.

    The ends of the line are therefore round, and a single point gives a disc.

    Parameters
    ----------
    points : np.ndarray
        Corners of the line, (N, 2) as (x, y).
    shape : tuple of int
        Rows and columns of the image.
    width : float
        Width in pixels, 0 or more.
    closed : bool
        Connect the last point to the first.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ArgumentError
        A point is not a pair of finite numbers, or the width is negative or not a number.

    Examples
    --------
    >>> line_mask(np.array([[1.5, 1.5], [3.5, 1.5]]), (3, 5), width=1).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    if not 0 <= width < math.inf:
        raise ArgumentError(f"the width of a line is {width}; it should be a number of pixels")
    mask = np.zeros(shape, bool)
    corners = checked_points(points)
    if closed and len(corners) > 2:
        corners = np.concatenate([corners, corners[:1]])
    if len(corners) == 1:
        corners = np.repeat(corners, 2, axis=0)
    for start, end in itertools.pairwise(corners):
        _add_segment(mask, start, end, width / 2)
    return mask


def _add_segment(mask: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> None:
    """Draw one straight piece of a line, in bands of rows, so that a diagonal takes no square."""
    height, width = mask.shape
    along = end - start
    length_squared = float(along @ along)
    top, bottom = min(start[1], end[1]) - radius, max(start[1], end[1]) + radius
    rows = _clipped(top, bottom, height)
    for first in range(rows.start, rows.stop, _BAND):
        band = range(first, min(first + _BAND, rows.stop))
        left, right = _extent_within(start, end, band.start - radius, band.stop + radius)
        columns = _clipped(left - radius, right + radius, width)
        if not columns:
            continue
        x = np.arange(columns.start, columns.stop) + 0.5 - start[0]
        y = (np.arange(band.start, band.stop) + 0.5 - start[1])[:, None]
        if length_squared:
            share = np.clip((x * along[0] + y * along[1]) / length_squared, 0, 1)
            x, y = x - share * along[0], y - share * along[1]
        near = x * x + y * y <= radius * radius
        mask[band.start : band.stop, columns.start : columns.stop] |= near


def _extent_within(
    start: np.ndarray, end: np.ndarray, top: float, bottom: float
) -> tuple[float, float]:
    """Return the smallest and largest x of the part of a segment between two heights."""
    (x, y), (end_x, end_y) = start, end
    if y == end_y:
        return min(x, end_x), max(x, end_x)
    shares = np.clip((np.array([top, bottom]) - y) / (end_y - y), 0, 1)
    between = x + shares * (end_x - x)
    # One pixel more, in place of an analysis of rounding.
    return float(between.min()) - 1, float(between.max()) + 1


def _clipped(low: float, high: float, length: int) -> range:
    """Return the pixels of a side whose centres may lie between two coordinates."""
    first = min(max(math.floor(low - 0.5), 0), length)
    behind = min(max(math.ceil(high + 0.5), 0), length)
    return range(first, behind)


def ellipse_mask(
    centre: tuple[float, float],
    radii: tuple[float, float],
    shape: tuple[int, int],
    *,
    rotation_deg: float = 0,
) -> np.ndarray:
    """Return the pixels whose centres lie in an ellipse, its edge included.

    Parameters
    ----------
    centre : tuple of float
        (x, y).
    radii : tuple of float
        Half of the axes before the rotation, along x and along y.
    shape : tuple of int
        Rows and columns of the image.
    rotation_deg : float
        Clockwise as seen, as y points down.

    Returns
    -------
    np.ndarray
        bool, (H, W); empty if a radius is 0.

    Raises
    ------
    ArgumentError
        A number is not finite.

    Examples
    --------
    >>> ellipse_mask((2.5, 1.5), (2, 1), (3, 5)).astype(int)
    array([[0, 0, 1, 0, 0],
           [1, 1, 1, 1, 1],
           [0, 0, 1, 0, 0]])
    """
    checked_points(np.array([centre, radii, (rotation_deg, 0)]))
    mask = np.zeros(shape, bool)
    radius_x, radius_y = radii
    if not (radius_x > 0 and radius_y > 0):
        return mask
    reach = max(radii)
    rows = _clipped(centre[1] - reach, centre[1] + reach, shape[0])
    columns = _clipped(centre[0] - reach, centre[0] + reach, shape[1])
    x = np.arange(columns.start, columns.stop) + 0.5 - centre[0]
    y = (np.arange(rows.start, rows.stop) + 0.5 - centre[1])[:, None]
    cosine, sine = math.cos(math.radians(rotation_deg)), math.sin(math.radians(rotation_deg))
    along, across = (x * cosine + y * sine) / radius_x, (y * cosine - x * sine) / radius_y
    mask[rows.start : rows.stop, columns.start : columns.stop] = along**2 + across**2 <= 1
    return mask


def curve_points(
    start: Sequence[float],
    control: Sequence[float],
    end_control: Sequence[float],
    end: Sequence[float],
) -> np.ndarray:
    """Return points along a cubic Bezier curve, at most half a pixel apart.

    Parameters
    ----------
    start, control, end_control, end : sequence of float
        The four points of the curve, (x, y).

    Returns
    -------
    np.ndarray
        (N, 2), from `start` to `end`.

    Raises
    ------
    ArgumentError
        A point is not a pair of finite numbers, or the curve is longer than a million pixels.
    """
    points = checked_points(np.array([start, control, end_control, end]))
    reach = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if reach > 1e6:
        raise ArgumentError("a curve is longer than a million pixels")
    share = np.linspace(0, 1, max(2, math.ceil(3 * reach / _CURVE_STEP_PX) + 1))[:, None]
    rest = 1 - share
    weights = (rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3)
    curve: np.ndarray = sum(weight * point for weight, point in zip(weights, points, strict=True))
    return curve


def checked_points(points: Any) -> np.ndarray:  # noqa: ANN401  # lists from JSON, too
    """Return points as float64, (N, 2).

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
