"""Prediction: wrinkle masks and overlays of a folder of photos, in a resumable run."""

import logging
from collections.abc import Collection
from typing import NamedTuple

from ...dataset.ids import Ids, top_folders
from ...dataset.layout import (
    ImageFile,
    find_images,
    image_folder,
    require_distinct_ids,
    warn_of_unread_subfolders,
)
from ...errors import ImageFailure, counted, plural
from ...faces.alignment import FFHQ_SIZE
from ...images.photographs import read_image
from ...results.inputs import Candidates, InputRow, Reading
from ...results.outputs import OutputFolder, require_separate
from ...results.records import PREDICTION_RECORD
from ...runs.folder_run import RunReport, choose_among, run_folder
from ...runs.shards import Work
from ...storage.places import Place
from .prediction_folder import OVERLAYS, SUBFOLDERS, PredictionFolder, PredictSettings
from .predictor import Face, Photo, Predictor

log = logging.getLogger(__name__)

# Factor by which faces may be larger or smaller than the training faces without a warning.
_SAME_SIZE = 1.5
_SMALLER, _LARGER = "smaller", "larger"  # than the faces that the network was trained on
_UNALIGNED = "not aligned"
_SAMPLED = 12  # photos whose existing texture maps are examined


def predict_folder(
    images: Place,
    out: Place,
    predictor: Predictor,
    *,
    settings: PredictSettings | None = None,
    ids: Ids | None = None,
    limit: int | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    scheduler: str | None = None,
) -> RunReport:
    """Predict the wrinkles of each photo in a folder.

    Parameters
    ----------
    images : Place
        Photographs, flat, in FFHQ's shards or in other subfolders, or a data set with a folder
        `images1024x1024`.
    out : Place
        Receives `masks/` (0/255 PNG), `overlays/` (JPEG), on request `probabilities/`, and for
        aligned faces `aligned/` (the aligned face, RGB PNG) and `photo_masks/` (the masks of all
        faces of a photo, in its own frame); `wrinkles.csv`, `predict.json`, and `failures.csv` if
        photos failed.
    predictor : Predictor
        The network with its face parser, texture settings and alignment.
    settings : PredictSettings, optional
        Which files to write for each photo.
    ids : Ids, optional
        The photos to process; all if not given.
    limit : int, optional
        Process at most this many photos, the first by id.
    jobs : int
        Number of threads that read, compute and write. On a cluster, threads of each worker; 0 for
        one per core.
    overwrite : bool
        Replace existing results.
    scheduler : str, optional
        Cluster to use, see `cluster.connected`; this process if not given. On a cluster, each
        worker loads the network and the parser.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        There are no such images, two have the same name for results or files that are read, folders
        to read and to write overlap, the device does not have enough memory, or the cluster does
        not exist.
    ClusterError
        The cluster's workers cannot do the work.
    OutputError
        Results cannot be written, or would mix with results of different settings.
    RunInterrupted
        Ctrl-C was pressed. Finished results are kept, and the same call resumes the run.
    """
    settings = settings or PredictSettings()
    folder = image_folder(images)
    photos = find_images(folder)
    warn_of_unread_subfolders(folder)
    require_separate(
        [folder, *predictor.ingredients.read_folders()],
        [out / inner for inner in ("", *SUBFOLDERS)],
        id_folders=top_folders(photos) - set(SUBFOLDERS),
    )
    _require_distinct(photos, predictor, folder)
    selection = choose_among(photos, ids, limit)
    step = -(-len(selection.images) // _SAMPLED)
    sampled = [(file.image_id, folder / file.path) for file in selection.images[:: step or 1]]
    predictor.ingredients.require_fitting_textures(sampled)
    network = predictor.network
    recorded = predictor.settings()
    made_with = {
        **{key: recorded.pop(key) for key in ("network", "checkpoint_sha256", "flip")},
        "probabilities": settings.probabilities,
        **recorded,
    }
    output = OutputFolder(
        out,
        made_with,
        note=f"wrinkles by {network.name} {network.sha256[:12]}; ffhq-wrinkle predict",
        record=PREDICTION_RECORD,
        subfolders=SUBFOLDERS,
        overwrite=overwrite,
    )
    with output:
        results = PredictionFolder(output, predictor.views, settings, photos=photos)
        work = _PredictionWork(folder, predictor, results)
        report = run_folder(
            selection,
            out,
            title="predict",
            noun="predictions",
            shown=f"{OVERLAYS}/**/*.jpg",
            work=work,
            jobs=jobs,
            scheduler=scheduler,
        )
    if unaligned := work.counts[_UNALIGNED]:
        log.warning(
            "the network was trained on faces that train --align cut out of photos, %dx%d pixels; "
            "%s %s of another size. Advice: --align does the same here",
            *(FFHQ_SIZE, FFHQ_SIZE, counted(unaligned, "image"), plural(unaligned, "is", "are")),
        )
    for comparison in (_SMALLER, _LARGER):
        _warn_of_size(work.counts[comparison], comparison, predictor)
    return report


def _warn_of_size(count: int, comparison: str, predictor: Predictor) -> None:
    """Warn if faces differ much in size from those that the network was trained on."""
    if not count:
        return
    trained, aligned = predictor.network.side, predictor.views.aligned_size
    if aligned is None and trained == FFHQ_SIZE:
        advice = f"--align resizes faces to {FFHQ_SIZE}"
    elif aligned is None:
        advice = f"resize them to about {trained} pixels a side"
    else:
        advice = f"--align makes faces of {aligned} pixels; train on faces of that size"
    log.warning(
        "%d %s much %s than the %s pixels a side of the faces that the network was trained on; it "
        "recognises their wrinkles less well. Advice: %s",
        *(count, "face is" if count == 1 else "faces are", comparison, trained, advice),
    )


def _require_distinct(photos: Collection[str], predictor: Predictor, folder: Place) -> None:
    """Refuse photos that share results, landmarks, texture maps or face masks."""
    predictor.views.require_distinct(photos, where=folder)
    if predictor.ingredients.matches_numbers:
        require_distinct_ids(photos, where=folder)


class _NamedPhoto(NamedTuple):
    """A photo, its file, and the row of its input files."""

    file: ImageFile
    photo: Photo
    inputs: InputRow | None


class _PredictionWork(Work[_NamedPhoto, list[Face] | ImageFailure]):
    """Prediction of each photo in a folder, and its output files."""

    def __init__(self, folder: Place, predictor: Predictor, results: PredictionFolder) -> None:
        super().__init__([folder], results)
        self.folder = folder
        self.predictor = predictor
        self.predictions = results

    def inputs(self, file: ImageFile) -> list[Candidates]:
        """Return the photo, and the files that are read for it."""
        read = self.predictor.ingredients.inputs(file.image_id)
        return [(f"{self.folder}/{file.path}",), *read]

    @property
    def batch_size(self) -> int:
        """Number of images in a batch of the network."""
        return self.predictor.network.batch_size

    def load(self, file: ImageFile) -> _NamedPhoto:
        """Read a photo and prepare its faces."""
        reading = Reading(self.inputs(file))
        photo = self.predictor.look(read_image(self.folder / file.path), file.image_id)
        if self._is_unaligned(photo):
            self.counts[_UNALIGNED] += 1
            return _NamedPhoto(file, photo, reading.row())
        for view in photo.views:
            comparison = _compared(view.image.shape[:2], self.predictor.network.side)
            if comparison:
                self.counts[comparison] += 1
        return _NamedPhoto(file, photo, reading.row())

    def _is_unaligned(self, photo: Photo) -> bool:
        """Return whether a network for aligned faces gets an image that cannot be one."""
        is_whole = self.predictor.views.aligned_size is None
        is_aligned_size = photo.image.shape[:2] == (FFHQ_SIZE, FFHQ_SIZE)
        return self.predictor.network.aligned and is_whole and not is_aligned_size

    def infer(self, batch: list[_NamedPhoto]) -> list[list[Face] | ImageFailure]:
        """Run the network on the faces of a batch of photos."""
        return self.predictor.faces([named.photo for named in batch])

    def write(self, named: _NamedPhoto, faces: list[Face] | ImageFailure) -> None:
        """Write the output files of a photo."""
        if isinstance(faces, ImageFailure):
            raise faces
        image, views, _ = named.photo
        self.predictions.write(named.file.image_id, image, views, faces, inputs=named.inputs)


def _compared(shape: tuple[int, ...], side: int | None) -> str | None:
    """Return how a face compares with those of training if its size differs much, else None."""
    if side is None:
        return None
    ratio = max(shape) / side
    if ratio > _SAME_SIZE:
        return _LARGER
    return _SMALLER if ratio < 1 / _SAME_SIZE else None
