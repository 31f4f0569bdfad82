"""Measures: what `evaluate` measures, each declared once, in `MEASURES`.

An entry says what a measure is computed from, what it is called, and which values are good. The
columns of tables, the estimates, comparisons of two methods and the tables of training runs all
read it, so a new measure is one entry and its function.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...measures.metrics import (  # fmt: skip
    NearOverlap,
    Overlap,
    accuracy,
    dice,
    jaccard,
    near_dice,
    precision,
    recall,
)
from .probabilities import LevelCounts, average_precision

OverlapFunction = Callable[[Overlap], np.ndarray]
NearOverlapFunction = Callable[[NearOverlap], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Declaration of a measure: how it is computed, named and judged.

    Functions take counts of any shape and return float64 of that shape, NaN where undefined. The
    counts of the reference come first, those of the prediction second.

    Attributes
    ----------
    title, short_title, long_title : str
        Its name in tables, in narrow tables and in sentences. The latter two are `title` if empty.
    exact : callable, optional
        Computes it from the overlap of two masks.
    near : callable, optional
        Computes it from the overlap of masks whose lines may lie a few pixels apart; every
        tolerance gives a column.
    centrelines : callable, optional
        Computes it from the overlap of each mask with the other's skeleton.
    levels : callable, optional
        Computes it from probabilities: takes the `LevelCounts` of one image, or of all images
        together, and returns a float.
    larger_is_better : bool
        Its direction.
    range : tuple of float
        Its lowest and its highest value.
    both_empty : float
        Its value where reference and prediction are both empty, if it is `exact`; NaN if it is
        undefined there.
    headline : bool
        Whether comparisons are summed up by it, and tables of training runs show it.
    form : str
        Format of one value.
    """

    title: str
    short_title: str = ""
    long_title: str = ""
    exact: OverlapFunction | None = None
    near: NearOverlapFunction | None = None
    centrelines: NearOverlapFunction | None = None
    levels: Callable[[LevelCounts], float] | None = None
    larger_is_better: bool = True
    range: tuple[float, float] = (0.0, 1.0)
    both_empty: float = math.nan
    headline: bool = False
    form: str = ".4f"

    def __post_init__(self) -> None:
        if self.headline and self.exact is None:
            raise ValueError(f"{self.title}: a headline measure follows from counts of pixels")

    @property
    def best(self) -> float:
        """The value of a perfect prediction."""
        return self.range[1] if self.larger_is_better else self.range[0]


# By the name of a measure in files; columns come in this order.
MEASURES: dict[str, Measure] = {
    "jsi": Measure(title="JSI", exact=jaccard, headline=True),
    "f1": Measure(title="F1", exact=dice, near=near_dice, headline=True),
    "accuracy": Measure(
        title="accuracy", short_title="Acc", exact=accuracy, both_empty=1, headline=True
    ),
    "precision": Measure(title="precision", exact=precision),
    "recall": Measure(title="recall", exact=recall),
    "cldice": Measure(title="clDice", centrelines=near_dice),
    "average_precision": Measure(
        title="area under PR curve",
        long_title="area under the precision-recall curve",
        levels=average_precision,
    ),
}


class Column(NamedTuple):
    """One number of an evaluation: a measure's name, and how far apart lines may lie.

    `tolerance_px` is None where pixels must match exactly.
    """

    measure: str
    tolerance_px: float | None = None

    @property
    def declared(self) -> Measure:
        """The measure's entry in `MEASURES`."""
        return MEASURES[self.measure]

    @property
    def title(self) -> str:
        """Its name in tables."""
        title = self.declared.title
        return title if self.tolerance_px is None else f"{title} within {self.tolerance_px:g} px"

    @property
    def name(self) -> str:
        """Its name in files."""
        near = "" if self.tolerance_px is None else f"_{self.tolerance_px:g}px"
        return f"{self.measure}{near}"


RANKED_BY = Column("jsi")  # orders images, the worst first


def headline() -> dict[str, Measure]:
    """Return the measures that comparisons are summed up by, by name."""
    return {name: measure for name, measure in MEASURES.items() if measure.headline}
