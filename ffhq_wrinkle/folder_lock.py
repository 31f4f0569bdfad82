"""Folder lock: one process at a time writes to a folder."""

from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import FfhqWrinkleError, OutputError
from .files import output_error
from .places import Place


class FolderLock:
    """Makes a folder and holds it; a context manager, or `acquire` and `release`.

    The lock goes when the process does, however it ends.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    name : str
        Of the hidden file in it that is locked.
    busy : FfhqWrinkleError
        What to raise if another process holds it.

    Raises
    ------
    FfhqWrinkleError
        On entering: `busy`.
    OutputError
        On entering: the folder can not be made or written.
    """

    def __init__(self, folder: Path, name: str, *, busy: FfhqWrinkleError) -> None:
        self.folder = folder
        self.name = name
        self._busy = busy
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

    def __reduce__(self) -> tuple[object, ...]:
        """A copy in another process, which holds nothing."""
        return partial(FolderLock, busy=self._busy), (self.folder, self.name)

    def __enter__(self) -> "FolderLock":
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def another_writes(folder: Place) -> OutputError:
    """What to say where another run holds a folder of results."""
    return OutputError(f"another run is writing to {folder}; wait for it, or choose another folder")
