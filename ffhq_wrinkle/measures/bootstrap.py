"""Bootstrap: how much a figure would vary if other images had been drawn; arrays only."""

import warnings
from collections.abc import Callable

import numpy as np

RESAMPLES = 9999
CONFIDENCE = 0.95
_BATCH_NUMBERS = 2_000_000  # in memory at once, whatever the number of images or statistics


def bootstrap_intervals(
    statistics: Callable[[np.ndarray], np.ndarray],
    images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile intervals of several statistics of the same images.

    Images are drawn with replacement [Efron, Tibshirani 1993, chapter 13], for all statistics the
    same ones. A resample in which a statistic is NaN is left out of its interval.

    Parameters
    ----------
    statistics : callable
        Takes how often each image counts, float64 (B, images), and gives float64 (B, S).
    images : int
        How many there are.
    resamples : int
        How often to draw as many images as there are.
    seed : int
        For the random numbers.

    Returns
    -------
    tuple of np.ndarray
        Lower and upper limits, float64 (S,) each; NaN where there is but one image, or where a
        statistic is NaN in every resample.
    """
    count = statistics(np.ones((1, images))).shape[1]
    if images < 2 or not resamples:
        nothing = np.full(count, np.nan)
        return nothing, nothing

    def of_drawn(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        rows = drawn.reshape(-1, images)
        of_each_row = rows + images * np.arange(len(rows))[:, None]
        counts = np.bincount(of_each_row.ravel(), minlength=rows.size).reshape(rows.shape)
        values = statistics(counts.astype(np.float64)).T
        return values if drawn.ndim > 1 else values[:, 0]

    from scipy import stats  # which takes as long to load as most commands do to start

    with warnings.catch_warnings():
        # Of statistics that are NaN in some resamples, whose limits are found below.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        drawn = stats.bootstrap(
            (np.arange(images),),
            of_drawn,
            vectorized=True,
            n_resamples=resamples,
            batch=max(1, _BATCH_NUMBERS // max(images, count)),
            method="percentile",
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    limits = np.full((2, len(drawn)), np.nan)
    defined = ~np.isnan(drawn)
    whole = defined.all(axis=1)
    limits[:, whole] = np.quantile(drawn[whole], tails, axis=1)
    for row in np.flatnonzero(~whole & defined.any(axis=1)):
        limits[:, row] = np.quantile(drawn[row, defined[row]], tails)
    return limits[0], limits[1]
