"""Estimates: measures over many images, with their bootstrap intervals; arrays only.

Each measure is aggregated twice, as the mean over images and over the pooled pixels of all images:
the two answer different questions, and papers do not always say which they report.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Literal, NamedTuple, Protocol, Self, TypeVar

import numpy as np

from .bootstrap import bootstrap_intervals
from .metrics import in_range

Aggregate = Literal["mean over images", "pooled"]
MEAN: Aggregate = "mean over images"
POOLED: Aggregate = "pooled"


class Counts(Protocol):
    """Counts of many images, along the first axis."""

    def weighted(self, weights: np.ndarray) -> Self:
        """Return sums over images, each weighted: (B, images) gives (B, ...)."""


ColumnT = TypeVar("ColumnT")
CountsT = TypeVar("CountsT", bound=Counts)


class Estimate(NamedTuple, Generic[ColumnT]):
    """One figure: its measure, its aggregation over images, and its interval.

    Attributes
    ----------
    column : Column
        The quantity that it measures.
    aggregate : str
        ``mean over images``, or ``pooled`` over the pixels of all images.
    images, undefined : int
        Number of images, and how many of them are left out of a mean because their value is
        undefined; for an average over pairs, those in which some pair has no value.
    value, low, high : float
        The figure and its 95 % interval; NaN where undefined.
    """

    column: ColumnT
    aggregate: Aggregate
    images: int
    undefined: int
    value: float
    low: float
    high: float


def estimates(
    counts: CountsT,
    columns: Sequence[ColumnT],
    measures: Callable[[CountsT], np.ndarray],
    *,
    averages: Mapping[ColumnT, Sequence[int]] | None = None,
    subjects: np.ndarray | None = None,
    resamples: int,
    seed: int,
) -> list[Estimate[ColumnT]]:
    """Return every figure of a set of images.

    Parameters
    ----------
    counts : Counts
        Counts of every image.
    columns : sequence
        The S quantities that `measures` computes.
    measures : callable
        Takes counts of images, or their sums, and returns float64 (..., S); NaN where undefined.
    averages : mapping, optional
        Further columns, each with the indices of the columns that it averages.
    subjects, resamples, seed
        As `bootstrap.bootstrap_intervals`.

    Returns
    -------
    list of Estimate
        Two for each column, then two for each average: the mean over images and the pooled one.
    """
    averages = averages or {}
    members_of = list(averages.values())
    per_image = measures(counts)
    defined = ~np.isnan(per_image)
    filled = np.nan_to_num(per_image)
    lowest = np.where(defined, per_image, np.inf).min(axis=0)
    highest = np.where(defined, per_image, -np.inf).max(axis=0)

    def statistics(weights: np.ndarray) -> np.ndarray:
        counted = weights @ defined
        undefined = np.full(counted.shape, np.nan)
        means = np.divide(weights @ filled, counted, out=undefined, where=counted > 0)
        means = in_range(means, lowest, highest)
        pooled = measures(counts.weighted(weights))
        return np.hstack([_with_averages(values, members_of) for values in (means, pooled)])

    images = len(per_image)
    values = statistics(np.ones((1, images)))[0]
    low, high = bootstrap_intervals(
        statistics, images, subjects=subjects, resamples=resamples, seed=seed
    )
    all_columns = [*columns, *averages]
    undefined = [
        *(~defined).sum(axis=0),
        *((~defined[:, members]).any(axis=1).sum() for members in members_of),
    ]
    figures = []
    for number, column in enumerate(all_columns):
        at = number, number + len(all_columns)
        mean, pooled = (tuple(float(part[i]) for part in (values, low, high)) for i in at)
        left_out = int(undefined[number])
        figures.append(Estimate(column, MEAN, images, left_out, *mean))
        figures.append(Estimate(column, POOLED, images, 0, *pooled))
    return figures


def _with_averages(values: np.ndarray, members_of: Sequence[Sequence[int]]) -> np.ndarray:
    """Return values (B, S) and, beside them, means of some of them, undefined values left out."""
    means = [defined_mean(values[:, members])[:, None] for members in members_of]
    return np.hstack([values, *means])


def defined_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row without its NaN, (R, C) to (R,); NaN where all of it is."""
    count = (~np.isnan(values)).sum(axis=1)
    undefined = np.full(len(values), np.nan)
    return np.divide(np.nansum(values, axis=1), count, out=undefined, where=count > 0)
