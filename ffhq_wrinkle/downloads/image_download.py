"""Image download: FFHQ's photographs from one of the `image_sources`, many at a time."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..dataset.ids import Ids, is_ffhq_id
from ..dataset.sources import source_entry
from ..errors import ArgumentError, ImageFailure, SourceError, counted
from ..runs.interruption import Interruption
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from .data_set import DataSet, DownloadReport
from .image_sources import image_source
from .metadata import ImageFacts, read_facts
from .shard_images import ShardImages
from .wanted_files import PHOTO_SUFFIXES, ImageSource, WantedFile, place_of

log = logging.getLogger(__name__)

IMAGE_BYTES = 1_350_000  # average size of FFHQ's PNG files


AUTO, HUB, SHARDS, DRIVE = "auto", "huggingface", "gaunernst", "drive"
_ENTRIES = {HUB: "ffhq-images", SHARDS: "ffhq-images-wds"}


def download_images(
    data: DataSet,
    ids: Ids | None = None,
    *,
    source_text: str = HUB,
    keep_webp: bool = False,
) -> DownloadReport:
    """Download FFHQ's photographs.

    Parameters
    ----------
    data : DataSet
        Destination.
    ids : Ids, optional
        Ids of the photographs; 00000 to 49999 if not given.
    source_text : str
        Source of the photographs: ``auto`` for the mirrors and FFHQ's own addresses in turn, each
        for what the ones before it lack; ``gaunernst``; or as in `image_sources.image_source`.
    keep_webp : bool
        Whether files of ``gaunernst`` are kept as WebP, instead of written as PNG.

    Raises
    ------
    ArgumentError
        A name is not an FFHQ id, or the source does not exist.
    OutputError
        The disk does not have enough space, or a file cannot be written.
    RunInterrupted
        Ctrl-C was pressed; the files that have arrived are kept.
    """
    if keep_webp and source_text not in (AUTO, SHARDS):
        raise ArgumentError(f"--keep-webp is for --source {SHARDS}, whose files are WebP")
    image_ids = list(ids) if ids is not None else [f"{number:05d}" for number in range(50_000)]
    invalid = [image_id for image_id in image_ids if not is_ffhq_id(image_id)]
    if invalid:
        raise ArgumentError(f"{invalid[0]!r} is not an FFHQ id, which has five digits")
    todo = _not_done(data, image_ids)
    kept = len(image_ids) - len(todo)
    if not todo:
        return DownloadReport(data.path, "images", len(image_ids), 0, kept, {})
    facts = read_facts(data.path)
    if source_text != AUTO:
        origin = _source(source_text, data, facts, keep_webp=keep_webp)
        if not Path(source_text).is_dir():  # files of a folder are linked and need no space
            _require_room(data, todo)
        return _download_all(data, "images", origin.files(todo), len(image_ids), kept)
    _require_room(data, todo)
    return _download_in_turn(data, todo, len(image_ids), facts, keep_webp=keep_webp)


def _download_in_turn(
    data: DataSet,
    todo: Sequence[str],
    files: int,
    facts: Mapping[str, ImageFacts],
    *,
    keep_webp: bool,
) -> DownloadReport:
    """Download from one source after another; each gets the ids that those before it lack."""
    requested = todo
    reports: list[DownloadReport] = []
    origins: dict[str, int] = {}
    for text in (HUB, SHARDS, DRIVE) if facts else (HUB, SHARDS):
        try:
            origin = _source(text, data, facts, keep_webp=keep_webp)
        except SourceError as error:  # a user's own table may lack a mirror
            log.debug("%s", error)
            continue
        done = files - len(todo)
        reports.append(_download_all(data, "images", origin.files(todo), files, done))
        todo = _not_done(data, todo)
        origins[text] = reports[-1].fetched
        if not todo:
            break
        log.info("%s: %s not there; %s", text, counted(len(todo), "image"), reports[-1].summary())
    data.ledger.discard_failed(
        place_of(image_id, suffix)
        for image_id in set(requested) - set(todo)
        for suffix in PHOTO_SUFFIXES
    )
    if not reports:
        raise SourceError("the table of sources has no mirror of the images")
    last = reports[-1]
    return replace(
        last,
        fetched=sum(report.fetched for report in reports),
        kept=files - len(todo) - sum(report.fetched for report in reports),
        unverified=sum(report.unverified for report in reports),
        origins={text: count for text, count in origins.items() if count},
    )


def _not_done(data: DataSet, image_ids: Sequence[str]) -> list[str]:
    """Return the ids whose photograph is not present and verified, in any of its formats."""
    return [
        image_id
        for image_id in image_ids
        if not any(data.is_done(place_of(image_id, suffix)) for suffix in PHOTO_SUFFIXES)
    ]


def _source(
    text: str, data: DataSet, facts: Mapping[str, ImageFacts], *, keep_webp: bool
) -> ImageSource:
    transfers = data.transfers
    entry = source_entry(_ENTRIES.get(text, _ENTRIES[HUB]))
    if text == SHARDS:
        return ShardImages(
            entry, facts, int(entry.get("side", 1024)), transfers=transfers, data=data.path,
            keep_webp=keep_webp,
        )  # fmt: skip
    return image_source(
        text, entry, facts, patience=transfers.patience, reachability=transfers.reachability
    )


def _require_room(data: DataSet, todo: Sequence[str]) -> None:
    """Raise an error unless the disk has room for the photographs that do not exist yet."""
    missing = sum(
        not any((data.path / place_of(image_id, suffix)).exists() for suffix in PHOTO_SUFFIXES)
        for image_id in todo
    )
    each = source_entry(_ENTRIES[HUB]).get("bytes_each", IMAGE_BYTES)
    data.require_free_bytes(missing * int(each))


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
