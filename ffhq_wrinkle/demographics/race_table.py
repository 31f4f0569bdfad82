"""Race table: `race.csv`, what a model said of each face, and which model it was.

While a run is under way it is what the run goes on from: saved every few seconds, so that an
interruption costs at most as much estimating again. A worker of a cluster has a `RaceSheet` in its
place, from which the run's table is filled.
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
    """What an estimate depends on besides the photograph.

    Attributes
    ----------
    deepface : str
        Version of the package.
    weights_sha256 : str
        Of the file of its weights.
    view : str
        What the model was shown: ``whole image``, or who aligned the face.
    """

    deepface: str
    weights_sha256: str
    view: str


COLUMNS = ("image_id", *(name.replace(" ", "_") for name in RACES), *Provenance._fields)


class RaceRow(NamedTuple):
    """A row: six probabilities, in the order of `groups.RACES`, and where they are from."""

    image_id: str
    probabilities: tuple[float, ...]
    provenance: Provenance

    def cells(self) -> list[object]:
        """As the table has it."""
        return [self.image_id, *(f"{one:.6f}" for one in self.probabilities), *self.provenance]


FaceEstimate = tuple[str, tuple[float, ...]]  # an image's id, and probabilities as in its row


class RaceTable:
    """The estimates of one model, for many threads; one of the `folder_run.Results`.

    Parameters
    ----------
    path : Place
        Where it is saved.
    provenance : Provenance
        The model's; rows of other models are not taken.
    earlier : iterable of Place
        Tables of earlier runs to go on from, those that are there.

    Raises
    ------
    ArgumentError
        One of them is there, and no such table.
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
        """Whether this image was estimated."""
        return image_id_of(file.image_id) in self._rows

    def begin(self) -> None:
        """Save what earlier runs left, which is now this table's."""
        self.save()

    def finish(self) -> None:
        """Save it all."""
        self.save()

    def require_shared(self) -> None:
        """Ask nothing: what other processes estimate comes to this one."""

    def remove_partials(self) -> None:
        """Remove nothing: one process leaves nothing half written."""

    def __reduce__(self) -> tuple[object, ...]:
        """An empty sheet in another process: rows stay with the run."""
        return RaceSheet, ()

    def note(self, file: ImageFile, probabilities: np.ndarray) -> None:
        """Keep the estimate of an image: float64 (6,), adding up to 1."""
        self.take([_estimate(file, probabilities)])

    def take(self, estimates: Iterable[FaceEstimate]) -> None:
        """Keep what `RaceSheet.handed_over` gave; of an image that is here already, the new one."""
        rows = {
            image_id: RaceRow(image_id, probabilities, self.provenance)
            for image_id, probabilities in estimates
        }
        with self._lock:
            self._rows.update(rows)
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
            self.save()

    def handed_over(self) -> list[FaceEstimate]:
        """Nothing: this is where estimates come to."""
        return []

    def save(self) -> None:
        """Write the table, by id.

        Raises
        ------
        OutputError
            It can not be written.
        """
        with self._lock:
            self._saved = time.monotonic()
            rows = (self._rows[image_id].cells() for image_id in sorted(self._rows))
            write_bytes(self.path, csv_bytes(COLUMNS, rows))

    def rows(self) -> list[RaceRow]:
        """All estimates, by id."""
        with self._lock:
            return [self._rows[image_id] for image_id in sorted(self._rows)]


class RaceSheet:
    """Estimates in a worker, on their way to the run's table; they are never on its disk."""

    def __init__(self) -> None:
        self._estimates: list[FaceEstimate] = []
        self._lock = threading.Lock()

    def complete(self, file: ImageFile) -> bool:
        """No: a shard that is done again is estimated again, and told as a whole."""
        return False

    def begin(self) -> None:
        """Nothing to note."""

    require_shared = remove_partials = finish = begin

    def note(self, file: ImageFile, probabilities: np.ndarray) -> None:
        """Keep the estimate of an image: float64 (6,), adding up to 1."""
        with self._lock:
            self._estimates.append(_estimate(file, probabilities))

    def handed_over(self) -> list[FaceEstimate]:
        """What was noted since the last call, which is then no longer here."""
        with self._lock:
            estimates, self._estimates = self._estimates, []
        return estimates


def _estimate(file: ImageFile, probabilities: np.ndarray) -> FaceEstimate:
    return image_id_of(file.image_id), tuple(map(float, probabilities))


def earlier_rows(path: Place) -> list[RaceRow]:
    """Rows of a table, if there is one; a power cut can leave it empty.

    Raises
    ------
    ArgumentError
        As `read_race_rows`.
    """
    try:
        content = get(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ArgumentError(f"{path} can not be read as a table of race: {error}") from error
    return _rows(content, path) if content else []


def read_race_rows(path: Place) -> list[RaceRow]:
    """Read a table that `demographics --keep-individual` left.

    Raises
    ------
    ArgumentError
        The file can not be read, or is no such table; the line is named.
    """
    try:
        content = get(path)
    except OSError as error:
        raise ArgumentError(f"{path} can not be read as a table of race: {error}") from error
    return _rows(content, path)


def _rows(content: bytes, path: Place) -> list[RaceRow]:
    rows: dict[str, RaceRow] = {}
    text = content.decode("utf-8-sig", "surrogateescape")
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = tuple(next(reader, ()))
        if header != COLUMNS:
            raise ArgumentError(f"{path} is no table of race; it should have {COLUMNS}")
        for cells in reader:
            row = _row(cells, f"{path}:{reader.line_num}")
            if row.image_id in rows:
                raise ArgumentError(f"{path}:{reader.line_num}: {row.image_id} stands twice")
            rows[row.image_id] = row
    except csv.Error as error:
        raise ArgumentError(f"{path} can not be read as a table of race: {error}") from error
    return list(rows.values())


def _row(cells: list[str], where: str) -> RaceRow:
    try:
        image_id, *middle = cells[: 1 + len(RACES)]
        probabilities = tuple(float(cell) for cell in middle)
        provenance = Provenance(*cells[1 + len(RACES) :])
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"{where} is no row of a table of race") from error
    # Each was rounded to six decimals.
    if not (len(probabilities) == len(RACES) and abs(sum(probabilities) - 1) < 1e-4):
        raise ArgumentError(f"{where}: the probabilities should add up to 1")
    if not image_id or min(probabilities) < 0:
        raise ArgumentError(f"{where} is no row of a table of race")
    return RaceRow(image_id_of(image_id), probabilities, provenance)


def race_labels(rows: Iterable[RaceRow]) -> Labels:
    """The likeliest of the six for each face, the paper's label; the first of equals."""
    found = list(rows)
    values = np.array([row.probabilities for row in found]).reshape(-1, len(RACES))
    likeliest = np.array(RACES, dtype=object)[values.argmax(axis=1)]
    ids = pd.Index([row.image_id for row in found], dtype=object)
    sources = tuple(
        f"race: DeepFace {one.deepface}, weights {one.weights_sha256[:12]}, {one.view}"
        for one in sorted({row.provenance for row in found})
    )
    return Labels(pd.DataFrame({"race": likeliest}, index=ids, dtype=object), sources)
