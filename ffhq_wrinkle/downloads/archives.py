"""Archives: zip files, checked as a whole and unpacked member by member.

An archive from the internet can be hostile: the name of a member can lead out of the folder, a
member can be a link, or can unpack to more than a disk holds.
"""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..errors import DAMAGED_ARCHIVE, SourceError, TransferFailure
from ..storage.writing import PARTIAL_PREFIX, output_error

MAX_MEMBERS = 2_000_000
_CHUNK = 1 << 20
# bz2 raises OSError for damaged data; the archive itself is already open.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    OSError,
)  # fmt: skip


class Member(NamedTuple):
    """A file in an archive, and its path relative to the folder to unpack to."""

    info: zipfile.ZipInfo
    place: str


def members(
    archive: zipfile.ZipFile,
    place: Callable[[PurePosixPath], str | None],
    *,
    max_bytes: int,
) -> list[Member]:
    """Check the list of an archive's members, and return the files that have a place.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Archive that is open for reading.
    place : callable
        Function that returns, for the path of a member, its path relative to the folder to unpack
        to; None to ignore the member.
    max_bytes : int
        Maximum size in bytes of all members together when unpacked.

    Raises
    ------
    SourceError
        The list has too many members or bytes, an absolute path or one with ``..``, a link, an
        encrypted member, or two files with the same place.
    """
    name, infos = str(archive.filename), archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise SourceError(f"{name} has {len(infos)} members, more than the limit of {MAX_MEMBERS}")
    total = sum(info.file_size for info in infos)
    if total > max_bytes:
        raise SourceError(f"{name} unpacks to {total} bytes, more than the limit of {max_bytes}")
    by_place: dict[str, Member] = {}
    for info in infos:
        path = _safe_path(info, name)
        target = None if info.is_dir() else place(path)
        if target is None:
            continue
        if target in by_place:
            twin = by_place[target].info.filename
            raise SourceError(f"{name}: {twin} and {path} have the same place {target}")
        by_place[target] = Member(info, target)
    return list(by_place.values())


def _safe_path(info: zipfile.ZipInfo, archive: str) -> PurePosixPath:
    """Return the path of a member; raise an error if it is unsafe to unpack."""
    text = info.filename
    path = PurePosixPath(text)
    kind = stat.S_IFMT(info.external_attr >> 16)
    reason = None
    if path.is_absolute() or ".." in path.parts or any(sign in text for sign in "\\:\0"):
        reason = "would leave the folder"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = "is a link or a device"
    elif info.flag_bits & 1:
        reason = "is encrypted"
    if reason:
        raise SourceError(f"{archive}: member {text!r} {reason}; nothing was unpacked")
    return path


def unpack(archive: zipfile.ZipFile, member: Member, target: Path) -> None:
    """Unpack a member to a path, completely or not at all; its checksum is verified.

    Raises
    ------
    TransferFailure
        The member is damaged, or its size is not the one in the archive's list.
    OutputError
        The file cannot be written.
    """
    partial = target.with_name(f"{PARTIAL_PREFIX}unpacked-{target.name[:100]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as out:
                for chunk in _content(archive, member.info):
                    out.write(chunk)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(target, error) from error


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    left = info.file_size
    try:
        source = archive.open(info)
    except _DAMAGE as error:
        raise _damaged(archive, info, error) from error
    with source:
        while True:
            try:
                chunk = source.read(_CHUNK)
            except _DAMAGE as error:
                raise _damaged(archive, info, error) from error
            left -= len(chunk)
            if left < 0 or (left and not chunk):
                raise _damaged(archive, info, "its size is not the one in the archive's list")
            if not chunk:
                return
            yield chunk


def _damaged(archive: zipfile.ZipFile, info: zipfile.ZipInfo, reason: object) -> TransferFailure:
    message = f"{archive.filename}: {info.filename}: {reason}"
    return TransferFailure(DAMAGED_ARCHIVE, message, lasting=True)
