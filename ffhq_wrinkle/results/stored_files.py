"""Stored files: the results of a run in an object store, listed once, each written completely."""

import time
from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from ..errors import OutputError
from ..storage.marks import is_results_folder
from ..storage.places import delete, entries, entries_within, exists, get
from ..storage.writing import output_error, write_bytes
from .result_files import RESULT_FORMATS, ResultFiles, State

if TYPE_CHECKING:
    from upath import UPath

_TIME_STEP_S = 1.1  # stores give times in whole seconds


class StoredFiles(ResultFiles):
    """Files of a folder in an object store.

    `take_stock` lists the existing files once, since a request for each of a million results would
    take hours. A copy in another process has no such list. It makes every result that it is asked
    for, even if it exists.

    Parameters
    ----------
    folder : UPath
    subfolders : sequence of str
        Names of further subfolders that contain results, besides those whose names are digits.
    marks : sequence of str
        Names of files; each of them marks the folder of another run.
    """

    def __init__(self, folder: "UPath", subfolders: Sequence[str], *, marks: Sequence[str]) -> None:
        self.folder = folder
        self.subfolders = frozenset(subfolders)
        self._marks = frozenset(marks)
        self._written: dict[str, float] | None = None  # time by name

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the list of files, which would otherwise be sent with every shard."""
        return {**self.__dict__, "_written": None}

    def take_stock(self) -> None:
        """List the existing files.

        Raises
        ------
        OutputError
            The store does not answer, or refuses access.
        """
        self._written = dict(self._listed())

    def exists(self, name: str) -> bool:
        """Return whether an object exists; without a list, the store is asked."""
        if self._written is not None:
            return name in self._written
        try:
            return exists(self.folder / name)
        except OSError as error:
            raise output_error(self.folder, error) from error

    def is_listed(self, name: str) -> bool:
        """Return whether an object was listed or written."""
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
        """Remove an object if it exists."""
        if self._written is not None and self._written.pop(name, None) is None:
            return
        try:
            delete(self.folder / name)
        except OSError as error:
            raise output_error(self.folder / name, error) from error

    def results(self) -> Iterator[str]:
        """Yield the names of all results, listed again, since workers have written some."""
        self.take_stock()
        for name in self._written or {}:
            if name.rpartition(".")[2] in RESULT_FORMATS:
                yield name

    def look(self, name: str, note: str, *, replaced_before: str | None = None) -> State:
        """Check the age of an object only: it is complete, and its note would take a request.

        Stores give times in whole seconds, so that an object of the same second is stale, too.
        """
        if not self.exists(name):
            return State.ABSENT
        written = self._written or {}
        if replaced_before and written.get(name, 0.0) <= written.get(replaced_before, 0.0):
            return State.STALE
        return State.OURS

    def has_older(self, name: str) -> bool:
        """Return whether any result was written before an object, or in the same second."""
        results = list(self.results())  # which lists the folder again
        written = self._written or {}
        return any(written[result] <= written.get(name, 0.0) for result in results)

    def remove_partials(self) -> None:
        """Do nothing, since a store has no partial files."""

    def settle(self) -> None:
        """Do nothing, since a store keeps every object whose writing it has confirmed."""

    def let_time_pass(self) -> None:
        """Wait for more than one second, since stores give times in whole seconds."""
        time.sleep(_TIME_STEP_S)

    def _listed(self) -> Iterator[tuple[str, float]]:
        """Yield the names in the folder and its subfolders, each with the time it was written."""
        try:
            inner = []
            for entry in entries(self.folder):
                if not entry.is_folder:
                    yield entry.name, entry.written
                elif entry.name.isdigit() or entry.name in self.subfolders:
                    inner.append(entry.name)
            while inner:
                pending, inner = inner, []
                for path, content in entries_within(self.folder, pending):
                    files = [entry for entry in content if not entry.is_folder]
                    names = [entry.name for entry in files]
                    if not self._marks.isdisjoint(names):
                        continue
                    for entry in files:
                        yield f"{path}/{entry.name}", entry.written
                    if path.partition("/")[0] in self.subfolders and not is_results_folder(names):
                        inner += [f"{path}/{entry.name}" for entry in content if entry.is_folder]
        except OSError as error:
            raise OutputError(f"{self.folder}: {error.strerror or error}") from error
