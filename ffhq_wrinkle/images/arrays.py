"""Arrays: what callers and decoders give, in the one form that libraries written in C take."""

from typing import Any

import numpy as np

from ..errors import ArgumentError


def plain_array(values: Any) -> np.ndarray:  # noqa: ANN401  # whatever NumPy makes an array of
    """Return an array in this machine's byte order, with its values one row after another.

    OpenCV takes the bytes of an array for numbers of this machine, without an error, whatever the
    dtype says of their order. An array that is plain already is returned as it is, and may be
    read-only.

    Parameters
    ----------
    values : np.ndarray
        An array of any byte order, memory layout and subclass, or nested lists of numbers.

    Raises
    ------
    ArgumentError
        NumPy cannot make an array of the values.

    >>> plain_array(np.array([[1, 2]], ">u2"))
    array([[1, 2]], dtype=uint16)
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"this is not an array: {error}") from error
    native = None if array.dtype.isnative else array.dtype.newbyteorder("=")
    return np.require(array, native, ["C_CONTIGUOUS", "ALIGNED"])
