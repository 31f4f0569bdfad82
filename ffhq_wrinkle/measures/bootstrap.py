"""Bootstrap: how much a figure would vary over other samples of images; arrays only."""

from collections.abc import Callable, Iterator
from math import floor

import numpy as np

RESAMPLES = 9999
CONFIDENCE = 0.95
_LOWER, _UPPER = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
_BATCH_NUMBERS = 2_000_000  # held in memory, however many images or statistics there are


def bootstrap_intervals(
    statistics: Callable[[np.ndarray], np.ndarray],
    images: int,
    *,
    subjects: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return 95 % percentile intervals of several statistics of the same images.

    Images are drawn with replacement [Efron, Tibshirani 1993, chapter 13], the same images for all
    statistics. Where several images show one subject they are not independent; subjects are then
    drawn, each with all of its images [Davison, Hinkley 1997, section 3.8]. A resample in which a
    statistic is NaN is left out of its interval. The intervals are those of SciPy's `bootstrap`,
    but of thousands of statistics of thousands of resamples only those are kept that limits depend
    on.

    Parameters
    ----------
    statistics : callable
        Takes the weight of each image, float64 (B, images), and returns float64 (B, S).
    images : int
        Number of images, and of draws in each resample.
    subjects : np.ndarray, optional
        Number of the subject of each image, counted from 0: integer (images,). There are then as
        many draws as subjects. Without it, each image is a subject of its own.
    resamples : int
        Number of resamples.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    tuple of np.ndarray
        Lower and upper limits, float64 (S,) each; NaN if there is only one image or subject, or
        where a statistic is NaN in every resample.
    """
    count = statistics(np.ones((1, images))).shape[1]
    drawn = images if subjects is None else int(subjects.max()) + 1
    if drawn < 2 or not resamples:
        nothing = np.full(count, np.nan)
        return nothing, nothing
    batch = min(resamples, max(1, _BATCH_NUMBERS // max(images, count)))
    tails = _Tails(count, resamples, batch)
    for weights in _resampled(drawn, resamples, batch, np.random.default_rng(seed)):
        tails.add(statistics(weights if subjects is None else weights[:, subjects]))
    return tails.limits()


def _resampled(
    images: int, resamples: int, batch: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield how often each image or subject was drawn, float64 (B, images), in batches."""
    for first in range(0, resamples, batch):
        yield _weights(images, min(batch, resamples - first), rng)


def _weights(images: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw images, and return how often each was drawn, float64 (B, images)."""
    drawn = rng.integers(0, images, (resamples, images))
    drawn += images * np.arange(resamples)[:, None]  # different numbers in each row
    counts = np.bincount(drawn.ravel(), minlength=drawn.size)
    del drawn  # as large as the result
    return counts.astype(np.float64).reshape(resamples, images)


class _Tails:
    """The lowest and the highest values of each statistic, as many as its limits depend on.

    Parameters
    ----------
    statistics, resamples : int
        Number of statistics, S, and of values that each will have.
    batch : int
        Most values of each statistic that are added at once.
    """

    def __init__(self, statistics: int, resamples: int, batch: int) -> None:
        self._kept = floor(_LOWER * resamples) + 3
        # The kept values, and behind them room for those of a batch; the highest are negative, so
        # that the lowest of them are kept as well.
        self._lowest, self._highest = np.full((2, statistics, self._kept + batch), np.inf)
        self._defined = np.zeros(statistics, np.int64)

    def add(self, values: np.ndarray) -> None:
        """Add values, float64 (B, S); NaN are left out."""
        undefined = np.isnan(values)
        self._defined += (~undefined).sum(axis=0)
        for tail, signed in ((self._lowest, values), (self._highest, -values)):
            tail[:, self._kept : self._kept + len(values)] = np.where(undefined, np.inf, signed).T
            tail.partition(self._kept - 1, axis=1)
            tail[:, self._kept :] = np.inf

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the quantiles at both ends of the interval, float64 (S,); NaN without values."""
        some = self._defined > 0
        last = self._defined[some] - 1
        lowest, highest = (
            np.sort(tail[some, : self._kept], axis=1) for tail in (self._lowest, self._highest)
        )
        limits = np.full((2, len(some)), np.nan)
        limits[0, some] = _quantile(last, _LOWER, lambda at: _of_each(lowest, at))
        limits[1, some] = _quantile(last, _UPPER, lambda at: -_of_each(highest, last - at))
        return limits[0], limits[1]


def _of_each(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the value of each row at its index."""
    return np.take_along_axis(rows, at[:, None], axis=1)[:, 0]


def _quantile(
    last: np.ndarray, share: float, value_at: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return a quantile of sorted values as `np.quantile` does, bit for bit.

    Parameters
    ----------
    last : np.ndarray
        Index of the highest value of each statistic, int64 (S,).
    share : float
        The quantile.
    value_at : callable
        Takes an index for each statistic, and returns the values there, float64 (S,).
    """
    exact = last * share
    before = np.floor(exact).astype(np.int64)
    below, above = value_at(before), value_at(np.minimum(before + 1, last))
    way, difference = exact - before, above - below
    return np.where(way < 0.5, below + difference * way, above - difference * (1 - way))
