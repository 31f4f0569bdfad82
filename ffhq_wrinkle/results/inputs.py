"""Inputs: the files that results were made from, so that a file that was replaced is noticed.

A folder of results has a table, `inputs.csv`, with a row for each image: size and time of each of
its input files, and a hash of their contents. Files whose sizes and times are those of the row are
taken for the same and not read. Otherwise their contents decide.

A process that makes results first adds the row to a journal of its own, a hidden file, so that a
killed run leaves no result without its row. The next run merges the journals into the table.
"""

import csv
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ArgumentError, OutputError
from ..storage.places import Place, entries, entries_within, get, parse_place
from ..storage.writing import csv_bytes, sha256_of
from .result_files import ResultFiles

if TYPE_CHECKING:
    from upath import UPath

INPUTS = "inputs.csv"
COLUMNS = ("image_id", "sizes_and_times", "sha256")
# The addresses at which one input can be, in order of preference; the first that exists counts.
Candidates = Iterable[str]

_MISSING = "-"
_SPECIAL = frozenset('",\r\n')  # characters for which CSV needs quotation marks
_END = "\r\n"
_HEADER = f"{','.join(COLUMNS)}{_END}".encode()
_CONTRADICTION = ","  # a row that no file matches
_HASH_DIGITS = 32
_LISTED_AT_ONCE = 16  # folders in an object store


class InputRow(NamedTuple):
    """The record of an image's input files.

    Attributes
    ----------
    sizes_and_times : str
        For each file ``SIZE:TIME``, or ``-`` for a file that does not exist. The time is the
        modification time in nanoseconds or, in an object store, the ETag of the object.
    sha256 : str
        Hash of the contents of all files; empty if it is not known.
    """

    sizes_and_times: str
    sha256: str = ""

    @property
    def cells(self) -> str:
        """The row as text, without the image id."""
        return f"{self.sizes_and_times},{self.sha256}"

    def matches(self, present: "InputRow") -> bool:
        """Return whether the present files are those of this row, by their contents or times.

        A file that does not exist any more has not been replaced by another.
        """
        if self.sha256 and self.sha256 == present.sha256:
            return True
        parts, present_parts = (row.sizes_and_times.split(" ") for row in (self, present))
        return len(parts) == len(present_parts) and all(
            present_part in (part, _MISSING)
            for part, present_part in zip(parts, present_parts, strict=True)
        )


class InputRows:
    """The rows of a table, by image id. A copy in another process is empty.

    Attributes
    ----------
    is_stored : bool
        Whether rows cannot be saved while images are processed, since results are in an object
        store.
    """

    is_stored = False

    def __init__(self) -> None:
        self._cells: dict[str, str] = {}  # rows as text, since there may be a million
        self.is_changed = False  # since the table was last read or saved
        # Return a row as text, or None: the dict's own method, which is called a million times.
        self.cells: Callable[[str], str | None] = self._cells.get

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._cells

    def __len__(self) -> int:
        return len(self._cells)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), ()

    def has(self, image_id: str, sizes_and_times: str) -> bool:
        """Return whether the row of an image has these sizes and times."""
        return self._cells.get(image_id, "").startswith(f"{sizes_and_times},")

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def row(self, image_id: str) -> InputRow:
        """Return the row of an image, which exists."""
        return InputRow(*self._cells[image_id].split(","))

    def record(self, image_id: str, row: InputRow) -> None:
        """Set the row of an image."""
        self._cells[image_id] = row.cells
        self.is_changed = True

    def discard(self, image_id: str) -> None:
        """Remove the row of an image, if there is one."""
        if self._cells.pop(image_id, None) is not None:
            self.is_changed = True

    def save(self) -> None:
        """Save the rows, if they have a file of their own."""

    def read(self, content: bytes) -> None:
        """Read the content of a table, which may be empty, as a power cut can leave it.

        Raises
        ------
        ValueError
            The content is not a table.
        """
        if content and not content.startswith(_HEADER):
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        self._cells.update(_rows(content[len(_HEADER) :]))

    def merge(self, journals: Iterable[bytes]) -> None:
        """Read journals, whose rows are later than those that are known.

        Which of two journals is later is not known. If they contradict each other, the result of
        that image is not known to be made from any files.
        """
        journalled: dict[str, str] = {}
        for journal in journals:
            # A process that was killed may have left half a row.
            whole = journal[: journal.rfind(_END.encode()) + len(_END)]
            rows = dict(_rows(whole))
            contradicted = [
                image_id
                for image_id, cells in rows.items()
                if journalled.get(image_id, cells) != cells
            ]
            journalled |= rows
            journalled |= dict.fromkeys(contradicted, _CONTRADICTION)
        self.is_changed |= bool(journalled)
        self._cells |= journalled

    def content(self) -> bytes:
        """Return the table as CSV, sorted by image id."""
        image_ids = sorted(self._cells)
        if not _SPECIAL.isdisjoint("".join(image_ids)):
            rows = ((image_id, *self._cells[image_id].split(",")) for image_id in image_ids)
            return csv_bytes(COLUMNS, rows)
        content = bytearray(_HEADER)
        for image_id in image_ids:
            content += f"{image_id},{self._cells[image_id]}{_END}".encode(
                "utf-8", "surrogateescape"
            )
        return bytes(content)


class InputTable(InputRows):
    """The table of a folder of results, and the journals of the processes that fill the folder.

    Parameters
    ----------
    folder : Place
        The folder.
    files : ResultFiles
        Its files.
    record : str
        Name of the folder's record, after which the journals are called.
    """

    def __init__(self, folder: Place, files: ResultFiles, record: str) -> None:
        super().__init__()
        self._folder = folder
        self._files = files
        self._record = record
        self._journals = f".{record}.inputs-"
        self._journal = ""
        self.has_merged = False  # whether journals were merged when the table was last saved
        self.is_stored = not files.can_append

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._folder, self._files, self._record)

    def load(self, *, replace: bool = False) -> None:
        """Read the table and the journals that killed processes left.

        Parameters
        ----------
        replace : bool
            Whether a file of this name that is not such a table may be replaced.

        Raises
        ------
        OutputError
            The file is not such a table, or cannot be read.
        """
        try:
            if self._files.exists(INPUTS):
                self.read(self._files.read(INPUTS))
            self.merge(self._files.read(name) for name in self._files.hidden(self._journals))
        except (OSError, ValueError) as error:
            if not replace:
                raise OutputError(
                    f"{self._folder / INPUTS} is not a table of this command: {error}; "
                    "choose another folder, or move the file away"
                ) from error

    def note(self, image_id: str, row: InputRow) -> None:
        """Record an image's row before its results are written; called on any thread.

        Raises
        ------
        OutputError
            The row cannot be written.
        """
        self.record(image_id, row)
        if not self.is_stored:
            self._journal = self._journal or f"{self._journals}{secrets.token_hex(8)}"
            self._files.append(self._journal, csv_bytes((image_id, *row), ()))

    def save(self) -> None:
        """Merge the journals of all processes into the table.

        Raises
        ------
        OutputError
            The table cannot be written.
        """
        journals = self._files.hidden(self._journals)
        try:
            self.merge(map(self._files.read, journals))
        except (OSError, ValueError) as error:
            raise OutputError(f"{self._folder / INPUTS}: {error}") from error
        if self.is_changed:
            self._files.write(INPUTS, self.content())
        self.is_changed = False
        self.has_merged = bool(journals)
        for journal in journals:
            self._files.remove(journal)
        self._journal = ""


def read_inputs(path: Place) -> InputRows:
    """Read a table without its journals; it is empty if it does not exist or is damaged."""
    rows = InputRows()
    with suppress(OSError, ValueError):
        rows.read(get(path))
    return rows


def _rows(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield image id and remaining cells of each row; lines that are not rows are left out.

    Raises
    ------
    ValueError
        The content is not CSV.
    """
    text = content.decode("utf-8", "surrogateescape")
    if '"' not in text:  # then a simple way is three times as fast
        start = 0
        while (end := text.find(_END, start)) >= 0:
            image_id, _, cells = text[start:end].partition(",")
            if cells.count(",") == 1:
                yield image_id, cells
            start = end + len(_END)
        return
    try:
        for row in csv.reader(StringIO(text, newline="")):
            if len(row) == len(COLUMNS):
                yield row[0], ",".join(row[1:])
    except csv.Error as error:
        raise ValueError(str(error)) from error


class SizesAndTimes:
    """Reads sizes and times of the input files of many images.

    Folders in an object store are listed, each once, and so are those in which a file may have
    several names: a listing takes less time than asking for a file that does not exist.
    """

    def __init__(self) -> None:
        self._stored: dict[str, dict[str, dict[str, str]]] = {}  # by folder or shards, and name
        self._shards: dict[str, list[str]] = {}
        self._names: dict[str, frozenset[str]] = {}

    def of(self, inputs: Iterable[Candidates]) -> str:
        """Return sizes and times of the input files of an image, as in `InputRow`.

        Raises
        ------
        ArgumentError
            A folder in an object store cannot be read.
        """
        parts = []
        for candidates in inputs:
            if (
                isinstance(candidates, tuple)
                and len(candidates) == 1
                and "://" not in candidates[0]
            ):
                parts.append(_size_and_time(candidates[0]) or _MISSING)
            else:
                parts.append(self._of_first(candidates) or _MISSING)
        return " ".join(parts)

    def _of_first(self, candidates: Candidates) -> str:
        for address in candidates:
            folder, _, name = address.rpartition("/")
            if is_stored(address):
                present = self._listed(folder).get(name, "")
            else:
                present = _size_and_time(address) if name in self._names_in(folder) else ""
            if present:
                return present
        return ""

    def _listed(self, folder: str) -> dict[str, str]:
        """Return sizes and versions of the objects in a folder, and list the next shards with it.

        Images are in order, and so are their shards, of which only the last ones are remembered.
        """
        outer, _, name = folder.rpartition("/")
        is_shard = name.isdigit()
        group = outer if is_shard else folder
        if folder not in self._stored.get(group, {}):
            try:
                names = [name]
                if is_shard:
                    later = [shard for shard in self._shards_in(outer) if shard > name]
                    names += later[: _LISTED_AT_ONCE - 1]
                self._stored[group] = {
                    f"{outer}/{inner}": {
                        entry.name: f"{entry.size}:{entry.version}" for entry in listed
                    }
                    for inner, listed in entries_within(_store_folder(outer), names)
                }
            except OSError as error:
                raise ArgumentError(
                    f"{folder} cannot be read: {error.strerror or error}"
                ) from error
        return self._stored[group][folder]

    def _shards_in(self, folder: str) -> list[str]:
        if folder not in self._shards:
            listed = entries(_store_folder(folder))
            self._shards[folder] = sorted(entry.name for entry in listed if entry.is_folder)
        return self._shards[folder]

    def _names_in(self, folder: str) -> frozenset[str]:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder or "/"))
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]


def _size_and_time(address: str) -> str:
    """Return size and time of a file on this machine; empty if it does not exist."""
    try:
        status = os.stat(address)  # noqa: PTH116  # a Path takes longer than the call
    except (OSError, ValueError):
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


def _store_folder(address: str) -> "UPath":
    place = parse_place(address)
    if isinstance(place, Path):
        raise ValueError(f"{address} is not in an object store")
    return place


class Reading:
    """The reading of an image's input files, from which their row is made.

    Create it before the files are read, and call `row` after all of them have been read, when they
    are known to be readable.

    Parameters
    ----------
    inputs : iterable of Candidates
        The input files.
    """

    def __init__(self, inputs: Iterable[Candidates]) -> None:
        self._inputs = [tuple(candidates) for candidates in inputs]
        # Objects in a store are recorded from a listing, before the work begins.
        self._is_recorded = bool(self._inputs) and not any_stored(self._inputs)
        self._before = self._sizes_and_times()

    def row(self) -> InputRow | None:
        """Return the row of the files; None if it is recorded elsewhere.

        If a file has changed since the reading began, the row does not match it.
        """
        if not self._is_recorded:
            return None
        sha256 = sha256_of_inputs(self._inputs)
        is_unchanged = self._sizes_and_times() == self._before
        return InputRow(self._before, sha256 if is_unchanged else "")

    def _sizes_and_times(self) -> str:
        if not self._is_recorded:
            return ""
        first = (next(filter(None, map(_size_and_time, of_one)), "") for of_one in self._inputs)
        return " ".join(present or _MISSING for present in first)


def sha256_of_inputs(inputs: Iterable[Candidates]) -> str:
    """Return a hash of the contents of an image's input files.

    It is empty if a file is in an object store or cannot be read.
    """
    digest = hashlib.sha256()
    for candidates in inputs:
        path = next((Path(address) for address in candidates if _is_file(address)), None)
        if path is None:
            return ""
        try:
            digest.update(bytes.fromhex(sha256_of(path)))
        except OSError:
            return ""
    return digest.hexdigest()[:_HASH_DIGITS]


def _is_file(address: str) -> bool:
    """Return whether a regular file exists; reading from a pipe could take for ever."""
    try:
        return stat.S_ISREG(os.stat(address).st_mode)  # noqa: PTH116
    except (OSError, ValueError):
        return False


def is_stored(address: str) -> bool:
    """Return whether an address is in an object store."""
    return "://" in address


def any_stored(inputs: Iterable[Candidates]) -> bool:
    """Return whether any of the input files is in an object store."""
    return any(is_stored(address) for candidates in inputs for address in candidates)
