"""Ledger: `download.csv`, the state of each file that was downloaded into a folder.

A file counts as present if its size and modification time are still those of its row. The ledger
is saved every few seconds, so that after an interruption only a few files are verified again.
"""

import csv
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import OutputError
from ..storage.writing import csv_bytes, write_bytes

LEDGER = "download.csv"
VERIFIED, UNVERIFIED, FAILED, UNPACKED = "verified", "unverified", "failed", "unpacked"
_PRESENT = (VERIFIED, UNVERIFIED)  # the latter for files of which no hash is known
_SECONDS_BETWEEN_SAVES = 5.0


class LedgerRow(NamedTuple):
    """A file: its source, size, hash, modification time and state, and the cause of a failure.

    `hash` has the form ``sha256:...``.
    """

    file: str
    source: str
    bytes: int
    hash: str
    mtime_ns: int
    state: str
    cause: str = ""


class Ledger:
    """The rows of a folder's `download.csv`, shared by threads.

    Raises
    ------
    OutputError
        The file of this name is not a ledger, or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / LEDGER
        self._rows = {row.file: row for row in _read(self.path)}
        self._lock = threading.Lock()
        self._saved = time.monotonic()
        self._changed = False

    def get(self, file: str) -> LedgerRow | None:
        """Return the row of a file, or None if it has no row."""
        return self._rows.get(file)

    def is_current(self, file: str) -> bool:
        """Return whether a file still has the size and modification time of its row."""
        row = self._rows.get(file)
        if row is None or row.state not in _PRESENT:
            return False
        try:
            status = (self.folder / file).stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (row.bytes, row.mtime_ns)

    def record_present(self, file: str, source: str, file_hash: str, *, is_verified: bool) -> None:
        """Record that a file is present, and whether a known hash verified it."""
        status = (self.folder / file).stat()
        size, mtime_ns = status.st_size, status.st_mtime_ns
        state = VERIFIED if is_verified else UNVERIFIED
        self._record(LedgerRow(file, source, size, file_hash, mtime_ns, state))

    def record_failed(self, file: str, source: str, cause: str) -> None:
        """Record that a file could not be downloaded."""
        self._record(LedgerRow(file, source, 0, "", 0, FAILED, cause))

    def discard_failed(self, files: Iterable[str]) -> None:
        """Remove the rows of files that failed, since they exist under another name."""
        with self._lock:
            for file in files:
                row = self._rows.get(file)
                if row and row.state == FAILED:
                    del self._rows[file]
                    self._changed = True

    def record_unpacked(self, file: str, source: str) -> None:
        """Record that all files of an archive, which is not kept, are in place."""
        self._record(LedgerRow(file, source, 0, "", 0, UNPACKED))

    def of_source(self, source: str) -> list[LedgerRow]:
        """Return the rows of present files from a source."""
        return [
            row for row in self._rows.values() if row.source == source and row.state in _PRESENT
        ]

    def _record(self, row: LedgerRow) -> None:
        with self._lock:
            self._rows[row.file] = row
            self._changed = True
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Write the table, if a row has changed."""
        with self._lock:
            if not self._changed:
                return
            self._saved = time.monotonic()
            rows = (self._rows[file] for file in sorted(self._rows))
            write_bytes(self.path, csv_bytes(LedgerRow._fields, rows))
            self._changed = False


def _read(path: Path) -> Iterable[LedgerRow]:
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            header = tuple(next(rows, ()))
            if not header:  # a power cut can leave an empty table; files are then verified again
                return
            if header != LedgerRow._fields:
                raise OutputError(f"{path} is not a table of downloads; choose another folder")
            for row in rows:
                name, source, size, file_hash, mtime_ns, state, cause = row
                yield LedgerRow(name, source, int(size), file_hash, int(mtime_ns), state, cause)
    except (OSError, csv.Error, ValueError) as error:
        raise OutputError(f"{path} cannot be read: {error}; move it away") from error
