"""Pixels of a mask that lie near another mask."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.measures.neighbourhoods import near_px
from tests.helpers.faces import drawn_lines
from tests.helpers.neighbourhoods import near

TOLERANCES = (0, 0.9, 1, 2**0.5, 1.5, 2, 5**0.5, 3, 4.5, 5, 5.1, 8, 100)


@pytest.mark.parametrize("shape", [(40, 60), (7, 5), (1, 9)])
def test_near_pixels_are_those_of_a_search_tree(shape):
    masks = [drawn_lines(shape, seed, lines=2, thickness=1) for seed in range(3)]
    masks.append(np.zeros(shape, bool))
    found = near_px(masks, TOLERANCES)
    expected = [[[near(a, b, far) for b in masks] for a in masks] for far in TOLERANCES]
    assert_array_equal(found, expected)


def test_a_line_shifted_by_a_pixel_is_found_at_one_pixel():
    line, shifted = np.zeros((9, 30), bool), np.zeros((9, 30), bool)
    line[4, 5:25], shifted[5, 5:25] = True, True
    found = near_px([line, shifted], (0, 1))
    assert_array_equal(found[:, 0, 1], [0, 20])


@pytest.mark.parametrize("width", [1, 8, 54, 58, 59, 60, 63, 64, 65, 123, 128, 200])
def test_rows_of_any_width_do_not_touch_each_other(width):
    random = np.random.default_rng(width)
    masks = [random.random((7, width)) < share for share in (0.02, 0.1, 0.6)]
    masks[0][:, [0, -1]] = random.random((7, 2)) < 0.5
    expected = [[[near(a, b, far) for b in masks] for a in masks] for far in TOLERANCES]
    assert_array_equal(near_px(masks, TOLERANCES), expected)


@pytest.mark.parametrize("row", [0, 1, 5])
def test_the_box_around_the_drawing_may_be_anywhere(row):
    first, second = np.zeros((2, 6, 300), bool)
    first[row, 250], second[row, 254] = True, True
    assert_array_equal(near_px([first, second], (3, 4))[:, 0, 1], [0, 1])
