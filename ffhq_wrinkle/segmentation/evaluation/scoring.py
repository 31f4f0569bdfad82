"""Scoring: predictions, one image after another, to an `Evaluation`.

`evaluate_folders` reads every image once and keeps its score; `evaluate_pairs` does the same with
arrays, as training needs it.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ...dataset.ids import Ids
from ...dataset.subjects import subject_numbers
from ...errors import ArgumentError, EvaluationError, ImageFailure
from ...faces.photo_regions import RegionFinder
from ...images.masks import inverted_remark, looks_inverted
from ...measures.bootstrap import RESAMPLES
from ...runs.pipeline import run_each
from ...runs.progress import Progress
from .by_region import RegionScores, region_scores
from .evaluation import Evaluation
from .pairs import EvaluationSettings, FoundPairs, Pair, PairFiles, find_pairs, read_pair
from .probabilities import LevelCounts, require_probability
from .scores import ImageScore, Score, score, stacked

log = logging.getLogger(__name__)

_MASK_LEVEL = 255  # of 65535: probabilities that never reach more are likely 8-bit masks


def evaluate_folders(
    predictions: Path,
    references: Path,
    settings: EvaluationSettings | None = None,
    *,
    masks: Mapping[str, Path] | None = None,
    ids: Ids | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    group_by: str | None = None,
    jobs: int = 1,
) -> Evaluation:
    """Score a folder of predictions.

    Parameters
    ----------
    predictions : Path
        As `prediction_files.find_predictions`.
    references : Path
        As `pairs.find_pairs`.
    masks : mapping of str to Path, optional
        As `pairs.find_pairs`.
    settings : EvaluationSettings, optional
        How they are read and scored.
    ids : Ids, optional
        Images to score; all that have a reference if not given.
    resamples, seed : int
        Settings of the bootstrap over images; without resamples there are no intervals.
    group_by : str, optional
        Which images show the same subject, as `subjects.subjects_of` takes it; the bootstrap is
        then over subjects.
    jobs : int
        Threads that read.

    Raises
    ------
    ArgumentError
        As `find_predictions`, `find_pairs` and `subjects.subjects_of`.
    EvaluationError
        Predictions or references are missing, or files cannot be read or differ in size; after
        all were tried, the first is named.
    """
    settings = settings or EvaluationSettings()
    pairs = find_pairs(
        predictions,
        references,
        masks=masks,
        ids=ids,
        within=settings.within,
        photos=settings.photos,
    )
    return evaluate_files(
        pairs, settings, resamples=resamples, seed=seed, group_by=group_by, jobs=jobs
    )


def evaluate_files(
    pairs: FoundPairs,
    settings: EvaluationSettings,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    group_by: str | None = None,
    jobs: int = 1,
) -> Evaluation:
    """Score the files that `pairs.find_pairs` lists; as `evaluate_folders`.

    Raises
    ------
    ArgumentError
        As `subjects.subjects_of`.
    EvaluationError
        Files cannot be read or differ in size.
    """
    image_ids = [files.image_id for files in pairs.files]
    subject_numbers(image_ids, group_by)  # before anything is read
    gathered = _Gathered()
    failures: list[ImageFailure] = []
    by_region: list[RegionScores] = []

    finder = RegionFinder() if settings.photos else None

    def work(files: PairFiles) -> tuple[ImageScore, RegionScores | None]:
        pair = read_pair(files, settings)
        of_regions = region_scores(pair, files, finder, settings) if finder else None
        return _scored(pair, settings), of_regions

    with (
        Progress(len(pairs.files), "evaluate") as progress,
        run_each(pairs.files, work, jobs=jobs) as outcomes,
    ):
        for files, outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if isinstance(outcome, ImageFailure):
                failures.append(outcome)
                continue
            score_of_image, of_regions = outcome
            if of_regions:
                by_region.append(of_regions)
            try:
                gathered.add(score_of_image)
            except ArgumentError as error:
                raise EvaluationError(f"{files.probability}: {error}") from error
    if failures:
        more = f" ({len(failures)} images in all)" if len(failures) > 1 else ""
        raise EvaluationError(f"{failures[0]}{more}")
    evaluation = Evaluation(
        image_ids,
        stacked(gathered.scores),
        settings,
        gathered.levels,
        resamples,
        seed,
        pairs,
        group_by,
        tuple(by_region),
    )
    _warn(evaluation)
    return evaluation


def evaluate_pairs(
    pairs: Iterable[Pair],
    settings: EvaluationSettings | None = None,
    *,
    resamples: int = 0,
    seed: int = 0,
    group_by: str | None = None,
) -> Evaluation:
    """Score arrays, image by image, as for validation during training.

    Parameters
    ----------
    pairs : iterable of Pair
        References with their predictions, masks or probabilities; taken one at a time.
    settings : EvaluationSettings, optional
        How they are scored; its `resize` and `within` are for files.
    resamples, seed : int
        Settings of the bootstrap; by default there are no intervals.
    group_by : str, optional
        As in `evaluate_folders`.

    Raises
    ------
    ArgumentError
        There are no pairs, or a pair has arrays of other shapes or types.

    Examples
    --------
    >>> line = np.array([[True, True, False, False]])
    >>> pair = Pair("00007", line, probability=np.array([[0.9, 0.2, 0.7, 0.1]]))
    >>> jsi, *_ = evaluate_pairs([pair]).estimates
    >>> jsi.column.measure, round(jsi.value, 4)
    ('jsi', 0.3333)
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
    subject_numbers(image_ids, group_by)  # a rule that does not fit is an error here
    return Evaluation(
        image_ids,
        stacked(gathered.scores),
        settings,
        gathered.levels,
        resamples,
        seed,
        group_by=group_by,
    )


def _scored(pair: Pair, settings: EvaluationSettings) -> ImageScore:
    """Score one image."""
    return score(
        pair.reference,
        pair.mask(settings.threshold),
        pair.region,
        probability=pair.probability,
        tolerances_px=settings.tolerances_px,
        centrelines=settings.centrelines,
    )


class _Gathered:
    """Scores of images, one after another; of their probabilities only the sum is kept."""

    def __init__(self) -> None:
        self.scores: list[Score] = []
        self.levels: LevelCounts | None = None

    def add(self, image: ImageScore) -> None:
        if self.scores and (image.levels is None) != (self.levels is None):
            raise ArgumentError("some images have probabilities and others have none")
        if image.levels is not None:
            self.levels = image.levels if self.levels is None else self.levels.plus(image.levels)
        self.scores.append(image.score)


def _warn(evaluation: Evaluation) -> None:
    """Warn of masks that look inverted, and of masks that were read as probabilities."""
    scores = evaluation.scores
    for counts, masks in ((scores.reference, "references"), (scores.predicted, "predictions")):
        inverted = np.flatnonzero(looks_inverted(counts, scores.pixels))
        if len(inverted):
            image_ids = [evaluation.image_ids[number] for number in inverted]
            log.warning("%s", inverted_remark(masks, image_ids))
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
