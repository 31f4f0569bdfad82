"""Comparison: which of two methods is better on the same images, and how sure that is."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...dataset.ids import Ids
from ...errors import ArgumentError
from ...measures.bootstrap import RESAMPLES
from ...measures.estimates import Estimate, estimates
from .evaluation import Evaluation, with_pooled_area
from .pairs import EvaluationSettings, find_pairs
from .prediction_files import find_predictions
from .probabilities import average_precision
from .scores import Measure, PairedScores, measures
from .scoring import evaluate_files


@dataclass(frozen=True)
class Comparison:
    """Two methods on the same images: what the first has more than the second.

    Attributes
    ----------
    first, second : Evaluation
        Of the same images.
    names : tuple of str
        What they are called.

    Raises
    ------
    ArgumentError
        The images are not the same.
    """

    first: Evaluation
    second: Evaluation
    names: tuple[str, str]

    def __post_init__(self) -> None:
        if self.first.image_ids != self.second.image_ids:
            raise ArgumentError("only predictions of the same images can be compared")

    @cached_property
    def columns(self) -> list[Measure]:
        """What both have."""
        return [one for one in self.first.columns if one in self.second.columns]

    def _differences(self, scores: PairedScores) -> np.ndarray:
        parts = []
        for evaluation, counts in zip((self.first, self.second), scores, strict=True):
            chosen = [evaluation.columns.index(one) for one in self.columns]
            parts.append(measures(counts)[..., chosen])
        difference: np.ndarray = parts[0] - parts[1]
        return difference

    @cached_property
    def per_image(self) -> np.ndarray:
        """Differences of every image, float64 (images, columns); NaN where either is undefined."""
        return self._differences(PairedScores(self.first.scores, self.second.scores))

    @cached_property
    def estimates(self) -> list[Estimate[Measure]]:
        """Differences over all images, paired by image, with intervals as of `Evaluation`."""
        found = estimates(
            PairedScores(self.first.scores, self.second.scores),
            self.columns,
            self._differences,
            resamples=self.first.resamples,
            seed=self.first.seed,
        )
        first, second = self.first.levels, self.second.levels
        if first is None or second is None:
            return found
        return with_pooled_area(found, average_precision(first) - average_precision(second))

    def better(self, figure: Estimate[Measure]) -> str | None:
        """Who is better by a figure, if its interval says so; None if it does not."""
        if figure.low > 0:
            return self.names[0]
        if figure.high < 0:
            return self.names[1]
        return None


def compare_folders(
    predictions: Path,
    other: Path,
    references: Path,
    settings: EvaluationSettings | None = None,
    *,
    ids: Ids | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    jobs: int = 1,
) -> Comparison:
    """Score two folders of predictions, and hold them against each other.

    Parameters
    ----------
    predictions, other : Path
        As `prediction_files.find_predictions`.
    references, settings, ids, resamples, seed, jobs
        As `scoring.evaluate_folders`.

    Raises
    ------
    ArgumentError, EvaluationError
        As `evaluate_folders`, or both are the same folder. What is missing in either is known
        before any mask is read.
    """
    if predictions.resolve() == other.resolve():
        raise ArgumentError(f"{predictions} and {other} are the same folder")
    settings = settings or EvaluationSettings()
    both = [find_predictions(folder) for folder in (predictions, other)]
    files_of = [find_pairs(found, references, ids=ids, within=settings.within) for found in both]
    first, second = (
        evaluate_files(
            files,
            settings,
            folders=(found, references),
            resamples=resamples,
            seed=seed,
            jobs=jobs,
        )
        for files, found in zip(files_of, both, strict=True)
    )
    return Comparison(first, second, _names(predictions, other))


def _names(folder: Path, other: Path) -> tuple[str, str]:
    """What to call two folders: by their names, or if these are the same, by their paths."""
    names = folder.resolve().name, other.resolve().name
    return names if names[0] != names[1] else (str(folder), str(other))
