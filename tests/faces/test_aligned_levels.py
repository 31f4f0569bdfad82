"""Masks of photos, cut out with the square of the face."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import AlignmentError, ArgumentError
from ffhq_wrinkle.faces.alignment import Alignment


def upright(left, top, side, size):
    """The square whose upper left pixel in the photo is (left, top)."""
    centre = left + (side - 1) / 2, top + (side - 1) / 2
    return Alignment(centre, (side / 2, 0), size)


def random_mask(shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < 0.3) * np.uint8(255)


def test_an_upright_square_of_the_same_size_is_a_part_of_the_mask():
    mask = random_mask((90, 120))
    levels = upright(left=20, top=10, side=64, size=64).aligned_levels(mask)
    assert_array_equal(levels, mask[10:74, 20:84])


def test_half_the_size_has_the_share_of_four_pixels():
    mask = random_mask((100, 100))
    levels = upright(left=8, top=4, side=64, size=32).aligned_levels(mask)
    shares = mask[4:68, 8:72].reshape(32, 2, 32, 2).mean(axis=(1, 3))
    assert np.abs(levels - shares).max() <= 0.5
    # One pixel of two is half, so that lines of one pixel are not lost.
    lines = np.zeros((100, 100), np.uint8)
    lines[20], lines[:, 31] = 255, 255
    drawn = upright(left=8, top=4, side=64, size=32).aligned_levels(lines) >= 128
    expected = np.zeros((32, 32), bool)
    expected[8], expected[:, 11] = True, True
    assert_array_equal(drawn, expected)


def test_twice_the_size_repeats_pixels():
    mask = random_mask((60, 60))
    levels = upright(left=10, top=20, side=32, size=64).aligned_levels(mask)
    assert_array_equal(levels, mask[20:52, 10:42].repeat(2, axis=0).repeat(2, axis=1))


def test_a_large_photo_is_averaged_so_that_no_pixel_is_skipped():
    mask = random_mask((700, 700))
    levels = upright(left=20, top=30, side=640, size=64).aligned_levels(mask)
    shares = mask[30:670, 20:660].reshape(64, 10, 64, 10).mean(axis=(1, 3))
    assert np.abs(levels - shares).max() < 26  # a tenth of the range; averaging is in two steps
    assert abs(levels.mean() - shares.mean()) < 1


def test_a_quarter_turn_turns_the_mask():
    mask = random_mask((64, 64))
    turned = Alignment((31.5, 31.5), (0, 32), 64).aligned_levels(mask)  # right is down in the photo
    assert_array_equal(turned, np.rot90(mask))


def test_beyond_the_photo_nothing_is_drawn():
    full = np.full((64, 64), 255, np.uint8)
    levels = upright(left=-20, top=-12, side=64, size=64).aligned_levels(full)
    expected = np.zeros((64, 64), np.uint8)
    expected[12:, 20:] = 255
    assert_array_equal(levels, expected)


def test_masks_of_another_kind_or_another_photo_are_refused():
    square = upright(left=0, top=0, side=64, size=64)
    with pytest.raises(ArgumentError, match=r"levels are uint8 \(H, W\), not bool"):
        square.aligned_levels(np.zeros((64, 64), bool))
    with pytest.raises(ArgumentError, match="not uint8"):
        square.aligned_levels(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(AlignmentError, match="is not in a photo of 20x20"):
        square.aligned_levels(np.zeros((20, 20), np.uint8))
