"""STAPLE: the hidden true mask and each annotator's performance, estimated from each other.

Expectation maximization runs over vote patterns instead of pixels. Pixels of one pattern have the
same probability, so nothing is lost, and an iteration takes only a few numbers.
"""

from dataclasses import dataclass

import numpy as np

from ..measures.metrics import in_range
from .votes import PatternCounts

MAX_ITERATIONS = 100_000
TOLERANCE = 1e-7  # as in ITK's filter, so that both stop at the same iteration


@dataclass(frozen=True)
class Staple:
    """STAPLE's estimates.

    Attributes
    ----------
    probability : np.ndarray
        Probability that a pixel is truly wrinkle, for each vote pattern; float64 (K,).
    sensitivity, specificity : np.ndarray
        For each annotator, the share of the true wrinkle that they drew, and the share of the rest
        that they did not draw; float64 (A,). NaN where nobody drew, or everybody drew everything.
    prevalence : float
        Share of pixels that an annotator drew, averaged over annotators: the prior, g.
    iterations : int
        Number of iterations.
    converged : bool
        Whether the last iteration changed less than the tolerance.
    """

    probability: np.ndarray
    sensitivity: np.ndarray
    specificity: np.ndarray
    prevalence: float
    iterations: int
    converged: bool


def staple(
    counts: PatternCounts, *, max_iterations: int = MAX_ITERATIONS, tolerance: float = TOLERANCE
) -> Staple:
    """Estimate the true mask and each annotator's performance [Warfield, Zou, Wells 2004].

    This is the paper's method for two classes, without spatial correlation. As in ITK's filter, the
    prior is the share of drawn pixels in the whole image, the first guess of a pixel is its share
    of votes, and iteration ends when nothing changes by more than the tolerance.

    Parameters
    ----------
    counts : PatternCounts
        The votes, counted inside the region.
    max_iterations, tolerance
        Iteration stops after this many, or when no sensitivity or specificity changes by more.

    Returns
    -------
    Staple
    """
    marks = counts.marks
    pixels = counts.counts.astype(np.float64)
    prevalence = float(pixels @ marks.mean(axis=1) / pixels.sum())
    probability = marks.mean(axis=1)
    sensitivity = specificity = np.full(counts.annotators, np.nan)
    if prevalence in (0, 1):  # there is nothing to estimate from
        return Staple(probability, sensitivity, specificity, prevalence, 0, True)
    # An iteration takes only a few numbers, so its time depends on the number of NumPy calls.
    drew = np.ascontiguousarray(marks.T)
    rated = np.full((2, counts.annotators), np.nan)
    by_mark = marks.astype(np.float64), (~marks).astype(np.float64)
    iterations, converged = 0, False
    while iterations < max_iterations and not converged:
        true_px, false_px = pixels * probability, pixels * (1 - probability)
        of_true, of_false = np.add.reduce(true_px), np.add.reduce(false_px)
        if not of_true or not of_false:
            break  # all is wrinkle, or all is skin, to float64 precision
        before = rated
        rated = np.array([true_px @ by_mark[0] / of_true, false_px @ by_mark[1] / of_false])
        rated = in_range(rated, 0, 1)
        sensitivity, specificity = rated  # the M step
        hit, right = sensitivity[:, None], specificity[:, None]
        wrinkle = prevalence * np.multiply.reduce(np.where(drew, hit, 1 - hit))  # the E step
        skin = (1 - prevalence) * np.multiply.reduce(np.where(drew, 1 - right, right))
        either = wrinkle + skin  # 0 where no pixel has the pattern
        probability = np.divide(wrinkle, either, out=np.zeros_like(either), where=either > 0)
        iterations += 1
        change = np.maximum.reduce(np.abs(rated - before), axis=None)  # NaN the first time
        converged = bool(change < tolerance)
    return Staple(probability, sensitivity, specificity, prevalence, iterations, converged)
