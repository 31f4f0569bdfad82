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
from .file_download import download_source
from .ledger import UNPACKED
from .verification import Expected, problem

_MAX_UNPACKED_BYTES = 64 << 30


def download_archive(data: DataSet, kind: ArchiveKind) -> DownloadReport:
    """Download an archive, unpack it into the layout, and delete it when all is unpacked.

    Parameters
    ----------
    data : DataSet
        Destination.
    kind : str
        ``manual-masks``, ``weak-masks``, ``face-parsed-labels`` or ``checkpoints``.

    Raises
    ------
    SourceError
        The table of sources lacks the archive, or the archive is unsafe to unpack.
    OutputError
        The disk does not have enough space, or a file cannot be written.
    RunInterrupted
        Ctrl-C was pressed; the unpacked files are kept.
    """
    published = source(kind)
    entry = source_entry(kind)
    archive_row = data.ledger.get(published.file)
    rows = data.ledger.of_source(kind)
    is_unpacked = archive_row is not None and archive_row.state == UNPACKED
    if is_unpacked and all(data.is_done(row.file) for row in rows):
        return DownloadReport(data.path, kind, len(rows), 0, len(rows), {})
    data.require_free_bytes(int(entry.get("room", 0)))
    path = data.path / published.file
    if not _is_archive(path):
        path.unlink(missing_ok=True)
        report = download_source(data, kind, published)
        if report.failed:
            return report
    if not _is_archive(path):
        path.unlink()
        data.ledger.record_failed(published.file, kind, DAMAGED_ARCHIVE)
        message = f"{published.url} sent a file that is damaged or not a zip archive"
        return DownloadReport(data.path, kind, 1, 0, 0, {DAMAGED_ARCHIVE: 1}, message)
    with zipfile.ZipFile(path) as archive:
        files = members(archive, PLACES[kind], max_bytes=_MAX_UNPACKED_BYTES)
        report = _unpack_all(data, kind, published, archive, files, entry)
    if DAMAGED_ARCHIVE in report.causes:
        path.unlink()  # the next run downloads it again
        data.ledger.record_failed(published.file, kind, DAMAGED_ARCHIVE)
    if not report.failed:
        path.unlink()
        data.ledger.record_unpacked(published.file, kind)
    return report


def _unpack_all(
    data: DataSet,
    kind: ArchiveKind,
    published: Source,
    archive: zipfile.ZipFile,
    files: Sequence[Member],
    entry: Mapping[str, Any],
) -> DownloadReport:
    """Unpack the files that are not done; a file that fails is counted and does not stop others."""
    fetched = kept = 0
    causes, first_failure = Counter[str](), ""
    file_count: int | None = entry.get("files")
    if file_count is not None and len(files) < file_count:
        causes["not in the archive"] = file_count - len(files)
        first_failure = (
            f"{published.file} has {len(files)} of its {file_count} files; delete "
            f"{data.path / published.file} to have it downloaded again"
        )
    with Progress(len(files), f"unpack {kind}") as progress:
        for member in files:
            if data.is_done(member.place):
                kept += 1
                progress.advance()
                continue
            try:
                data.prepare_path(member.place)
                target, side = data.path / member.place, entry.get("side")
                _unpack_verified(archive, member, target, published, side)
                data.record_present(member.place, kind, is_verified=True)
                fetched += 1
                progress.advance()
            except TransferFailure as failure:
                data.ledger.record_failed(member.place, kind, failure.cause)
                causes[failure.cause] += 1
                first_failure = first_failure or str(failure)
                progress.advance(failed=True)
            except KeyboardInterrupt as error:
                report = DownloadReport(
                    data.path, kind, len(files), fetched, kept, dict(causes), first_failure
                )
                raise RunInterrupted(report.summary()) from error
    total = max(len(files), file_count or 0)
    return DownloadReport(data.path, kind, total, fetched, kept, dict(causes), first_failure)


def _is_archive(path: Path) -> bool:
    """Return whether a file is a zip archive whose list of members can be read."""
    try:
        zipfile.ZipFile(path).close()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    return True


def _unpack_verified(
    archive: zipfile.ZipFile, member: Member, target: Path, published: Source, side: int | None
) -> None:
    """Unpack a member to `target` if it has the published hash, or decodes at the given size."""
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
