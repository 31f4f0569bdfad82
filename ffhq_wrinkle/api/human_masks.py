"""Human masks: fusion of the masks of several annotators, and agreement between annotators."""

import os
from collections.abc import Mapping, Sequence
from typing import Literal, TypeGuard

import numpy as np

from ..errors import ArgumentError
from ..human_labels.agreement import Agreement, agreement_of_masks, measure_agreement
from ..human_labels.annotators import (
    MIN_ANNOTATORS,
    AnnotationSettings,
    Annotator,
    Missing,
    parse_annotators,
)
from ..human_labels.fused import fuse_folder
from ..human_labels.fusion import Fused, FusionRule, Method
from ..human_labels.fusion import fuse as fuse_masks
from ..human_labels.fusion_report import FuseReport
from ..human_labels.report import require_report, write_report
from ..images.arrays import plain_array
from ..measures.bootstrap import RESAMPLES
from ..reports.figures import parse_forms
from ..runs.cores import available_cores
from .arguments import AnyIds, AnyPath, Masks, as_ids, as_path, masks_by_id, refuse_for_masks

Annotators = Sequence[AnyPath] | Mapping[str, AnyPath]
MasksOfAnnotators = Mapping[str, Masks]


def fuse(
    masks: Sequence[np.ndarray],
    *,
    method: Method = "majority",
    min_votes: int | None = None,
    weights: Sequence[float] | None = None,
    region: np.ndarray | None = None,
    texture: np.ndarray | None = None,
) -> Fused:
    """Fuse the masks that several annotators drew of one image.

    Parameters
    ----------
    masks : sequence of np.ndarray
        One for each annotator, bool (H, W); at most 20.
    method : str
        How the masks are combined; see `human_labels.fusion.FusionRule`.
    min_votes : int, optional
        For ``majority``: number of votes that a pixel needs; more than half if not given.
    weights : sequence of float, optional
        For ``weighted``: weight of the vote of each annotator.
    region : np.ndarray, optional
        bool (H, W); pixels outside it do not count and are 0.
    texture : np.ndarray, optional
        For ``semi-automatic``: the texture map, uint8 (H, W).

    Returns
    -------
    Fused
        `mask` is uint8 (H, W), 0 and 255, or 0..255 for ``soft``.

    Raises
    ------
    ArgumentError
        As in `human_labels.fusion.fuse`.

    Examples
    --------
    >>> masks = np.array([[[1, 1, 0]], [[1, 0, 0]], [[0, 1, 1]]], bool)
    >>> fuse(masks).mask
    array([[255, 255,   0]], dtype=uint8)
    """
    rule = FusionRule(
        method=method, min_votes=min_votes, weights=None if weights is None else tuple(weights)
    )
    return fuse_masks(
        [plain_array(mask) for mask in masks],
        rule,
        None if region is None else plain_array(region),
        None if texture is None else plain_array(texture),
    )


def fuse_labels(
    annotators: Annotators,
    out: AnyPath,
    *,
    method: Method = "majority",
    min_votes: int | None = None,
    texture: AnyPath | None = None,
    within: AnyPath | None = None,
    missing: Missing = "error",
    threshold: int | None = None,
    resize: Literal["nearest"] | None = None,
    ids: AnyIds | None = None,
    limit: int | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
) -> FuseReport:
    """Fuse the masks that several annotators drew of the same images; the command `fuse-labels`.

    Parameters
    ----------
    annotators : sequence of str or Path, or mapping of str to them
        A folder of masks for each of 2 to 20 annotators. A mapping names the annotators; otherwise
        they have the names of their folders.
    out : str or Path
        Folder for the fused masks, 0/255 PNG, flat, with `fusion.csv` and `fusion.json`.
    method : str
        How the masks are combined; see `human_labels.fusion.FusionRule`.
    min_votes : int, optional
        For ``majority``: number of votes that a pixel needs; more than half if not given.
    texture : str or Path, optional
        For ``semi-automatic``: folder of texture maps or weak masks.
    within : str or Path, optional
        Folder of face masks; pixels outside them do not count.
    missing : {"error", "skip", "empty"}
        How to treat an image that an annotator lacks: raise an error, leave the image out, or
        assume that the annotator drew nothing.
    threshold : int, optional
        For masks with more than two values: pixels of at least this value are drawn.
    resize : {"nearest"}, optional
        Resize masks to the size of the mask by the first annotator who has the image, instead of
        failing.
    ids : str, iterable of str, or Ids, optional
        The images to fuse; all if not given.
    limit : int, optional
        Fuse at most this many images, the first by id.
    jobs : int, optional
        Number of threads; one per core if not given.
    overwrite : bool
        Replace existing results.

    Returns
    -------
    FuseReport

    Raises
    ------
    ArgumentError, OutputError, RunInterrupted
        As in `human_labels.fused.fuse_folder`.
    """
    return fuse_folder(
        parsed_annotators(annotators, least=1 if method == "semi-automatic" else MIN_ANNOTATORS),
        as_path(out),
        method=method,
        min_votes=min_votes,
        texture=as_path(texture),
        settings=AnnotationSettings(
            threshold=threshold, resize=resize, missing=missing, within=as_path(within)
        ),
        ids=as_ids(ids),
        limit=limit,
        jobs=jobs or available_cores(),
        overwrite=overwrite,
    )


def agreement(
    annotators: Annotators | MasksOfAnnotators,
    *,
    out: AnyPath | None = None,
    overwrite: bool = False,
    images: AnyPath | None = None,
    figures: str = "png",
    tolerances_px: Sequence[float] = (),
    within: AnyPath | None = None,
    missing: Missing = "error",
    threshold: int | None = None,
    resize: Literal["nearest"] | None = None,
    ids: AnyIds | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    jobs: int | None = None,
    group_by: str | None = None,
) -> Agreement:
    """Measure how far annotators agree; the command `agreement`.

    Parameters
    ----------
    annotators : sequence of str or Path, or mapping
        Folders of masks, as in `fuse_labels`. Or masks in memory: for the name of each annotator, a
        list of masks, bool (H, W), or masks by image id. Only the arguments `tolerances_px`,
        `resamples`, `seed` and `group_by` apply to masks in memory.
    within, missing, threshold, resize, ids, jobs
        As in `fuse_labels`.
    out : str or Path, optional
        Folder for a report: tables and pictures.
    overwrite : bool
        Replace an earlier report.
    images : str or Path, optional
        With `out`: folder of photographs to show beside and under the masks of the most disputed
        images.
    figures : str
        Forms of the figures: ``png``, ``pdf``, ``svg``, or several with commas.
    tolerances_px : sequence of float
        Also measure the agreement if lines may lie this many pixels apart.
    resamples : int
        Number of bootstrap resamples of the images; 0 for no intervals.
    seed : int
        Seed of the bootstrap.
    group_by : str, optional
        Which images show the same subject: ``folder``, those in one uppermost folder, or a regular
        expression, those in whose ids it finds the same text. The bootstrap then draws subjects
        instead of images.

    Returns
    -------
    Agreement
        Shows its tables in a notebook; `to_frame` gives them as pandas.

    Raises
    ------
    ArgumentError, AnnotationError, OutputError
        As in `human_labels.agreement.measure_agreement` and `human_labels.report.write_report`.
    """
    tolerances_px, forms = sorted(set(tolerances_px)), parse_forms(figures)
    if _are_in_memory(annotators):
        refuse_for_masks(
            {
                "out": out,
                "images": images,
                "within": within,
                "missing": None if missing == "error" else missing,
                "threshold": threshold,
                "resize": resize,
                "ids": ids,
            }
        )
        return agreement_of_masks(
            {name: masks_by_id(masks) for name, masks in annotators.items()},
            tolerances_px=tolerances_px,
            resamples=resamples,
            seed=seed,
            group_by=group_by,
        )
    if images and not out:
        raise ArgumentError("--images are for the pictures of a report; name its folder with --out")
    folder, photos = as_path(out), as_path(images)
    parsed = parsed_annotators(annotators)
    settings = AnnotationSettings(
        threshold=threshold, resize=resize, missing=missing, within=as_path(within)
    )
    if folder:
        read = [*(annotator.folder for annotator in parsed), settings.within]
        require_report(folder, read, photos=photos, overwrite=overwrite)
    measured = measure_agreement(
        parsed,
        settings,
        ids=as_ids(ids),
        tolerances_px=tolerances_px,
        resamples=resamples,
        seed=seed,
        group_by=group_by,
        jobs=jobs or available_cores(),
    )
    if folder:
        write_report(measured, folder, photos=photos, figures=forms, jobs=jobs or available_cores())
    return measured


def _are_in_memory(annotators: Annotators | MasksOfAnnotators) -> TypeGuard[MasksOfAnnotators]:
    return isinstance(annotators, Mapping) and not any(
        isinstance(value, str | os.PathLike) for value in annotators.values()
    )


def parsed_annotators(
    annotators: Annotators | MasksOfAnnotators, *, least: int = MIN_ANNOTATORS
) -> list[Annotator]:
    """Return annotators as the library takes them; raises as `annotators.parse_annotators`."""
    if isinstance(annotators, Mapping):
        texts = [f"{name}={folder}" for name, folder in annotators.items()]
    else:
        if any(isinstance(folder, list | tuple | np.ndarray) for folder in annotators):
            raise ArgumentError("with masks in memory, name each annotator: {'A': masks, ...}")
        texts = [str(folder) for folder in annotators]
    return parse_annotators(texts, least=least)
