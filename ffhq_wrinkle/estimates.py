"""Estimates: figures of many images put together, with how sure they are; arrays only.

Each measure is put together twice, as the mean over images and of all pixels pooled, for the two
answer different questions and papers do not always say which they mean.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from .bootstrap import bootstrap_intervals
from .tallies import Column, Tally, measures

Aggregate = Literal["mean over images", "pooled"]


class Estimate(NamedTuple):
    """One figure: what it measures, how images were put together, and how sure it is.

    Attributes
    ----------
    column : Column
        What it measures, and of whom.
    aggregate : str
        ``mean over images``, or ``pooled`` over the pixels of all images.
    images, undefined : int
        How many images there are, and how many are left out of a mean because they have no such
        value; for an average over pairs, those in which some pair has none.
    value, low, high : float
        The figure and its 95 % interval; NaN where undefined.
    """

    column: Column
    aggregate: Aggregate
    images: int
    undefined: int
    value: float
    low: float
    high: float


def estimates(
    tallies: Tally, columns: Sequence[Column], *, resamples: int, seed: int
) -> list[Estimate]:
    """Every figure of a set of images, averages over pairs included.

    Parameters
    ----------
    tallies : Tally
        Counts of every image.
    columns : sequence of Column
        What `tallies.measures` gives.
    resamples, seed : int
        As `bootstrap.bootstrap_intervals`.

    Returns
    -------
    list of Estimate
        Two for each column, then two for each average: the mean over images and the pooled one.
    """
    per_image = measures(tallies)
    defined = ~np.isnan(per_image)
    filled = np.nan_to_num(per_image)
    averages = _averages(columns)

    def statistics(weights: np.ndarray) -> np.ndarray:
        counted = weights @ defined
        undefined = np.full(counted.shape, np.nan)
        means = np.divide(weights @ filled, counted, out=undefined, where=counted > 0)
        pooled = measures(tallies.weighted(weights))
        return np.hstack([_with_averages(values, averages) for values in (means, pooled)])

    images = len(per_image)
    values = statistics(np.ones((1, images)))[0]
    low, high = bootstrap_intervals(statistics, images, resamples=resamples, seed=seed)
    all_columns = [*columns, *averages]
    undefined = [
        *(~defined).sum(axis=0),
        *((~defined[:, members]).any(axis=1).sum() for members in averages.values()),
    ]
    figures = []
    for number, column in enumerate(all_columns):
        at = number, number + len(all_columns)
        mean, pooled = (tuple(float(part[one]) for part in (values, low, high)) for one in at)
        left_out = int(undefined[number])
        figures.append(Estimate(column, "mean over images", images, left_out, *mean))
        figures.append(Estimate(column, "pooled", images, 0, *pooled))
    return figures


def _averages(columns: Sequence[Column]) -> dict[Column, list[int]]:
    """The averages over pairs, and the numbers of the columns that each is the mean of."""
    members: dict[Column, list[int]] = {}
    for number, column in enumerate(columns):
        if column.kind == "pair":
            average = Column("average", "average", column.measure, column.tolerance_px)
            members.setdefault(average, []).append(number)
    return members


def _with_averages(values: np.ndarray, averages: dict[Column, list[int]]) -> np.ndarray:
    """Values (B, S), and beside them their averages over pairs; undefined pairs are left out."""
    means = [defined_mean(values[:, members])[:, None] for members in averages.values()]
    return np.hstack([values, *means])


def defined_mean(values: np.ndarray) -> np.ndarray:
    """The mean of what is not NaN in each row, (R, C) to (R,); NaN where all is."""
    count = (~np.isnan(values)).sum(axis=1)
    undefined = np.full(len(values), np.nan)
    means: np.ndarray = np.divide(np.nansum(values, axis=1), count, out=undefined, where=count > 0)
    return means
