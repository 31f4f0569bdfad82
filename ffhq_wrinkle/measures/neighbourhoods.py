"""Neighbourhoods: how much of a mask lies near another mask; arrays only.

Neighbourhoods of a few pixels are computed by shifting bits, 64 pixels at once.
"""

from collections.abc import Sequence

import cv2
import numpy as np

_SHIFTED_PX = 5  # for larger distances a distance transform is as fast
_WORD = np.dtype("<u8")
_LAST = np.uint64(63)  # shifts a word's first bit to its last


def near_px(masks: Sequence[np.ndarray], tolerances_px: Sequence[float]) -> np.ndarray:
    """Count the pixels of each mask that lie near each other mask.

    Parameters
    ----------
    masks : sequence of np.ndarray
        A masks, bool (H, W).
    tolerances_px : sequence of float
        T distances between the centres of pixels.

    Returns
    -------
    np.ndarray
        int64 (T, A, A): pixels of the first mask at most that far from the nearest pixel of the
        second.
    """
    near = np.zeros((len(tolerances_px), len(masks), len(masks)), np.int64)
    if not tolerances_px:
        return near
    octets = [np.packbits(mask, axis=1, bitorder="little") for mask in masks]
    drawn = np.bitwise_or.reduce(octets)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return near
    # Only distances between drawn pixels matter, so the box around them is enough.
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    lines = [_line(octet_rows[top:bottom, left:right]) for octet_rows in octets]
    words_in_row = len(lines[0]) // (bottom - top)
    places = [np.flatnonzero(line != 0) for line in lines]
    parts = [line[place] for line, place in zip(lines, places, strict=True)]
    boxed = [mask[top:bottom, 8 * left : 8 * right] for mask in masks]
    for second, line in enumerate(lines):
        if not len(places[second]):
            continue
        distance = None
        shifted = _Shifted(line, words_in_row)
        for number, far in enumerate(tolerances_px):
            if far <= _SHIFTED_PX:
                around = shifted.neighbourhood(far)
                for first, (place, part) in enumerate(zip(places, parts, strict=True)):
                    near[number, first, second] = np.bitwise_count(around[place] & part).sum()
                continue
            if distance is None:
                empty = np.logical_not(boxed[second]).view(np.uint8)
                distance = cv2.distanceTransform(empty, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            close = distance <= far
            near[number, :, second] = [np.count_nonzero(close & other) for other in boxed]
    return near


def _line(octets: np.ndarray) -> np.ndarray:
    """Join rows of bits to one line, uint64 (words,), with room between them for shifted bits.

    The lowest bit is the leftmost pixel.
    """
    height, width = octets.shape
    words = np.zeros((height, -(-(8 * width + _SHIFTED_PX) // 64)), _WORD)
    words.view(np.uint8)[:, :width] = octets
    return words.ravel()


class _Shifted:
    """A mask as a line of bits, and its neighbourhoods."""

    def __init__(self, line: np.ndarray, words_in_row: int) -> None:
        self._words_in_row = words_in_row
        self._wider = [line]  # by 0, 1, 2, ... pixels to the left and the right

    def neighbourhood(self, far: float) -> np.ndarray:
        """Return the pixels at most this far from the mask, as a line of bits."""
        reach = int(far)
        around = self._widened(reach).copy()
        for rows in range(1, reach + 1):
            wider = self._widened(_across(far, rows))
            shift = rows * self._words_in_row
            around[shift:] |= wider[:-shift]
            around[:-shift] |= wider[shift:]
        return around

    def _widened(self, pixels: int) -> np.ndarray:
        while len(self._wider) <= pixels:
            line = self._wider[-1]
            wider = line | line << np.uint64(1)
            wider |= line >> np.uint64(1)
            wider[1:] |= line[:-1] >> _LAST
            wider[:-1] |= line[1:] << _LAST
            self._wider.append(wider)
        return self._wider[pixels]


def _across(far: float, rows: int) -> int:
    """Return half the width of a disk of this radius, this many rows from its centre."""
    return max(pixels for pixels in range(int(far) + 1) if pixels**2 + rows**2 <= far**2)
