"""Stored files: the results of a run in an object store, listed once and written whole."""

import time
from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from ..errors import OutputError
from ..storage.places import delete, entries, entries_within, exists, get
from ..storage.writing import output_error, write_bytes
from .result_files import KINDS, ResultFiles, State

if TYPE_CHECKING:
    from upath import UPath

_TOLD_S = 1.1


class StoredFiles(ResultFiles):
    """Files of a folder in an object store.

    What is there is listed once, by `take_stock`, since to ask for each of a million results would
    take hours. A copy in another process knows nothing of what is there: told to do a result, it
    does it, even again.

    Parameters
    ----------
    folder : UPath
    subfolders : sequence of str
        Names of folders in it that hold results too, besides those of digits.
    marks : sequence of str
        Names of files by one of which another run's folder is known.
    """

    def __init__(self, folder: "UPath", subfolders: Sequence[str], *, marks: Sequence[str]) -> None:
        self.folder = folder
        self._subfolders = subfolders
        self._marks = frozenset(marks)
        self._written: dict[str, float] | None = None  # when, by name

    def __getstate__(self) -> dict[str, Any]:
        """Without what is there, which goes with every shard otherwise."""
        return {**self.__dict__, "_written": None}

    def take_stock(self) -> None:
        """List what is there.

        Raises
        ------
        OutputError
            The store does not answer, or refuses.
        """
        self._written = dict(self._listed())

    def exists(self, name: str) -> bool:
        """Whether there is such an object; asks the store if nothing is known."""
        if self._written is not None:
            return name in self._written
        try:
            return exists(self.folder / name)
        except OSError as error:
            raise output_error(self.folder, error) from error

    def is_listed(self, name: str) -> bool:
        """Whether an object was listed or written."""
        return self._written is not None and name in self._written

    def read(self, name: str) -> bytes:
        """Read an object."""
        return get(self.folder / name)

    def write(self, name: str, content: bytes) -> None:
        """Write an object."""
        write_bytes(self.folder / name, content)
        if self._written is not None:
            self._written[name] = inf

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        if self._written is not None and self._written.pop(name, None) is None:
            return
        try:
            delete(self.folder / name)
        except OSError as error:
            raise output_error(self.folder / name, error) from error

    def results(self) -> Iterator[str]:
        """Names of all results; looks again, for workers have written too."""
        self.take_stock()
        for name in self._written or {}:
            if name.rpartition(".")[2] in KINDS:
                yield name

    def look(self, name: str, note: str, *, replaced_before: str | None = None) -> State:
        """Look at an object's age; it is whole, and to read its note would take a request.

        Stores give times in whole seconds, so an object of the same second is stale too.
        """
        if not self.exists(name):
            return State.ABSENT
        written = self._written or {}
        if replaced_before and written.get(name, 0.0) <= written.get(replaced_before, 0.0):
            return State.STALE
        return State.OURS

    def remove_partials(self) -> None:
        """Remove nothing: nothing is ever half written."""

    def settle(self) -> None:
        """Do not wait: a store has what it says it has."""

    def let_time_pass(self) -> None:
        """Wait for more than the second that stores tell."""
        time.sleep(_TOLD_S)

    def _listed(self) -> Iterator[tuple[str, float]]:
        """Names in the folder and its subfolders, and when each was written."""
        try:
            inner = []
            for entry in entries(self.folder):
                if not entry.is_folder:
                    yield entry.name, entry.written
                elif entry.name.isdigit() or entry.name in self._subfolders:
                    inner.append(entry.name)
            for name, found in entries_within(self.folder, inner):
                files = [entry for entry in found if not entry.is_folder]
                if self._marks.isdisjoint(entry.name for entry in files):
                    for entry in files:
                        yield f"{name}/{entry.name}", entry.written
        except OSError as error:
            raise OutputError(f"{self.folder}: {error.strerror or error}") from error
