"""Votes: which annotators drew each pixel, as one number, and how many pixels have each number.

A pixel's vote pattern has bit a set where annotator a drew. Of N annotators there are at most 2^N
patterns, so once they are counted, fusion rules and measures of agreement need a few numbers
instead of a million pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError

_RUN = 64  # pixels that are looked at together
_COMPARED = 16  # so many patterns are counted one by one


def vote_patterns(masks: Sequence[np.ndarray], region: np.ndarray | None = None) -> np.ndarray:
    """Who drew each pixel.

    Parameters
    ----------
    masks : sequence of np.ndarray
        One mask for each annotator, bool (H, W), at most 32; an array (A, H, W) will do.
    region : np.ndarray, optional
        bool (H, W); outside it nobody drew.

    Returns
    -------
    np.ndarray
        (H, W), uint8 for up to 8 annotators, uint16 for up to 16, else uint32; the bit of value
        2**a is set where annotator a drew.

    Raises
    ------
    ArgumentError
        There are no masks or too many, or they differ in shape or are not bool.

    >>> vote_patterns([np.array([[True, True, False]]), np.array([[False, True, True]])])
    array([[1, 3, 2]], dtype=uint8)
    """
    votes = drawn_votes(masks, region)
    return votes.spread(votes.patterns)


class DrawnVotes(NamedTuple):
    """The vote patterns of an image where somebody drew, which is in few places.

    Attributes
    ----------
    shape : tuple of int
        The image's, (H, W).
    places : np.ndarray
        Which runs of 64 pixels, row after row, int64 (N,), ascending.
    patterns : np.ndarray
        Their vote patterns, (N, 64), as `vote_patterns`; 0 beyond the image's end.
    """

    shape: tuple[int, int]
    places: np.ndarray
    patterns: np.ndarray

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values (N, 64) that belong to `patterns` as an image (H, W), 0 everywhere else."""
        size = self.shape[0] * self.shape[1]
        image = np.zeros((-(-size // _RUN), _RUN), values.dtype)
        image[self.places] = values
        return image.ravel()[:size].reshape(self.shape)


def drawn_votes(masks: Sequence[np.ndarray], region: np.ndarray | None = None) -> DrawnVotes:
    """Who drew each pixel, of the places where somebody drew; as `vote_patterns`."""
    if not 1 <= len(masks) <= 32:
        raise ArgumentError(f"{len(masks)} masks; votes are of 1 to 32 annotators")
    for mask in (*masks, *([] if region is None else [region])):
        if mask.dtype != bool or mask.ndim != 2 or mask.shape != masks[0].shape:
            raise ArgumentError(
                f"masks are bool (H, W) of one shape, not {mask.dtype} {mask.shape} beside "
                f"{masks[0].shape}"
            )
    # As bits, masks are small enough to look through them more than once.
    runs = [_runs(mask) for mask in masks]
    somebody = np.bitwise_or.reduce(runs)
    if region is not None:
        within = _runs(region)
        somebody &= within
    places = np.flatnonzero(somebody != 0)
    kind = np.uint8 if len(masks) <= 8 else np.uint16 if len(masks) <= 16 else np.uint32
    patterns = np.zeros((len(places), _RUN), kind)
    for run in reversed(runs):
        drawn = run[places] if region is None else run[places] & within[places]
        np.add(patterns, patterns, out=patterns)  # a shift, several times faster than NumPy's
        patterns |= np.unpackbits(drawn.view(np.uint8)).reshape(-1, _RUN)
    return DrawnVotes(masks[0].shape, places, patterns)


def _runs(mask: np.ndarray) -> np.ndarray:
    """The bits of 64 pixels each, row after row, uint64 (runs,); 0 beyond the end."""
    runs = np.zeros(-(-mask.size // _RUN), np.uint64)
    runs.view(np.uint8)[: -(-mask.size // 8)] = np.packbits(mask)
    return runs


@dataclass(frozen=True)
class PatternCounts:
    """How many pixels have each vote pattern.

    Attributes
    ----------
    annotators : int
        How many there are, A.
    patterns : np.ndarray
        Those that occur, and 0, in ascending order; int64 (K,).
    counts : np.ndarray
        Pixels of each, int64 (K,).
    """

    annotators: int
    patterns: np.ndarray
    counts: np.ndarray

    @property
    def pixels(self) -> int:
        """How many pixels were looked at."""
        return int(self.counts.sum())

    @property
    def marks(self) -> np.ndarray:
        """Who drew in each pattern, bool (K, A)."""
        bits: np.ndarray = self.patterns[:, None] >> np.arange(self.annotators) & 1
        return bits.astype(bool)

    @property
    def both_px(self) -> np.ndarray:
        """Pixels that two annotators both drew, int64 (A, A); those of one on the diagonal."""
        marks = self.marks.astype(np.int64)
        both: np.ndarray = marks.T @ (marks * self.counts[:, None])
        return both

    @property
    def votes_px(self) -> np.ndarray:
        """Pixels that 0, 1, ... A annotators drew, int64 (A + 1,)."""
        votes = np.zeros(self.annotators + 1, np.int64)
        np.add.at(votes, self.marks.sum(axis=1), self.counts)
        return votes


def count_patterns(
    patterns: np.ndarray, annotators: int, *, pixels: int | None = None
) -> PatternCounts:
    """Count vote patterns.

    Parameters
    ----------
    patterns : np.ndarray
        As `vote_patterns` or `drawn_votes` gives them.
    annotators : int
        How many there are.
    pixels : int, optional
        How many pixels are in the region; those of `patterns` if not given.
    """
    flat = patterns.ravel()
    if flat.dtype == np.uint8:
        # Eight pixels at a time: nearly all of them are drawn by nobody.
        whole = flat.size // 8 * 8
        words = flat[:whole].view(np.uint64)
        drawn = np.concatenate([words[words != 0].view(np.uint8), flat[whole:]])
        if 2**annotators <= _COMPARED:
            each = [np.count_nonzero(drawn == pattern) for pattern in range(1, 2**annotators)]
            totals = np.array([0, *each])
        else:
            totals = np.bincount(drawn, minlength=1)
        found = np.flatnonzero(totals[1:]) + 1
        counts = totals[found]
    else:
        found, counts = np.unique(flat[flat != 0], return_counts=True)
    pixels = flat.size if pixels is None else pixels
    return PatternCounts(
        annotators,
        np.concatenate([[0], found]).astype(np.int64),
        np.concatenate([[pixels - counts.sum()], counts]).astype(np.int64),
    )
