"""Ledger: `download.csv`, what is known of each file that was fetched into a folder.

A file whose size and time of change are still those of its row is taken for verified. The ledger
is saved every few seconds, so that an interruption costs at most as much verifying again.
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
VERIFIED, FAILED = "verified", "failed"
_SECONDS_BETWEEN_SAVES = 5.0


class LedgerRow(NamedTuple):
    """One file: where it came from, its size, hash and time of change, and how it stands.

    `hash` is written as ``sha256:...``; `cause` says why a file that failed did.
    """

    file: str
    source: str
    bytes: int
    hash: str
    mtime_ns: int
    state: str
    cause: str = ""


class Ledger:
    """The rows of a folder's `download.csv`, for many threads; see the module.

    Raises
    ------
    OutputError
        There is a file of that name that is no ledger.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / LEDGER
        self._rows = {row.file: row for row in _read(self.path)}
        self._lock = threading.Lock()
        self._saved = time.monotonic()
        self._changed = False

    def get(self, file: str) -> LedgerRow | None:
        """The row of a file, if it has one."""
        return self._rows.get(file)

    def is_current(self, file: str) -> bool:
        """Whether a file is there as it was when it was verified, by size and time of change."""
        row = self._rows.get(file)
        if row is None or row.state != VERIFIED:
            return False
        try:
            found = (self.folder / file).stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (row.bytes, row.mtime_ns)

    def verified(self, file: str, source: str, hashed: str) -> None:
        """Note that a file is there and right."""
        found = (self.folder / file).stat()
        self._note(LedgerRow(file, source, found.st_size, hashed, found.st_mtime_ns, VERIFIED))

    def failed(self, file: str, source: str, cause: str) -> None:
        """Note that a file could not be had."""
        self._note(LedgerRow(file, source, 0, "", 0, FAILED, cause))

    def unpacked(self, file: str, source: str, state: str) -> None:
        """Note that all of an archive, which is not kept, is in place."""
        self._note(LedgerRow(file, source, 0, "", 0, state))

    def of_source(self, source: str) -> list[LedgerRow]:
        """Rows of files that came from a source and were verified."""
        return [
            row for row in self._rows.values() if row.source == source and row.state == VERIFIED
        ]

    def _note(self, row: LedgerRow) -> None:
        with self._lock:
            self._rows[row.file] = row
            self._changed = True
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Write the table, if anything has changed."""
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
            if not header:  # a power cut can leave it empty; files are then verified where they are
                return
            if header != LedgerRow._fields:
                raise OutputError(f"{path} is no table of downloads; choose another folder")
            for row in rows:
                name, source, size, hashed, mtime_ns, state, cause = row
                yield LedgerRow(name, source, int(size), hashed, int(mtime_ns), state, cause)
    except (OSError, csv.Error, ValueError) as error:
        raise OutputError(f"{path} can not be read: {error}; move it away") from error
