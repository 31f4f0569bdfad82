"""Scores: the few counts of a predicted mask from which every measure of it follows; arrays only.

Scores of many images add up, as tallies of annotators do, so that measures of all pixels pooled,
or of a bootstrap's resample, are measures of a weighted sum.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ...measures.metrics import NearOverlap, Overlap, overlap
from ...measures.neighbourhoods import near_px
from .centrelines import centreline_overlap
from .measures import MEASURES, Column
from .probabilities import LevelCounts, level_counts


class Score(NamedTuple):
    """Counts of pixels, of one image, or with leading axes of many; T tolerances.

    Attributes
    ----------
    pixels, reference, predicted, both : np.ndarray
        Pixels that count, and those in the reference mask, in the prediction, and in both, (...,).
    near : np.ndarray
        Pixels of the reference near the prediction, and the reverse, (..., T, 2).
    centreline : np.ndarray
        As `centrelines.centreline_overlap`, (..., 1, 4), or (..., 0, 4) if it was not asked for.
    of_levels : np.ndarray
        Measures of probabilities, (..., L), or (..., 0) for an image without. They do not follow
        from counts, so those of a sum are NaN.
    """

    pixels: np.ndarray
    reference: np.ndarray
    predicted: np.ndarray
    both: np.ndarray
    near: np.ndarray
    centreline: np.ndarray
    of_levels: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Pixels in one mask only, (...,)."""
        return self.reference + self.predicted - 2 * self.both

    def weighted(self, weights: np.ndarray) -> "Score":
        """Return sums over images, each weighted: (B, images) gives (B, ...)."""

        def summed(counts: np.ndarray) -> np.ndarray:
            return np.tensordot(weights, counts, axes=1)

        total = Score(*map(summed, self))
        return total._replace(of_levels=np.full_like(total.of_levels, np.nan))

    def columns(self, tolerances_px: Sequence[float]) -> list[Column]:
        """Return what the numbers of `measured` are, in their order."""
        declared = MEASURES.items()
        columns = [Column(name) for name, measure in declared if measure.exact]
        if self.centreline.shape[-2]:
            columns += [Column(name) for name, measure in declared if measure.centrelines]
        columns += [
            Column(name, far) for name, measure in declared if measure.near for far in tolerances_px
        ]
        if self.of_levels.shape[-1]:
            columns += [Column(name) for name, measure in declared if measure.levels]
        return columns

    def measured(self) -> np.ndarray:
        """Return every measure: (...) gives float64 (..., S), NaN where undefined."""
        declared = MEASURES.values()
        counts = Overlap(self.both, self.reference, self.predicted, self.pixels)
        centrelines = NearOverlap(*np.moveaxis(self.centreline, -1, 0))
        near_reference, near_predicted = np.moveaxis(self.near, -1, 0)
        reference, predicted = (
            np.broadcast_to(drawn[..., None], near_reference.shape)
            for drawn in (self.reference, self.predicted)
        )
        near = NearOverlap(near_reference, reference, near_predicted, predicted)
        blocks = [
            np.stack([measure.exact(counts) for measure in declared if measure.exact], axis=-1)
        ]
        blocks += [measure.centrelines(centrelines) for measure in declared if measure.centrelines]
        blocks += [measure.near(near) for measure in declared if measure.near]
        return np.concatenate([*blocks, self.of_levels], axis=-1)


def stacked(scores: Iterable[Score]) -> Score:
    """Return scores of single images as one score with a leading axis of images."""
    return Score(*(np.stack(counts) for counts in zip(*scores, strict=True)))


class ImageScore(NamedTuple):
    """The score of one image, and the counts of its probabilities, if it has any."""

    score: Score
    levels: LevelCounts | None


def score(
    reference: np.ndarray,
    predicted: np.ndarray,
    region: np.ndarray | None = None,
    *,
    probability: np.ndarray | None = None,
    tolerances_px: Sequence[float] = (),
    centrelines: bool = False,
) -> ImageScore:
    """Count the pixels of a prediction and its reference.

    Parameters
    ----------
    reference, predicted : np.ndarray
        bool (H, W).
    region : np.ndarray, optional
        bool (H, W); pixels outside it do not count.
    probability : np.ndarray, optional
        As `probabilities.require_probability` wants it.
    tolerances_px : sequence of float
        As `neighbourhoods.near_px`.
    centrelines : bool
        Whether to count for clDice.

    Raises
    ------
    ArgumentError
        The masks are not bool, or arrays differ in shape.
    """
    levels, of_levels = None, []
    if probability is not None:
        levels = level_counts(probability, reference, region)
        of_levels = [measure.levels(levels) for measure in MEASURES.values() if measure.levels]
    counts = overlap(reference, predicted, region)
    if region is not None:
        reference, predicted = reference & region, predicted & region
    distances = near_px([reference, predicted], tolerances_px)
    centreline = np.zeros((0, 4), np.int64)
    if centrelines:
        centreline = np.array([centreline_overlap(reference, predicted)], np.int64)
    of_image = Score(
        counts.pixels,
        counts.first,
        counts.second,
        counts.both,
        np.stack([distances[:, 0, 1], distances[:, 1, 0]], axis=-1),
        centreline,
        np.array(of_levels, np.float64),
    )
    return ImageScore(of_image, levels)
