"""Image download: FFHQ's photographs, from one of the `image_sources`, many at a time."""

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
from .wanted import Wanted, place_of

IMAGE_BYTES = 1_350_000  # of FFHQ's PNG, on the average


def download_images(
    data: DataSet, ids: Ids | None = None, *, source_text: str = "huggingface"
) -> DownloadReport:
    """Bring FFHQ's photographs.

    Parameters
    ----------
    data : DataSet
        Where to.
    ids : Ids, optional
        Which; 00000 to 49999 if not given.
    source_text : str
        Where from; see `image_sources.image_source`.

    Raises
    ------
    ArgumentError
        A name is no FFHQ id, or the source is none.
    OutputError
        There is no room, or a file can not be written.
    RunInterrupted
        Ctrl-C; what arrived is kept.
    """
    image_ids = list(ids) if ids is not None else [f"{number:05d}" for number in range(50_000)]
    strangers = [one for one in image_ids if not is_ffhq_id(one)]
    if strangers:
        raise ArgumentError(f"{strangers[0]!r} is no FFHQ id; they have five digits")
    todo = [one for one in image_ids if not data.is_done(place_of(one))]
    kept = len(image_ids) - len(todo)
    if not todo:
        return DownloadReport("images", len(image_ids), 0, kept, {})
    entry = source_entry("ffhq-images")
    origin = image_source(source_text, entry, read_facts(data.path))
    if not Path(source_text).is_dir():  # whose files are linked, where that can be
        new = sum(not (data.path / place_of(one)).exists() for one in todo)
        data.require_room(new * int(entry.get("bytes_each", IMAGE_BYTES)))
    return _bring_all(data, "images", origin.wanted(todo), len(image_ids), kept)


class _NetworkDown(Exception):
    """So many files in a row had no connection that the rest would not have one either."""


def _bring_all(
    data: DataSet, what: str, items: Iterable[Wanted], files: int, kept: int
) -> DownloadReport:
    """Bring many files, some at a time."""
    fetched, causes, first = 0, Counter[str](), ""
    unreached = 0  # files in a row of which no host was reached
    interruption = Interruption()
    with Progress(files - kept, f"download {what}") as progress, interruption:
        data.transfers.received = progress.received
        data.transfers.resume()
        try:
            with (
                run_each(items, data.bring, jobs=data.jobs) as outcomes,
                data.transfers.stopped_by_errors(),
            ):
                for _, outcome in outcomes:
                    progress.advance(failed=isinstance(outcome, ImageFailure))
                    if not isinstance(outcome, ImageFailure):
                        unreached = 0
                        fetched += outcome
                        kept += not outcome
                        continue
                    cause = getattr(outcome, "cause", outcome.step)
                    causes[cause] += 1
                    first = first or str(outcome)
                    unreached = unreached + 1 if cause == "connection" else 0
                    if unreached >= 2 * data.jobs:
                        raise _NetworkDown
        except SourceError as error:
            causes["source"] += 1
            first = first or str(error)
        except _NetworkDown:
            first += " (and so for many files in a row: is the network up?)"
    report = DownloadReport(what, files, fetched, kept, dict(causes), first)
    interruption.raise_with(report.summary(data.path))
    return report
