"""Probabilities: a network's output before the threshold, scored at every threshold.

A probability map is an array (H, W): floating point in 0..1, or uint16, where 65535 is 1, as in a
16-bit PNG. Arrays only.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit

from ...errors import ArgumentError
from ...measures.metrics import in_range

WHOLE = 65535  # the uint16 that stands for 1
_LEVELS = WHOLE + 1
_BITS_WITHOUT_SIGN = np.uint16(0x7FFF)

Scale = Literal["float16", "16 bits"]


class LevelCounts(NamedTuple):
    """Number of pixels at each level of probability: of the reference, and of the image.

    Both are int64 (65536,). Levels ascend with probability; `scale` says what they stand for.
    """

    reference: np.ndarray
    every: np.ndarray
    scale: Scale

    def plus(self, other: "LevelCounts") -> "LevelCounts":
        """Return the sum of both.

        Raises
        ------
        ArgumentError
            Their scales differ, so that their levels cannot be compared.
        """
        if self.scale != other.scale:
            raise ArgumentError(
                "some probabilities are float16 and others are not; save all of them as one type"
            )
        return LevelCounts(self.reference + other.reference, self.every + other.every, self.scale)


def require_probability(probability: np.ndarray) -> None:
    """Refuse an array that is not a probability map.

    Raises
    ------
    ArgumentError
        The array has another dtype or shape, values outside 0..1, or NaN.
    """
    floating = np.issubdtype(probability.dtype, np.floating)
    if probability.ndim != 2 or not probability.size or not (floating or is_16_bit(probability)):
        raise ArgumentError(
            f"probabilities are uint16 or floating point (H, W), not {probability.dtype} "
            f"{probability.shape}"
        )
    low, high = probability.min(), probability.max()
    if floating and not (low >= 0 and high <= 1):  # NaN is neither
        raise ArgumentError(f"probabilities run from 0 to 1, not from {low:.4g} to {high:.4g}")


def is_16_bit(probability: np.ndarray) -> bool:
    """Tell whether 65535 stands for 1."""
    return probability.dtype == np.uint16


def as_16_bit(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits as uint16, where 65535 is 1.

    >>> as_16_bit(np.array([[-50.0, 0.0, 50.0]], np.float32))
    array([[    0, 32768, 65535]], dtype=uint16)
    """
    return np.rint(expit(logits) * WHOLE).astype(np.uint16)


def thresholded(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Return where a probability is above the threshold in double precision, bool (H, W).

    >>> thresholded(np.array([[0.5, 0.6]], np.float16), 0.5)
    array([[False,  True]])
    """
    if is_16_bit(probability):
        below = np.count_nonzero(np.arange(_LEVELS) / WHOLE <= threshold)
        above: np.ndarray = probability >= below
    else:
        # Not a Python float, which NumPy would round to the array's precision.
        above = probability > np.float64(threshold)
    return above


def level_counts(
    probability: np.ndarray, reference: np.ndarray, region: np.ndarray | None = None
) -> LevelCounts:
    """Count the pixels of a reference mask, and of the image, at each level of probability.

    Levels are those of uint16, or the values of float16; other floating-point values are rounded
    to multiples of 1 / 65535.

    Parameters
    ----------
    probability : np.ndarray
        As `require_probability` wants it.
    reference, region : np.ndarray
        bool (H, W); pixels outside the region do not count.

    Raises
    ------
    ArgumentError
        The arrays differ in shape.
    """
    for mask in (reference,) if region is None else (reference, region):
        if mask.shape != probability.shape:
            raise ArgumentError(
                f"probabilities and masks must be of one shape, not {probability.shape} and "
                f"{mask.shape}"
            )
    scale: Scale = "16 bits"
    if is_16_bit(probability):
        levels = probability
    elif probability.dtype == np.float16:
        # The bits of non-negative floats ascend as the floats do; -0 becomes 0.
        levels, scale = probability.view(np.uint16) & _BITS_WITHOUT_SIGN, "float16"
    else:
        levels = np.round(probability * np.float64(WHOLE)).astype(np.uint16)
    drawn = reference if region is None else reference & region
    return LevelCounts(
        np.bincount(levels[drawn], minlength=_LEVELS),
        np.bincount(levels.ravel() if region is None else levels[region], minlength=_LEVELS),
        scale,
    )


def average_precision(counts: LevelCounts) -> float:
    """Return the area under the precision-recall curve; NaN if the reference is empty.

    It is the sum over thresholds of precision times the gain in recall, without interpolation, as
    in scikit-learn's `average_precision_score`.
    """
    at_level = np.flatnonzero(counts.reference)[::-1]
    if not len(at_level):
        return math.nan
    gained = counts.reference[at_level]
    marked = counts.every[::-1].cumsum()[::-1][at_level]
    return float(in_range((gained * gained.cumsum() / marked).sum() / gained.sum(), 0, 1))
