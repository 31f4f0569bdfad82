"""Fused masks: several annotators' folders into one folder of masks, in parallel, resumable.

`fuse_folder` has each image's masks read and fused by `fusion_work`. The origin of each mask is
kept inside it, as the PNG's comment, so a later run knows which masks still match their
annotations, and `fusion.csv` is a table of these comments.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .. import __version__
from ..dataset.ids import Ids, id_of_path, top_folders
from ..errors import ArgumentError, ImageFailure, counted
from ..results.failures import Failure, update_failures
from ..results.outputs import OutputFolder, require_separate
from ..results.records import FUSION_RECORD
from ..runs.interruption import Interruption
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from ..storage.writing import write_bytes
from .agreement import agreement_weights, tally_images
from .annotators import AnnotationSettings, Annotator, FoundAnnotations, find_annotations
from .fusion import FusionRule, Method
from .fusion_report import FuseReport
from .fusion_table import TABLE, FusionRow, fusion_table
from .fusion_work import FusionWork, mask_name

log = logging.getLogger(__name__)


def fuse_folder(
    annotators: Sequence[Annotator],
    out: Path,
    *,
    method: Method = "majority",
    min_votes: int | None = None,
    texture: Path | None = None,
    settings: AnnotationSettings | None = None,
    ids: Ids | None = None,
    limit: int | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> FuseReport:
    """Write the fused mask of each image that annotators drew.

    Parameters
    ----------
    annotators : sequence of Annotator
        As `annotators.parse_annotators` gives them.
    out : Path
        Gets 0/255 PNG, flat as released (with ``soft`` 0..255), `fusion.csv`, `fusion.json`,
        and `failures.csv` if images failed.
    method, min_votes
        As `fusion.FusionRule`; the weights of ``weighted`` are those of
        `agreement.agreement_weights`, from all images that the annotators have, chosen or not.
    texture : Path, optional
        For ``semi-automatic``: the folder of texture maps or weak masks, flat or in shards.
    settings : AnnotationSettings, optional
        How masks are read and matched.
    ids : Ids, optional
        Images to fuse; all if not given.
    limit : int, optional
        Process at most this many images, the first ones.
    jobs : int
        Threads that read, fuse and write.
    overwrite : bool
        Replace existing masks.

    Returns
    -------
    FuseReport

    Raises
    ------
    ArgumentError
        As `annotators.find_annotations` and `fusion.FusionRule`, texture maps are missing for the
        method that needs them or given to another, or folders to read and to write overlap.
    OutputError
        Results cannot be written, or would mix with results of different settings.
    RunInterrupted
        Ctrl-C; finished masks are kept, and the same call resumes the run.
    """
    settings = settings or AnnotationSettings()
    _require_fitting_texture(method, texture)
    read = [*(annotator.folder for annotator in annotators), settings.within, texture]
    require_separate(read, [out])
    annotations = find_annotations(annotators, settings, texture=texture, ids=ids, limit=limit)
    id_folders = top_folders(image.file.image_id for image in annotations.images)
    require_separate(read, [out], id_folders=id_folders)
    rule = _rule(method, min_votes, annotators, settings, jobs)
    every_image = ids is None and limit is None
    with OutputFolder(
        out,
        _made_with(annotators, rule, settings, texture),
        note=f"fused mask; {method} of {_many(annotators)}; ffhq-wrinkle fuse-labels",
        record=FUSION_RECORD,
        id_folders=id_folders,
        overwrite=overwrite,
    ) as folder:
        folder.begin()
        work = FusionWork(folder, rule, settings)
        failures = [
            Failure(mask_name(image_id), "find", f"nobody has an image {image_id}")
            for image_id in annotations.missing
        ]
        with (
            Interruption() as interruption,
            Progress(len(annotations.images), "fuse-labels") as progress,
            run_each(annotations.images, work.fuse, jobs=jobs) as outcomes,
        ):
            for image, outcome in outcomes:
                progress.advance(failed=isinstance(outcome, ImageFailure))
                if isinstance(outcome, ImageFailure):
                    name = mask_name(image.file.image_id)
                    failures.append(Failure(name, outcome.step, str(outcome)))
        report = FuseReport.of(out, work.outcomes, failures, annotations, folder.results())
        processed = _ids_of(annotations)
        update_failures(
            out, failures, about=None if every_image else lambda path: id_of_path(path) in processed
        )
        interruption.raise_with(report.summary())
        for line in report.remarks(method, within=settings.within is not None, all_ids=every_image):
            log.warning("%s", line)
        write_bytes(out / TABLE, _table(folder, annotators))
        weights = list(rule.weights) if rule.weights else None
        about = {"command": "fuse-labels", "version": __version__, "weights": weights}
        folder.finish({**about, "skipped": sorted(annotations.skipped)}, made=report.made > 0)
    return report


def _many(annotators: Sequence[Annotator]) -> str:
    return counted(len(annotators), "annotator")


def _made_with(
    annotators: Sequence[Annotator],
    rule: FusionRule,
    settings: AnnotationSettings,
    texture: Path | None,
) -> dict[str, object]:
    """Return what the masks depend on, as JSON can hold it."""
    return {
        "method": rule.method,
        "min_votes": rule.min_votes,
        "annotators": [
            f"{annotator.name}={annotator.folder.resolve()}" for annotator in annotators
        ],
        **settings.record(),
        **({"texture": str(texture.resolve())} if texture else {}),
    }


def _ids_of(annotations: FoundAnnotations) -> set[str]:
    """Return the ids of all images that a run is about."""
    images = (image.file.image_id for image in annotations.images)
    return {*annotations.missing, *annotations.skipped, *images}


def _table(folder: OutputFolder, annotators: Sequence[Annotator]) -> bytes:
    """Return the table of all masks that are in the folder, whichever run made them."""
    rows = (
        (id_of_path(name), FusionRow.parse(folder.comment(name), len(annotators)))
        for name in folder.results()
    )
    ours = sorted((image_id, row) for image_id, row in rows if row)
    return fusion_table([annotator.name for annotator in annotators], ours)


def _require_fitting_texture(method: Method, texture: Path | None) -> None:
    if method == "semi-automatic" and texture is None:
        raise ArgumentError("semi-automatic needs texture maps; name their folder by --texture DIR")
    if method != "semi-automatic" and texture is not None:
        raise ArgumentError(f"texture maps go with the method semi-automatic, not {method}")


def _rule(
    method: Method,
    min_votes: int | None,
    annotators: Sequence[Annotator],
    settings: AnnotationSettings,
    jobs: int,
) -> FusionRule:
    """Complete the rule with its number of votes, or with the weights that all images give."""
    weights = None
    if method == "weighted":
        log.info("how far annotators agree, for their weights:")
        if settings.missing == "error":  # images that were not chosen may lack a mask
            settings = replace(settings, missing="skip")
        images = find_annotations(annotators, settings).images
        tallies, _ = tally_images(images, settings, len(annotators), jobs=jobs)
        weights = agreement_weights(tallies)
        named = zip(annotators, weights, strict=True)
        log.info("weights: %s", ", ".join(f"{each.name} {weight:.3f}" for each, weight in named))
    elif method == "majority" and min_votes is None:
        min_votes = len(annotators) // 2 + 1
    rule = FusionRule(method=method, min_votes=min_votes, weights=weights)
    if method != "staple":
        rule.levels(len(annotators))  # which refuses a wrong rule before anything is written
    return rule
