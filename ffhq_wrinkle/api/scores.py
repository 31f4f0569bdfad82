"""Scores: evaluation of predictions, comparison of two methods, comparison of training runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeGuard

import numpy as np

from ..dataset.layout import image_folder
from ..errors import ArgumentError
from ..measures.bootstrap import RESAMPLES
from ..reports.figures import parse_forms
from ..runs.cores import available_cores
from ..segmentation.evaluation.comparison import Comparison, compare_folders
from ..segmentation.evaluation.evaluation import Evaluation
from ..segmentation.evaluation.evaluation_report import require_report, write_report
from ..segmentation.evaluation.pairs import IMAGES, EvaluationSettings, Pair
from ..segmentation.evaluation.scoring import evaluate_folders, evaluate_pairs
from ..segmentation.experiments.experiment_report import require_report as require_compare_report
from ..segmentation.experiments.experiment_report import write_report as write_compare_report
from ..segmentation.experiments.experiments import Experiments
from ..segmentation.experiments.experiments import compare_runs as compare_run_folders
from ..segmentation.prediction.seen_images import warn_of_seen
from ..segmentation.training_data.sample_files import find_sample_files
from .arguments import AnyIds, AnyPath, Masks, as_ids, as_path, masks_by_id, refuse_for_masks


def evaluate(
    predictions: AnyPath | Masks,
    references: AnyPath | Masks,
    *,
    out: AnyPath | None = None,
    overwrite: bool = False,
    images: AnyPath | None = None,
    ids: AnyIds | None = None,
    threshold: float = 0.5,
    within: AnyPath | None = None,
    resize: Literal["nearest"] | None = None,
    exact_only: bool = False,
    by: Literal["region"] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    jobs: int | None = None,
    group_by: str | None = None,
    allow_trained_on: bool = False,
) -> Evaluation:
    """Score predictions against references; the command `evaluate`.

    Parameters
    ----------
    predictions : str or Path, sequence of np.ndarray, or mapping of str to np.ndarray
        A folder of masks or probabilities. Or arrays in memory, in order or by image id: masks,
        bool (H, W), or probabilities of 0 to 1. Only `threshold`, `exact_only`, `resamples`,
        `seed` and `group_by` apply to arrays.
    references : str or Path, sequence of np.ndarray, or mapping of str to np.ndarray
        A folder of masks, or anything that `train` takes as data: a data set, a folder with
        `images` and `masks`, or a CSV; or masks in memory, bool (H, W).
    out : str or Path, optional
        Folder for a report: tables and pictures.
    overwrite : bool
        Replace an earlier report.
    images : str or Path, optional
        Folder of photographs: with `out`, to show under the masks of the worst images; with `by`,
        to find the regions in.
    ids : str, iterable of str, or Ids, optional
        Ids of the images to score; all that have a reference if not given.
    threshold : float
        Threshold applied to probabilities when there is no mask.
    within : str or Path, optional
        Folder of face masks; pixels outside them do not count.
    resize : {"nearest"}, optional
        Resize predictions and face masks to the size of their reference, instead of failing.
    exact_only : bool
        Leave out clDice and F1 within 0 to 3 px, which take most of the time.
    by : {"region"}, optional
        Also score each region of the faces, which the face mesh finds in `images`, or in the
        photographs beside `references` in the same data set.
    resamples : int
        Number of bootstrap resamples of the images; 0 for no intervals.
    seed : int
        Seed of the bootstrap.
    jobs : int, optional
        Number of threads; one per core if not given.
    group_by : str, optional
        Which images show the same subject: ``folder``, those in one uppermost folder, or a regular
        expression, those in whose ids it finds the same text. The bootstrap then draws subjects
        instead of images.
    allow_trained_on : bool
        Score predictions for images that their network was trained on without a warning.

    Returns
    -------
    Evaluation
        Shows its tables in a notebook; `to_frame` gives them as pandas.

    Raises
    ------
    ArgumentError, EvaluationError, OutputError
        As in `segmentation.evaluation.scoring.evaluate_folders` and
        `segmentation.evaluation.evaluation_report.write_report`.
    """
    settings = _settings(threshold, resize, within, exact_only=exact_only)
    if _are_in_memory(predictions) and _are_in_memory(references):
        refuse_for_masks(
            {
                "out": out,
                "images": images,
                "ids": ids,
                "within": within,
                "resize": resize,
                "by": by,
            }
        )
        return evaluate_pairs(
            _pairs(masks_by_id(predictions), masks_by_id(references)),
            settings,
            resamples=resamples,
            seed=seed,
            group_by=group_by,
        )
    predicted, reference = _folder(predictions), _folder(references)
    folder, photos = _report(out, images, by_region=by is not None)
    if by:
        settings = replace(settings, photos=photos or _photos_beside(reference))
    if folder:
        require_report(
            folder, [predicted, reference, settings.within], photos=photos, overwrite=overwrite
        )
    evaluation = evaluate_folders(
        predicted,
        reference,
        settings,
        masks=_listed_masks(reference),
        ids=as_ids(ids),
        resamples=resamples,
        seed=seed,
        group_by=group_by,
        jobs=jobs or available_cores(),
    )
    if not allow_trained_on:
        warn_of_seen(predicted, evaluation.image_ids)
    if folder:
        write_report(evaluation, folder, photos=photos, jobs=jobs or available_cores())
    return evaluation


def compare_predictions(
    predictions: AnyPath,
    other: AnyPath,
    references: AnyPath,
    *,
    out: AnyPath | None = None,
    overwrite: bool = False,
    images: AnyPath | None = None,
    ids: AnyIds | None = None,
    threshold: float = 0.5,
    within: AnyPath | None = None,
    resize: Literal["nearest"] | None = None,
    exact_only: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    jobs: int | None = None,
    group_by: str | None = None,
    allow_trained_on: bool = False,
) -> Comparison:
    """Compare two methods on the same images; the command `evaluate --compare`.

    Parameters
    ----------
    predictions, other, references : str or Path
        Folders, as in `evaluate`.
    out, overwrite, images, ids, threshold, within, resize, exact_only, resamples, seed, jobs,
    group_by
        As in `evaluate`.
    allow_trained_on : bool
        As in `evaluate`, for both.

    Returns
    -------
    Comparison
        The first method's measures minus the second's, paired by image.

    Raises
    ------
    ArgumentError, EvaluationError, OutputError
        As in `evaluate`.
    """
    settings = _settings(threshold, resize, within, exact_only=exact_only)
    first, second, reference = as_path(predictions), as_path(other), as_path(references)
    folder, photos = _report(out, images)
    if folder:
        require_report(
            folder, [first, reference, second, settings.within], photos=photos, overwrite=overwrite
        )
    comparison = compare_folders(
        first,
        second,
        reference,
        settings,
        masks=_listed_masks(reference),
        ids=as_ids(ids),
        resamples=resamples,
        seed=seed,
        group_by=group_by,
        jobs=jobs or available_cores(),
    )
    if not allow_trained_on:
        for scored in (first, second):
            warn_of_seen(scored, comparison.first.image_ids)
    if folder:
        write_report(
            comparison.first,
            folder,
            comparison=comparison,
            photos=photos,
            jobs=jobs or available_cores(),
        )
    return comparison


def compare_runs(
    runs: Sequence[AnyPath],
    *,
    out: AnyPath | None = None,
    figures: str = "png",
    with_paper: bool = False,
    overwrite: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    group_by: str | None = None,
) -> Experiments:
    """Compare training runs with each other and with the paper's tables; the command `compare`.

    Parameters
    ----------
    runs : sequence of str or Path
        Folders of `train`.
    out : str or Path, optional
        Folder for a report: tables and a plot.
    figures : str
        Forms of the figures: ``png``, ``pdf``, ``svg``, or several with commas.
    with_paper : bool
        Show the paper's scores even if the runs were scored on other images than the paper's.
    overwrite : bool
        Replace an earlier report.
    resamples, seed, group_by
        As in `evaluate`.

    Returns
    -------
    Experiments

    Raises
    ------
    ArgumentError, EvaluationError, OutputError
        As in `segmentation.experiments.experiments.compare_runs`.
    """
    forms = parse_forms(figures)
    folder, folders = as_path(out), [as_path(run) for run in runs]
    if folder:
        require_compare_report(folder, folders, overwrite=overwrite)
    experiments = compare_run_folders(
        folders, with_paper=with_paper, resamples=resamples, seed=seed, group_by=group_by
    )
    if folder:
        write_compare_report(experiments, folder, figures=forms)
    return experiments


def _listed_masks(references: Path) -> Mapping[str, Path] | None:
    """Return the masks that a CSV of training data lists by image id; None for a folder."""
    return find_sample_files(references).masks if references.is_file() else None


def _settings(
    threshold: float, resize: Literal["nearest"] | None, within: AnyPath | None, *, exact_only: bool
) -> EvaluationSettings:
    settings = EvaluationSettings(threshold=threshold, resize=resize, within=as_path(within))
    if not exact_only:
        return settings
    return EvaluationSettings(
        threshold=threshold,
        resize=resize,
        within=settings.within,
        tolerances_px=(),
        centrelines=False,
    )


def _photos_beside(references: Path) -> Path:
    """Return the folder of photographs in a data set.

    Raises
    ------
    ArgumentError
        There is none.
    """
    photos = image_folder(references)
    if photos == references and (references / IMAGES).is_dir():
        photos = references / IMAGES
    if photos == references:
        raise ArgumentError(
            f"{references} has no photographs in which regions can be found; name their folder "
            "with --images"
        )
    return photos


def _report(
    out: AnyPath | None, images: AnyPath | None, *, by_region: bool = False
) -> tuple[Path | None, Path | None]:
    """Return the folder of the report and the folder of photographs."""
    if images and not out and not by_region:
        raise ArgumentError("--images are for the pictures of a report; name its folder with --out")
    return as_path(out), as_path(images)


def _are_in_memory(value: AnyPath | Masks) -> TypeGuard[Masks]:
    return isinstance(value, Sequence | Mapping) and not isinstance(value, str)


def _folder(value: AnyPath | Masks) -> Path:
    if isinstance(value, np.ndarray):
        raise ArgumentError("this is one array; give a list of masks, or masks by image id")
    if isinstance(value, Sequence | Mapping) and not isinstance(value, str):
        raise ArgumentError("predictions and references must both be folders, or both be arrays")
    return as_path(value)


def _pairs(predictions: dict[str, np.ndarray], references: dict[str, np.ndarray]) -> list[Pair]:
    if sorted(predictions) != sorted(references):
        raise ArgumentError("predictions and references must be of the same images")
    return [
        Pair(image_id, reference, predicted)
        if (predicted := predictions[image_id]).dtype == bool
        else Pair(image_id, reference, probability=predicted)
        for image_id, reference in sorted(references.items())
    ]
