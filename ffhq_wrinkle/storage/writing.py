"""Writing: files that are absent, old or complete, never partial, and stay inside their folder."""

import csv
import errno
import hashlib
import io
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError
from .places import Place, put

PARTIAL_PREFIX = ".ffhq-wrinkle-partial-"


def write_bytes(path: Place, content: bytes) -> None:
    """Write a file so that it always has either the old or the new content, complete.

    Raises
    ------
    OutputError
        The disk is full, or the file cannot be written for another reason. No partial file is left.
    """
    if not isinstance(path, Path):
        try:
            put(path, content)
        except OSError as error:
            raise output_error(path, error) from error
        return
    # A random name: the file's own name may already have the maximum length, and a worker with the
    # same process id on another machine may write the same file.
    partial = path.with_name(f"{PARTIAL_PREFIX}{secrets.token_hex(8)}")
    try:
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise output_error(path, error) from error


@contextmanager
def opened_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, which gets its name when the `with` block ends without an error.

    Raises
    ------
    OutputError
        The disk is full, or the file cannot be written for another reason. No partial file is left.
    """
    partial = path.with_name(f"{PARTIAL_PREFIX}{secrets.token_hex(8)}")
    try:
        try:
            with partial.open("wb") as file:
                yield file
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise output_error(path, error) from error


class InnerFolders:
    """Folders within a folder, created on demand; links that lead out of it are refused."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._made: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Create a folder unless it exists.

        Raises
        ------
        OutputError
            The folder cannot be created, or is outside.
        """
        if folder in self._made:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(folder, error) from error
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise OutputError(f"{folder} is a link that leads out of {self.root}")
        self._made.add(folder)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table as CSV, as `text_bytes` encodes it."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows(rows)
    return text_bytes(text.getvalue())


def text_bytes(text: str) -> bytes:
    """Return text as UTF-8; file names that are not valid text keep their bytes."""
    return text.encode("utf-8", "surrogateescape")


def text_of(content: bytes) -> str:
    """Return the text of a UTF-8 file, in which names of files keep bytes that are not valid text.

    Raises
    ------
    ValueError
        The content has a NUL, as binary files and those in UTF-16 do.
    """
    if b"\0" in content:
        raise ValueError("it is not text in UTF-8")
    return content.decode("utf-8-sig", "surrogateescape")


def valid_text(text: str) -> str:
    r"""Return text with escapes in place of the bytes of file names that are not valid text.

    >>> valid_text("caf" + chr(0xDCE9))
    'caf\\udce9'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def output_error(path: Place, error: OSError) -> OutputError:
    """Return the error for a file that cannot be written, with advice if the disk is full."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    advice = "; make room and run the same command again; completed work is kept" if full else ""
    return OutputError(f"{path}: {error.strerror or error}{advice}")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
