import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.faces.halving import resized
from tests.helpers.halving import by_pillow, hard_images


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
