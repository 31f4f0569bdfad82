"""Result files: what is in a folder of results, by name; `outputs` says what it means."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import chain
from pathlib import Path

import numpy as np

from ..images.jpeg import jpeg_note
from ..images.png import NOTE, png_note
from ..storage.writing import PARTIAL_PREFIX, InnerFolders, output_error, write_bytes

KINDS = ("png", "npy", "jpg")  # of results


class State(Enum):
    """What is known of one result in a folder.

    ========  =================================================================================
    ABSENT    There is no file of this name.
    DAMAGED   There is one that does not begin and end as its kind does.
    FOREIGN   It is whole, but not as this run would have written it: corrected by hand, say.
    STALE     An overwrite, under way or interrupted, has yet to replace it.
    OURS      It is whole and of this run's settings.
    ========  =================================================================================
    """

    ABSENT = "absent"
    DAMAGED = "damaged"
    FOREIGN = "foreign"
    STALE = "stale"
    OURS = "ours"


class ResultFiles(ABC):
    """The files of one folder, named relative to it, `/`-separated.

    Results are those of the kinds `KINDS` in the folder, in subfolders that are named with digits,
    and in others that were named; but none of a folder within it that is another run's.
    """

    def take_stock(self) -> None:  # noqa: B027  # which not all need
        """Look at what is there, once nobody else writes."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def is_listed(self, name: str) -> bool:
        """Whether a file is known to exist, fast enough to ask of a million results."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Read a file.

        Raises
        ------
        OSError
            It is not there, or can not be read.
        """

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, so that it is absent, old or whole.

        Raises
        ------
        OutputError
            It can not be written.
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises
        ------
        OutputError
            It can not be removed.
        """

    @abstractmethod
    def results(self) -> Iterator[str]:
        """Names of all results."""

    @abstractmethod
    def look(self, name: str, note: str, *, replaced_before: str | None = None) -> State:
        """Look at a result.

        Parameters
        ----------
        name : str
        note : str
            What results of this run carry, if they can carry a note.
        replaced_before : str, optional
            A file; results written before it are stale.
        """

    @abstractmethod
    def remove_partials(self) -> None:
        """Remove what was left half written; nobody may be writing."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until all that was written would outlast a power cut."""

    def let_time_pass(self) -> None:  # noqa: B027  # which not all need
        """Wait until what is written next will not seem as old as what was written last."""


class LocalFiles(ResultFiles):
    """Files of this machine, or of a file system that it has mounted.

    Parameters
    ----------
    folder : Path
    subfolders : sequence of str
        Names of folders in it that hold results too, besides those of digits.
    lock : str
        Name of the file by which another run's folder is known.
    """

    def __init__(self, folder: Path, subfolders: Sequence[str], *, lock: str) -> None:
        self.folder = folder
        self._prefix = f"{folder}{os.sep}"
        self._subfolders = subfolders
        self._lock = lock
        self._inner = InnerFolders(folder)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        # A Path for each of a million names would take seconds.
        return os.path.exists(f"{self._prefix}{name}")  # noqa: PTH110

    is_listed = exists

    def read(self, name: str) -> bytes:
        """Read a file."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file under a name that leads nowhere out of the folder."""
        write_bytes(self._inside(name), content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        path = self._inside(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(path, error) from error

    def _inside(self, name: str) -> Path:
        """The path of a file, its folder made; never one that leads out of this folder."""
        path = self.folder / name
        self._inner.make(path.parent)
        return path

    def results(self) -> Iterator[str]:
        """Names of all results."""
        for path in chain.from_iterable(self._matching(f"*.{kind}") for kind in KINDS):
            yield path.relative_to(self.folder).as_posix()

    def look(self, name: str, note: str, *, replaced_before: str | None = None) -> State:
        """Look at a result's age, note, first and last bytes."""
        path = self.folder / name
        if not path.exists():
            return State.ABSENT
        if replaced_before and _written_ns(path) < _written_ns(self.folder / replaced_before):
            return State.STALE
        if path.suffix == ".npy":
            return State.OURS if _is_whole_array(path) else State.DAMAGED
        written_note = png_note(path, NOTE) if path.suffix == ".png" else jpeg_note(path)
        if written_note is None:
            return State.DAMAGED
        return State.OURS if written_note == note else State.FOREIGN

    def remove_partials(self) -> None:
        """Remove what was left half written; nobody may be writing."""
        for partial in self._matching(f"{PARTIAL_PREFIX}*"):
            partial.unlink(missing_ok=True)

    def settle(self) -> None:
        """Have the system write all that it keeps in memory."""
        if hasattr(os, "sync"):
            os.sync()

    def _matching(self, pattern: str) -> Iterator[Path]:
        yield from self.folder.glob(pattern)
        for entry in self.folder.iterdir():
            named = entry.name.isdigit() or entry.name in self._subfolders
            inner = named and entry.is_dir() and not entry.is_symlink()
            if inner and not (entry / self._lock).exists():
                yield from entry.glob(pattern)


def _written_ns(path: Path) -> int:
    return path.stat().st_mtime_ns


def _is_whole_array(path: Path) -> bool:
    """Whether a ``.npy`` is as long as its header says."""
    try:
        np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return False
    return True
