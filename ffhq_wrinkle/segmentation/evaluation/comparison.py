"""Comparison: which of two methods is better on the same images, and how certain that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...dataset.ids import Ids
from ...errors import ArgumentError
from ...measures.bootstrap import RESAMPLES
from ...measures.estimates import Estimate, estimates
from ...reports.tabulation import estimate_records
from ...results.tabular import Tabular
from .evaluation import Evaluation, with_pooled
from .evaluation_tables import html, printed, record
from .measures import Column
from .pairs import EvaluationSettings, find_pairs
from .scores import Score
from .scoring import evaluate_files

if TYPE_CHECKING:
    import pandas as pd


class PairedScores(NamedTuple):
    """Scores of two predictions of the same images."""

    first: Score
    second: Score

    def weighted(self, weights: np.ndarray) -> "PairedScores":
        """Return sums over images, each weighted alike in both; as `Score.weighted`."""
        return PairedScores(self.first.weighted(weights), self.second.weighted(weights))


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """Two methods on the same images: the first's measures minus the second's.

    Attributes
    ----------
    first, second : Evaluation
        Evaluations of the same images.
    names : tuple of str
        Names of the methods.

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

    def summary(self, *, width: int | None = None) -> str:
        """Return the tables of the first method and the differences as text.

        Lines have at most `width` characters, if it is given.
        """
        return printed(self.first, self, width)

    def record(self) -> dict[str, Any]:
        """Return every figure and its origin as JSON can hold it; undefined is null."""
        return record(self.first, self)

    def to_frame(self) -> "pd.DataFrame":
        """Return the differences as a pandas DataFrame, with their intervals."""
        import pandas as pd

        better = pd.Series([self.better(figure) for figure in self.estimates], dtype=object)
        return pd.DataFrame(estimate_records(self.estimates)).assign(better=better)

    def tables_html(self) -> str:
        """Return the tables as HTML."""
        return html(self.first, self)

    @cached_property
    def columns(self) -> list[Column]:
        """The columns that both have."""
        return [column for column in self.first.columns if column in self.second.columns]

    def _differences(self, scores: PairedScores) -> np.ndarray:
        parts = []
        for evaluation, counts in zip((self.first, self.second), scores, strict=True):
            chosen = [evaluation.columns.index(column) for column in self.columns]
            parts.append(counts.measured()[..., chosen])
        return parts[0] - parts[1]

    @cached_property
    def per_image(self) -> np.ndarray:
        """Differences of every image, float64 (images, columns); NaN where either is undefined."""
        return self._differences(PairedScores(self.first.scores, self.second.scores))

    @cached_property
    def estimates(self) -> list[Estimate[Column]]:
        """Differences over all images, paired by image, with intervals as in `Evaluation`."""
        figures = estimates(
            PairedScores(self.first.scores, self.second.scores),
            self.columns,
            self._differences,
            subjects=self.first.subjects,
            resamples=self.first.resamples,
            seed=self.first.seed,
        )
        first, second = self.first.pooled_of_levels, self.second.pooled_of_levels
        both = first.keys() & second.keys()
        return with_pooled(figures, {column: first[column] - second[column] for column in both})

    def better(self, figure: Estimate[Column]) -> str | None:
        """Return the name of the better method by a figure; None if its interval includes 0."""
        if not (figure.low > 0 or figure.high < 0):  # NaN is neither
            return None
        first_is_larger = figure.low > 0
        first_is_better = first_is_larger == figure.column.declared.larger_is_better
        return self.names[0] if first_is_better else self.names[1]


def compare_folders(
    predictions: Path,
    other: Path,
    references: Path,
    settings: EvaluationSettings | None = None,
    *,
    masks: Mapping[str, Path] | None = None,
    ids: Ids | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    group_by: str | None = None,
    jobs: int = 1,
) -> Comparison:
    """Score two folders of predictions and compare them.

    Parameters
    ----------
    predictions, other : Path
        As `prediction_files.find_predictions`.
    references, settings, masks, ids, resamples, seed, group_by, jobs
        As `scoring.evaluate_folders`.

    Raises
    ------
    ArgumentError, EvaluationError
        As `evaluate_folders`, or both are the same folder. Missing files of either are reported
        before any mask is read.
    """
    if predictions.resolve() == other.resolve():
        raise ArgumentError(f"{predictions} and {other} are the same folder")
    settings = settings or EvaluationSettings()
    pairs_of_both = [
        find_pairs(folder, references, masks=masks, ids=ids, within=settings.within)
        for folder in (predictions, other)
    ]
    first, second = (
        evaluate_files(
            pairs, settings, resamples=resamples, seed=seed, group_by=group_by, jobs=jobs
        )
        for pairs in pairs_of_both
    )
    return Comparison(first, second, _names(predictions, other))


def _names(folder: Path, other: Path) -> tuple[str, str]:
    """Name two folders by their names, or if these are the same, by their paths."""
    names = folder.resolve().name, other.resolve().name
    return names if names[0] != names[1] else (str(folder), str(other))
