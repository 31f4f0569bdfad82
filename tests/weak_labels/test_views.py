import numpy as np
from numpy.testing import assert_array_equal

from ffhq_wrinkle.weak_labels.views import stretched, weak_view


def test_the_brightest_lines_become_white_and_others_stay_in_proportion():
    mask = np.zeros((20, 50), np.uint8)
    mask[:10] = 4
    mask[10, :25] = 10
    # 500 pixels of level 4 and 25 of level 10: the 99.5th percentile is 10.
    view = stretched(mask)
    assert set(np.unique(view[:10])) == {102}  # 4 / 10 of 255
    assert set(np.unique(view[10, :25])) == {255}
    assert not view[11:].any()
    mask[10, 0] = 200  # one brighter pixel of 525 does not darken the others
    assert stretched(mask)[10, 1] == 255


def test_an_empty_mask_stays_black():
    assert not stretched(np.zeros((3, 4), np.uint8)).any()


def test_a_view_shows_the_image_the_mask_and_the_mask_over_the_image():
    image = np.full((6, 4, 3), 100, np.uint8)
    mask = np.zeros((6, 4), np.uint8)
    mask[2, 1] = 7
    view = weak_view(image, mask)
    assert view.shape == (6, 12, 3)
    assert_array_equal(view[:, :4], image)
    assert_array_equal(view[2, 5], (255, 255, 255))
    assert view[:, 4:8].sum() == 3 * 255
    assert_array_equal(view[2, 9], (0, 255, 130))
    assert (view[:, 8:] == 100).all(axis=2).sum() == 6 * 4 - 1


def test_views_of_large_photographs_are_at_most_1024_pixels_high():
    view = weak_view(np.zeros((2048, 1000, 3), np.uint8), np.ones((2048, 1000), np.uint8))
    assert view.shape == (1024, 1500, 3)
