"""Folder lock: one process at a time writes to a folder."""

from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from ..errors import FfhqWrinkleError, OutputError
from .places import Place
from .writing import output_error


class Lock(ABC):
    """Holds a folder; a context manager, or `acquire` and `release`.

    Parameters
    ----------
    folder : Place
    name : str
        Of the hidden file in it by which it is held.
    busy : FfhqWrinkleError
        What to raise if another process holds it.

    Raises
    ------
    FfhqWrinkleError
        On entering: `busy`.
    OutputError
        On entering: the folder can not be made or written.
    """

    def __init__(self, folder: Place, name: str, *, busy: FfhqWrinkleError) -> None:
        self.folder = folder
        self.name = name
        self._busy = busy

    @abstractmethod
    def acquire(self) -> None:
        """Hold the folder, as on entering."""

    @abstractmethod
    def release(self) -> None:
        """Let go."""

    def __reduce__(self) -> tuple[object, ...]:
        """A copy in another process, which holds nothing."""
        return partial(type(self), busy=self._busy), (self.folder, self.name)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class FolderLock(Lock):
    """Holds a folder of this machine, which it makes if it is not there.

    The lock goes when the process does, however it ends.
    """

    def __init__(self, folder: Path, name: str, *, busy: FfhqWrinkleError) -> None:
        super().__init__(folder, name, busy=busy)
        self._lock = FileLock(folder / name)

    def acquire(self) -> None:
        """Hold the folder, as on entering."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise self._busy from error
        except OSError as error:
            raise output_error(self.folder, error) from error

    def release(self) -> None:
        """Let go."""
        self._lock.release()


def another_writes(folder: Place) -> OutputError:
    """What to say where another run holds a folder of results."""
    return OutputError(f"another run is writing to {folder}; wait for it, or choose another folder")
