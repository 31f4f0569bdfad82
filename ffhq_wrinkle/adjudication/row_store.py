"""Row store: the rows of the tables, in a hidden file, so that a killed process loses none.

A row is made from an image's files and decisions, for which its digest stands. The file is a
database because there may be many images, and their rows do not have to fit in memory.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..storage.writing import text_bytes, text_of
from .image_rows import ImageRow, PartRow

STORE = ".review.rows"
_TABLE = """
CREATE TABLE IF NOT EXISTS rows (image_id BLOB PRIMARY KEY, digest TEXT NOT NULL, row TEXT NOT NULL)
"""


class RowStore:
    """The rows of images in a folder of results, which only one process may write to.

    Its methods can be called from several threads.

    Parameters
    ----------
    out : Path
        The folder of results, which is locked.

    Raises
    ------
    OutputError
        The file cannot be written.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / STORE
        self._lock = threading.Lock()
        try:
            self._database = self._opened()
        except sqlite3.DatabaseError:  # damaged; rows are made again from masks and decisions
            self._remove()
            self._database = self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            # A killed process leaves it whole; only a power failure can damage it.
            database.execute("PRAGMA synchronous = OFF")
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                database.close()
                raise sqlite3.DatabaseError("damaged")
            database.execute(_TABLE)
        except sqlite3.OperationalError as error:
            raise OutputError(f"{self._path}: {error}") from error
        return database

    def close(self, *, remove: bool = False) -> None:
        """Close the file, and remove it if its rows are elsewhere."""
        self._database.close()
        if remove:
            self._remove()

    def _remove(self) -> None:
        for suffix in ("", "-journal"):  # SQLite's own name
            self._path.with_name(f"{STORE}{suffix}").unlink(missing_ok=True)

    def put(self, row: ImageRow, digest: str) -> None:
        """Store the row of an image, in place of an earlier one."""
        parts = [part._asdict() for part in row.parts]
        record = {**row._asdict(), "parts": parts, "digest": digest}
        cells = text_bytes(row.image_id), digest, json.dumps(record)
        try:
            with self._lock:
                self._database.execute("REPLACE INTO rows VALUES (?, ?, ?)", cells)
        except sqlite3.Error as error:
            raise OutputError(f"{self._path}: {error}") from error

    def restore(self, records: Iterable[Any]) -> None:
        """Store the rows of an earlier record that are not stored; they can be JSON of any kind."""
        stored = self.digests()
        new = []
        for record in records:
            try:
                digest, image_id = str(record["digest"]), _parsed(record).image_id
            except (AttributeError, KeyError, TypeError):
                continue  # a row of another version
            if image_id not in stored:
                new.append((text_bytes(image_id), digest, json.dumps(record)))
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany("REPLACE INTO rows VALUES (?, ?, ?)", new)
            self._database.execute("COMMIT")

    def digests(self) -> dict[str, str]:
        """Return the digest of each stored row, by image id."""
        with self._lock:
            cells = self._database.execute("SELECT image_id, digest FROM rows ORDER BY image_id")
            return {text_of(image_id): digest for image_id, digest in cells}

    def remove(self, image_id: str) -> None:
        """Remove the row of an image."""
        with self._lock:
            self._database.execute("DELETE FROM rows WHERE image_id = ?", (text_bytes(image_id),))

    def texts(self, image_ids: Iterable[str]) -> Iterator[str]:
        """Yield the rows of these images, as far as they are known, as JSON."""
        for image_id in image_ids:
            with self._lock:
                cells = self._database.execute(
                    "SELECT row FROM rows WHERE image_id = ?", (text_bytes(image_id),)
                ).fetchone()
            if cells:
                yield cells[0]

    def rows(self, image_ids: Iterable[str]) -> Iterator[ImageRow]:
        """Yield the rows of these images, as far as they are known."""
        for text in self.texts(image_ids):
            yield _parsed(json.loads(text))


def _parsed(record: dict[str, Any]) -> ImageRow:
    values = {key: value for key, value in record.items() if key != "digest"}
    return ImageRow(**{**values, "parts": [PartRow(**part) for part in record["parts"]]})
