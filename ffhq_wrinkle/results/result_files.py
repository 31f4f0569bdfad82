"""Result files: the files in a folder of results and their states; `outputs` uses them."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from ..images.jpeg import jpeg_note
from ..images.png import NOTE, png_note
from ..storage.marks import is_results_folder
from ..storage.writing import PARTIAL_PREFIX, InnerFolders, output_error, write_bytes

RESULT_FORMATS = ("png", "npy", "jpg")
_RESULT_SUFFIXES = tuple(f".{suffix}" for suffix in RESULT_FORMATS)


class State(Enum):
    """The state of one result in a folder.

    ========  =================================================================================
    ABSENT    There is no file of this name.
    DAMAGED   The file does not begin and end as its format requires.
    FOREIGN   The file is complete, but not as this run would write it: perhaps corrected by hand.
    STALE     An overwrite, under way or interrupted, has yet to replace the file.
    OURS      The file is complete and has the settings of this run.
    ========  =================================================================================
    """

    ABSENT = "absent"
    DAMAGED = "damaged"
    FOREIGN = "foreign"
    STALE = "stale"
    OURS = "ours"


class ResultFiles(ABC):
    """The files of one folder, by their paths relative to it, with `/` as separator.

    Results are the files of the formats `RESULT_FORMATS` in the folder, in subfolders whose names
    are digits, and in further named subfolders and all folders in these. Folders that belong to
    another run are excluded.

    Attributes
    ----------
    subfolders : frozenset of str
        The names of further subfolders.
    """

    subfolders: frozenset[str]

    def take_stock(self) -> None:  # noqa: B027  # not all subclasses need it
        """List the existing files, once no other process is writing."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Return whether a file exists."""

    @abstractmethod
    def is_listed(self, name: str) -> bool:
        """Return whether a file is known to exist, fast enough for a million results."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Read a file.

        Raises
        ------
        OSError
            The file does not exist, or cannot be read.
        """

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, so that it is absent, old or complete.

        Raises
        ------
        OutputError
            The file cannot be written.
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file if it exists.

        Raises
        ------
        OutputError
            The file cannot be removed.
        """

    @abstractmethod
    def results(self) -> Iterator[str]:
        """Yield the names of all results."""

    @abstractmethod
    def look(self, name: str, note: str, *, replaced_before: str | None = None) -> State:
        """Check a result and return its state.

        Parameters
        ----------
        name : str
        note : str
            The note in results of this run, for formats that can contain one.
        replaced_before : str, optional
            Name of a file; results that were written before it are stale.
        """

    @abstractmethod
    def has_older(self, name: str) -> bool:
        """Return whether any result was written before a file."""

    @abstractmethod
    def remove_partials(self) -> None:
        """Remove partial files, while no process is writing."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until all written files would survive a power failure."""

    def let_time_pass(self) -> None:  # noqa: B027  # not all subclasses need it
        """Wait until the next file to be written has a later time than the last one."""

    @property
    def can_append(self) -> bool:
        """Whether `append` can be used."""
        return False

    def append(self, name: str, content: bytes) -> None:
        """Append to a file, which is created if missing.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        raise NotImplementedError

    def hidden(self, prefix: str) -> list[str]:
        """Return the names of the files to which `append` has written, by their first letters."""
        return []


class LocalFiles(ResultFiles):
    """Files on this machine or on a mounted file system.

    Parameters
    ----------
    folder : Path
    subfolders : sequence of str
        Names of further subfolders that contain results, besides those whose names are digits.
    lock : str
        Name of the file that marks the folder of another run.
    """

    def __init__(self, folder: Path, subfolders: Sequence[str], *, lock: str) -> None:
        self.folder = folder
        self._prefix = f"{folder}{os.sep}"
        self.subfolders = frozenset(subfolders)
        self._lock = lock
        self._inner = InnerFolders(folder)
        self._listed: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the list of files, which would otherwise be sent with every shard."""
        return {**self.__dict__, "_listed": set()}

    def take_stock(self) -> None:
        """List the existing files, which is faster than asking for each of a million.

        Links and subfolders that belong to another run are included: what exists is not replaced.
        """
        self._listed = {
            f"{folder}{name}" for folder, names in self._listings(of_all=True) for name in names
        }

    def exists(self, name: str) -> bool:
        """Return whether a file exists."""
        # Creating a Path for each of a million names would take seconds.
        return os.path.exists(f"{self._prefix}{name}")  # noqa: PTH110

    def is_listed(self, name: str) -> bool:
        """Return whether a file was listed, or exists by now."""
        return name in self._listed or self.exists(name)

    def read(self, name: str) -> bytes:
        """Read a file."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file, which must be inside the folder."""
        write_bytes(self._inside(name), content)

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""
        path = self._inside(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(path, error) from error
        self._listed.discard(name)

    def _inside(self, name: str) -> Path:
        """Return the path of a file after creating its folder; refuse one outside this folder."""
        path = self.folder / name
        self._inner.make(path.parent)
        return path

    def append(self, name: str, content: bytes) -> None:
        """Append to a file by one call of the system, which other threads cannot interrupt."""
        path = self._inside(name)
        try:
            with path.open("ab", buffering=0) as file:
                file.write(content)
        except OSError as error:
            raise output_error(path, error) from error

    @property
    def can_append(self) -> bool:
        """Whether `append` can be used."""
        return True

    def hidden(self, prefix: str) -> list[str]:
        """Return the names of the files to which `append` has written, by their first letters."""
        return sorted(name for name in os.listdir(self.folder) if name.startswith(prefix))

    def results(self) -> Iterator[str]:
        """Yield the names of all results."""
        for folder, names in self._listings():
            yield from (f"{folder}{name}" for name in names if name.endswith(_RESULT_SUFFIXES))

    def look(self, name: str, note: str, *, replaced_before: str | None = None) -> State:
        """Check the age, the note, and the first and last bytes of a result."""
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

    def has_older(self, name: str) -> bool:
        """Return whether any result was written before a file."""
        written_ns = _written_ns(self.folder / name)
        return any(_written_ns(self.folder / result) < written_ns for result in self.results())

    def remove_partials(self) -> None:
        """Remove partial files, while no process is writing."""
        for folder, names in self._listings():
            for name in names:
                if name.startswith(PARTIAL_PREFIX):
                    (self.folder / folder / name).unlink(missing_ok=True)

    def settle(self) -> None:
        """Have the system write all buffered files to disk."""
        if hasattr(os, "sync"):
            os.sync()

    def _listings(self, *, of_all: bool = False) -> Iterator[tuple[str, list[str]]]:
        """Yield the names in the folder, and in each subfolder after its own name and a ``/``.

        Names are text, since a Path for each of a million files would take ten times as long.

        Parameters
        ----------
        of_all : bool
            Whether links, and subfolders that belong to another run, are included.
        """
        names: list[str] = []
        inner: list[str] = []
        with os.scandir(self.folder) as listed:
            for entry in listed:
                named = entry.name.isdigit() or entry.name in self.subfolders
                is_inner = named and entry.is_dir(follow_symlinks=of_all)
                (inner if is_inner else names).append(entry.name)
        yield "", names
        for folder in inner:
            if folder in self.subfolders:
                yield from self._nested_listings(folder, of_all=of_all)
            elif of_all or not self.exists(f"{folder}/{self._lock}"):
                yield f"{folder}/", os.listdir(f"{self._prefix}{folder}")

    def _nested_listings(self, folder: str, *, of_all: bool) -> Iterator[tuple[str, list[str]]]:
        """Yield the names in a subfolder and in all folders in it, as `_listings` does."""
        pending = [folder]
        while pending:
            path = pending.pop()
            names: list[str] = []
            inner: list[str] = []
            with os.scandir(f"{self._prefix}{path}") as listed:
                for entry in listed:
                    is_inner = entry.is_dir(follow_symlinks=False)
                    (inner if is_inner else names).append(entry.name)
            if of_all or not is_results_folder(names):
                yield f"{path}/", names
                pending += [f"{path}/{name}" for name in inner if not name.startswith(".")]


def _written_ns(path: Path) -> int:
    return path.stat().st_mtime_ns


def _is_whole_array(path: Path) -> bool:
    """Return whether a ``.npy`` file has the length that its header requires."""
    try:
        np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return False
    return True
