import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ffhq_wrinkle.faces.squares import Square

PHOTO = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
WHOLE = Square((3.5, 3.5), (4, 0))


def test_the_square_around_a_photo_is_the_photo():
    assert_array_equal(WHOLE.image(PHOTO, 8), PHOTO)


@pytest.mark.parametrize(("half_axis", "turns"), [((0, 4), 1), ((-4, 0), 2), ((0, -4), 3)])
def test_a_turned_square_shows_the_photo_turned(half_axis, turns):
    # Rows of the square along the photo's columns: its content is the photo turned back.
    expected = np.rot90(PHOTO, turns)
    assert_array_equal(Square((3.5, 3.5), half_axis).image(PHOTO, 8), expected)


def test_pixels_of_a_smaller_image_are_means():
    expected = PHOTO.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    assert_allclose(WHOLE.image(PHOTO, 4), expected, atol=1)


def test_beyond_the_photo_the_border_is_repeated_or_the_image_is_black():
    to_the_left = Square((-0.5, 3.5), (4, 0))  # its left half lies outside
    repeated, black = (
        to_the_left.image(PHOTO, 8, border)
        for border in (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)
    )
    assert_array_equal(repeated[:, 4:], PHOTO[:, :4])
    assert_array_equal(repeated[:, :4], np.repeat(PHOTO[:, :1], 4, axis=1))
    assert_array_equal(black[:, 4:], PHOTO[:, :4])
    assert not black[:, :4].any()


def test_a_square_outside_the_photo_is_black():
    assert not Square((100, 100), (4, 0)).image(PHOTO, 8).any()


def test_points_are_counted_from_the_corner_of_the_image():
    corner, middle = WHOLE.points_in_photo(np.array([[0, 0], [2, 2]]), 4)
    assert_allclose(corner, (-0.5, -0.5))  # the photo's outer corner
    assert_allclose(middle, (3.5, 3.5))
    turned = Square((3.5, 3.5), (0, 4)).points_in_photo(np.array([[4, 0]]), 4)
    assert_allclose(turned, [(7.5, 7.5)])  # the upper right corner points down and to the right
