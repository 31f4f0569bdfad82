import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import AnnotationError, SizeError
from ffhq_wrinkle.images.sizes import of_size, require_size, resized_nearest
from tests.helpers.faces import mask


def test_nearest_neighbour_takes_the_pixel_that_the_centre_lies_in():
    ramp = np.arange(12).reshape(3, 4)
    assert_array_equal(resized_nearest(ramp, (6, 8)), ramp.repeat(2, axis=0).repeat(2, axis=1))
    assert_array_equal(resized_nearest(ramp, (1, 2)), [[5, 7]])  # centres at 1.5 and 1, 3
    assert_array_equal(resized_nearest(ramp, (3, 4)), ramp)


def test_an_array_of_the_wanted_size_is_returned_as_it_is():
    drawn = mask("#. / .#")
    assert of_size(drawn, (2, 2), name="a.png", of="b.png", resize=None) is drawn
    assert of_size(drawn, (2, 2), name="a.png", of="b.png", resize="nearest") is drawn


def test_other_sizes_are_resized_only_if_asked():
    small = mask("#. / .#")
    large = of_size(small, (4, 6), name="a.png", of="b.png", resize="nearest")
    assert_array_equal(large, small.repeat(2, axis=0).repeat(3, axis=1))
    with pytest.raises(SizeError, match=r"^a\.png is 2x2, but b\.png is 6x4; .*--resize nearest$"):
        of_size(small, (4, 6), name="a.png", of="b.png", resize=None)


def test_the_error_on_a_size_is_the_caller_s():
    advice = "a texture map must have the size of the masks"
    with pytest.raises(AnnotationError, match=f"^it is 3x2, but its image is 3x1; {advice}$"):
        require_size(
            (2, 3), (1, 3), name="it", of="its image", advice=advice, error=AnnotationError
        )
