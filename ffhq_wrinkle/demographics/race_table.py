"""Race table: `race.csv`, the estimates of a model for each face, and their provenance.

During a run the table is saved every few seconds, so that an interrupted run resumes with few
estimates to repeat. A worker of a cluster has a `RaceSheet` instead, whose estimates are added to
the run's table.
"""

import csv
import threading
import time
from collections.abc import Iterable
from io import StringIO
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..dataset.ids import image_id_of
from ..dataset.layout import ImageFile
from ..errors import ArgumentError
from ..storage.places import Place, get
from ..storage.writing import csv_bytes, write_bytes
from .groups import RACES
from .label_tables import Labels

RACE_TABLE = "race.csv"
_SECONDS_BETWEEN_SAVES = 5.0


class Provenance(NamedTuple):
    """The origin of an estimate: everything that it depends on besides the photograph.

    Attributes
    ----------
    deepface : str
        Version of the package.
    weights_sha256 : str
        SHA-256 of the file of weights.
    view : str
        Name of the `race.RaceView`: ``whole image``, or the source of the landmarks by which the
        face was aligned.
    """

    deepface: str
    weights_sha256: str
    view: str


COLUMNS = ("image_id", *(name.replace(" ", "_") for name in RACES), *Provenance._fields)


class RaceRow(NamedTuple):
    """A row: six probabilities, in the order of `groups.RACES`, and their provenance."""

    image_id: str
    probabilities: tuple[float, ...]
    provenance: Provenance

    def cells(self) -> list[object]:
        """Return the cells of the row."""
        return [self.image_id, *(f"{p:.6f}" for p in self.probabilities), *self.provenance]


RaceEstimate = tuple[str, tuple[float, ...]]  # id of an image, and its probabilities


class RaceTable:
    """The estimates of one model, shared by threads; a kind of `shards.Results`.

    Parameters
    ----------
    path : Place
        File to which the table is saved.
    provenance : Provenance
        Provenance of the estimates.
    earlier : iterable of Place
        Tables of earlier runs, which need not exist. Their rows with the same provenance are
        reused.

    Raises
    ------
    ArgumentError
        A file in `earlier` is not a table of race.
    """

    def __init__(self, path: Place, provenance: Provenance, earlier: Iterable[Place] = ()) -> None:
        self.path = path
        self.provenance = provenance
        self._rows = {
            row.image_id: row
            for table in earlier
            for row in earlier_rows(table)
            if row.provenance == provenance
        }
        self._lock = threading.Lock()
        self._saved = time.monotonic()

    def complete(self, file: ImageFile) -> bool:
        """Return whether the table has an estimate of this image."""
        return image_id_of(file.image_id) in self._rows

    def begin(self) -> None:
        """Save the rows that are reused from earlier runs."""
        self.save()

    def finish(self) -> None:
        """Save the table."""
        self.save()

    def require_shared(self) -> None:
        """Do nothing: estimates by other processes are sent to this one."""

    def remove_partials(self) -> None:
        """Do nothing: only one process writes the table, and it leaves no partial files."""

    def __reduce__(self) -> tuple[object, ...]:
        """Return an empty `RaceSheet` for another process: the rows stay in this one."""
        return RaceSheet, ()

    def add(self, file: ImageFile, probabilities: np.ndarray) -> None:
        """Add the estimate of an image: float64 (6,), with a sum of 1."""
        self.take([_estimate(file, probabilities)])

    def take(self, estimates: Iterable[RaceEstimate]) -> None:
        """Add estimates from `RaceSheet.handed_over`, which replace earlier ones of an image."""
        rows = {
            image_id: RaceRow(image_id, probabilities, self.provenance)
            for image_id, probabilities in estimates
        }
        with self._lock:
            self._rows.update(rows)
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
            self.save()

    def handed_over(self) -> list[RaceEstimate]:
        """Return an empty list: estimates are collected in this process."""
        return []

    def save(self) -> None:
        """Write the table, sorted by id.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        with self._lock:
            self._saved = time.monotonic()
            rows = (self._rows[image_id].cells() for image_id in sorted(self._rows))
            write_bytes(self.path, csv_bytes(COLUMNS, rows))

    def rows(self) -> list[RaceRow]:
        """Return all rows, sorted by id."""
        with self._lock:
            return [self._rows[image_id] for image_id in sorted(self._rows)]


class RaceSheet:
    """The estimates of a worker until they are sent to the run's table, in memory only."""

    def __init__(self) -> None:
        self._estimates: list[RaceEstimate] = []
        self._lock = threading.Lock()

    def complete(self, file: ImageFile) -> bool:
        """Return False: a shard that is repeated is estimated and sent as a whole."""
        return False

    def begin(self) -> None:
        """Do nothing: a sheet has no file."""

    require_shared = remove_partials = finish = begin

    def add(self, file: ImageFile, probabilities: np.ndarray) -> None:
        """Add the estimate of an image: float64 (6,), with a sum of 1."""
        with self._lock:
            self._estimates.append(_estimate(file, probabilities))

    def handed_over(self) -> list[RaceEstimate]:
        """Return and forget the estimates that were added since the last call."""
        with self._lock:
            estimates, self._estimates = self._estimates, []
        return estimates


def _estimate(file: ImageFile, probabilities: np.ndarray) -> RaceEstimate:
    return image_id_of(file.image_id), tuple(map(float, probabilities))


def earlier_rows(path: Place) -> list[RaceRow]:
    """Return the rows of a table; none if it does not exist, or if a power cut left it empty.

    Raises
    ------
    ArgumentError
        In the cases of `read_race_rows`, except that the file does not exist.
    """
    try:
        content = get(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read as a table of race: {error}") from error
    return _rows(content, path) if content else []


def read_race_rows(path: Place) -> list[RaceRow]:
    """Read a table that `demographics --keep-individual` wrote.

    Raises
    ------
    ArgumentError
        The file cannot be read, or is not a table of race; the message names the line.
    """
    try:
        content = get(path)
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read as a table of race: {error}") from error
    return _rows(content, path)


def _rows(content: bytes, path: Place) -> list[RaceRow]:
    rows: dict[str, RaceRow] = {}
    text = content.decode("utf-8-sig", "surrogateescape")
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(reader, ()))
        if header != COLUMNS:
            raise ArgumentError(
                f"{path} is not a table of race; its columns should be {', '.join(COLUMNS)}"
            )
        for cells in reader:
            row = _row(cells, f"{path}:{reader.line_num}")
            if row.image_id in rows:
                raise ArgumentError(f"{path}:{reader.line_num}: {row.image_id} occurs twice")
            rows[row.image_id] = row
    except csv.Error as error:
        raise ArgumentError(f"{path} cannot be read as a table of race: {error}") from error
    return list(rows.values())


def _row(cells: list[str], where: str) -> RaceRow:
    try:
        image_id, *middle = cells[: 1 + len(RACES)]
        probabilities = tuple(float(cell) for cell in middle)
        provenance = Provenance(*cells[1 + len(RACES) :])
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"{where} is not a row of a table of race") from error
    # Each was rounded to six decimals.
    if not (len(probabilities) == len(RACES) and abs(sum(probabilities) - 1) < 1e-4):
        raise ArgumentError(f"{where}: the probabilities should add up to 1")
    if not image_id or min(probabilities) < 0:
        raise ArgumentError(f"{where} is not a row of a table of race")
    return RaceRow(image_id_of(image_id), probabilities, provenance)


def race_labels(rows: Iterable[RaceRow]) -> Labels:
    """Return the most probable group of each face, as in the paper; in a tie, the first group."""
    rows = list(rows)
    values = np.array([row.probabilities for row in rows]).reshape(-1, len(RACES))
    groups = np.array(RACES, dtype=object)[values.argmax(axis=1)]
    ids = pd.Index([row.image_id for row in rows], dtype=object)
    sources = tuple(
        f"race: DeepFace {deepface}, weights {weights_sha256[:12]}, {view}"
        for deepface, weights_sha256, view in sorted({row.provenance for row in rows})
    )
    return Labels(pd.DataFrame({"race": groups}, index=ids, dtype=object), sources)
