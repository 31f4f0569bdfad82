"""Archive download: published archives, unpacked into the released layout."""

import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset.sources import Source, source, source_entry
from ..errors import DAMAGED_ARCHIVE, WRONG_CONTENT, RunInterrupted, TransferFailure
from ..runs.progress import Progress
from ..storage.writing import PARTIAL_PREFIX
from .archive_places import PLACES, ArchiveKind
from .archives import Member, members, unpack
from .data_set import DataSet, DownloadReport
from .file_download import bring_one
from .verification import Expected, problem

_UNPACKED = "unpacked"
_MAX_UNPACKED_BYTES = 64 << 30


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
        report = bring_one(data, kind, published)
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
