"""Shares: how large groups are, how sure that is, and how far sets differ; arrays only."""

import math
from typing import NamedTuple

import numpy as np

from ..measures.bootstrap import CONFIDENCE


def wilson_intervals(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals of the shares of groups [Wilson 1927].

    They hold for what a set was drawn from at random, one group against all others.

    Parameters
    ----------
    counts : np.ndarray
        int (G,), faces of each group.

    Returns
    -------
    tuple of np.ndarray
        Lower and upper limits, float64 (G,) each, 0..1; NaN where there is no face at all.
    """
    faces = int(counts.sum())
    if not faces:
        nothing = np.full(len(counts), np.nan)
        return nothing, nothing
    from scipy import stats  # which takes as long to load as most commands do to start

    limits = np.array(
        [
            stats.binomtest(int(count), faces).proportion_ci(CONFIDENCE, method="wilson")
            for count in counts
        ]
    )
    return limits[:, 0], limits[:, 1]


class Association(NamedTuple):
    """How far two sets differ in one variable.

    Attributes
    ----------
    chi_squared : float
        Pearson's, without correction.
    degrees : int
        Of freedom.
    p : float
        How likely so large a chi-squared is where both sets are drawn at random from one
        population.
    cramers_v : float
        0 for equal shares, 1 for sets without a common group.
    least_expected : float
        Smallest count that equal shares would give; where it is below 5, p is rough.
    """

    chi_squared: float
    degrees: int
    p: float
    cramers_v: float
    least_expected: float


def association(counts: np.ndarray) -> Association:
    """Hold two sets of faces against each other.

    Groups that neither has are left out.

    Parameters
    ----------
    counts : np.ndarray
        int (2, G), faces of each group in sets that have no face in common.

    Returns
    -------
    Association
        Of NaN, and 0 degrees, where a set is empty or all faces are of one group.

    References
    ----------
    Cramér, Mathematical Methods of Statistics, 1946, section 21.9.
    """
    there = counts[:, counts.any(axis=0)]
    if there.shape[1] < 2 or not there.any(axis=1).all():
        return Association(math.nan, 0, math.nan, math.nan, math.nan)
    from scipy import stats

    found = stats.chi2_contingency(there, correction=False)
    return Association(
        float(found.statistic),
        int(found.dof),
        float(found.pvalue),
        float(stats.contingency.association(there, method="cramer", correction=False)),
        float(found.expected_freq.min()),
    )
