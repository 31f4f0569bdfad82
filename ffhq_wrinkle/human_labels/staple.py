"""STAPLE: the hidden true mask, and how well each annotator drew it, estimated from each other.

Expectation maximization over vote patterns instead of pixels. Pixels of one pattern have the same
probability, so nothing is lost, and an iteration costs a few numbers.
"""

from dataclasses import dataclass

import numpy as np

from .votes import PatternCounts

MAX_ITERATIONS = 100_000
TOLERANCE = 1e-7  # as in ITK's filter, so that both stop at the same iteration


@dataclass(frozen=True)
class Staple:
    """What STAPLE estimates.

    Attributes
    ----------
    probability : np.ndarray
        That a pixel is truly wrinkle, for each vote pattern; float64 (K,).
    sensitivity, specificity : np.ndarray
        Of each annotator: the share of the true wrinkle that they drew, and of the rest that they
        left alone; float64 (A,). NaN where nobody drew, or everybody drew all.
    prevalence : float
        Share of pixels that an annotator drew, on the average: the prior, g.
    iterations : int
        How many there were.
    converged : bool
        Whether the last one changed nothing to speak of.
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
    """Simultaneous truth and performance level estimation [Warfield, Zou, Wells 2004].

    The paper's method for two classes, without spatial correlation. The prior is the share of drawn
    pixels, one for the whole image, the first guess of a pixel is its share of votes, and the end
    comes when nothing changes by more than the tolerance, all as in ITK's filter.

    Parameters
    ----------
    counts : PatternCounts
        The votes; a region is chosen when they are counted.
    max_iterations, tolerance
        When to stop: after so many, or when no sensitivity or specificity changes by more.

    Returns
    -------
    Staple
    """
    marks = counts.marks
    pixels = counts.counts.astype(np.float64)
    prevalence = float(pixels @ marks.mean(axis=1) / pixels.sum())
    probability = marks.mean(axis=1)
    sensitivity = specificity = np.full(counts.annotators, np.nan)
    if prevalence in (0, 1):  # nothing to estimate from
        return Staple(probability, sensitivity, specificity, prevalence, 0, True)
    # An iteration is a few numbers, so what takes time is the number of NumPy's calls.
    drew = np.ascontiguousarray(marks.T)
    rated = np.full((2, counts.annotators), np.nan)
    by_mark = marks.astype(np.float64), (~marks).astype(np.float64)
    iterations, converged = 0, False
    while iterations < max_iterations and not converged:
        true_px, false_px = pixels * probability, pixels * (1 - probability)
        of_true, of_false = np.add.reduce(true_px), np.add.reduce(false_px)
        if not of_true or not of_false:
            break  # all is wrinkle, or all is skin, as far as float64 can tell
        before = rated
        rated = np.array([true_px @ by_mark[0] / of_true, false_px @ by_mark[1] / of_false])
        sensitivity, specificity = rated  # the M step
        hit, right = sensitivity[:, None], specificity[:, None]
        wrinkle = prevalence * np.multiply.reduce(np.where(drew, hit, 1 - hit))  # the E step
        skin = (1 - prevalence) * np.multiply.reduce(np.where(drew, 1 - right, right))
        either = wrinkle + skin  # 0 where no pixel has the pattern, and so nothing is known of it
        probability = np.divide(wrinkle, either, out=np.zeros_like(either), where=either > 0)
        iterations += 1
        converged = bool(
            np.maximum.reduce(np.abs(rated - before), axis=None) < tolerance
        )  # the first time it is NaN
    return Staple(probability, sensitivity, specificity, prevalence, iterations, converged)
