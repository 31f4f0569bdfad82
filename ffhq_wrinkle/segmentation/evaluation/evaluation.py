"""Evaluation: how good predictions are, over all images that have a reference.

`scoring` makes one from folders or arrays. `comparison` compares two of them, and
`evaluation_tables` and `evaluation_report` show them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dataset.subjects import subject_numbers
from ...images.png import encode_png
from ...measures.bootstrap import RESAMPLES
from ...measures.estimates import POOLED, Estimate, estimates
from ...reports.tabulation import estimate_records
from ...results.tabular import Tabular
from .by_region import RegionScores, region_estimates
from .evaluation_pictures import worst_pictures
from .evaluation_tables import html, per_image_rows, printed, record
from .measures import MEASURES, RANKED_BY, Column
from .pairs import EvaluationSettings, FoundPairs
from .probabilities import LevelCounts
from .scores import Score

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Evaluation(Tabular):
    """How good predictions are on a set of images.

    Attributes
    ----------
    image_ids : list of str
        The images, in the order of `scores`.
    scores : Score
        Counts of every image.
    settings : EvaluationSettings
        Settings of the scores.
    levels : LevelCounts, optional
        The probabilities of all images together, if there are any.
    resamples, seed : int
        Settings of the bootstrap.
    source : FoundPairs, optional
        The files that were scored; None for arrays.
    group_by : str or None
        Which images show the same subject, as `subjects.subjects_of` takes it. The bootstrap then
        draws subjects.
    by_region : tuple of RegionScores
        The scores of every image by region; empty if they were not asked for.
    """

    image_ids: list[str]
    scores: Score
    settings: EvaluationSettings
    levels: LevelCounts | None = None
    resamples: int = RESAMPLES
    seed: int = 0
    source: FoundPairs | None = None
    group_by: str | None = None
    by_region: tuple[RegionScores, ...] = ()

    def summary(self, *, width: int | None = None) -> str:
        """Return the tables as text, in lines of at most `width` characters if it is given."""
        return printed(self, width=width)

    def record(self) -> dict[str, Any]:
        """Return every figure and its origin as JSON can hold it; undefined is null."""
        return record(self)

    def to_frame(self, *, per_image: bool = False) -> "pd.DataFrame":
        """Return the figures as a pandas DataFrame.

        Parameters
        ----------
        per_image : bool
            Whether to return a row for each image, indexed by image id, with its pixels and
            measures; otherwise a row for each figure over all images, with its interval.
        """
        import pandas as pd

        if not per_image:
            return pd.DataFrame(estimate_records(self.estimates))
        header, *rows = per_image_rows(self)
        return pd.DataFrame(rows, columns=header).set_index("image_id")

    def tables_html(self) -> str:
        """Return the tables as HTML."""
        return html(self)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield overlays of the worst images; none for arrays, which are not kept."""
        for image_id, picture in worst_pictures(self, count=3):
            yield (
                f"{image_id}: true positives white, false orange, missed blue",
                encode_png(picture),
            )

    @property
    def columns(self) -> list[Column]:
        """The columns of `per_image`."""
        return self.scores.columns(self.settings.tolerances_px)

    @cached_property
    def per_image(self) -> np.ndarray:
        """Every measure of every image, float64 (images, columns); NaN where undefined."""
        return self.scores.measured()

    def of_images(self, column: Column) -> np.ndarray:
        """Return one measure of every image, float64 (images,)."""
        return self.per_image[:, self.columns.index(column)]

    @cached_property
    def subjects(self) -> np.ndarray | None:
        """The number of the subject of each image, int64 (images,); None if nothing is known."""
        return subject_numbers(self.image_ids, self.group_by)

    @cached_property
    def estimates(self) -> list[Estimate[Column]]:
        """Every measure over all images, with its interval.

        Pooled measures of probabilities have no interval: a resample would need the probabilities
        of every image at once.
        """
        figures = estimates(
            self.scores,
            self.columns,
            Score.measured,
            subjects=self.subjects,
            resamples=self.resamples,
            seed=self.seed,
        )
        return with_pooled(figures, self.pooled_of_levels)

    @cached_property
    def region_estimates(self) -> dict[str, list[Estimate[Column]]]:
        """Every exact measure of each region, by the names in `by_region.ROWS`."""
        if not self.by_region:
            return {}
        return region_estimates(
            self.by_region, subjects=self.subjects, resamples=self.resamples, seed=self.seed
        )

    @property
    def pooled_of_levels(self) -> dict[Column, float]:
        """Measures of the probabilities of all images together, which no counts give."""
        if self.levels is None:
            return {}
        return {
            Column(name): measure.levels(self.levels)
            for name, measure in MEASURES.items()
            if measure.levels
        }

    @property
    def both_empty(self) -> int:
        """How many images are empty in both masks."""
        return int(np.count_nonzero(self.scores.reference + self.scores.predicted == 0))

    def mean_with_empty_as_1(self, column: Column) -> float:
        """Return a mean over images in which images that are empty in both masks count as 1."""
        values = self.of_images(column)
        empty = self.scores.reference + self.scores.predicted == 0
        return float(np.mean(np.where(empty, 1, values)))

    def worst_first(self) -> list[int]:
        """Return the images' numbers, from the lowest JSI to those empty in both masks.

        Among images with the same JSI the one with more wrong pixels comes first.
        """
        jsi = np.nan_to_num(self.of_images(RANKED_BY), nan=2)
        return [int(number) for number in np.lexsort((-self.scores.wrong, jsi))]

    def worst(self) -> list[int]:
        """Return the numbers of the images with a wrong pixel, the worst first."""
        return [number for number in self.worst_first() if self.scores.wrong[number]]


def with_pooled(
    figures: list[Estimate[Column]], pooled: Mapping[Column, float]
) -> list[Estimate[Column]]:
    """Return figures with these values in the place of their pooled ones."""
    return [
        figure._replace(value=pooled[figure.column])
        if figure.aggregate == POOLED and figure.column in pooled
        else figure
        for figure in figures
    ]
