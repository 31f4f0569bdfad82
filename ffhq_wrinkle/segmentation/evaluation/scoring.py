"""Scoring: predictions, one image after another, to an `Evaluation`.

`evaluate_folders` reads every image once and keeps its score; `evaluate_pairs` does the same with
arrays, as training needs it.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ...dataset.ids import Ids
from ...errors import ArgumentError, EvaluationError, ImageFailure
from ...images.masks import inverted_remark, looks_inverted
from ...measures.bootstrap import RESAMPLES
from ...runs.pipeline import run_each
from ...runs.progress import Progress
from .evaluation import Evaluation
from .pairs import EvaluationSettings, Pair, PairFiles, find_pairs, read_pair
from .prediction_files import Predictions, find_predictions
from .probabilities import (
    LevelCounts,
    average_precision,
    level_counts,
    require_probability,
)
from .scores import Score, score, stacked

log = logging.getLogger(__name__)

_MASK_LEVEL = 255  # of 65535: probabilities that never reach more are likely 8-bit masks


def evaluate_folders(
    predictions: Path,
    references: Path,
    settings: EvaluationSettings | None = None,
    *,
    ids: Ids | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    jobs: int = 1,
) -> Evaluation:
    """Score a folder of predictions.

    Parameters
    ----------
    predictions : Path
        As `prediction_files.find_predictions`.
    references : Path
        As `pairs.find_pairs`.
    settings : EvaluationSettings, optional
        How they are read and scored.
    ids : Ids, optional
        Which images; all that have a reference if not given.
    resamples, seed : int
        Of the bootstrap over images; without resamples there are no intervals.
    jobs : int
        Threads that read.

    Raises
    ------
    ArgumentError
        As `find_predictions` and `find_pairs`.
    EvaluationError
        Predictions or references are missing, or files can not be read or differ in size; after
        all were tried, the first is named.
    """
    settings = settings or EvaluationSettings()
    found = find_predictions(predictions)
    files = find_pairs(found, references, ids=ids, within=settings.within)
    return evaluate_files(
        files, settings, folders=(found, references), resamples=resamples, seed=seed, jobs=jobs
    )


def evaluate_files(
    files: list[PairFiles],
    settings: EvaluationSettings,
    *,
    folders: tuple[Predictions, Path],
    resamples: int,
    seed: int,
    jobs: int,
) -> Evaluation:
    """Score predictions that were found; as `evaluate_folders`, which finds them.

    Parameters
    ----------
    files : list of PairFiles
        As `pairs.find_pairs` lists them.
    settings : EvaluationSettings
        How they are read and scored.
    folders : tuple of Predictions and Path
        Where predictions and references are.
    resamples, seed, jobs : int
        As `evaluate_folders`.

    Raises
    ------
    EvaluationError
        Files can not be read or differ in size.
    """
    gathered = _Gathered()
    failures: list[ImageFailure] = []

    def work(pair: PairFiles) -> _Scored:
        return _scored(read_pair(pair, settings), settings)

    with (
        Progress(len(files), "evaluate") as progress,
        run_each(files, work, jobs=jobs) as outcomes,
    ):
        for pair, outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if isinstance(outcome, ImageFailure):
                failures.append(outcome)
                continue
            try:
                gathered.add(outcome)
            except ArgumentError as error:
                raise EvaluationError(f"{pair.probability}: {error}") from error
    if failures:
        more = f" ({len(failures)} images in all)" if len(failures) > 1 else ""
        raise EvaluationError(f"{failures[0]}{more}")
    evaluation = Evaluation(
        [one.image_id for one in files],
        stacked(gathered.scores),
        settings,
        gathered.levels,
        resamples,
        seed,
        *folders,
        files,
    )
    _warn(evaluation)
    return evaluation


def evaluate_pairs(
    pairs: Iterable[Pair],
    settings: EvaluationSettings | None = None,
    *,
    resamples: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Score arrays, image by image, as for validation during training.

    Parameters
    ----------
    pairs : iterable of Pair
        References with their predictions, masks or probabilities; taken one at a time.
    settings : EvaluationSettings, optional
        How they are scored; its `resize` and `within` are for files.
    resamples, seed : int
        Of the bootstrap; by default there are no intervals.

    Raises
    ------
    ArgumentError
        There are no pairs, or a pair has arrays of other shapes or types.

    Examples
    --------
    >>> line = np.array([[True, True, False, False]])
    >>> found = evaluate_pairs([Pair("00007", line, probability=np.array([[0.9, 0.2, 0.7, 0.1]]))])
    >>> round(found.estimates[0].value, 4), found.estimates[0].column.measure
    (0.3333, 'jsi')
    """
    settings = settings or EvaluationSettings()
    gathered = _Gathered()
    image_ids = []
    for pair in pairs:
        if pair.probability is not None:
            require_probability(pair.probability)
        gathered.add(_scored(pair, settings))
        image_ids.append(pair.image_id)
    if not image_ids:
        raise ArgumentError("there are no images to score")
    return Evaluation(
        image_ids, stacked(gathered.scores), settings, gathered.levels, resamples, seed
    )


_Scored = tuple[Score, LevelCounts | None]


def _scored(pair: Pair, settings: EvaluationSettings) -> _Scored:
    """Score one image."""
    levels = None
    if pair.probability is not None:
        levels = level_counts(pair.probability, pair.reference, pair.region)
    counts = score(
        pair.reference,
        pair.mask(settings.threshold),
        pair.region,
        tolerances_px=settings.tolerances_px,
        centrelines=settings.centrelines,
        average_precision=None if levels is None else average_precision(levels),
    )
    return counts, levels


class _Gathered:
    """Scores of images, one after another; of their levels only the sum is kept."""

    def __init__(self) -> None:
        self.scores: list[Score] = []
        self.levels: LevelCounts | None = None

    def add(self, scored: _Scored) -> None:
        counts, levels = scored
        if self.scores and (levels is None) != (self.levels is None):
            raise ArgumentError("some images have probabilities and others have none")
        self.scores.append(counts)
        if levels is not None:
            self.levels = levels if self.levels is None else self.levels.plus(levels)


def _warn(evaluation: Evaluation) -> None:
    """Remark on masks that look inverted, or look as if they were taken for probabilities."""
    scores = evaluation.scores
    for counts, what in ((scores.reference, "references"), (scores.predicted, "predictions")):
        half = np.flatnonzero(looks_inverted(counts, scores.pixels))
        if len(half):
            image_ids = [evaluation.image_ids[number] for number in half]
            log.warning("%s", inverted_remark(what, image_ids))
    levels = evaluation.levels
    if (
        levels is not None
        and levels.scale == "16 bits"
        and not levels.every[_MASK_LEVEL + 1 :].any()
    ):
        log.warning(
            "no probability is above %d of 65535; if these are masks, save them with 8 bits",
            _MASK_LEVEL,
        )
