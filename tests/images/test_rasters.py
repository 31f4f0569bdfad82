"""Rasters against a test of every pixel's centre, and shapes whose pixels are counted by hand."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.images.rasters import curve_points, ellipse_mask, line_mask, polygon_mask

SHAPE = (13, 17)


def centres(shape):
    for row in range(shape[0]):
        for column in range(shape[1]):
            yield row, column, Fraction(2 * column + 1, 2), Fraction(2 * row + 1, 2)


def crossings_to_the_left(rings, x, y):
    """Count, exactly, the edges that a ray to the left crosses, also those that it begins on."""
    crossed = 0
    for ring in rings:
        corners = [(Fraction(float(a)), Fraction(float(b))) for a, b in ring]
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (y0 <= y) != (y1 <= y):
                crossed += x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
    return crossed


def polygon_by_every_centre(rings, shape):
    mask = np.zeros(shape, bool)
    for row, column, x, y in centres(shape):
        mask[row, column] = crossings_to_the_left(rings, x, y) % 2
    return mask


def squared_distance(x, y, start, end):
    (x0, y0), (x1, y1) = start, end
    along_x, along_y = x1 - x0, y1 - y0
    length = along_x**2 + along_y**2
    share = ((x - x0) * along_x + (y - y0) * along_y) / length if length else Fraction(0)
    share = min(max(share, Fraction(0)), Fraction(1))
    return (x - x0 - share * along_x) ** 2 + (y - y0 - share * along_y) ** 2


def line_by_every_centre(points, shape, width):
    corners = [(Fraction(float(a)), Fraction(float(b))) for a, b in points]
    pieces = list(itertools.pairwise(corners)) or [(corners[0], corners[0])]
    limit = (Fraction(width) / 2) ** 2
    mask = np.zeros(shape, bool)
    for row, column, x, y in centres(shape):
        mask[row, column] = any(squared_distance(x, y, *piece) <= limit for piece in pieces)
    return mask


# Multiples of 1/8 are exact as floats, and put many centres exactly on edges.
def corners_of(random, count, *, eighths):
    corners = random.uniform(-6, 23, (count, 2))
    return np.round(corners * 8) / 8 if eighths else corners


@pytest.mark.parametrize("seed", range(40))
def test_random_polygons_are_those_of_every_centre(seed):
    random = np.random.default_rng(seed)
    # Rings cross themselves and each other, lie in each other, and reach out of the image.
    rings = [
        corners_of(random, random.integers(1, 9), eighths=seed % 2)
        for _ in range(random.integers(1, 4))
    ]
    assert_array_equal(polygon_mask(rings, SHAPE), polygon_by_every_centre(rings, SHAPE))


@pytest.mark.parametrize("seed", range(40))
def test_random_lines_are_those_of_every_centre(seed):
    random = np.random.default_rng(seed)
    points = corners_of(random, random.integers(1, 6), eighths=seed % 2)
    width = float(random.choice([0, 0.5, 1, 2, 3, 7]))
    drawn = line_mask(points, SHAPE, width=width)
    expected = line_by_every_centre(points, SHAPE, width)
    if (drawn != expected).any():  # only where a centre is half of the width away, but for rounding
        for row, column in np.argwhere(drawn != expected):
            pieces = itertools.pairwise(points)
            x, y = column + 0.5, row + 0.5
            distances = [float(squared_distance(x, y, *piece)) ** 0.5 for piece in pieces]
            assert min(distances) == pytest.approx(width / 2, abs=1e-12)


def test_a_long_diagonal_is_that_of_every_centre_in_any_band_of_rows():
    points, width = np.array([[3.2, 2.7], [88.4, 131.6], [90, 10]]), 3
    shape = (140, 95)
    assert_array_equal(
        line_mask(points, shape, width=width), line_by_every_centre(points, shape, width)
    )


@pytest.mark.parametrize("seed", range(20))
def test_random_ellipses_are_those_of_every_centre(seed):
    random = np.random.default_rng(seed)
    centre, radii = random.uniform(-3, 18, 2), random.uniform(0.1, 9, 2)
    rotation = random.uniform(-180, 180)
    expected = np.zeros(SHAPE, bool)
    turn = complex(math.cos(math.radians(rotation)), math.sin(math.radians(rotation)))
    for row, column, x, y in centres(SHAPE):
        offset = complex(float(x) - centre[0], float(y) - centre[1]) / turn
        expected[row, column] = (offset.real / radii[0]) ** 2 + (offset.imag / radii[1]) ** 2 <= 1
    assert_array_equal(ellipse_mask(centre, radii, SHAPE, rotation_deg=rotation), expected)


def test_a_strip_has_as_many_pixels_as_its_area():
    for height in (1, 3):
        strip = np.array([[5, 5], [45, 5], [45, 5 + height], [5, 5 + height]])
        mask = polygon_mask([strip], (20, 60))
        assert mask.sum() == 40 * height
        assert mask[5 : 5 + height, 5:45].all()


def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none():
    left = np.array([[2, 2], [7.5, 2], [7.5, 9], [2, 9]])  # the edge runs through centres
    right = np.array([[7.5, 2], [12, 2], [12, 9], [7.5, 9]])
    masks = [polygon_mask([ring], SHAPE) for ring in (left, right)]
    assert not (masks[0] & masks[1]).any()
    assert (masks[0] | masks[1]).sum() == 10 * 7


def test_the_order_of_corners_does_not_matter():
    ring = np.array([[1.3, 2.2], [14.8, 4.1], [9.6, 11.9]])
    assert_array_equal(polygon_mask([ring], SHAPE), polygon_mask([ring[::-1]], SHAPE))


@pytest.mark.parametrize("corners", [0, 1, 2])
def test_a_ring_of_fewer_than_three_corners_encloses_nothing(corners):
    ring = np.array([[2.5, 2.5], [9.5, 2.5]])[:corners]
    assert not polygon_mask([ring], SHAPE).any()


def test_a_polygon_without_width_has_no_pixel():
    assert not polygon_mask([np.array([[2, 3], [12, 8], [2, 3]])], SHAPE).any()


def test_a_line_of_one_point_is_a_disc_and_of_no_point_nothing():
    disc = line_mask(np.array([[4.5, 4.5]]), (9, 9), width=3)
    assert disc[3:6, 3:6].all()  # the centres of the corners are 1.41 away, less than 1.5
    assert disc.sum() == 9
    assert not line_mask(np.zeros((0, 2)), (9, 9), width=3).any()


def test_a_line_without_width_has_the_centres_that_it_passes_through():
    assert_array_equal(
        np.argwhere(line_mask(np.array([[1.5, 2.5], [3.5, 2.5]]), (5, 5), width=0)),
        [[2, 1], [2, 2], [2, 3]],
    )


def test_a_closed_line_returns_to_its_first_point():
    triangle = np.array([[2.5, 2.5], [10.5, 2.5], [10.5, 9.5]])
    closed = line_mask(triangle, SHAPE, width=1, closed=True)
    again = line_mask(np.concatenate([triangle, triangle[:1]]), SHAPE, width=1)
    assert_array_equal(closed, again)
    assert closed.sum() > line_mask(triangle, SHAPE, width=1).sum()


def test_shapes_outside_the_image_have_no_pixel():
    away = np.array([[100.0, 100], [120, 100], [110, 130]])
    assert not polygon_mask([away], SHAPE).any()
    assert not polygon_mask([-away], SHAPE).any()
    assert not line_mask(away, SHAPE, width=5).any()
    assert not ellipse_mask((-50, -50), (9, 9), SHAPE).any()


def test_an_ellipse_without_a_radius_has_no_pixel():
    assert not ellipse_mask((4.5, 4.5), (0, 3), SHAPE).any()


def test_a_curve_begins_and_ends_at_its_points_in_small_steps():
    curve = curve_points((0, 0), (10, 0), (10, 10), (10, 20))
    assert_array_equal(curve[[0, -1]], [[0, 0], [10, 20]])
    assert np.linalg.norm(np.diff(curve, axis=0), axis=1).max() <= 0.5
    middle = curve[len(curve) // 2]  # (0 + 3 * 10 + 3 * 10 + 10) / 8, (0 + 0 + 30 + 20) / 8
    assert middle == pytest.approx([8.75, 6.25], abs=0.5)


@pytest.mark.parametrize("points", [[[math.nan, 1]], [[math.inf, 1]], [[1, 2, 3]], [["a", "b"]]])
def test_points_that_are_not_numbers_are_refused(points):
    with pytest.raises(ArgumentError, match="point"):
        polygon_mask([np.array(points)], SHAPE)
    with pytest.raises(ArgumentError, match="point"):
        line_mask(np.array(points), SHAPE, width=1)


@pytest.mark.parametrize("width", [-1, math.nan, math.inf])
def test_a_width_that_is_not_a_length_is_refused(width):
    with pytest.raises(ArgumentError, match="width"):
        line_mask(np.array([[1, 1]]), SHAPE, width=width)
