"""Importing: the exports of annotation tools into a folder of masks for each annotator.

`import_folder` lists the exports, has `choices` decide what becomes of each annotation, and then
reads them again, one after another, while threads turn them into masks and write these.
"""

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..dataset.layout import find_images, image_folder
from ..errors import ArgumentError, ImageFailure, first_few
from ..images.sizes import resized_nearest
from ..results.failures import Failure, update_failures
from ..results.outputs import OutputFolder, require_separate
from ..results.records import IMPORT_RECORD
from ..results.result_files import State as ResultState
from ..runs.interruption import Interruption
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from ..storage.writing import write_bytes
from .annotation import Annotation, Area, Pixels, Shape, State
from .choices import Choice, Choices, ImportSettings, choose, is_chosen
from .export_files import ExportError
from .import_report import ImportReport
from .import_table import (
    LEFT_OUT,
    TABLE,
    ImportRow,
    import_row,
    import_table,
    rows_without_pixels,
)
from .listing import Listing, list_exports
from .people import without_addresses
from .pixels import area_mask
from .strokes import StrokeLoss, stroke_loss

log = logging.getLogger(__name__)

_Item = tuple[Choice, Annotation]


class AnnotationFailure(ImageFailure):
    """An annotation cannot be turned into a mask."""

    step = "import"


def import_folder(
    exports: Sequence[Path],
    out: Path,
    *,
    settings: ImportSettings | None = None,
    names: Sequence[str] = (),
    format_name: str | None = None,
    images: Path | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> ImportReport:
    """Write the masks that exports of annotation tools hold.

    Parameters
    ----------
    exports : sequence of Path
        Files, folders and archives.
    out : Path
        Gets a folder for each annotator with a 0/255 PNG for each image, `import.csv`,
        `import.json`, and `failures.csv` if annotations failed.
    settings : ImportSettings, optional
        How annotations become masks.
    names : sequence of str
        Names of annotators, ``KNOWN=NAME``.
    format_name : str, optional
        The format of the exports, instead of recognising it.
    images : Path, optional
        Folder of the photographs, against which names and sizes are checked.
    jobs : int
        Threads that decode and write.
    overwrite : bool
        Replace existing masks.

    Returns
    -------
    ImportReport

    Raises
    ------
    ArgumentError
        As `choices.choose`, or folders to read and to write overlap.
    ExportError
        An export cannot be read.
    OutputError
        Results cannot be written, or would mix with results of different settings.
    RunInterrupted
        Ctrl-C; finished masks are kept, and the same call resumes the run.
    """
    try:
        return _import_folder(
            exports,
            out,
            settings=settings or ImportSettings(),
            names=names,
            format_name=format_name,
            images=images,
            jobs=jobs,
            overwrite=overwrite,
        )
    except (ExportError, ArgumentError) as error:
        # Names of files and people may be addresses.
        raise type(error)(without_addresses(str(error))) from error


def _import_folder(
    exports: Sequence[Path],
    out: Path,
    *,
    settings: ImportSettings,
    names: Sequence[str],
    format_name: str | None,
    images: Path | None,
    jobs: int,
    overwrite: bool,
) -> ImportReport:
    if settings.resize and images is None:
        raise ArgumentError("--resize adapts to the photographs; name their folder by --images")
    folders = [path for path in exports if path.is_dir()]
    require_separate([*folders, images], [out])
    listing = list_exports(exports, format_name)
    photo_folder = image_folder(images) if images else None
    decided = choose(
        listing,
        settings,
        names=names,
        photographs=find_images(photo_folder) if photo_folder else None,
        folder=photo_folder,
    )
    for line in remarks_before(listing, decided):
        log.warning("%s", line)
    for person, name in sorted(decided.annotators.items(), key=lambda item: item[1]):
        log.info("%s is %s", name, listing.people.shown(person))
    files = _hashes(listing)
    note = "human labels; ffhq-wrinkle import-labels"
    if settings.line_width is not None:
        note += f"; lines {settings.line_width:g} px wide"
    annotators = sorted(set(decided.annotators.values()))
    with OutputFolder(
        out,
        _made_with(settings, decided, files, format_name, images),
        note=note,
        record=IMPORT_RECORD,
        subfolders=annotators,
        overwrite=overwrite,
    ) as folder:
        work = _Work(folder, listing, decided, settings)
        failures = [*listing.failures, *work.failures_before()]
        interruption = Interruption()
        if not work.is_done(out):
            folder.begin()
            with (
                interruption,
                Progress(work.total, "import-labels") as progress,
                ExitStack() as stack,
            ):
                outcomes = stack.enter_context(run_each(work.items(), work.make, jobs=jobs))
                for (choice, _), outcome in outcomes:
                    progress.advance(failed=isinstance(outcome, ImageFailure))
                    if isinstance(outcome, ImageFailure):
                        failures.append(Failure(choice.mask_name, outcome.step, str(outcome)))
            report = work.report(out, failures)
            update_failures(out, failures, about=None)
            interruption.raise_with(report.summary())
            write_bytes(out / TABLE, import_table(work.rows()))
            for line in work.remarks_after():
                log.warning("%s", line)
            about = {"command": "import-labels", "version": __version__, "files": files}
            folder.finish({**about, "annotators": report.masks_of})
        else:
            failures = []
            report = work.report(out, failures)
    return report


def _hashes(listing: Listing) -> dict[str, str]:
    """Return the SHA-256 of each file, by its name without e-mail addresses."""
    hashes = {}
    for source in listing.sources:
        digest = hashlib.sha256()
        with source.file.opened() as content:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
        hashes[without_addresses(str(source.file))] = digest.hexdigest()
    return hashes


def _made_with(
    settings: ImportSettings,
    decided: Choices,
    files: dict[str, str],
    format_name: str | None,
    images: Path | None,
) -> dict[str, Any]:
    """Return all that the masks depend on, as JSON can hold it."""
    together = hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest()
    people = {str(person): name for person, name in sorted(decided.annotators.items())}
    return {
        **asdict(settings),
        "labels": sorted(map(without_addresses, decided.labels)),
        "format": format_name,
        "images": str(images.resolve()) if images else None,
        "annotators": list(people.values()),
        "exports": together[:32],
    }


def remarks_before(listing: Listing, decided: Choices) -> list[str]:
    """Return the warnings that are due before anything is written, line by line."""
    lines: Counter[str] = Counter()
    example: dict[str, str] = {}

    def add(remark: str, where: str) -> None:
        lines[remark] += 1
        example.setdefault(remark, where)

    for choice in decided.choices:
        entry = choice.entry
        file = listing.sources[entry.source].file
        where = ", ".join(filter(None, [str(file), entry.submission, f"image {entry.image_name}"]))
        if choice.left_out:
            kind = choice.left_out.partition(":")[0]
            add(f"left out: {kind}", where)
            continue
        for remark in entry.remarks:
            add(remark.rstrip("0123456789"), where)
        if not entry.shapes and not entry.looked:
            add(
                "without shapes: nothing was drawn, or nobody opened the image; the file does not "
                "tell; they count as empty, or are left out by --empty missing",
                where,
            )
        for shape in entry.shapes:
            if shape.remark and is_chosen(shape.label, decided.labels):
                add(shape.remark, where)
    said = [f"{count} x {remark} (such as {example[remark]})" for remark, count in lines.items()]
    if any(source.tool.name == "coco" for source in listing.sources):
        said.append(
            "COCO files hold no lines: if polylines were drawn, they are missing; take the tool's "
            "own format"
        )
    return list(map(without_addresses, said))


class _Work:
    """The masks of all annotations, made on any thread."""

    def __init__(
        self, folder: OutputFolder, listing: Listing, decided: Choices, settings: ImportSettings
    ) -> None:
        self.folder = folder
        self.listing = listing
        self.decided = decided
        self.settings = settings
        self.total = sum(choice.is_imported for choice in decided.choices)
        self._rows: dict[tuple[int, int], list[ImportRow]] = {}
        self._losses: list[tuple[str, StrokeLoss]] = []
        self._made: list[str] = []
        self._kept: list[str] = []
        self._foreign: list[str] = []
        self._lock = threading.Lock()

    def failures_before(self) -> Iterator[Failure]:
        """Yield the failures that are known without the pixels."""
        for choice in self.decided.choices:
            if choice.failure:
                yield Failure(choice.mask_name, "check", choice.failure)

    def is_done(self, out: Path) -> bool:
        """Return whether an earlier run with these settings has finished all of it."""
        if self.folder.overwrite or not (out / IMPORT_RECORD).exists() or self.listing.failures:
            return False
        names = [choice.mask_name for choice in self.decided.choices if not choice.left_out]
        done = all(self.folder.state(name) is not ResultState.ABSENT for name in names)
        if done:
            self._kept = names
        return done

    def items(self) -> Iterator[_Item]:
        """Yield the annotations that are to be imported, read again."""
        for (_, annotation), choice in zip(
            self.listing.annotations(), self.decided.choices, strict=True
        ):
            if choice.is_imported:
                yield choice, annotation

    def make(self, item: _Item) -> None:
        """Write the mask of an annotation, unless it exists.

        Raises
        ------
        AnnotationFailure
            A shape is damaged or reaches out of the image.
        OutputError
            The mask cannot be written.
        """
        choice, annotation = item
        try:
            mask, rows = self._mask(choice, annotation)
        except (ExportError, ArgumentError) as error:
            reason = without_addresses(str(error))
            self._keep(choice, rows_without_pixels(self.listing, choice._replace(failure=reason)))
            raise AnnotationFailure(reason) from error
        self._keep(choice, rows)
        name = choice.mask_name
        state = self.folder.state(name)
        if state in (ResultState.ABSENT, ResultState.DAMAGED, ResultState.STALE):
            self.folder.write(name, mask * np.uint8(255))
            self._made.append(name)
        else:
            self._kept.append(name)
            if state is ResultState.FOREIGN:
                self._foreign.append(name)

    def _keep(self, choice: Choice, rows: list[ImportRow]) -> None:
        with self._lock:
            self._rows[choice.entry.source, choice.entry.position] = rows

    def _mask(self, choice: Choice, annotation: Annotation) -> tuple[np.ndarray, list[ImportRow]]:
        size = choice.size
        if size is None:
            raise ArgumentError("an annotation without a size")
        mask = np.zeros(size, bool)
        rows = []
        for shape, note in zip(annotation.shapes, choice.entry.shapes, strict=True):
            if not is_chosen(shape.label, self.decided.labels):
                rows.append(self._row(choice, note, LEFT_OUT, "another label"))
            elif not shape.areas:
                reason = shape.remark or f"a {shape.kind} covers no pixels"
                rows.append(self._row(choice, note, LEFT_OUT, reason))
            else:
                drawn, remarks = self._drawn(choice, annotation, shape, size)
                pixels = int(np.count_nonzero(drawn))
                if not pixels:
                    remarks.append("it covers no pixel")
                reason = "; ".join(filter(None, [*remarks, shape.remark]))
                row = import_row(self.listing, choice, note, pixels=pixels, reason=reason)
                rows.append(row)
                mask |= drawn
        if not annotation.shapes:
            rows.append(
                import_row(self.listing, choice, None, pixels=0, reason="nothing was drawn")
            )
        return mask, rows

    def _row(self, choice: Choice, note: Any, outcome: str, reason: str) -> ImportRow:  # noqa: ANN401
        return import_row(self.listing, choice, note, outcome=outcome, reason=reason)

    def _drawn(
        self, choice: Choice, annotation: Annotation, shape: Shape, size: tuple[int, int]
    ) -> tuple[np.ndarray, list[str]]:
        """Return the pixels of a shape, and what is to be said about them."""
        drawn_at = annotation.size or size
        remarks: list[str] = []
        mask = np.zeros(size, bool)
        for area in shape.areas:
            is_vector = not isinstance(area, Pixels)
            at = size if is_vector else drawn_at
            try:
                if isinstance(area, Pixels):
                    area = self._checked(area, choice, shape, remarks)
                part = area_mask(
                    area,
                    at,
                    line_width=self.settings.line_width,
                    alpha=self.settings.alpha,
                    scale=(size[0] / drawn_at[0], size[1] / drawn_at[1]),
                )
            except ExportError as error:
                file = self.listing.sources[choice.entry.source].file
                if str(error).startswith(str(file)):
                    raise
                where = filter(None, [str(file), choice.entry.submission, shape.place])
                raise ExportError(f"{', '.join(where)}: {error}") from error
            mask |= part if part.shape == size else resized_nearest(part, size)
        if drawn_at != size:
            remarks.append(f"adapted from {drawn_at[1]}x{drawn_at[0]}")
        return mask, remarks

    def _checked(self, area: Pixels, choice: Choice, shape: Shape, remarks: list[str]) -> Area:
        """Decode a brush, and note the strokes that the threshold loses or breaks."""
        levels = area.decode()
        if levels.dtype != bool:
            loss = stroke_loss(levels, self.settings.alpha)
            if loss:
                remarks.append(
                    f"alpha {self.settings.alpha} {loss}; --alpha {loss.keeping_alpha} keeps them "
                    "whole"
                )
                with self._lock:
                    self._losses.append((f"{choice.mask_name}, {shape.place}", loss))
        return Pixels(lambda: levels, area.left, area.top, area.may_leave)

    def rows(self) -> Iterator[ImportRow]:
        """Yield the rows of all annotations, in the order of the exports."""
        for choice in self.decided.choices:
            place = choice.entry.source, choice.entry.position
            yield from self._rows.get(place) or rows_without_pixels(self.listing, choice)

    def remarks_after(self) -> list[str]:
        """Return the warnings about the masks, line by line."""
        lines = []
        if self._losses:
            losses = [loss for _, loss in self._losses]
            together = StrokeLoss(
                sum(loss.lost for loss in losses),
                sum(loss.broken for loss in losses),
                sum(loss.pieces for loss in losses),
                min(loss.keeping_alpha for loss in losses),
            )
            examples = first_few(sorted(place for place, _ in self._losses))
            lines.append(
                f"alpha {self.settings.alpha} {together} of antialiased brushes ({examples}); "
                f"--alpha {together.keeping_alpha} keeps them whole, and makes others fatter"
            )
        if self._foreign:
            names = sorted(self._foreign)
            lines.append(
                f"left alone, because this command did not write them: {first_few(names)}; "
                "--overwrite replaces them"
            )
        return lines

    def report(self, out: Path, failures: Sequence[Failure]) -> ImportReport:
        """Return what the run has done so far."""
        states = Counter(choice.entry.state for choice in self.decided.choices if choice.left_out)
        return ImportReport(
            out=out,
            annotations=self.total,
            made=len(self._made),
            kept=len(self._kept),
            failed=len(failures),
            left_out=sum(bool(choice.left_out) for choice in self.decided.choices),
            skipped=states[State.SKIPPED],
            drafts=states[State.DRAFT],
            masks_of=dict(
                sorted(Counter(name.partition("/")[0] for name in self._made + self._kept).items())
            ),
            first_failure=failures[0].reason if failures else "",
        )
