"""Evaluation: how good predictions are, over all images that have a reference.

It follows from the score of each image; `scoring` makes it of folders or arrays. Two of them are
held against each other in `comparison`; `evaluation_tables` and `evaluation_report` show it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ...measures.bootstrap import RESAMPLES
from ...measures.estimates import POOLED, Estimate, estimates
from .pairs import EvaluationSettings, PairFiles
from .prediction_files import Predictions
from .probabilities import LevelCounts, average_precision
from .scores import AREA, Measure, Score, columns, measures


@dataclass(frozen=True)
class Evaluation:
    """How good predictions are on a set of images.

    Attributes
    ----------
    image_ids : list of str
        Which images, in the order of `scores`.
    scores : Score
        Counts of every image.
    settings : EvaluationSettings
        How they were scored.
    levels : LevelCounts, optional
        Of all images together, if there are probabilities.
    resamples, seed : int
        Of the bootstrap.
    predictions, references : optional
        The folders, if the images are from files.
    files : list of PairFiles
        Of each image, if they are.
    """

    image_ids: list[str]
    scores: Score
    settings: EvaluationSettings
    levels: LevelCounts | None = None
    resamples: int = RESAMPLES
    seed: int = 0
    predictions: Predictions | None = None
    references: Path | None = None
    files: list[PairFiles] = field(default_factory=list)

    @property
    def columns(self) -> list[Measure]:
        """What `per_image` holds."""
        return columns(self.scores, self.settings.tolerances_px)

    @cached_property
    def per_image(self) -> np.ndarray:
        """Every measure of every image, float64 (images, columns); NaN where undefined."""
        return measures(self.scores)

    def of_images(self, measure: Measure) -> np.ndarray:
        """One measure of every image, float64 (images,)."""
        values: np.ndarray = self.per_image[:, self.columns.index(measure)]
        return values

    @cached_property
    def estimates(self) -> list[Estimate[Measure]]:
        """Every figure of all images, with its interval.

        The pooled area under the precision-recall curve has none: the curve of a resample would
        need the probabilities of every image at once.
        """
        found = estimates(
            self.scores, self.columns, measures, resamples=self.resamples, seed=self.seed
        )
        if self.levels is None:
            return found
        return with_pooled_area(found, average_precision(self.levels))

    @property
    def both_empty(self) -> int:
        """How many images are empty in both masks."""
        return int(np.count_nonzero(self.scores.reference + self.scores.predicted == 0))

    def mean_with_empty_as_1(self, measure: Measure) -> float:
        """A mean over images in which images that are empty in both masks count as right."""
        values = self.of_images(measure)
        empty = self.scores.reference + self.scores.predicted == 0
        return float(np.mean(np.where(empty, 1, values)))

    def worst_first(self) -> list[int]:
        """Numbers of the images, from the lowest JSI to those empty in both masks.

        Of images of the same JSI the one with more wrong pixels comes first.
        """
        jsi = np.nan_to_num(self.of_images(Measure("jsi")), nan=2)
        return [int(number) for number in np.lexsort((-self.scores.wrong, jsi))]

    def worst(self) -> list[int]:
        """Numbers of the images with a wrong pixel, the worst first."""
        return [number for number in self.worst_first() if self.scores.wrong[number]]


def with_pooled_area(found: Iterable[Estimate[Measure]], area: float) -> list[Estimate[Measure]]:
    """Figures, and among them the area under the curve of all pixels, which no counts give."""
    column = Measure(AREA)
    return [one._replace(value=area) if one[:2] == (column, POOLED) else one for one in found]
