"""Download: FFHQ and what belongs to it, into the released layout, verified, resumable.

Each function brings one kind of file into a `DataSet`. A file counts once it was verified; the
ledger remembers that, so that a later run asks nobody for what is there.
"""

import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..dataset.ids import Ids, is_ffhq_id
from ..dataset.sources import Source, fetch, source, source_entry
from ..errors import (
    DAMAGED_ARCHIVE,
    WRONG_CONTENT,
    ArgumentError,
    ImageFailure,
    RunInterrupted,
    SourceError,
    TransferFailure,
)
from ..runs.interruption import Interruption
from ..runs.pipeline import run_each
from ..runs.progress import ByteProgress, Progress
from ..storage.writing import PARTIAL_PREFIX, output_error
from .archive_places import PLACES, ArchiveKind
from .archives import Member, members, unpack
from .data_set import DataSet, DownloadReport
from .image_sources import Wanted, image_source, place_of
from .metadata import ATTRIBUTION, FACTS, METADATA, read_facts, write_tables
from .transfer import partial_path
from .verification import Expected, problem

PARTS = ("metadata", "images", "labels", "weights", "checkpoints", "aging-labels")
WEIGHTS = ("bisenet", "yunet")
LABELS: dict[str, ArchiveKind] = {
    "manual": "manual-masks", "weak": "weak-masks", "parsed": "face-parsed-labels",
}  # fmt: skip

IMAGE_BYTES = 1_350_000  # of FFHQ's PNG, on the average
_UNPACKED = "unpacked"
_MAX_UNPACKED_BYTES = 64 << 30


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
    patience = data.transfers.patience
    origin = image_source(source_text, entry, read_facts(data.path), patience=patience)
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


def download_file(data: DataSet, name: str) -> DownloadReport:
    """Bring one file of the table of sources: ``ffhq-metadata`` or ``aging-labels``.

    With the metadata come `attribution.csv` and `image_facts.csv`, made from it.
    """
    published = source(name)
    if data.is_done(published.file):
        report = DownloadReport(name, 1, 0, 1, {})
        tables = [data.path / table for table in (ATTRIBUTION, FACTS)]
        if published.file == METADATA and not all(table.exists() for table in tables):
            write_tables(data.path)
    else:
        if not (published.sha256 or published.md5 or published.size):
            partial_path(data.path / published.file).unlink(missing_ok=True)  # of another day
        report = _bring_one(data, name, published)
        if published.file == METADATA and not report.failed:
            _make_tables(data, name)
    return report


def _make_tables(data: DataSet, name: str) -> None:
    """Make the tables of fresh metadata; what they can not be made from is not kept."""
    try:
        write_tables(data.path)
    except SourceError:
        (data.path / METADATA).unlink()
        data.ledger.failed(METADATA, name, WRONG_CONTENT)
        raise


def _bring_one(data: DataSet, what: str, published: Source) -> DownloadReport:
    """Bring one large file, with a bar of its bytes."""
    expected = Expected(size=published.size, sha256=published.sha256, md5=published.md5)
    with ByteProgress(published.size, f"download {published.file}") as shown:
        data.transfers.received = shown.received
        data.transfers.resume()
        try:
            fetched = data.bring(Wanted(published.file, what, expected, published.url))
        except TransferFailure as failure:
            return DownloadReport(what, 1, 0, 0, {failure.cause: 1}, str(failure))
        except KeyboardInterrupt as error:
            data.transfers.stop()
            raise RunInterrupted(f"{what}: what arrived of {published.file} is kept") from error
    return DownloadReport(what, 1, int(fetched), int(not fetched), {})


def download_weights(data: DataSet) -> DownloadReport:
    """Bring the networks' weights into the cache, where those who need them look for them."""
    fetched, causes, first = 0, Counter[str](), ""
    for name in WEIGHTS:
        try:
            fetched += _bring_weights(data, source(name))
        except (TransferFailure, SourceError) as failure:
            causes[failure.cause if isinstance(failure, TransferFailure) else "source"] += 1
            first = first or str(failure)
    kept = len(WEIGHTS) - fetched - causes.total()
    return DownloadReport("weights", len(WEIGHTS), fetched, kept, dict(causes), first)


def _bring_weights(data: DataSet, published: Source) -> bool:
    """Bring one file of weights into the cache; False if it was there."""
    there = published.cached.is_file()
    expected = Expected(size=published.size, sha256=published.sha256)
    try:
        if not there:
            published.cached.parent.mkdir(parents=True, exist_ok=True)
            data.transfers.resume()
            data.transfers.fetch(published.url, published.cached, expected)
        fetch(published)  # which verifies it
    except OSError as error:
        raise output_error(published.cached, error) from error
    return not there


def download_archive(data: DataSet, kind: ArchiveKind) -> DownloadReport:
    """Bring an archive, and unpack it into the layout; it is deleted once all is unpacked.

    Parameters
    ----------
    data : DataSet
        Where to.
    kind : str
        ``manual-masks``, ``weak-masks``, ``face-parsed-labels`` or ``checkpoints``.

    Raises
    ------
    SourceError
        The archive is hostile.
    OutputError
        There is no room, or a file can not be written.
    RunInterrupted
        Ctrl-C; what is unpacked is kept.
    """
    published = source(kind)
    entry = source_entry(kind)
    unpacked = data.ledger.get(published.file)
    rows = data.ledger.of_source(kind)
    if unpacked and unpacked.state == _UNPACKED and all(data.is_done(row.file) for row in rows):
        return DownloadReport(kind, len(rows), 0, len(rows), {})
    data.require_room(int(entry.get("room", 0)))
    archive = data.path / published.file
    if not _is_archive(archive):
        archive.unlink(missing_ok=True)
        report = _bring_one(data, kind, published)
        if report.failed:
            return report
    if not _is_archive(archive):
        archive.unlink()
        data.ledger.failed(published.file, kind, DAMAGED_ARCHIVE)
        message = f"{published.url} sent something that is no zip archive, or a damaged one"
        return DownloadReport(kind, 1, 0, 0, {DAMAGED_ARCHIVE: 1}, message)
    with zipfile.ZipFile(archive) as opened:
        found = members(opened, PLACES[kind], max_bytes=_MAX_UNPACKED_BYTES)
        report = _unpack_all(data, kind, published, opened, found, entry)
    if DAMAGED_ARCHIVE in report.causes:
        archive.unlink()  # to be fetched anew
        data.ledger.failed(published.file, kind, DAMAGED_ARCHIVE)
    if not report.failed:
        archive.unlink()
        data.ledger.unpacked(published.file, kind, _UNPACKED)
    return report


def _unpack_all(
    data: DataSet,
    kind: ArchiveKind,
    published: Source,
    archive: zipfile.ZipFile,
    found: Sequence[Member],
    entry: Mapping[str, Any],
) -> DownloadReport:
    """Unpack what is not there yet; a member that fails is counted and the rest goes on."""
    fetched = kept = 0
    causes, first = Counter[str](), ""
    files: int | None = entry.get("files")
    if files is not None and len(found) < files:
        causes["not in the archive"] = files - len(found)
        first = (
            f"{published.file} has {len(found)} of the {files} files that it should; delete "
            f"{data.path / published.file} to have it fetched again"
        )
    with Progress(len(found), f"unpack {kind}") as shown:
        for member in found:
            if data.is_done(member.place):
                kept += 1
                shown.advance()
                continue
            try:
                data.make_room_for(member.place)
                target, side = data.path / member.place, entry.get("side")
                _unpack_verified(archive, member, target, published, side)
                data.note(member.place, kind)
                fetched += 1
                shown.advance()
            except TransferFailure as failure:
                data.ledger.failed(member.place, kind, failure.cause)
                causes[failure.cause] += 1
                first = first or str(failure)
                shown.advance(failed=True)
            except KeyboardInterrupt as error:
                report = DownloadReport(kind, len(found), fetched, kept, dict(causes), first)
                raise RunInterrupted(report.summary(data.path)) from error
    total = max(len(found), files or 0)
    return DownloadReport(kind, total, fetched, kept, dict(causes), first)


def _is_archive(path: Path) -> bool:
    """Whether a file is a zip archive whose list of members can be read."""
    try:
        zipfile.ZipFile(path).close()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    return True


def _unpack_verified(
    archive: zipfile.ZipFile, member: Member, target: Path, published: Source, side: int | None
) -> None:
    """Unpack a member, and put it in place if it has the published hash, or decodes at its size."""
    hashes = [
        sha256
        for name, sha256 in published.members.items()
        if f"/{member.info.filename}".endswith(f"/{name}")
    ]
    expected = Expected(sha256=hashes[0] if hashes else None, side=side)
    if hashes and target.exists() and problem(target, expected) is None:
        return
    unpacked = target.with_name(f"{PARTIAL_PREFIX}verify-{target.name[:100]}")
    try:
        unpack(archive, member, unpacked)
        trouble = problem(unpacked, expected)
        if trouble:
            message = f"{member.info.filename}: {trouble}"
            raise TransferFailure(WRONG_CONTENT, message, lasting=True)
        unpacked.replace(target)
    finally:
        unpacked.unlink(missing_ok=True)


def download_part(
    data: DataSet,
    part: str,
    ids: Ids | None = None,
    *,
    source_text: str = "huggingface",
    only: Sequence[str] = (),
) -> Iterator[DownloadReport]:
    """Bring one of `PARTS`, and give a report of each kind of file in it.

    A source that can not be asked, or is not what it should be, is a failure like any other.

    Parameters
    ----------
    data, ids, source_text
        As `download_images`.
    part : str
        Which.
    only : sequence of str
        Of the labels, only these kinds of `LABELS`.
    """
    steps: list[tuple[str, Callable[[], DownloadReport]]]
    if part == "images":
        steps = [(part, partial(download_images, data, ids, source_text=source_text))]
    elif part == "labels":
        kinds = [LABELS[name] for name in only or LABELS]
        steps = [(kind, partial(download_archive, data, kind)) for kind in kinds]
    elif part == "checkpoints":
        steps = [(part, partial(download_archive, data, "checkpoints"))]
    elif part == "weights":
        steps = [(part, partial(download_weights, data))]
    else:
        published = {"metadata": "ffhq-metadata"}.get(part, part)
        steps = [(part, partial(download_file, data, published))]
    for name, step in steps:
        try:
            yield step()
        except SourceError as error:
            yield DownloadReport(name, 1, 0, 0, {"source": 1}, str(error))
