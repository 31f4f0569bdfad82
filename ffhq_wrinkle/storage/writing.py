"""Writing: every file is absent, old or whole under its name, and inside the folder it is for."""

import csv
import errno
import hashlib
import io
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import OutputError
from .places import Place, put

PARTIAL_PREFIX = ".ffhq-wrinkle-partial-"


def write_bytes(path: Place, content: bytes) -> None:
    """Write a file so that under its name there is always the old content or the new one, whole.

    Raises
    ------
    OutputError
        The disk is full, or the file can not be written for another reason. Nothing is left.
    """
    if not isinstance(path, Path):
        try:
            put(path, content)
        except OSError as error:
            raise output_error(path, error) from error
        return
    # Of its own: the file's name may be as long as the system allows, and a worker on another
    # machine, where it has the same process id, may be at the same file.
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


class InnerFolders:
    """Makes folders within a folder, and none that a link leads out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._made: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Make a folder, unless it is there.

        Raises
        ------
        OutputError
            It can not be made, or is outside.
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
    """A table as CSV, which names of files that are no text pass through unharmed."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def output_error(path: Place, error: OSError) -> OutputError:
    """Say why a file can not be written, and what to do if the disk is full."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    advice = "; make room and run the same command again, what is done is kept" if full else ""
    return OutputError(f"{path}: {error.strerror or error}{advice}")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
