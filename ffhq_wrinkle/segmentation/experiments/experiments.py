"""Experiments: comparable training runs, averaged over seeds, beside the paper's scores.

Runs that cannot be compared are never averaged: they are listed apart, with the reason.
`experiment_tables` has the result as text.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...dataset.ids import official_test_ids
from ...dataset.subjects import subject_numbers
from ...errors import ArgumentError, EvaluationError, counted
from ...measures.bootstrap import RESAMPLES, bootstrap_intervals
from ...measures.metrics import Overlap
from ...results.tabular import Tabular
from ..evaluation.measures import headline
from ..networks.parameters import ParameterCounts, parameter_counts
from ..training.recipes import StageConfig
from .adaptation import Adaptation
from .comparability import Pretrained, sifted
from .experiment_plot import plot
from .experiment_tables import html, printed, record, table_rows
from .paper_tables import PaperScores, paper_scores
from .runs import PartScores, Run, read_run

if TYPE_CHECKING:
    import pandas as pd


class Figure(NamedTuple):
    """One measure of a cell.

    Attributes
    ----------
    measure : str
        Its name, as in `evaluation.measures.headline`.
    value, low, high : float
        The mean over images, then over seeds, and its 95 % bootstrap interval over images; NaN
        where undefined.
    least, most : float
        The lowest and the highest of the seeds' means over images.
    pooled : float
        The measure over all pixels of a seed's test images, mean over seeds.
    """

    measure: str
    value: float
    low: float
    high: float
    least: float
    most: float
    pooled: float


@dataclass(frozen=True)
class Cell:
    """The runs of a recipe at a fraction of the training images, one for each seed.

    Attributes
    ----------
    recipe : str
        The recipe's name.
    fraction : float
        The fraction of the training part that was used.
    runs : tuple of Run
        In the order of their seeds.
    figures : tuple of Figure
        One for each measure.
    paper : PaperScores or None
        The paper's scores; None if it has none.
    parameters : ParameterCounts or None
        None if the network's library is not installed.
    seconds : float or None
        Duration of all stages, mean over seeds; None if a run did not record it.
    memory_mib : float or None
        Peak over all runs; None if no run recorded it.
    """

    recipe: str
    fraction: float
    runs: tuple[Run, ...]
    figures: tuple[Figure, ...]
    paper: PaperScores | None
    parameters: ParameterCounts | None
    seconds: float | None
    memory_mib: float | None

    def figure(self, measure: str) -> Figure:
        """Return the figure of one measure."""
        return next(figure for figure in self.figures if figure.measure == measure)


class Apart(NamedTuple):
    """A run that is in no cell, with the reason, and its figures if it is finished."""

    run: Run
    why: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, repr=False)
class Experiments(Tabular):
    """Training runs, compared.

    Attributes
    ----------
    cells : tuple of Cell
        By recipe, in the order in which they were named, then from the largest fraction down.
    apart : tuple of Apart
        Runs that cannot be compared with the runs of the cells.
    unfinished : tuple of Apart
        Runs without scores.
    common : mapping of str to str
        Settings that all runs of the cells share.
    test_images : int
        Number of images that were scored.
    resamples, seed : int
        As `bootstrap.bootstrap_intervals`.
    versions : mapping of str to tuple of Path
        Versions of this package that trained or scored runs of the cells, and these runs.
    with_paper : bool
        Whether the paper's scores are shown beside those of the runs.
    group_by : str or None
        Which test images show the same subject, as `subjects.subjects_of` takes it.
    subjects : np.ndarray or None
        Number of the subject of each test image that was scored; None if nothing is known.
    adaptation : Adaptation
        The change of all recipes that the runs were trained by.
    """

    cells: tuple[Cell, ...]
    apart: tuple[Apart, ...]
    unfinished: tuple[Apart, ...]
    common: Mapping[str, str]
    test_images: int
    resamples: int
    seed: int
    versions: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    with_paper: bool = True
    group_by: str | None = None
    subjects: np.ndarray | None = None
    adaptation: Adaptation = field(default_factory=Adaptation)

    def summary(self, *, width: int | None = None) -> str:
        """Return the tables as text, in lines of at most `width` characters if it is given."""
        return printed(self, width)

    def record(self) -> dict[str, Any]:
        """Return every figure and its origin as JSON can hold it; undefined is null."""
        return record(self)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame with a row for each recipe and fraction, and each other run."""
        import pandas as pd

        header, *rows = table_rows(self)
        return pd.DataFrame(rows, columns=header)

    def tables_html(self) -> str:
        """Return the tables as HTML."""
        return html(self)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield the plot, as PNG, if any runs can be compared."""
        if self.cells:
            beside = " beside the paper's" if self.with_paper else ""
            yield f"JSI of each recipe{beside}", plot(self)

    def cell(self, recipe: str, fraction: float) -> Cell | None:
        """Return the cell of a recipe and fraction; None if there is none."""
        cells = (cell for cell in self.cells if (cell.recipe, cell.fraction) == (recipe, fraction))
        return next(cells, None)


def compare_runs(
    paths: Sequence[Path],
    *,
    with_paper: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    group_by: str | None = None,
    adaptation: Adaptation | None = None,
) -> Experiments:
    """Read runs, keep the comparable ones, and average them over seeds.

    Parameters
    ----------
    paths : sequence of Path
        Folders written by `train`. If a run began with another run's pretraining (``--init``), that
        run is found by its hash if it is among them.
    with_paper : bool
        Show the paper's scores even if the runs were scored on other images than the paper's.
    resamples, seed : int
        As `bootstrap.bootstrap_intervals`.
    group_by : str, optional
        Which test images show the same subject, as `subjects.subjects_of` takes it; the bootstrap
        is then over subjects.
    adaptation : Adaptation, optional
        A change of all recipes that the runs were trained by.

    Returns
    -------
    Experiments
        `comparability.sifted` says which runs are kept.

    Raises
    ------
    ArgumentError
        A path is not such a folder, or is named twice; or as `subjects.subjects_of`.
    EvaluationError
        No run is finished, or a run is damaged.
    SourceError
        A checkpoint cannot be read.
    """
    places = Counter(path.resolve() for path in paths)
    twice = next((path for path in paths if places[path.resolve()] > 1), None)
    if twice:
        raise ArgumentError(f"{twice} is named twice; a run counts once")
    runs = [read_run(path) for path in paths]
    finished = [run for run in runs if run.scores]
    if not finished:
        said = f"; {runs[0].path}: {runs[0].unfinished}" if runs else ""
        raise EvaluationError(f"of {counted(len(runs), 'run')} none is finished{said}")
    kept, why, common = sifted(finished, runs, adaptation=adaptation)
    cells: dict[tuple[str, float], list[Pretrained]] = {}
    order = list(dict.fromkeys(member.run.recipe.name for member in kept))
    for member in sorted(
        kept,
        key=lambda each: (order.index(each.run.recipe.name), -each.run.fraction, each.run.seed),
    ):
        cells.setdefault((member.run.recipe.name, member.run.fraction), []).append(member)
    begun_with = {run.init for run in finished} - {""}
    scored = _scores(kept[0].run).image_ids if kept else ()
    with_paper = with_paper or set(scored) == set(official_test_ids())
    bootstrap = Bootstrap(resamples, seed, group_by)
    return Experiments(
        cells=tuple(_cell(members, bootstrap, with_paper=with_paper) for members in cells.values()),
        apart=tuple(
            Apart(run, why[run.path], figures_of([run], bootstrap))
            for run in finished
            if run.path in why
        ),
        unfinished=tuple(
            Apart(run, run.unfinished, ())
            for run in runs
            # A run whose pretraining another run began with is part of that run's cell.
            if not run.scores and not (begun_with and run.pretrained_sha256 in begun_with)
        ),
        common=common,
        test_images=len(scored),
        resamples=resamples,
        seed=seed,
        versions=_versions(kept),
        with_paper=with_paper,
        group_by=group_by,
        subjects=subject_numbers(scored, group_by) if scored else None,
        adaptation=adaptation or Adaptation(),
    )


def _versions(members: Sequence[Pretrained]) -> dict[str, tuple[Path, ...]]:
    """Return the versions that trained or scored runs or their pretraining, with these runs."""
    runs: dict[str, list[Path]] = {}
    for member in members:
        pretrained_by = member.trained.versions if member.trained else ()
        for version in {*member.run.versions, *pretrained_by}:
            runs.setdefault(version, []).append(member.run.path)
    return {version: tuple(runs[version]) for version in sorted(runs)}


class Bootstrap(NamedTuple):
    """How intervals are made: see `bootstrap.bootstrap_intervals` and `subjects.subjects_of`."""

    resamples: int
    seed: int
    group_by: str | None


def figures_of(runs: Sequence[Run], bootstrap: Bootstrap) -> tuple[Figure, ...]:
    """Return figures of finished runs on the same test images, each with another seed."""
    scores = [_scores(run) for run in runs]
    per_image = np.stack([of_run.measures for of_run in scores])  # (runs, images, measures)
    defined = ~np.isnan(per_image)
    filled = np.nan_to_num(per_image)

    def means(weights: np.ndarray) -> np.ndarray:
        """Return means over images, (B, images) to (runs, B, measures), NaN left out."""
        counted = weights @ defined
        undefined = np.full(counted.shape, np.nan)
        return np.divide(weights @ filled, counted, out=undefined, where=counted > 0)

    images = per_image.shape[1]
    of_runs = means(np.ones((1, images)))[:, 0]
    low, high = bootstrap_intervals(
        lambda weights: means(weights).mean(axis=0),
        images,
        subjects=subject_numbers(scores[0].image_ids, bootstrap.group_by),
        resamples=bootstrap.resamples,
        seed=bootstrap.seed,
    )
    pooled = np.mean([_pooled(of_run) for of_run in scores], axis=0)
    columns = of_runs.mean(axis=0), low, high, of_runs.min(axis=0), of_runs.max(axis=0), pooled
    return tuple(
        Figure(measure, *(float(column[number]) for column in columns))
        for number, measure in enumerate(headline())
    )


def _scores(run: Run) -> PartScores:
    if run.scores is None:
        raise ValueError(f"{run.path} is not finished")
    return run.scores


def _pooled(scores: PartScores) -> list[float]:
    """Return the measures over all pixels of all images."""
    true_positive, false_positive, false_negative, true_negative = scores.counts.sum(axis=0)
    counts = Overlap(
        both=true_positive,
        first=true_positive + false_negative,
        second=true_positive + false_positive,
        pixels=true_positive + false_positive + false_negative + true_negative,
    )
    return [float(measure.exact(counts)) for measure in headline().values() if measure.exact]


def _cell(members: Sequence[Pretrained], bootstrap: Bootstrap, *, with_paper: bool) -> Cell:
    runs = tuple(member.run for member in members)
    recipe = runs[0].recipe
    seconds = [member.seconds for member in members]
    memory = [stage.memory_mib for run in runs for stage in run.stages.values() if stage.memory_mib]
    recorded = [taken for taken in seconds if taken is not None]
    return Cell(
        recipe=recipe.name,
        fraction=runs[0].fraction,
        runs=runs,
        figures=figures_of(runs, bootstrap),
        paper=paper_scores(recipe.name, runs[0].fraction) if with_paper else None,
        parameters=_parameters(recipe.finetune),
        seconds=sum(recorded) / len(recorded) if len(recorded) == len(seconds) else None,
        memory_mib=max(memory, default=None),
    )


def _parameters(config: StageConfig | None) -> ParameterCounts | None:
    if config is None:
        return None
    try:
        return parameter_counts(
            config.network, config.in_channels, config.out_channels, config.features or None
        )
    except ArgumentError:  # its library is not installed
        return None
