import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.human_labels.semi_automatic import semi_automatic_mask
from ffhq_wrinkle.weak_labels.texture import texture_map
from tests.helpers.faces import drawn_lines

SHAPE = (60, 80)


def above_the_mean(texture, rough):
    """The definition, and where rounding decides: both bool (H, W)."""
    kept = np.where(rough, texture, 0).astype(float)
    at = np.arange(11) - 5
    kernel = np.exp(-(at**2) / (2 * 2.0**2))
    kernel /= kernel.sum()
    mean = 255 - kept
    for axis in (0, 1):
        mean = ndimage.correlate1d(mean, kernel, axis=axis, mode="nearest")
    close = np.abs(mean - np.floor(mean) - 0.5) < 1e-3
    return kept >= 255 - np.rint(mean) + 1, close


def line_and_rough():
    """A photograph with a dark line, where it is, and a fat drawing over it."""
    line, rough = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    points = np.array([[15, 40], [40, 20], [65, 25]], np.int32)
    cv2.polylines(line, [points], False, 1, 2)
    cv2.polylines(rough, [points], False, 1, 13)
    image = np.full((*SHAPE, 3), 200, np.uint8)
    image[line > 0] = 130
    image[50:54] = 140  # another line, over which nobody drew
    return image, line > 0, rough > 0


@pytest.mark.parametrize("seed", range(4))
def test_pixels_above_the_mean_of_their_surroundings_are_kept(seed):
    random = np.random.default_rng(seed)
    texture = random.integers(0, 60, SHAPE).astype(np.uint8)
    rough = drawn_lines(SHAPE, seed, thickness=5)
    expected, close = above_the_mean(texture, rough)
    found = semi_automatic_mask(texture, rough)
    assert 0.1 < found[rough].mean() < 0.9
    assert_array_equal(found[~close], expected[~close])
    assert not found[~rough].any()


def test_a_fat_drawing_becomes_the_line_under_it():
    image, line, rough = line_and_rough()
    assert rough.sum() > 4 * line.sum()
    assert_array_equal(semi_automatic_mask(texture_map(image), rough), line)


def test_texture_as_published_leaves_a_rim_as_the_authors_code_does():
    image, line, rough = line_and_rough()
    found = semi_automatic_mask(texture_map(image, recipe="released"), rough)
    inside = ndimage.binary_erosion(rough, np.ones((3, 3)))
    assert_array_equal(found[inside], line[inside])
    assert found[rough & ~inside].any()


def test_nothing_drawn_and_no_texture_give_an_empty_mask():
    texture = texture_map(line_and_rough()[0])
    assert not semi_automatic_mask(texture, np.zeros(SHAPE, bool)).any()
    flat = np.full(SHAPE, 90, np.uint8)
    assert not semi_automatic_mask(flat, np.ones(SHAPE, bool)).any()
    assert not semi_automatic_mask(np.full((1, 1), 9, np.uint8), np.ones((1, 1), bool)).any()


def test_arrays_of_other_types_or_shapes_are_refused():
    texture, rough = np.zeros(SHAPE, np.uint8), np.ones(SHAPE, bool)
    with pytest.raises(ArgumentError, match=r"texture should be uint8 \(H, W\), is float64"):
        semi_automatic_mask(texture.astype(float), rough)
    with pytest.raises(ArgumentError, match=r"rough should be bool .*, is uint8"):
        semi_automatic_mask(texture, rough.astype(np.uint8))
    with pytest.raises(ArgumentError, match=r"as the texture map, is bool \(60, 79\)"):
        semi_automatic_mask(texture, rough[:, 1:])
