"""Race: estimates of race/ethnicity for the photographs of a folder, once each, resumable.

The estimates are kept in a table until what is made of them is written; `settle` then removes it,
unless the user asks for it: what is wanted of it is totals.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..dataset.ids import Ids, image_id_of, merge_ids
from ..dataset.layout import ImageFile, image_folder
from ..errors import ArgumentError, EstimationError, OutputError
from ..images.photographs import read_image
from ..results.failures import update_failures
from ..runs.folder_run import RunReport, choose_images, run_folder
from ..runs.shards import Work
from ..storage.locks import another_writes, lock_of
from ..storage.places import Place, delete, exists, get
from ..storage.writing import output_error, write_bytes
from .race_model import RaceModel
from .race_table import RACE_TABLE, FaceEstimate, Provenance, RaceTable, earlier_rows

log = logging.getLogger(__name__)

UNDER_WAY = f".{RACE_TABLE}.under-way"
LOCK = f".{RACE_TABLE}.lock"
# The totals of fewer say what was guessed of each.
LEAST_FACES = 10


class Framing(NamedTuple):
    """How a photo is framed for the model: as a whole, or cut to the face.

    Attributes
    ----------
    name : str
        As the table keeps it.
    of : callable
        Takes a photo, RGB uint8 (H, W, 3), and its id, and gives such an image of one face; raises
        `ImageFailure` where it can not.
    """

    name: str
    of: Callable[[np.ndarray, str], np.ndarray]


WHOLE = Framing("whole image", lambda photo, _: photo)


class _ReadPhoto(NamedTuple):
    file: ImageFile
    prepared: np.ndarray


def estimate_race(
    images: Place,
    out: Place,
    *,
    sets: Mapping[str, Ids] | None = None,
    framing: Framing = WHOLE,
    keep: bool = False,
    batch_size: int = 8,
    jobs: int = 1,
    scheduler: str | None = None,
) -> tuple[RaceTable, RunReport]:
    """Estimate race/ethnicity from photographs, once each.

    Parameters
    ----------
    images : Place
        Photographs, flat or in FFHQ's shards, or a data set with a folder `images1024x1024`.
    out : Place
        Gets `failures.csv` if images failed, and the table, under a hidden name, from which the
        same call goes on; see `settle`.
    sets : mapping of str to Ids, optional
        Which images, in what sets; all of them in one if not given.
    framing : Framing
        What the model is shown of each photo.
    keep : bool
        Whether the table is to be kept; otherwise each set has to have `LEAST_FACES` images.
    batch_size : int
        Images that are estimated at once.
    jobs : int
        Threads that read and prepare; on a cluster those of each worker, 0 for as many as it has
        cores.
    scheduler : str, optional
        Which cluster does it, see `cluster.connected`; this process if not given. Workers see the
        photographs and have the same DeepFace and weights; `out` they need not see. The framing
        is then sent to them, so `cloudpickle` must be able to pickle it.

    Returns
    -------
    tuple of RaceTable and RunReport
        The estimates in memory, and what was done.

    Raises
    ------
    ArgumentError
        There are no such images, or too few; or there is no such cluster.
    ClusterError
        The cluster's workers can not do it.
    SourceError
        As `RaceModel`.
    OutputError
        The table can not be written, another run is writing there, or the table is to be kept where
        there is one of another model.
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    ids = merge_ids(list(sets.values())) if sets else None
    selection = choose_images(image_folder(images), ids)
    if not keep:
        _require_sets(selection.images, sets)
    with lock_of(out, LOCK, busy=another_writes(out)):
        update_failures(out, [], about=None)  # those of an earlier report
        model = RaceModel()
        provenance = Provenance(model.version, model.weights_sha256, framing.name)
        kept = out / RACE_TABLE
        if keep:
            _require_same_model(kept, provenance)
        table = RaceTable(out / UNDER_WAY, provenance, earlier=(kept, out / UNDER_WAY))

        try:
            report = run_folder(
                selection,
                out,
                title="race",
                what="estimates",
                work=_RaceWork(image_folder(images), model, framing, table, batch_size),
                jobs=jobs,
                scheduler=scheduler,
            )
        except BaseException:
            table.save()
            raise
    return table, report


class _RaceWork(Work[_ReadPhoto, np.ndarray]):
    """Photographs of a folder to rows of the table."""

    def __init__(
        self, folder: Place, model: RaceModel, framing: Framing, table: RaceTable, batch_size: int
    ) -> None:
        super().__init__([folder], table)
        self.folder = folder
        self.model = model
        self.framing = framing
        self.table = table
        self._batch_size = batch_size

    @property
    def batch_size(self) -> int:
        """As many as were asked for."""
        return self._batch_size

    def load(self, file: ImageFile) -> _ReadPhoto:
        """Read a photograph, and prepare it for the model."""
        photo = read_image(self.folder / file.path)
        return _ReadPhoto(file, self.model.prepare(self.framing.of(photo, file.image_id)))

    def infer(self, batch: list[_ReadPhoto]) -> list[np.ndarray]:
        """Probabilities."""
        prepared = [one.prepared for one in batch]
        if not self.model.one_by_one:
            # Where shards end differs, and the last bits of a sum may with the size of a batch.
            prepared += prepared[-1:] * (self.batch_size - len(batch))
        return list(self.model.probabilities(prepared)[: len(batch)])

    def write(self, one: _ReadPhoto, probabilities: np.ndarray) -> None:
        """Note them in the table."""
        if np.isnan(probabilities).any():
            raise EstimationError("the model gives no probabilities for it")
        self.table.note(one.file, probabilities)

    def gathered(self) -> list[FaceEstimate]:
        """Estimates, which belong into one table, where the run is."""
        return self.table.handed_over()

    def take(self, gathered: list[FaceEstimate]) -> None:
        """Note them in the table."""
        self.table.take(gathered)


def _require_sets(chosen: Sequence[ImageFile], sets: Mapping[str, Ids] | None) -> None:
    """Refuse sets whose totals would tell of persons."""
    there = {image_id_of(file.image_id) for file in chosen}
    found = {name: there.intersection(map(image_id_of, ids)) for name, ids in (sets or {}).items()}
    for name, images in (found or {"all": there}).items():
        if len(images) < LEAST_FACES:
            raise ArgumentError(
                f"{len(images)} images, in {name}, are no set to describe: totals of fewer than "
                f"{LEAST_FACES} say what was guessed of each; --keep-individual allows it"
            )


def settle(out: Place, *, keep: bool) -> None:
    """Remove the table of a run that is through, or give it its name, `race.csv`.

    A table that an earlier run kept is left where it is.

    Raises
    ------
    OutputError
        It can not be removed or named.
    """
    under_way, kept = out / UNDER_WAY, out / RACE_TABLE
    try:
        if keep:
            write_bytes(kept, get(under_way))
        delete(under_way)
        left = exists(kept) and not keep
    except OSError as error:
        raise output_error(under_way, error) from error
    if left:
        log.warning("%s of an earlier run is still there: delete it if it is not wanted", kept)


def _require_same_model(kept: Place, provenance: Provenance) -> None:
    """Refuse to put a table in the place of another model's."""
    others = {row.provenance for row in earlier_rows(kept)} - {provenance}
    if others:
        other = " ".join(sorted(others)[0])
        raise OutputError(
            f"{kept} is of {other}, and this run is of {' '.join(provenance)}; choose another "
            "folder, or move it away"
        )
