"""Locks: one process at a time writes to a folder.

On this machine a lock ends with its process. An object store has no such locks: there the holder
renews its mark every few seconds, and a mark that stays the same belongs to a process that was
killed.
"""

import json
import logging
import platform
import threading
import time
import uuid
from abc import ABC, abstractmethod
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
DEAD_S = 60.0  # several beats, any of which the network may lose


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


class StoreLock(Lock):
    """Holds a folder of a store, by a mark in it.

    If two processes take over from a third at the same moment, both may go on for a few seconds.
    That does no harm: what either writes is whole, and of the same settings.
    """

    def __init__(self, folder: "UPath", name: str, *, busy: FfhqWrinkleError) -> None:
        super().__init__(folder, name, busy=busy)
        self._file = folder / name
        self._owner = ""
        self._released = threading.Event()
        self._beating: threading.Thread | None = None

    def acquire(self) -> None:
        """Hold the folder, as on entering; waits while it is not known whether the holder lives."""
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
        """Let go."""
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
        """Whether there was no mark, so that ours is there now."""
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
        """Watch another's mark until it changes, is removed, or has not changed for long enough."""
        seen, since = self._content(), time.monotonic()
        log.info(
            "%s is there; seeing for up to %.0f s whether its run is alive", self._file, DEAD_S
        )
        while (now := self._content()) == seen:
            if time.monotonic() - since > DEAD_S:
                log.info("its run is not alive any more")
                delete(self._file)
                return
            time.sleep(BEAT_S / 10)
        if now:
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
    """The lock of a folder, wherever that is, by a hidden file of this name; `busy` as there."""
    if isinstance(folder, Path):
        return FolderLock(folder, name, busy=busy)
    return StoreLock(folder, name, busy=busy)


def another_writes(folder: Place) -> OutputError:
    """What to say where another run holds a folder of results."""
    return OutputError(f"another run is writing to {folder}; wait for it, or choose another folder")
