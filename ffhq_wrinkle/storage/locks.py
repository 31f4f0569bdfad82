"""Locks: only one process at a time writes to a folder.

On this machine a lock ends with its process. Object stores have no such locks. There, the holder of
a folder renews a mark every few seconds; if a mark no longer changes, its process was killed.
"""

import json
import logging
import platform
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from ..errors import FfhqWrinkleError, OutputError
from .places import Place, delete, get, put
from .writing import output_error

if TYPE_CHECKING:
    from upath import UPath

log = logging.getLogger(__name__)

BEAT_S = 10.0
DEAD_S = 60.0  # several beats, since the network may lose some


class Lock(ABC):
    """A lock on a folder, used as a context manager or by `acquire` and `release`.

    Parameters
    ----------
    folder : Place
    name : str
        Name of the hidden file in the folder that holds the lock.
    busy : FfhqWrinkleError
        Error to raise if another process holds the folder.

    Raises
    ------
    FfhqWrinkleError
        On entering: `busy`.
    OutputError
        On entering: the folder cannot be created or written.
    """

    def __init__(self, folder: Place, name: str, *, busy: FfhqWrinkleError) -> None:
        self.folder = folder
        self.name = name
        self._busy = busy

    @abstractmethod
    def acquire(self) -> None:
        """Lock the folder, as on entering the context."""

    @abstractmethod
    def release(self) -> None:
        """Release the folder."""

    def __reduce__(self) -> tuple[object, ...]:
        """Recreate the lock in another process, without holding the folder."""
        return partial(type(self), busy=self._busy), (self.folder, self.name)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class FolderLock(Lock):
    """A lock on a folder of this machine, which is created if missing.

    The lock ends with its process, even if that is killed.
    """

    def __init__(self, folder: Path, name: str, *, busy: FfhqWrinkleError) -> None:
        super().__init__(folder, name, busy=busy)
        self._lock = FileLock(folder / name)

    def acquire(self) -> None:
        """Lock the folder, as on entering the context."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise self._busy from error
        except OSError as error:
            raise output_error(self.folder, error) from error

    def release(self) -> None:
        """Release the folder."""
        self._lock.release()


class StoreLock(Lock):
    """A lock on a folder of a store, by a mark in the folder.

    If two processes take over a folder from a third at the same moment, both may write for a few
    seconds. This is harmless: every file is written completely, and with the same settings.
    """

    def __init__(self, folder: "UPath", name: str, *, busy: FfhqWrinkleError) -> None:
        super().__init__(folder, name, busy=busy)
        self._file = folder / name
        self._owner = ""
        self._released = threading.Event()
        self._beating: threading.Thread | None = None

    def acquire(self) -> None:
        """Lock the folder, after waiting to see whether a previous holder is still alive."""
        self._owner = uuid.uuid4().hex
        try:
            while not self._marked():
                self._require_dead()
        except OSError as error:
            raise output_error(self._file, error) from error
        self._released.clear()
        self._beating = threading.Thread(target=self._beat, name="store-lock", daemon=True)
        self._beating.start()

    def release(self) -> None:
        """Release the folder."""
        if self._beating is None:
            return
        self._released.set()
        self._beating.join()
        self._beating = None
        try:
            if self._is_mine(self._content()):
                delete(self._file)
        except OSError as error:
            log.warning("%s could not be removed: %s", self._file, error.strerror or error)

    def _mark(self, beat: int) -> bytes:
        return json.dumps({"owner": self._owner, "host": platform.node(), "beat": beat}).encode()

    def _marked(self) -> bool:
        """Write our mark unless there is one, and return whether it was written."""
        try:
            put(self._file, self._mark(0), new=True)
        except FileExistsError:
            return False
        return True

    def _content(self) -> bytes:
        try:
            return get(self._file)
        except FileNotFoundError:
            return b""

    def _is_mine(self, content: bytes) -> bool:
        return self._owner.encode() in content

    def _require_dead(self) -> None:
        """Delete another process's mark if that is dead; raise `busy` if it is alive."""
        first_mark, start = self._content(), time.monotonic()
        log.info(
            "%s exists; waiting up to %.0f s to see whether its run is alive", self._file, DEAD_S
        )
        while (mark := self._content()) == first_mark:
            if time.monotonic() - start > DEAD_S:
                log.info("its run is no longer alive")
                delete(self._file)
                return
            time.sleep(BEAT_S / 10)
        if mark:
            raise self._busy

    def _beat(self) -> None:
        beat = 0
        while not self._released.wait(BEAT_S):
            beat += 1
            try:
                if not self._is_mine(self._content()):
                    log.warning("%s: another run has taken over this folder", self._file)
                    return
                put(self._file, self._mark(beat))
            except OSError as error:
                log.info("%s could not be renewed: %s", self._file, error.strerror or error)


def lock_of(folder: Place, name: str, *, busy: FfhqWrinkleError) -> Lock:
    """Return the lock of a folder on this machine or in a store; see `Lock` for the parameters."""
    if isinstance(folder, Path):
        return FolderLock(folder, name, busy=busy)
    return StoreLock(folder, name, busy=busy)


@contextmanager
def turn(folder: Path, name: str) -> Iterator[None]:
    """Hold a folder of this machine, after waiting for the process that holds it.

    The folder is created if missing. A process that is killed no longer holds it.

    Parameters
    ----------
    folder : Path
    name : str
        Name of the hidden file in the folder that holds the lock.

    Raises
    ------
    OutputError
        The folder cannot be created or written.
    """
    lock = FileLock(folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            log.info("another run is writing to %s; waiting for it", folder)
            lock.acquire()
    except OSError as error:
        raise output_error(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def another_writes(folder: Place) -> OutputError:
    """Return the error for a folder of results that another run holds."""
    return OutputError(f"another run is writing to {folder}; wait for it, or choose another folder")
