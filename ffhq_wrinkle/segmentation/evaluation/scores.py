"""Scores: the few counts of a predicted mask from which every measure of it follows; arrays only.

Scores of many images add up, as tallies of annotators do, so that measures of all pixels pooled,
or of images drawn again in a bootstrap, are measures of a weighted sum.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ...measures.metrics import (  # fmt: skip
    NearOverlap,
    Overlap,
    accuracy,
    dice,
    jaccard,
    near_dice,
    overlap,
    precision,
    recall,
)
from ...measures.neighbourhoods import near_px
from .centrelines import centreline_overlap

_EXACT = {
    "jsi": jaccard, "f1": dice, "accuracy": accuracy, "precision": precision, "recall": recall,
}  # fmt: skip
CENTRELINE, AREA = "cldice", "average_precision"


class Score(NamedTuple):
    """Counts of pixels, of one image, or with leading axes of many; T tolerances.

    Attributes
    ----------
    pixels, reference, predicted, both : np.ndarray
        Looked at, in the reference mask, in the prediction, and in both, (...,).
    near : np.ndarray
        Of the reference those near the prediction, and the other way round, (..., T, 2).
    centreline : np.ndarray
        As `centrelines.centreline_overlap`, (..., 1, 4), or (..., 0, 4) if it was not asked for.
    average_precision : np.ndarray
        Of an image with probabilities, (..., 1), otherwise (..., 0). It does not follow from
        counts, so that sums have NaN.
    """

    pixels: np.ndarray
    reference: np.ndarray
    predicted: np.ndarray
    both: np.ndarray
    near: np.ndarray
    centreline: np.ndarray
    average_precision: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Pixels in one mask only, (...,)."""
        wrong: np.ndarray = self.reference + self.predicted - 2 * self.both
        return wrong

    def weighted(self, weights: np.ndarray) -> "Score":
        """Sums over images, each counted so many times: (B, images) gives (B, ...)."""

        def summed(counts: np.ndarray) -> np.ndarray:
            return np.asarray(np.tensordot(weights, counts, axes=1))

        area = summed(self.average_precision)
        return Score(*map(summed, self))._replace(average_precision=np.full_like(area, np.nan))


def stacked(scores: Iterable[Score]) -> Score:
    """Scores of single images as those of many."""
    return Score(*(np.stack(counts) for counts in zip(*scores, strict=True)))


def score(
    reference: np.ndarray,
    predicted: np.ndarray,
    region: np.ndarray | None = None,
    *,
    tolerances_px: Sequence[float] = (),
    centrelines: bool = False,
    average_precision: float | None = None,
) -> Score:
    """Count the pixels of a prediction and its reference.

    Parameters
    ----------
    reference, predicted : np.ndarray
        bool (H, W).
    region : np.ndarray, optional
        bool (H, W); pixels outside it are not looked at.
    tolerances_px : sequence of float
        As `neighbourhoods.near_px`.
    centrelines : bool
        Whether to count for clDice.
    average_precision : float, optional
        Of the probabilities, if there are any.

    Raises
    ------
    ArgumentError
        The masks are not bool, or not of one shape.
    """
    counts = overlap(reference, predicted, region)
    if region is not None:
        reference, predicted = reference & region, predicted & region
    distances = near_px([reference, predicted], tolerances_px)
    centreline = np.zeros((0, 4), np.int64)
    if centrelines:
        centreline = np.array([centreline_overlap(reference, predicted)], np.int64)
    return Score(
        counts.pixels,
        counts.first,
        counts.second,
        counts.both,
        np.stack([distances[:, 0, 1], distances[:, 1, 0]], axis=-1),
        centreline,
        np.array([] if average_precision is None else [average_precision]),
    )


class Measure(NamedTuple):
    """What one number measures, and how far lines may lie apart."""

    measure: str
    tolerance_px: float | None = None


def columns(scores: Score, tolerances_px: Sequence[float]) -> list[Measure]:
    """What the numbers that `measures` gives are, in their order."""
    centreline = [Measure(CENTRELINE)] * scores.centreline.shape[-2]
    near = [Measure("f1", far) for far in tolerances_px]
    area = [Measure(AREA)] * scores.average_precision.shape[-1]
    return [*map(Measure, _EXACT), *centreline, *near, *area]


def measures(scores: Score) -> np.ndarray:
    """Every measure of a score: (...) gives float64 (..., S), in the order of `columns`."""
    counts = Overlap(scores.both, scores.reference, scores.predicted, scores.pixels)
    of_lines = np.moveaxis(scores.centreline, -1, 0)
    of_reference, of_predicted = np.moveaxis(scores.near, -1, 0)
    reference, predicted = (
        np.broadcast_to(drawn[..., None], of_reference.shape)
        for drawn in (scores.reference, scores.predicted)
    )
    near = NearOverlap(of_reference, reference, of_predicted, predicted)
    exact = np.stack([measure(counts) for measure in _EXACT.values()], axis=-1)
    blocks = [exact, near_dice(NearOverlap(*of_lines)), near_dice(near), scores.average_precision]
    return np.concatenate(blocks, axis=-1)


class PairedScores(NamedTuple):
    """Scores of two predictions of the same images."""

    first: Score
    second: Score

    def weighted(self, weights: np.ndarray) -> "PairedScores":
        """As of `Score`, each image counted as often in both."""
        return PairedScores(self.first.weighted(weights), self.second.weighted(weights))
