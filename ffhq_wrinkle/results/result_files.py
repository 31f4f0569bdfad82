"""Result files: what is in a folder of results, by name; `outputs` says what it means."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from ..images.jpeg import jpeg_note
from ..images.png import NOTE, png_note
from ..storage.writing import PARTIAL_PREFIX, InnerFolders, output_error, write_bytes

KINDS = ("png", "npy", "jpg")  # of results


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
    def knows(self, name: str) -> bool:
        """As `exists`, quick enough to ask of a million results."""

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
    def is_older(self, name: str, mark: str) -> bool:
        """Whether a file was written before another one."""

    @abstractmethod
    def bears(self, name: str, note: str) -> bool:
        """Whether a result that is there is whole, and has this note if it can have one."""

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

    knows = exists

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

    def is_older(self, name: str, mark: str) -> bool:
        """Whether a file was written before another one."""
        return (self.folder / name).stat().st_mtime_ns < (self.folder / mark).stat().st_mtime_ns

    def bears(self, name: str, note: str) -> bool:
        """Whether it begins and ends as it should, which is quick; and its note."""
        path = self.folder / name
        if path.suffix == ".png":
            return png_note(path, NOTE) == note
        if path.suffix == ".jpg":
            return jpeg_note(path) == note
        return _is_whole_array(path)

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


def _is_whole_array(path: Path) -> bool:
    """Whether a ``.npy`` is as long as its header says."""
    try:
        np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return False
    return True
