"""The forms in memory that the same values can have in an array."""

from collections.abc import Iterator

import numpy as np


def array_forms(values: np.ndarray) -> Iterator[np.ndarray]:
    """Arrays equal to this one that are read-only, not contiguous, misaligned or big-endian."""
    read_only = values.copy()
    read_only.flags.writeable = False
    yield read_only
    yield np.asfortranarray(values)
    yield values[::-1].copy()[::-1]
    yield values[:, ::-1].copy()[:, ::-1]
    if values.ndim == 3:
        yield values[:, :, ::-1].copy()[:, :, ::-1]  # RGB that is a view of BGR
        yield values.transpose(2, 0, 1).copy().transpose(1, 2, 0)
    wider = np.zeros((2 * values.shape[0], 2 * values.shape[1], *values.shape[2:]), values.dtype)
    wider[1::2, 1::2] = values
    yield wider[1::2, 1::2]
    yield np.broadcast_to(values, values.shape)
    yield np.ma.masked_array(values)
    if values.dtype.itemsize > 1:
        yield values.astype(values.dtype.newbyteorder(">"))
        yield np.asfortranarray(values.astype(values.dtype.newbyteorder(">")))
        octets = np.frombuffer(b"\0" + values.tobytes(), np.uint8)
        yield octets[1:].view(values.dtype).reshape(values.shape)
