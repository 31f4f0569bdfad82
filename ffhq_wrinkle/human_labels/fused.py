"""Fused masks: several annotators' folders into one folder of masks, in parallel, resumable.

`fuse_folder` reads each image's masks, fuses them by a rule of `fusion`, and writes the result.
What a mask was made of is kept inside it, as the PNG's comment: so a later run knows which masks
are still true to their annotations, and `fusion.csv` is a table of what the masks say.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .. import __version__
from ..dataset.ids import Ids
from ..errors import AnnotationError, ArgumentError, ImageFailure
from ..results.failures import Failure, update_failures
from ..results.outputs import OutputFolder, require_separate
from ..results.records import FUSION_RECORD
from ..results.result_files import State
from ..runs.interruption import Interruption
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from ..storage.writing import write_bytes
from .agreement import agreement_weights, tally_images
from .annotations import decode_annotations, read_files
from .annotators import (
    AnnotatedImage,
    AnnotationSettings,
    Annotator,
    FoundAnnotations,
    find_annotations,
)
from .fusion import FusionRule, Method, fuse
from .fusion_report import FuseReport
from .fusion_table import TABLE, FusionRow, fingerprint, fusion_row, fusion_table

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
        `agreement.agreement_weights`, of all images that the annotators have, chosen or not.
    texture : Path, optional
        For ``semi-automatic``: the folder of texture maps or weak masks, flat or in shards.
    settings : AnnotationSettings, optional
        How masks are read and matched.
    ids : Ids, optional
        Which images; all if not given.
    limit : int, optional
        Only so many images, the first ones.
    jobs : int
        Threads that read, fuse and write.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    FuseReport

    Raises
    ------
    ArgumentError
        As `annotators.find_annotations` and `fusion.FusionRule`, texture maps are not given to the
        method that needs them, or to another, or folders to read and to write overlap.
    OutputError
        Results can not be written, or would mix with those of other settings.
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    settings = settings or AnnotationSettings()
    _require_fitting_texture(method, texture)
    require_separate([*(one.folder for one in annotators), settings.within, texture], [out])
    found = find_annotations(annotators, settings, texture=texture, ids=ids, limit=limit)
    rule = _rule(method, min_votes, annotators, settings, jobs)
    many = f"{len(annotators)} annotator{'s' * (len(annotators) != 1)}"
    note = f"fused mask; {method} of {many}; ffhq-wrinkle fuse-labels"
    made_with = {
        "method": method,
        "min_votes": rule.min_votes,
        "annotators": [f"{one.name}={one.folder.resolve()}" for one in annotators],
        **settings.record(),
        **({"texture": str(texture.resolve())} if texture else {}),
    }
    with OutputFolder(
        out, made_with, note=note, record=FUSION_RECORD, overwrite=overwrite
    ) as folder:
        folder.begin()
        run = _Run(folder, rule, settings, found)
        interruption = Interruption()
        with interruption:
            run.fuse_all(jobs)
        report = run.report()
        chosen = (image.file.image_id for image in found.images)
        about = {*found.missing, *found.skipped, *chosen}
        everything = ids is None and limit is None
        update_failures(out, run.failures, about=None if everything else about)
        interruption.raise_with(report.summary(out))
        for line in report.remarks(method, within=settings.within is not None, all_ids=everything):
            log.warning("%s", line)
        rows = (
            (PurePosixPath(name).stem, FusionRow.parse(folder.comment(name), len(annotators)))
            for name in folder.results()
        )
        table = sorted((image_id, row) for image_id, row in rows if row)
        write_bytes(out / TABLE, fusion_table([one.name for one in annotators], table))
        record = {
            "command": "fuse-labels",
            "version": __version__,
            "weights": list(rule.weights) if rule.weights else None,
            "skipped": sorted(found.skipped),
        }
        folder.finish(record)
    return report


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
    """The rule, complete: its number of votes, or the weights that all images give."""
    weights = None
    if method == "weighted":
        log.info("how far annotators agree, for their weights:")
        if settings.missing == "error":  # of the chosen images none lacks a mask, but others may
            settings = replace(settings, missing="skip")
        everything = find_annotations(annotators, settings)
        tallies, _ = tally_images(everything, settings, len(annotators), jobs=jobs)
        weights = agreement_weights(tallies)
    elif method == "majority" and min_votes is None:
        min_votes = len(annotators) // 2 + 1
    rule = FusionRule(method=method, min_votes=min_votes, weights=weights)
    if method != "staple":
        rule.levels(len(annotators))  # or say what is wrong with it, before anything is written
    return rule


def _name(image_id: str) -> str:
    """Place of an image's mask: flat, as the released `manual_wrinkle_masks`."""
    return f"{image_id}.png"


class _Outcome(NamedTuple):
    """What came of one image; a file that this command did not write has no row."""

    image_id: str
    row: FusionRow | None
    made: bool = False
    renewed: bool = False


class _Run:
    """The work of one `fuse_folder`, and what came of it."""

    def __init__(
        self,
        folder: OutputFolder,
        rule: FusionRule,
        settings: AnnotationSettings,
        found: FoundAnnotations,
    ) -> None:
        self.folder = folder
        self.rule = rule
        self.settings = settings
        self.found = found
        self.outcomes: list[_Outcome] = []  # added to where it is made, so true at any moment
        self.failures = [
            Failure(_name(image_id), "find", f"nobody has an image {image_id}")
            for image_id in found.missing
        ]

    def fuse_all(self, jobs: int) -> None:
        """Fuse every image that is not there yet, or was made from something else."""
        images = self.found.images
        with (
            Progress(len(images), "fuse-labels") as progress,
            run_each(images, self._work, jobs=jobs) as outcomes,
        ):
            for image, outcome in outcomes:
                progress.advance(failed=isinstance(outcome, ImageFailure))
                if isinstance(outcome, ImageFailure):
                    path = _name(image.file.image_id)
                    self.failures.append(Failure(path, outcome.step, str(outcome)))

    def _work(self, image: AnnotatedImage) -> None:
        image_id, name = image.file.image_id, _name(image.file.image_id)
        files = read_files(image)
        inputs = fingerprint(files, self.rule, self.settings)
        state = State.ABSENT if self.folder.overwrite else self.folder.look(name)
        if state not in (State.ABSENT, State.DAMAGED):
            row = FusionRow.parse(self.folder.comment(name), len(files.masks))
            # Without a row it is somebody's own, such as a mask corrected by hand.
            if row is None or row.inputs == inputs:
                self.outcomes.append(_Outcome(image_id, row))
                return
        annotations = decode_annotations(files, self.settings)
        fused = fuse(annotations.masks, self.rule, annotations.region, annotations.texture)
        if fused.degenerate == "lost":
            raise AnnotationError(
                "STAPLE leaves out what most annotators drew, or even all; give the face masks by "
                "--within, or use another method"
            )
        row = fusion_row(fused, annotations, inputs)
        self.folder.write(name, fused.mask, comment=row.comment)
        self.outcomes.append(_Outcome(image_id, row, made=True, renewed=state is not State.ABSENT))

    def _others(self) -> list[str]:
        """Ids of masks in the folder of which no image was found, or which were left out."""
        found = {_name(image.file.image_id) for image in self.found.images}
        there = {PurePosixPath(name).name for name in self.folder.results()}
        return sorted(PurePosixPath(name).stem for name in there - found)

    def report(self) -> FuseReport:
        """What is done so far."""
        outcomes = sorted(self.outcomes)
        rows = [(one.image_id, one.row) for one in outcomes if one.row]
        return FuseReport(
            images=len(self.found.images) + len(self.found.missing),
            made=sum(one.made for one in outcomes),
            kept=sum(not one.made for one in outcomes),
            failed=len(self.failures),
            renewed=sum(one.renewed for one in outcomes),
            skipped=self.found.skipped,
            first_failure=self.failures[0].reason if self.failures else "",
            empty=[image_id for image_id, row in rows if row.drawn and not row.kept],
            unions=[image_id for image_id, row in rows if row.degenerate == "union"],
            copies=[image_id for image_id, row in rows if row.degenerate == "copy"],
            strangers=[one.image_id for one in outcomes if not one.row],
            others=self._others(),
            half=[image_id for image_id, row in rows if row.covers_half],
            outside_px=sum(row.outside for _, row in rows),
        )
