"""Votes: which annotators drew each pixel, as a pattern of bits, and the count of each pattern.

A pixel's vote pattern has bit a set where annotator a drew. N annotators have at most 2^N patterns,
so once they are counted, fusion rules and measures of agreement need a few numbers instead of a
million pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import cv2
import numpy as np

from ..errors import ArgumentError, counted

_RUN = 64  # pixels that are processed together
_SPLIT = 4  # for more annotators, patterns are counted pixel by pixel, not as bits


class DrawnVotes:
    """Votes in the places of an image where somebody drew, which are few.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image, (H, W).
    places : np.ndarray
        Indices of runs of 64 pixels, row after row, int64 (N,), ascending.
    runs : np.ndarray
        A bit for each pixel that an annotator drew in these runs, uint64 (A, N); 0 beyond the
        image's end.
    """

    def __init__(self, shape: tuple[int, int], places: np.ndarray, runs: np.ndarray) -> None:
        self.shape = shape
        self.places = places
        self.annotators = len(runs)
        self._runs = runs

    @cached_property
    def patterns(self) -> np.ndarray:
        """Vote patterns in these places, (N, 64); 0 beyond the image's end.

        uint8 for up to 8 annotators, uint16 for up to 16, otherwise uint32.
        """
        many = self.annotators
        kind = np.uint8 if many <= 8 else np.uint16 if many <= 16 else np.uint32
        patterns = np.zeros((len(self.places), _RUN), kind)
        for run in self._runs[::-1]:
            np.add(patterns, patterns, out=patterns)  # a shift, several times faster than `<<`
            patterns |= _pixels(run)
        return patterns

    @cached_property
    def _of_pattern(self) -> np.ndarray:
        """Pixels of each vote pattern, as bits, uint64 (2**A, N)."""
        of_pattern = np.empty((2**self.annotators, len(self.places)), np.uint64)
        of_pattern[0] = np.bitwise_or.reduce(self._runs)
        for annotator, run in enumerate(self._runs):
            without = of_pattern[: 2**annotator]
            drawn = of_pattern[2**annotator : 2 * 2**annotator]
            np.bitwise_and(without, run, out=drawn)
            without ^= drawn
        return of_pattern

    def counted(self, pixels: int) -> "PatternCounts":
        """Count the pixels of each vote pattern in an image or region of this many pixels."""
        if self.annotators > _SPLIT:
            return _count_patterns(self.patterns, self.annotators, pixels)
        totals = np.bitwise_count(self._of_pattern).sum(axis=1, dtype=np.int64)
        return _pattern_counts(*_occurring(totals), self.annotators, pixels)

    def levels(self, table: np.ndarray) -> np.ndarray:
        """Look up each pixel's level, (H, W), in a table of all vote patterns, uint8 (2**A,).

        The level of pixels that nobody drew must be 0.
        """
        top = table.max()
        if self.annotators <= _SPLIT and ((table == 0) | (table == top)).all():
            levels = _pixels(np.bitwise_or.reduce(self._of_pattern[table > 0]))
            levels *= top
        elif self.annotators <= 8 and len(self.places):  # OpenCV returns None for empty arrays
            # Twenty times faster than NumPy.
            padded = np.pad(table, (0, 256 - len(table)))
            levels = cv2.LUT(self.patterns, padded)
        else:
            levels = table.take(self.patterns)
        return self.spread(levels)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return values (N, 64) in these places as an image (H, W), 0 everywhere else."""
        size = self.shape[0] * self.shape[1]
        image = np.zeros((-(-size // _RUN), _RUN), values.dtype)
        image[self.places] = values
        return image.ravel()[:size].reshape(self.shape)


def drawn_votes(masks: Sequence[np.ndarray], region: np.ndarray | None = None) -> DrawnVotes:
    """Find who drew each pixel, in the places where somebody drew.

    Parameters
    ----------
    masks : sequence of np.ndarray
        A mask for each annotator, bool (H, W), at most 32; or an array (A, H, W).
    region : np.ndarray, optional
        bool (H, W); outside it nobody drew.

    Raises
    ------
    ArgumentError
        There are no masks or too many, or they differ in shape or are not bool.

    >>> votes = drawn_votes([np.array([[True, True, False]]), np.array([[False, True, True]])])
    >>> votes.spread(votes.patterns)
    array([[1, 3, 2]], dtype=uint8)
    """
    if not 1 <= len(masks) <= 32:
        raise ArgumentError(f"{counted(len(masks), 'mask')}; there may be 1 to 32 annotators")
    for mask in (*masks, *([] if region is None else [region])):
        if mask.dtype != bool or mask.ndim != 2 or mask.shape != masks[0].shape:
            raise ArgumentError(
                f"masks must be bool (H, W) of one shape, not {mask.dtype} {mask.shape} beside "
                f"{masks[0].shape}"
            )
    # As bits, masks are small enough to be passed through more than once.
    runs = [_runs(mask) for mask in masks]
    if region is not None:
        within = _runs(region)
        for run in runs:
            run &= within
    places = np.flatnonzero(reduce(np.bitwise_or, runs) != 0)
    return DrawnVotes(masks[0].shape, places, np.stack([run.take(places) for run in runs]))


def _runs(mask: np.ndarray) -> np.ndarray:
    """Return the bits of 64 pixels each, row after row, uint64 (runs,); 0 beyond the end."""
    octets = np.packbits(mask)
    if octets.size % 8:
        octets = np.pad(octets, (0, -octets.size % 8))
    return octets.view(np.uint64)


def _pixels(runs: np.ndarray) -> np.ndarray:
    """Return runs of bits as pixels of 0 and 1, uint8 (runs, 64)."""
    return np.unpackbits(runs.view(np.uint8)).reshape(-1, _RUN)


@dataclass(frozen=True)
class PatternCounts:
    """Number of pixels of each vote pattern.

    Attributes
    ----------
    annotators : int
        Number of annotators, A.
    patterns : np.ndarray
        The patterns that occur, and 0, in ascending order; int64 (K,).
    counts : np.ndarray
        Number of pixels of each, int64 (K,).
    """

    annotators: int
    patterns: np.ndarray
    counts: np.ndarray

    @property
    def pixels(self) -> int:
        """Number of pixels that were counted."""
        return int(self.counts.sum())

    @property
    def marks(self) -> np.ndarray:
        """Which annotators drew in each pattern, bool (K, A)."""
        bits: np.ndarray = self.patterns[:, None] >> np.arange(self.annotators) & 1
        return bits.astype(bool)

    @property
    def both_px(self) -> np.ndarray:
        """Pixels that two annotators both drew, int64 (A, A); those of one on the diagonal."""
        marks = self.marks.astype(np.int64)
        return marks.T @ (marks * self.counts[:, None])

    @property
    def votes_px(self) -> np.ndarray:
        """Pixels that exactly 0, 1, ... A annotators drew, int64 (A + 1,)."""
        votes = np.zeros(self.annotators + 1, np.int64)
        np.add.at(votes, self.marks.sum(axis=1), self.counts)
        return votes


def _count_patterns(patterns: np.ndarray, annotators: int, pixels: int) -> PatternCounts:
    """Count vote patterns pixel by pixel, in an image or region of this many pixels."""
    flat = patterns.ravel()
    if flat.dtype != np.uint8:
        occurring, counts = np.unique(flat[flat != 0], return_counts=True)
        return _pattern_counts(occurring, counts, annotators, pixels)
    # Eight pixels at a time, because nobody drew most of them.
    whole = flat.size // 8 * 8
    words = flat[:whole].view(np.uint64)
    drawn = np.concatenate([words[words != 0].view(np.uint8), flat[whole:]])
    return _pattern_counts(*_occurring(np.bincount(drawn, minlength=1)), annotators, pixels)


def _occurring(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the patterns above 0 that occur, and their totals."""
    occurring = np.flatnonzero(totals[1:]) + 1
    return occurring, totals[occurring]


def _pattern_counts(
    occurring: np.ndarray, counts: np.ndarray, annotators: int, pixels: int
) -> PatternCounts:
    """Return the counts of patterns that occur, and of 0, which has all other pixels."""
    return PatternCounts(
        annotators,
        np.concatenate([[0], occurring]).astype(np.int64),
        np.concatenate([[pixels - counts.sum()], counts]).astype(np.int64),
    )
