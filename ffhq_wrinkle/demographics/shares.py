"""Shares: intervals for the shares of groups, and differences between sets; arrays only."""

import math
from typing import NamedTuple

import numpy as np

from ..measures.bootstrap import CONFIDENCE
from ..measures.metrics import in_range


def wilson_intervals(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 95 % intervals of the shares of groups [Wilson 1927].

    The intervals are for a population from which the set was drawn at random. Each group is
    considered against all others together.

    Parameters
    ----------
    counts : np.ndarray
        int (G,), number of faces in each group.

    Returns
    -------
    tuple of np.ndarray
        Lower and upper limits, float64 (G,) each, 0..1; NaN if there are no faces.
    """
    faces = int(counts.sum())
    if not faces:
        undefined = np.full(len(counts), np.nan)
        return undefined, undefined
    from scipy import stats  # here, because it takes as long to load as most commands to start

    limits = np.array(
        [
            stats.binomtest(int(count), faces).proportion_ci(CONFIDENCE, method="wilson")
            for count in counts
        ]
    )
    limits = in_range(limits, 0, 1)
    return limits[:, 0], limits[:, 1]


class Association(NamedTuple):
    """The difference between two sets in one variable.

    Attributes
    ----------
    chi_squared : float
        Pearson's chi-squared, without correction.
    degrees : int
        Degrees of freedom.
    p : float
        Probability of a chi-squared at least this large if both sets are drawn at random from one
        population.
    cramers_v : float
        Cramér's V: 0 for equal shares, 1 for sets without a common group.
    least_expected : float
        Smallest of the counts that are expected if the shares are equal. Below 5, p is rough.
    """

    chi_squared: float
    degrees: int
    p: float
    cramers_v: float
    least_expected: float


def association(counts: np.ndarray) -> Association:
    """Compare the groups of two sets of faces.

    Groups that are empty in both sets are ignored.

    Parameters
    ----------
    counts : np.ndarray
        int (2, G), number of faces in each group of two sets without common faces.

    Returns
    -------
    Association
        NaN, and 0 degrees of freedom, if a set is empty or all faces are in one group.

    References
    ----------
    Cramér, Mathematical Methods of Statistics, 1946, section 21.9.
    """
    present = counts[:, counts.any(axis=0)]
    if present.shape[1] < 2 or not present.any(axis=1).all():
        return Association(math.nan, 0, math.nan, math.nan, math.nan)
    from scipy import stats

    cramers_v = stats.contingency.association(present, method="cramer", correction=False)
    test = stats.chi2_contingency(present, correction=False)
    return Association(
        float(test.statistic),
        int(test.dof),
        float(test.pvalue),
        float(in_range(cramers_v, 0, 1)),
        float(test.expected_freq.min()),
    )
