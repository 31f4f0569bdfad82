"""Bootstrap: how much a figure would vary over other samples of images; arrays only."""

import warnings
from collections.abc import Callable

import numpy as np

RESAMPLES = 9999
CONFIDENCE = 0.95
_BATCH_NUMBERS = 2_000_000  # held in memory, however many images or statistics there are


def bootstrap_intervals(
    statistics: Callable[[np.ndarray], np.ndarray],
    images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return 95 % percentile intervals of several statistics of the same images.

    Images are drawn with replacement [Efron, Tibshirani 1993, chapter 13], the same images for all
    statistics. A resample in which a statistic is NaN is left out of its interval.

    Parameters
    ----------
    statistics : callable
        Takes the weight of each image, float64 (B, images), and returns float64 (B, S).
    images : int
        Number of images, and of draws in each resample.
    resamples : int
        Number of resamples.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    tuple of np.ndarray
        Lower and upper limits, float64 (S,) each; NaN if there is only one image, or where a
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

    from scipy import stats  # takes as long to load as most commands take to start

    with warnings.catch_warnings():
        # Statistics may be NaN in some resamples; their limits are computed below.
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
