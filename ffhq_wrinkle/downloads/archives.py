"""Archives: zip files unpacked member by member, and never anywhere but where they should go.

An archive from the internet is hostile until shown otherwise: a name may lead out of the folder,
a member may be a link, or unpack to more than any disk holds.
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
# OSError is what bz2 raises; the archive itself is open already.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    OSError,
)  # fmt: skip


class Member(NamedTuple):
    """A file in an archive, and where it goes, relative to the folder."""

    info: zipfile.ZipInfo
    place: str


def members(
    archive: zipfile.ZipFile,
    place: Callable[[PurePosixPath], str | None],
    *,
    max_bytes: int,
) -> list[Member]:
    """The files of an archive that have a place, after the whole list was checked.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Opened for reading.
    place : callable
        Gives the place of a member, relative to the folder, by its path; None for what is not
        wanted.
    max_bytes : int
        How much all of them may unpack to.

    Raises
    ------
    SourceError
        The list has an absolute path, one with ``..``, a link, an encrypted member, two files of
        one place, or promises too much.
    """
    name, infos = str(archive.filename), archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise SourceError(f"{name}: {len(infos)} members; no archive that is read has so many")
    total = sum(info.file_size for info in infos)
    if total > max_bytes:
        raise SourceError(f"{name} unpacks to {total} bytes, more than the {max_bytes} expected")
    wanted: dict[str, Member] = {}
    for info in infos:
        path = _safe_path(info, name)
        where = None if info.is_dir() else place(path)
        if where is None:
            continue
        if where in wanted:
            raise SourceError(f"{name}: {wanted[where].info.filename} and {path} are both {where}")
        wanted[where] = Member(info, where)
    return list(wanted.values())


def _safe_path(info: zipfile.ZipInfo, archive: str) -> PurePosixPath:
    """The path of a member, if it leads nowhere but down, and is a file or folder."""
    text = info.filename
    path = PurePosixPath(text)
    kind = stat.S_IFMT(info.external_attr >> 16)
    trouble = None
    if path.is_absolute() or ".." in path.parts or any(sign in text for sign in "\\:\0"):
        trouble = "would leave the folder"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        trouble = "is a link or a device"
    elif info.flag_bits & 1:
        trouble = "is encrypted"
    if trouble:
        raise SourceError(f"{archive}: member {text!r} {trouble}; nothing was unpacked")
    return path


def unpack(archive: zipfile.ZipFile, member: Member, target: Path) -> None:
    """Unpack one member under a name, whole or not at all; its checksum is verified.

    Raises
    ------
    TransferFailure
        The member is damaged, or larger than the archive's list says.
    OutputError
        It can not be written.
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
                raise _damaged(archive, info, "not as large as its list says")
            if not chunk:
                return
            yield chunk


def _damaged(archive: zipfile.ZipFile, info: zipfile.ZipInfo, why: object) -> TransferFailure:
    message = f"{archive.filename}: {info.filename}: {why}"
    return TransferFailure(DAMAGED_ARCHIVE, message, lasting=True)
