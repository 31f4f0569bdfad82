"""Metrics: how similar two masks are, from counts of pixels; arrays only.

Every metric takes counts of any shape, such as one for each image and pair of annotators, and
returns an array of that shape. A ratio 0/0 is NaN: whoever averages must decide what it counts for.
"""

from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError

_ROUNDING = 1e-12  # of a figure of about 1


class Overlap(NamedTuple):
    """Counts of pixels, all of one shape: in both masks, in the first, in the second, in total."""

    both: np.ndarray
    first: np.ndarray
    second: np.ndarray
    pixels: np.ndarray


def overlap(first: np.ndarray, second: np.ndarray, region: np.ndarray | None = None) -> Overlap:
    """Count the pixels that two masks have in common, within a region; all bool (H, W).

    >>> overlap(np.array([[True, True, False]]), np.array([[False, True, True]]))
    Overlap(both=array(1), first=array(2), second=array(2), pixels=array(3))
    """
    for mask in (first, second) if region is None else (first, second, region):
        if mask.dtype != bool or mask.shape != first.shape:
            raise ArgumentError(
                f"masks must be bool and of one shape, not {mask.dtype} {mask.shape} beside "
                f"{first.shape}"
            )
    if region is not None:
        first, second = first & region, second & region
    pixels = first.size if region is None else np.count_nonzero(region)
    counts = (np.count_nonzero(first & second), np.count_nonzero(first), np.count_nonzero(second))
    return Overlap(*(np.asarray(count) for count in (*counts, pixels)))


def jaccard(counts: Overlap) -> np.ndarray:
    """Return the Jaccard index, or intersection over union [Jaccard 1912].

    NaN where both masks are empty.

    >>> float(jaccard(overlap(np.array([[True, True, False]]), np.array([[False, True, True]]))))
    0.3333333333333333
    """
    return _share(counts.both, counts.first + counts.second - counts.both)


def dice(counts: Overlap) -> np.ndarray:
    """Return the Dice coefficient, which equals pixel F1 [Dice 1945]; NaN if both are empty."""
    return _share(2 * counts.both, counts.first + counts.second)


def precision(counts: Overlap) -> np.ndarray:
    """Return the share of the second mask that is in the first; NaN where the second is empty.

    If the second is a prediction, this is the share of it that is correct.
    """
    return _share(counts.both, counts.second)


def recall(counts: Overlap) -> np.ndarray:
    """Return the share of the first mask that is in the second; NaN where the first is empty."""
    return _share(counts.both, counts.first)


def accuracy(counts: Overlap) -> np.ndarray:
    """Return the share of pixels in both masks or in neither; NaN where there are no pixels."""
    return _share(counts.pixels - counts.first - counts.second + 2 * counts.both, counts.pixels)


def pearson(counts: Overlap) -> np.ndarray:
    """Return Pearson's correlation of two masks of 0 and 1, also called phi.

    NaN where one is constant.
    """
    both, first, second, pixels = (np.asarray(count, np.float64) for count in counts)
    spread = first * (pixels - first) * second * (pixels - second)
    # The root of each factor: their product would exceed the integers that float64 represents.
    root = np.sqrt(first * (pixels - first)) * np.sqrt(second * (pixels - second))
    correlation = _ratio(_covariance(both, first, second, pixels), np.where(spread > 0, root, 0))
    return in_range(correlation, -1, 1)


def cohen_kappa(counts: Overlap) -> np.ndarray:
    """Return Cohen's kappa [Cohen 1960]; NaN where both masks are constant and equal."""
    both, first, second, pixels = (np.asarray(count, np.float64) for count in counts)
    by_chance = first * (pixels - second) + second * (pixels - first)
    return in_range(_ratio(2 * _covariance(both, first, second, pixels), by_chance), -1, 1)


def _covariance(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, pixels: np.ndarray
) -> np.ndarray:
    """Return pixels * both - first * second, without the difference of two huge products.

    It would lose ten digits for masks that are nearly equal, of thousands of images together.
    """
    neither = pixels - first - second + both
    return both * neither - (first - both) * (second - both)


def fleiss_kappa(votes_px: np.ndarray) -> np.ndarray:
    """Return Fleiss' kappa of A annotators [Fleiss 1971].

    NaN where all of them drew everything, or nothing.

    Parameters
    ----------
    votes_px : np.ndarray
        Number of pixels that exactly 0, 1, ... A annotators drew, (..., A + 1).

    Returns
    -------
    np.ndarray
        (...,)
    """
    annotators = votes_px.shape[-1] - 1
    votes = np.arange(annotators + 1)
    pixels = votes_px.sum(axis=-1)
    # The share of all pairs of annotators that disagree, as observed and by chance.
    observed = votes_px @ (2.0 * votes * (annotators - votes)) / (annotators * (annotators - 1))
    share = _ratio(votes_px @ votes.astype(np.float64), annotators * pixels)
    return in_range(
        1 - _ratio(observed, 2 * share * (1 - share) * pixels), -1 / (annotators - 1), 1
    )


class NearOverlap(NamedTuple):
    """Counts of pixels, all of one shape, for masks that may lie a few pixels apart.

    Pixels of the first mask near the second, of the first mask, of the second mask near the first,
    and of the second mask.
    """

    first_near: np.ndarray
    first: np.ndarray
    second_near: np.ndarray
    second: np.ndarray


def near_precision(counts: NearOverlap) -> np.ndarray:
    """Return the share of the second mask near the first; NaN where the second is empty."""
    return _share(counts.second_near, counts.second)


def near_recall(counts: NearOverlap) -> np.ndarray:
    """Return the share of the first mask near the second; NaN where the first is empty."""
    return _share(counts.first_near, counts.first)


def near_dice(counts: NearOverlap) -> np.ndarray:
    """Return the harmonic mean of `near_precision` and `near_recall`, which is Dice at distance 0.

    NaN where both masks are empty, 0 where one is, as for Dice.
    """
    shares = [np.nan_to_num(share) for share in (near_precision(counts), near_recall(counts))]
    mean = np.nan_to_num(_share(2 * shares[0] * shares[1], shares[0] + shares[1]))
    drawn = np.asarray(counts.first) + counts.second > 0
    return np.where(drawn, mean, np.nan)


def near_jaccard(counts: NearOverlap) -> np.ndarray:
    """Return the Jaccard index that matches `near_dice`, D / (2 - D); Jaccard at distance 0."""
    mean = near_dice(counts)
    return in_range(mean / (2 - mean), 0, 1)


def in_range(values: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """Return figures without the rounding that carries some out of their mathematical range.

    A figure further out than rounding explains is a fault, and stays as it is, so that it is seen.

    >>> in_range(np.array([1 + 2e-16, 1.5, np.nan]), 0, 1)
    array([1. , 1.5, nan])
    """
    clipped = np.clip(values, low, high)
    return np.where(np.abs(values - clipped) <= _ROUNDING, clipped, values)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide a part by the whole that it belongs to, as `_ratio`."""
    return in_range(_ratio(part, whole), 0, 1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide as float64; NaN where the whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    undefined = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=undefined, where=whole != 0)
