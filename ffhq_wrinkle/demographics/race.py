"""Race: estimates of race/ethnicity for the photographs of a folder, once each, resumable.

The estimates are kept in a table until the report made from them is written. `settle` then removes
the table, since only totals should remain, or gives it its final name if the user asked for it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..dataset.ids import Ids, image_id_of, merge_ids
from ..dataset.layout import (
    ImageFile,
    find_images,
    image_folder,
    require_distinct_ids,
    warn_of_unread_subfolders,
)
from ..errors import ArgumentError, EstimationError, OutputError, counted
from ..images.photographs import read_image
from ..results.failures import update_failures
from ..results.inputs import Candidates, InputRow, Reading
from ..runs.folder_run import RunReport, choose_among, run_folder
from ..runs.shards import Work
from ..storage.locks import another_writes, lock_of
from ..storage.places import Place, delete, exists, get
from ..storage.writing import output_error, write_bytes
from .race_model import RaceModel
from .race_table import (
    RACE_TABLE,
    Provenance,
    RaceEstimate,
    RaceTable,
    earlier_rows,
    inputs_path,
)

log = logging.getLogger(__name__)

UNDER_WAY = f".{RACE_TABLE}.under-way"
LOCK = f".{RACE_TABLE}.lock"
# Totals of fewer faces reveal the guesses about individuals.
MIN_FACES = 10


class RaceView(NamedTuple):
    """The part of a photo that the race model sees.

    Attributes
    ----------
    name : str
        Name of the view in the table.
    crop : callable
        Takes a photo, RGB uint8 (H, W, 3), and its id, and returns an RGB image of one face. Raises
        `ImageFailure` if it cannot.
    """

    name: str
    crop: Callable[[np.ndarray, str], np.ndarray]


WHOLE = RaceView("whole image", lambda photo, _: photo)


class _PreparedPhoto(NamedTuple):
    """A photograph, its view as `RaceModel.prepare` returns it, and the row of its file."""

    file: ImageFile
    prepared: np.ndarray
    inputs: InputRow | None


def estimate_race(
    images: Place,
    out: Place,
    *,
    sets: Mapping[str, Ids] | None = None,
    view: RaceView = WHOLE,
    keep: bool = False,
    batch_size: int = 8,
    jobs: int = 1,
    scheduler: str | None = None,
) -> tuple[RaceTable, RunReport]:
    """Estimate race/ethnicity once for each photograph.

    Parameters
    ----------
    images : Place
        A folder of photographs, flat or in FFHQ's shards, or a data set with a folder
        `images1024x1024`.
    out : Place
        Folder for `failures.csv`, if images fail, and for the table under a hidden name, from which
        the same call resumes; see `settle`.
    sets : mapping of str to Ids, optional
        The images in named sets; one set of all images if not given.
    view : RaceView
        The part of each photo that the model sees.
    keep : bool
        Whether the table is to be kept. If not, each set must have at least `MIN_FACES` images.
    batch_size : int
        Number of images in a batch.
    jobs : int
        Threads that read and prepare images. On a cluster, threads of each worker; 0 for one per
        core.
    scheduler : str, optional
        The cluster that computes the estimates, see `cluster.connected`; this process if not given.
        Workers must see the photographs and have the same DeepFace and weights. They need not see
        `out`. The view is sent to them, so `cloudpickle` must be able to serialize it.

    Returns
    -------
    tuple of RaceTable and RunReport
        The estimates in memory, and the numbers of images done and failed.

    Raises
    ------
    ArgumentError
        There are no such images, two have the same number, a set has too few, or the cluster does
        not exist.
    ClusterError
        The workers of the cluster cannot do the work.
    SourceError
        In the cases of `RaceModel`.
    OutputError
        The table cannot be written, another run is writing to the folder, or `keep` is set and the
        folder has a table by a different model.
    RunInterrupted
        Ctrl-C was pressed. The estimates are kept, and the same call resumes from them.
    """
    ids = merge_ids(list(sets.values())) if sets else None
    photos = find_images(image_folder(images))
    warn_of_unread_subfolders(image_folder(images))
    require_distinct_ids(photos, where=images)  # the table has a row for each number
    selection = choose_among(photos, ids)
    if not keep:
        _require_sets(selection.images, sets)
    with lock_of(out, LOCK, busy=another_writes(out)):
        update_failures(out, [], about=None)  # failures of an earlier report
        model = RaceModel()
        provenance = Provenance(model.version, model.weights_sha256, view.name)
        kept = out / RACE_TABLE
        if keep:
            _require_same_model(kept, provenance)
        table = RaceTable(out / UNDER_WAY, provenance, earlier=(kept, out / UNDER_WAY))

        try:
            report = run_folder(
                selection,
                out,
                title="race",
                noun="estimates",
                work=_RaceWork(image_folder(images), model, view, table, batch_size),
                jobs=jobs,
                scheduler=scheduler,
            )
        except BaseException:
            table.save()
            raise
    return table, report


class _RaceWork(Work[_PreparedPhoto, np.ndarray]):
    """Estimation of rows of the table from the photographs of a folder."""

    def __init__(
        self, folder: Place, model: RaceModel, view: RaceView, table: RaceTable, batch_size: int
    ) -> None:
        super().__init__([folder], table)
        self.folder = folder
        self.model = model
        self.view = view
        self.table = table
        self._batch_size = batch_size

    def inputs(self, file: ImageFile) -> Sequence[Candidates]:
        """Return the photograph."""
        return ((f"{self.folder}/{file.path}",),)

    @property
    def batch_size(self) -> int:
        """Number of images in a batch."""
        return self._batch_size

    def load(self, file: ImageFile) -> _PreparedPhoto:
        """Read a photograph and prepare its view for the model."""
        reading = Reading(self.inputs(file))
        photo = read_image(self.folder / file.path)
        prepared = self.model.prepare(self.view.crop(photo, file.image_id))
        return _PreparedPhoto(file, prepared, reading.row())

    def infer(self, batch: list[_PreparedPhoto]) -> list[np.ndarray]:
        """Return the probabilities of each photograph."""
        prepared = [photo.prepared for photo in batch]
        if not self.model.one_by_one:
            # Probabilities can depend on the batch size in their last bits. Batches of one size
            # make the results independent of where shards end.
            prepared += prepared[-1:] * (self.batch_size - len(batch))
        return list(self.model.probabilities(prepared)[: len(batch)])

    def write(self, photo: _PreparedPhoto, probabilities: np.ndarray) -> None:
        """Add the probabilities to the table."""
        if np.isnan(probabilities).any():
            raise EstimationError("the model returns no probabilities for this image")
        self.table.add(photo.file, probabilities, photo.inputs)

    def gathered(self) -> list[RaceEstimate]:
        """Return the estimates of a worker, which belong in the table of the run's process."""
        return self.table.handed_over()

    def take(self, gathered: list[RaceEstimate]) -> None:
        """Add estimates of a worker to the table."""
        self.table.take(gathered)


def _require_sets(chosen: Sequence[ImageFile], sets: Mapping[str, Ids] | None) -> None:
    """Raise an error if the totals of a set would reveal guesses about individuals."""
    chosen_ids = {image_id_of(file.image_id) for file in chosen}
    members = {
        name: chosen_ids.intersection(map(image_id_of, ids)) for name, ids in (sets or {}).items()
    }
    for name, image_ids in (members or {"all": chosen_ids}).items():
        if len(image_ids) < MIN_FACES:
            raise ArgumentError(
                f"the set {name} has {counted(len(image_ids), 'image')}, too few to describe: "
                f"totals of fewer than {MIN_FACES} reveal the guesses about individuals; "
                "--keep-individual allows this"
            )


def settle(out: Place, *, keep: bool) -> None:
    """Remove the table of a completed run, or give it its final name, `race.csv`.

    The rows of its photographs go with it. A `race.csv` of an earlier run is kept.

    Raises
    ------
    OutputError
        The table cannot be removed or written.
    """
    under_way, kept = out / UNDER_WAY, out / RACE_TABLE
    try:
        if keep:
            write_bytes(kept, get(under_way))
            write_bytes(inputs_path(kept), get(inputs_path(under_way)))
        delete(under_way)
        delete(inputs_path(under_way))
        earlier_is_kept = exists(kept) and not keep
    except OSError as error:
        raise output_error(under_way, error) from error
    if earlier_is_kept:
        log.warning("%s of an earlier run is kept; delete it if it is not needed", kept)


def _require_same_model(kept: Place, provenance: Provenance) -> None:
    """Raise an error if the kept table has estimates by a different model."""
    others = {row.provenance for row in earlier_rows(kept)} - {provenance}
    if others:
        other = " ".join(sorted(others)[0])
        raise OutputError(
            f"{kept} was made with {other}, but this run uses {' '.join(provenance)}; choose "
            "another folder, or move the table away"
        )
