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
    return repeated(np.arange(len(counts)) % 2 == 1, counts, pixels)


def repeated(values: np.ndarray, lengths: np.ndarray, pixels: int) -> np.ndarray:
    """Return the pixels of runs, each with its value.

    Parameters
    ----------
    values : np.ndarray
        (N,), of any dtype.
    lengths : np.ndarray
        int64, (N,).
    pixels : int
        Number of pixels that the runs must fill.

    Raises
    ------
    ArgumentError
        A length is negative, or the runs have another number of pixels.
    """
    if lengths.size and lengths.min() < 0:
        raise ArgumentError(f"a run has {lengths.min()} pixels")
    # The sum of lengths that are each too long could wrap round to the right one.
    too_long = bool(lengths.size) and int(lengths.max()) > pixels
    total = 0 if too_long else int(lengths.sum())
    if too_long or total != pixels:
        raise ArgumentError(f"its runs have {'more' if too_long else total} pixels, not {pixels}")
    return np.repeat(values, lengths)


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


def coco_lengths(text: str) -> np.ndarray:
    """Decode COCO's compressed run lengths, of which the first is background.

    Each length is written in groups of 5 bits, the lowest first, as characters from "0" on; the
    sixth bit says that another group follows, and the highest bit of the last group is the sign.
    From the fourth length on, the difference to the length two before is written.

    Raises
    ------
    ArgumentError
        The text has another character, or ends within a length.

    >>> coco_lengths("32").tolist()
    [3, 2]
    """
    try:
        groups = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    except UnicodeEncodeError as error:
        raise ArgumentError("its compressed runs are not ASCII text") from error
    if groups.size and (groups.min() < 0 or groups.max() > 63 or groups[-1] & 32):
        raise ArgumentError("its compressed runs are damaged or cut short")
    lengths: list[int] = []
    length = shift = 0
    for group in groups.tolist():
        length |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            length -= 1 << shift
        lengths.append(length + lengths[-2] if len(lengths) > 2 else length)
        length = shift = 0
    if any(abs(length) > 1 << 40 for length in lengths):
        raise ArgumentError("its compressed runs are damaged: a run is too long")
    return np.array(lengths, np.int64)


def coco_text(lengths: Sequence[int] | np.ndarray) -> str:
    """Encode run lengths as COCO compresses them; `coco_lengths` decodes them.

    >>> coco_text([3, 2])
    '32'
    """
    counts = [int(length) for length in lengths]
    characters = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        while True:
            group = rest & 31
            rest >>= 5
            last = rest == (-1 if group & 16 else 0)
            characters.append(chr(ord("0") + (group if last else group | 32)))
            if last:
                break
    return "".join(characters)
