"""Journal: the files of decisions, which are only appended to.

`OUT/decisions/<reviewer>.jsonl` has a line for each action of a reviewer. The state of a review
follows from these files alone, so it can be stopped, or killed, at any moment.
"""

import os
from io import FileIO
from pathlib import Path

from ..errors import OutputError
from ..storage.writing import output_error
from .entries import Entry

FOLDER = "decisions"
_SUFFIX = ".jsonl"


class Journal:
    """The files of decisions in a folder of results, which only one process may append to.

    Parameters
    ----------
    out : Path
        The folder of results, which is locked.
    """

    def __init__(self, out: Path) -> None:
        self._folder = out / FOLDER

    def read(self) -> list[Entry]:
        """Return all entries in their order; nothing is changed, as another process may append.

        A line without an end, which a killed process can leave, is not returned: it was never
        reported as saved.

        Raises
        ------
        OutputError
            A file cannot be read, or has a line that is not an entry.
        """
        entries: list[Entry] = []
        for path in self._files():
            try:
                content = path.read_bytes()
            except OSError as error:
                raise output_error(path, error) from error
            for number, line in enumerate(_whole(content).splitlines(), start=1):
                try:
                    entries.append(Entry.parse(line))
                except ValueError as error:
                    raise OutputError(
                        f"{path}:{number}: not a decision: {error}; restore the file from a "
                        "backup, or remove the line"
                    ) from error
        return sorted(entries, key=lambda entry: entry.sequence)

    def repair(self) -> None:
        """Cut off lines without an end, so that the next ones begin on lines of their own.

        Raises
        ------
        OutputError
            A file cannot be read or written.
        """
        for path in self._files():
            try:
                content = path.read_bytes()
                if len(_whole(content)) < len(content):
                    os.truncate(path, len(_whole(content)))
            except OSError as error:
                raise output_error(path, error) from error

    def append(self, entry: Entry) -> None:
        """Append an entry to the file of its reviewer, and return when it is on the disk.

        Raises
        ------
        OutputError
            The file cannot be written. It is as it was before.
        """
        path = self._folder / f"{entry.reviewer}{_SUFFIX}"
        try:
            if not self._folder.is_dir():
                self._folder.mkdir()
                _sync_folder(self._folder.parent)
            is_new = not path.exists()
            # Without a buffer, which would be written again when the file is closed.
            with path.open("ab", buffering=0) as file:
                before = file.seek(0, os.SEEK_END)
                try:
                    _write(file, entry.line())
                    os.fsync(file.fileno())
                except OSError:
                    os.truncate(path, before)
                    raise
            if is_new:
                _sync_folder(self._folder)
        except OSError as error:
            raise output_error(path, error) from error

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"))


def _whole(content: bytes) -> bytes:
    """Return the lines that have an end."""
    return content[: content.rfind(b"\n") + 1]


def _write(file: FileIO, content: bytes) -> None:
    """Write everything, although a full disk can take a part of it without an error."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file written to the disk, where the system supports it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
