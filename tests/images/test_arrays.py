import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.images.arrays import plain_array
from tests.helpers.array_forms import array_forms


@pytest.mark.parametrize("dtype", ["u1", "?", "u2", "i4", "f2", "f8"])
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3)])
def test_arrays_of_every_form_become_native_and_contiguous(dtype, shape):
    values = np.random.default_rng(0).integers(0, 2**8, shape).astype(dtype)
    for array in array_forms(values):
        plain = plain_array(array)
        assert type(plain) is np.ndarray
        assert plain.dtype.isnative
        assert plain.dtype == np.dtype(dtype)
        assert plain.flags.c_contiguous
        assert plain.flags.aligned
        assert_array_equal(plain, values)


def test_a_plain_array_is_not_copied():
    values = np.zeros((2, 3))
    assert plain_array(values) is values


def test_lists_become_arrays_and_ragged_ones_are_refused():
    assert_array_equal(plain_array([[True, False]]), np.array([[True, False]]))
    with pytest.raises(ArgumentError, match="not an array"):
        plain_array([[1, 2], [3]])
