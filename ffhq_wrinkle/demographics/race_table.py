"""Race table: `race.csv`, the estimates of a model for each face, and their provenance.

During a run the table is saved every few seconds, so that an interrupted run resumes with few
estimates to repeat. A worker of a cluster has a `RaceSheet` instead, whose estimates are added to
the run's table.
"""

import csv
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from io import StringIO
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..dataset.ids import image_id_of
from ..dataset.layout import ImageFile
from ..errors import ArgumentError
from ..results.inputs import InputRow, InputRows, read_inputs
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


class RaceEstimate(NamedTuple):
    """An estimate before it is in the table: name of the image, probabilities, row of its file."""

    name: str
    probabilities: tuple[float, ...]
    inputs: InputRow | None = None


def inputs_path(table: Place) -> Place:
    """Return the path of the rows of the photographs that a table's estimates were made from."""
    return table.parent / f".{table.name.lstrip('.')}.inputs"


class RaceTable:
    """The estimates of one model, shared by threads; a kind of `shards.Results`.

    Parameters
    ----------
    path : Place
        File to which the table is saved.
    provenance : Provenance
        Provenance of the estimates.
    earlier : iterable of Place
        Tables of earlier runs, which need not exist, the latest last. Their rows with the same
        provenance are reused.

    Attributes
    ----------
    input_tables : list of InputRows
        The photographs that the estimates were made from, as one table.

    Raises
    ------
    ArgumentError
        A file in `earlier` is not a table of race.
    """

    def __init__(self, path: Place, provenance: Provenance, earlier: Iterable[Place] = ()) -> None:
        self.path = path
        self.provenance = provenance
        self.overwrite = False
        self._inputs = InputRows()
        self.input_tables = [self._inputs]
        self._rows: dict[str, RaceRow] = {}
        for table in earlier:
            reused = {
                row.image_id: row for row in earlier_rows(table) if row.provenance == provenance
            }
            self._rows |= reused
            self._replace_inputs(read_inputs(inputs_path(table)), reused)
        self._lock = threading.Lock()
        self._saved = time.monotonic()

    def _replace_inputs(self, later: InputRows, image_ids: Collection[str]) -> None:
        """Take the rows of later estimates in place of those of the same images."""
        inputs = self._inputs
        for name in [name for name in inputs if image_id_of(name) in image_ids]:
            inputs.discard(name)
        for name in later:
            if image_id_of(name) in image_ids:
                inputs.record(name, later.row(name))

    def complete(self, file: ImageFile) -> bool:
        """Return whether the table has an estimate of this image."""
        return image_id_of(file.image_id) in self._rows

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Save the rows that are reused from earlier runs."""
        self.save()

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Remove the estimates of photographs that have been replaced."""
        for file in files:
            self._rows.pop(image_id_of(file.image_id), None)
            self._inputs.discard(file.image_id)

    def finish(self, made: int) -> None:
        """Save the table."""
        self.save()

    def require_shared(self) -> None:
        """Do nothing: estimates by other processes are sent to this one."""

    def remove_partials(self) -> None:
        """Do nothing: only one process writes the table, and it leaves no partial files."""

    def __reduce__(self) -> tuple[object, ...]:
        """Return an empty `RaceSheet` for another process: the rows stay in this one."""
        return RaceSheet, ()

    def add(
        self, file: ImageFile, probabilities: np.ndarray, inputs: InputRow | None = None
    ) -> None:
        """Add the estimate of an image, float64 (6,) with a sum of 1, and the row of its file."""
        self.take([_estimate(file, probabilities, inputs)])

    def take(self, estimates: Iterable[RaceEstimate]) -> None:
        """Add estimates from `RaceSheet.handed_over`, which replace earlier ones of an image."""
        with self._lock:
            for name, probabilities, row in estimates:
                image_id = image_id_of(name)
                self._rows[image_id] = RaceRow(image_id, probabilities, self.provenance)
                if row:
                    self._inputs.record(name, row)
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
            # In this order, a run that is killed in between knows nothing of the last photographs,
            # or takes them for replaced.
            write_bytes(self.path, csv_bytes(COLUMNS, rows))
            write_bytes(inputs_path(self.path), self._inputs.content())

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

    def require_shared(self) -> None:
        """Do nothing: a sheet has no file."""

    remove_partials = require_shared

    def add(
        self, file: ImageFile, probabilities: np.ndarray, inputs: InputRow | None = None
    ) -> None:
        """Add the estimate of an image, as in `RaceTable.add`."""
        with self._lock:
            self._estimates.append(_estimate(file, probabilities, inputs))

    def handed_over(self) -> list[RaceEstimate]:
        """Return and forget the estimates that were added since the last call."""
        with self._lock:
            estimates, self._estimates = self._estimates, []
        return estimates


def _estimate(file: ImageFile, probabilities: np.ndarray, inputs: InputRow | None) -> RaceEstimate:
    return RaceEstimate(file.image_id, tuple(map(float, probabilities)), inputs)


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
