"""Runs: masks stored as lengths of runs of equal pixels."""

from collections.abc import Sequence

import numpy as np

from ..errors import ArgumentError


def runs_mask(lengths: Sequence[int] | np.ndarray, pixels: int) -> np.ndarray:
    """Return the pixels of alternating runs, of which the first is background.

    Parameters
    ----------
    lengths : sequence of int
        Length of each run, 0 or more.
    pixels : int
        Number of pixels that the runs must fill.

    Returns
    -------
    np.ndarray
        bool, (pixels,).

    Raises
    ------
    ArgumentError
        A length is negative, or the runs have another number of pixels.

    >>> runs_mask([1, 2, 1], 4)
    array([False,  True,  True, False])
    """
    counts = np.asarray(lengths, np.int64).reshape(-1)
    if counts.size and counts.min() < 0:
        raise ArgumentError(f"a run has {counts.min()} pixels")
    # One by one, so that lengths near 2**63 cannot wrap round to the right sum.
    total = int(counts.sum()) if counts.size == 0 or counts.max() <= pixels else -1
    if total != pixels:
        shown = f"{total}" if total >= 0 else "more"
        raise ArgumentError(f"its runs have {shown} pixels, not {pixels}")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts)


def run_lengths(mask: np.ndarray) -> np.ndarray:
    """Return the lengths of alternating runs, of which the first is background.

    Parameters
    ----------
    mask : np.ndarray
        bool, (N,).

    Returns
    -------
    np.ndarray
        int64; the first is 0 if the first pixel is True.

    >>> run_lengths(np.array([True, True, False])).tolist()
    [0, 2, 1]
    """
    flat = np.concatenate([[False], np.asarray(mask, bool).ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], changes, [flat.size - 1]]))
