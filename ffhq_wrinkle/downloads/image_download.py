"""Image download: FFHQ's photographs from one of the `image_sources`, many at a time."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ..dataset.ids import Ids, is_ffhq_id
from ..dataset.sources import source_entry
from ..errors import ArgumentError, ImageFailure, SourceError
from ..runs.interruption import Interruption
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from .data_set import DataSet, DownloadReport
from .image_sources import image_source
from .metadata import read_facts
from .wanted_files import WantedFile, place_of

IMAGE_BYTES = 1_350_000  # average size of FFHQ's PNG files


def download_images(
    data: DataSet, ids: Ids | None = None, *, source_text: str = "huggingface"
) -> DownloadReport:
    """Download FFHQ's photographs.

    Parameters
    ----------
    data : DataSet
        Destination.
    ids : Ids, optional
        Ids of the photographs; 00000 to 49999 if not given.
    source_text : str
        Source of the photographs; see `image_sources.image_source`.

    Raises
    ------
    ArgumentError
        A name is not an FFHQ id, or the source does not exist.
    OutputError
        The disk does not have enough space, or a file cannot be written.
    RunInterrupted
        Ctrl-C was pressed; the files that have arrived are kept.
    """
    image_ids = list(ids) if ids is not None else [f"{number:05d}" for number in range(50_000)]
    invalid = [image_id for image_id in image_ids if not is_ffhq_id(image_id)]
    if invalid:
        raise ArgumentError(f"{invalid[0]!r} is not an FFHQ id, which has five digits")
    todo = [image_id for image_id in image_ids if not data.is_done(place_of(image_id))]
    kept = len(image_ids) - len(todo)
    if not todo:
        return DownloadReport(data.path, "images", len(image_ids), 0, kept, {})
    entry = source_entry("ffhq-images")
    patience = data.transfers.patience
    origin = image_source(
        source_text,
        entry,
        read_facts(data.path),
        patience=patience,
        reachability=data.transfers.reachability,
    )
    if not Path(source_text).is_dir():  # files of a folder are linked and need no space
        missing = sum(not (data.path / place_of(image_id)).exists() for image_id in todo)
        data.require_free_bytes(missing * int(entry.get("bytes_each", IMAGE_BYTES)))
    return _download_all(data, "images", origin.files(todo), len(image_ids), kept)


class _NetworkDown(Exception):
    """Many files in a row had no connection, so the rest would probably not have one either."""


def _download_all(
    data: DataSet, kind: str, wanted: Iterable[WantedFile], files: int, kept: int
) -> DownloadReport:
    """Download many files, several at a time; of all `files`, `kept` are already present."""
    fetched, unverified, causes, first_failure = 0, 0, Counter[str](), ""
    side: int | None = None
    unreached = 0  # number of files in a row whose host could not be reached
    interruption = Interruption()
    with Progress(files - kept, f"download {kind}") as progress, interruption:
        data.transfers.received = progress.received
        data.transfers.resume()
        try:
            with (
                run_each(wanted, data.ensure, jobs=data.jobs) as outcomes,
                data.transfers.stopped_by_errors(),
            ):
                for file, outcome in outcomes:
                    progress.advance(failed=isinstance(outcome, ImageFailure))
                    if not isinstance(outcome, ImageFailure):
                        unreached = 0
                        fetched += outcome
                        side = file.expected.side
                        unverified += outcome and not file.expected.is_verifiable
                        kept += not outcome
                        continue
                    cause = getattr(outcome, "cause", outcome.step)
                    causes[cause] += 1
                    first_failure = first_failure or str(outcome)
                    unreached = unreached + 1 if cause == "connection" else 0
                    if unreached >= 2 * data.jobs:
                        raise _NetworkDown
        except SourceError as error:
            causes["source"] += 1
            first_failure = first_failure or str(error)
        except _NetworkDown:
            first_failure += (
                " (the same for many files in a row: is the network up?). --source FOLDER takes "
                "photographs from a folder"
            )
    report = DownloadReport(
        data.path, kind, files, fetched, kept, dict(causes), first_failure, unverified, side
    )
    interruption.raise_with(report.summary())
    return report
