import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.faces.halving import resized


def by_pillow(image, side):
    return np.array(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))


def hard_images(side):
    """Squares of twice that side, the last one as it lies turned round in memory."""
    rng = np.random.default_rng(side)
    noise = rng.integers(0, 256, (2 * side, 2 * side, 3), dtype=np.uint8)
    extremes = rng.choice(np.array([0, 255], np.uint8), noise.shape)
    # Sums that end in a half, which rounding to even would have down every other time.
    ties = rng.integers(0, 64, noise.shape, dtype=np.uint8) * 4
    return [noise, extremes, ties, noise[::-1, ::-1]]


@pytest.mark.parametrize("side", [2, 3, 16, 129, 512])
def test_halved_images_are_pillow_s_to_the_last_bit(side):
    for image in hard_images(side):
        assert_array_equal(resized(image, side), by_pillow(image, side))


@pytest.mark.parametrize("shape", [(20, 30, 3), (10, 10, 3), (20, 21, 3), (7, 7, 3), (40, 40, 3)])
def test_images_of_other_sizes_are_pillow_s_too(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert_array_equal(resized(image, 10), by_pillow(image, 10))


def test_an_image_stays_as_it_was():
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    before = image.copy()
    resized(image, 10)
    assert_array_equal(image, before)
