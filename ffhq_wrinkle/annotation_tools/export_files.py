"""Export files: the files of an export, whether it is a file, a folder or a zip archive."""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import cast

from ..errors import FfhqWrinkleError

MAX_BYTES = 1 << 30  # of a file that is read as a whole
_HEAD_BYTES = 4096
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
# Libraries raise these on files that are cut short, altered or malicious.
_DAMAGED = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile)


class ExportError(FfhqWrinkleError):
    """An export cannot be read; the message names the file and the place in it."""


class UnknownExportError(ExportError):
    """A file is not an export of any tool that is read."""


@dataclass(frozen=True)
class ExportFile:
    """One file of an export.

    Attributes
    ----------
    argument : Path
        The file, folder or archive that the user named.
    name : str
        Path within the argument, separated by `/`; the file's own name if it is the argument.
    archive : zipfile.ZipFile or None
        The archive that holds it.
    """

    argument: Path
    name: str
    archive: zipfile.ZipFile | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if self.archive:
            return f"{self.argument}: {self.name}"
        return str(self._path)

    @property
    def _path(self) -> Path:
        return self.argument / self.name if self.argument.is_dir() else self.argument

    @property
    def is_inside(self) -> bool:
        """Whether it is one of the files of a folder or an archive."""
        return self.archive is not None or self.argument.is_dir()

    @property
    def stem(self) -> str:
        """The file's own name without its folders and its last suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The file's last suffix, in lower case, with its dot."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders that it is in, from the argument on, without the argument."""
        return PurePosixPath(self.name).parent.parts

    @contextmanager
    def opened(self) -> Iterator[io.BufferedIOBase]:
        """Open the file for reading, in a `with` block.

        Raises
        ------
        ExportError
            The file cannot be read, here or inside the block.
        """
        try:
            if self.archive:
                with self.archive.open(self.name) as member:
                    yield cast("io.BufferedIOBase", member)  # a ZipExtFile
            else:
                with self._path.open("rb") as file:
                    yield file
        except KeyError as error:
            raise ExportError(f"{self.argument} has no file {self.name}") from error
        except _DAMAGED as error:
            reason = error.strerror if isinstance(error, OSError) else ""
            said = f"cannot be read: {reason}" if reason else f"damaged or cut short: {error}"
            raise ExportError(f"{self}: {said}") from error

    @cached_property
    def head(self) -> bytes:
        """The first bytes of the file."""
        with self.opened() as file:
            return file.read(_HEAD_BYTES)

    def content(self) -> bytes:
        """Read the whole file.

        Raises
        ------
        ExportError
            The file cannot be read, or is larger than `MAX_BYTES`.
        """
        with self.opened() as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ExportError(f"{self} is larger than {MAX_BYTES} bytes")
        return content

    def at(self, *parts: str) -> "ExportFile | None":
        """Return another file of the export by its path within it, or None if there is none."""
        name = PurePosixPath(*parts)
        if name.is_absolute() or ".." in name.parts:
            return None
        if self.archive:
            known = str(name) in self.archive.NameToInfo
            return ExportFile(self.argument, str(name), self.archive) if known else None
        folder = self.argument if self.argument.is_dir() else self.argument.parent
        if not (folder / name).is_file():
            return None
        if self.argument.is_dir():
            return ExportFile(self.argument, str(name))
        return ExportFile(folder / name, name.name)

    def beside(self, name: str) -> "ExportFile | None":
        """Return another file of the same folder, or None if there is none of this name."""
        return self.at(*self.folders, name)


def export_files(argument: Path) -> Iterator[ExportFile]:
    """Yield the files of an export in the order of their names; hidden ones are left out.

    Parameters
    ----------
    argument : Path
        A file, a folder, or a zip archive, whose members are its files. An OpenRaster drawing is a
        zip archive, too, but one file.

    Raises
    ------
    ExportError
        It does not exist or cannot be read, or a name in an archive leads out of it.
    """
    if argument.is_dir():
        for path in sorted(argument.rglob("*")):
            name = path.relative_to(argument)
            if path.is_file() and not any(part.startswith(".") for part in name.parts):
                yield ExportFile(argument, name.as_posix())
        return
    if not argument.is_file():
        raise ExportError(f"{argument}: " + ("not a file" if argument.exists() else "no such file"))
    file = ExportFile(argument, argument.name)
    if not file.head.startswith((_ZIP, _EMPTY_ZIP)) or b"mimetypeimage/" in file.head:
        yield file
        return
    yield from _members(argument)


def _members(argument: Path) -> Iterator[ExportFile]:
    archive = _archive(argument, str(argument))
    names = _safe_names(archive, str(argument))
    if not names:
        raise ExportError(
            f"{argument}: an empty archive; Label Studio writes one for what a format cannot hold: "
            "export as JSON"
        )
    for name in names:
        parts = PurePosixPath(name).parts
        if parts[0] != "__MACOSX" and not any(part.startswith(".") for part in parts):
            yield ExportFile(argument, name, archive)


def members_of(file: ExportFile) -> dict[str, Callable[[], bytes]]:
    """Return functions that read the members of a file that is itself a zip archive, by name.

    Raises
    ------
    ExportError
        It is damaged, a name leads out of it, or, on reading, a member is too large.
    """
    archive = _archive(io.BytesIO(file.content()), str(file))
    return {
        name: partial(ExportFile(file.argument, name, archive).content)
        for name in _safe_names(archive, str(file))
    }


def _archive(file: Path | io.BytesIO, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)  # which closes it once no file refers to it
    except _DAMAGED as error:
        raise ExportError(f"{name}: not a complete zip archive: {error}") from error


def _safe_names(archive: zipfile.ZipFile, shown: str) -> list[str]:
    """Return the names of an archive's files, sorted.

    Raises
    ------
    ExportError
        A name leads out of the archive.
    """
    names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise ExportError(
                f"{shown}: the name {name!r} leads out of the archive; nothing was read"
            )
    return names
