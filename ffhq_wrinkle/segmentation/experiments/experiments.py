"""Experiments: runs that can be compared, averaged over seeds, beside the paper's figures.

What can not be compared is never averaged: it is kept apart, with the reason. `experiment_tables`
has the result as text.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import ArgumentError, EvaluationError
from ...measures.bootstrap import RESAMPLES, bootstrap_intervals
from ...measures.metrics import Overlap
from ..evaluation.measures import headline
from ..networks.parameters import ParameterCounts, parameter_counts
from ..training.recipes import StageConfig
from .comparability import Pretrained, sifted
from .paper_tables import PaperScores, paper_scores
from .runs import PartScores, Run, read_run


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
        Of the seeds' means over images.
    pooled : float
        Of all pixels of a seed's test images, mean over seeds.
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
    """A recipe at a fraction of the training images: what its seeds have in common.

    Attributes
    ----------
    recipe : str
        Its name.
    fraction : float
        Of the training part.
    runs : tuple of Run
        By seed.
    figures : tuple of Figure
        Of each measure.
    paper : PaperScores or None
        What the paper has; None if nothing.
    parameters : ParameterCounts or None
        None where the network's library is not installed.
    seconds : float or None
        Of all stages, mean over seeds; None if a run does not say.
    memory_mib : float or None
        The most of any run; None if none says.
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
    """A run that is in no cell, and why; its figures if it is finished."""

    run: Run
    why: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Experiments:
    """Runs put together.

    Attributes
    ----------
    cells : tuple of Cell
        By recipe, in the order they were named, then from the largest fraction.
    apart : tuple of Apart
        Runs that can not be compared with those of the cells.
    unfinished : tuple of Apart
        Runs without scores.
    common : mapping of str to str
        What all runs of the cells have in common.
    test_images : int
        How many the scores are of.
    resamples, seed : int
        As `bootstrap.bootstrap_intervals`.
    """

    cells: tuple[Cell, ...]
    apart: tuple[Apart, ...]
    unfinished: tuple[Apart, ...]
    common: Mapping[str, str]
    test_images: int
    resamples: int
    seed: int

    def cell(self, recipe: str, fraction: float) -> Cell | None:
        """One of them; None if there is none."""
        found = (one for one in self.cells if (one.recipe, one.fraction) == (recipe, fraction))
        return next(found, None)


def compare_runs(
    paths: Sequence[Path], *, resamples: int = RESAMPLES, seed: int = 0
) -> Experiments:
    """Read runs, keep those that can be compared, and average them over seeds.

    Parameters
    ----------
    paths : sequence of Path
        Folders of `train`. A pretraining that another run began with (``--init``) is found by its
        hash if its run is among them.
    resamples, seed : int
        As `bootstrap.bootstrap_intervals`.

    Returns
    -------
    Experiments
        Which runs are kept is said in `comparability.sifted`.

    Raises
    ------
    ArgumentError
        One is no such folder, or is named twice.
    EvaluationError
        None is finished, or one is damaged.
    SourceError
        A checkpoint can not be read.
    """
    places = Counter(path.resolve() for path in paths)
    twice = next((path for path in paths if places[path.resolve()] > 1), None)
    if twice:
        raise ArgumentError(f"{twice} is named twice; a run counts once")
    runs = [read_run(path) for path in paths]
    finished = [run for run in runs if run.scores]
    if not finished:
        said = f"; {runs[0].path}: {runs[0].unfinished}" if runs else ""
        raise EvaluationError(f"of {len(runs)} runs none is finished{said}")
    kept, why, common = sifted(finished, runs)
    cells: dict[tuple[str, float], list[Pretrained]] = {}
    order = list(dict.fromkeys(one.run.recipe.name for one in kept))
    for one in sorted(
        kept, key=lambda one: (order.index(one.run.recipe.name), -one.run.fraction, one.run.seed)
    ):
        cells.setdefault((one.run.recipe.name, one.run.fraction), []).append(one)
    begun_with = {run.init for run in finished} - {""}
    return Experiments(
        cells=tuple(_cell(members, resamples, seed) for members in cells.values()),
        apart=tuple(
            Apart(run, why[run.path], figures_of([run], resamples=resamples, seed=seed))
            for run in finished
            if run.path in why
        ),
        unfinished=tuple(
            Apart(run, run.unfinished, ())
            for run in runs
            # One whose pretraining another run began with is part of that one's cell.
            if not run.scores and not (begun_with and run.pretrained_sha256 in begun_with)
        ),
        common=common,
        test_images=len(_scores(kept[0].run).image_ids) if kept else 0,
        resamples=resamples,
        seed=seed,
    )


def figures_of(runs: Sequence[Run], *, resamples: int, seed: int) -> tuple[Figure, ...]:
    """Figures of finished runs on the same test images, each of another seed."""
    scores = [_scores(run) for run in runs]
    per_image = np.stack([one.measures for one in scores])  # (runs, images, measures)
    defined = ~np.isnan(per_image)
    filled = np.nan_to_num(per_image)

    def means(weights: np.ndarray) -> np.ndarray:
        """Means over images, (B, images) to (runs, B, measures); what is undefined is left out."""
        counted = weights @ defined
        undefined = np.full(counted.shape, np.nan)
        return np.divide(weights @ filled, counted, out=undefined, where=counted > 0)

    images = per_image.shape[1]
    of_runs = means(np.ones((1, images)))[:, 0]
    low, high = bootstrap_intervals(
        lambda weights: means(weights).mean(axis=0), images, resamples=resamples, seed=seed
    )
    pooled = np.mean([_pooled(one) for one in scores], axis=0)
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
    """The measures of all pixels of all images."""
    found, invented, missed, rest = scores.counts.sum(axis=0)
    pixels = found + invented + missed + rest
    counts = Overlap(found, found + missed, found + invented, pixels)
    return [float(one.exact(counts)) for one in headline().values() if one.exact]


def _cell(members: Sequence[Pretrained], resamples: int, seed: int) -> Cell:
    runs = tuple(one.run for one in members)
    recipe = runs[0].recipe
    seconds = [one.seconds for one in members]
    memory = [stage.memory_mib for run in runs for stage in run.stages.values() if stage.memory_mib]
    known = [one for one in seconds if one is not None]
    return Cell(
        recipe=recipe.name,
        fraction=runs[0].fraction,
        runs=runs,
        figures=figures_of(runs, resamples=resamples, seed=seed),
        paper=paper_scores(recipe.name, runs[0].fraction),
        parameters=_parameters(recipe.finetune),
        seconds=sum(known) / len(known) if len(known) == len(seconds) else None,
        memory_mib=max(memory, default=None),
    )


def _parameters(config: StageConfig | None) -> ParameterCounts | None:
    if config is None:
        return None
    try:
        return parameter_counts(config.network, config.in_channels, config.out_channels)
    except ArgumentError:  # its library is not installed
        return None
