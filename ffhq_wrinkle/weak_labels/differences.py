"""Differences: how far two weak masks of an image are apart, as sums that can be pooled."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError


class LevelDifference(NamedTuple):
    """Sums over pixels, of one image or of several together.

    Attributes
    ----------
    pixels : int
        Number of pixels.
    absolute, squared : int
        Sums of the absolute and of the squared differences of levels.
    exact : int
        Number of pixels with equal levels.
    """

    pixels: int
    absolute: int
    squared: int
    exact: int

    @property
    def mae(self) -> float:
        """Mean absolute difference in levels; NaN without pixels."""
        return self.absolute / self.pixels if self.pixels else math.nan

    @property
    def rmse(self) -> float:
        """Root mean square difference in levels; NaN without pixels."""
        return math.sqrt(self.squared / self.pixels) if self.pixels else math.nan

    @property
    def exact_share(self) -> float:
        """Share of equal pixels, 0..1; NaN without pixels."""
        return self.exact / self.pixels if self.pixels else math.nan


def level_difference(
    first: np.ndarray, second: np.ndarray, region: np.ndarray | None = None
) -> LevelDifference:
    """Compare two weak masks, uint8 (H, W), inside a region, bool (H, W), or in the whole image.

    Raises
    ------
    ArgumentError
        The masks differ in size.

    >>> level_difference(np.array([[2, 0]], np.uint8), np.array([[2, 3]], np.uint8))
    LevelDifference(pixels=2, absolute=3, squared=9, exact=1)
    """
    if first.shape != second.shape:
        raise ArgumentError(f"one weak mask is {first.shape}, the other {second.shape}")
    apart = np.abs(first.astype(np.int32) - second)
    selected = apart if region is None else apart[region]
    return LevelDifference(
        selected.size,
        int(selected.sum(dtype=np.int64)),
        int((selected**2).sum(dtype=np.int64)),
        int(np.count_nonzero(selected == 0)),
    )


def pooled(differences: Iterable[LevelDifference]) -> LevelDifference:
    """Return the sums over several images."""
    return LevelDifference(*map(sum, zip(*differences, strict=True)))
