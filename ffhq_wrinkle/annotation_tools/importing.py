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
from ..results.failures import Failure, update_failures
from ..results.outputs import OutputFolder, require_separate
from ..results.records import IMPORT_RECORD
from ..results.result_files import State as ResultState
from ..runs.interruption import Interruption
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from ..storage.writing import write_bytes
from .annotation import Annotation, State
from .annotation_masks import AnnotationMasks
from .choices import Choice, Choices, ImportSettings, choose
from .export_files import ExportError
from .import_report import ImportReport
from .import_table import (
    TABLE,
    ImportRow,
    import_table,
    rows_without_pixels,
)
from .listing import Listing, list_exports
from .people import without_addresses
from .remarks import remarks_before
from .strokes import StrokeLoss

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
        if work.is_done(out):
            return work.report(out, failures)
        folder.begin()
        with interruption, Progress(work.total, "import-labels") as progress, ExitStack() as stack:
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
    return report


def _hashes(listing: Listing) -> dict[str, str]:
    """Return the SHA-256 of each file, by its name without e-mail addresses."""
    hashes = {}
    for source in listing.sources:
        with source.file.opened() as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        hashes[without_addresses(str(source.file))] = digest
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


class _Work:
    """The masks of all annotations, made on any thread."""

    def __init__(
        self, folder: OutputFolder, listing: Listing, decided: Choices, settings: ImportSettings
    ) -> None:
        self.folder = folder
        self.listing = listing
        self.decided = decided
        self.settings = settings
        self.masks = AnnotationMasks(listing, decided, settings)
        self.total = sum(choice.is_imported for choice in decided.choices)
        self._rows: dict[tuple[int, int], list[ImportRow]] = {}
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
            mask, rows = self.masks.mask(choice, annotation)
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

    def rows(self) -> Iterator[ImportRow]:
        """Yield the rows of all annotations, in the order of the exports."""
        for choice in self.decided.choices:
            place = choice.entry.source, choice.entry.position
            yield from self._rows.get(place) or rows_without_pixels(self.listing, choice)

    def remarks_after(self) -> list[str]:
        """Return the warnings about the masks, line by line."""
        lines = []
        if self.masks.losses:
            losses = [loss for _, loss in self.masks.losses]
            together = StrokeLoss(
                sum(loss.lost for loss in losses),
                sum(loss.broken for loss in losses),
                sum(loss.pieces for loss in losses),
                min(loss.keeping_alpha for loss in losses),
            )
            examples = first_few(sorted(place for place, _ in self.masks.losses))
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
