"""Prediction: wrinkle masks of a folder of photos, with what belongs to them, resumable."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...dataset.ids import Ids
from ...dataset.layout import ImageFile, image_folder
from ...errors import ImageError, ImageFailure
from ...images.photographs import read_image
from ...results.outputs import OutputFolder, require_separate
from ...results.records import PREDICTION_RECORD
from ...runs.folder_run import RunReport, choose_images, run_folder
from ...runs.shards import Work
from ...storage.places import Place
from .ingredients import Ingredients, Prepared
from .prediction_folder import SUBFOLDERS, Face, PredictionFolder, PredictSettings
from .predictor import Predictor
from .views import View, Views, WholeImages

log = logging.getLogger(__name__)

# How much smaller or larger images may be than those that a network was trained on.
_SAME_SIZE = 1.5
_OTHER_SIZE = "faces of another size"


class _Loaded(NamedTuple):
    """A photo in memory, its faces, and what is known of each."""

    file: ImageFile
    photo: np.ndarray
    views: list[View]
    prepared: list[Prepared]


def predict_folder(
    images: Place,
    out: Place,
    *,
    predictor: Predictor,
    ingredients: Ingredients,
    views: Views | None = None,
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
        Photographs, flat or in FFHQ's shards, or a data set with a folder `images1024x1024`.
    out : Place
        Gets `masks/` (0/255 PNG), `overlays/` (JPEG), if asked for `probabilities/`, and of
        aligned faces `aligned/` (what the network saw, RGB PNG) and `photo_masks/` (the masks of
        all faces of a photo, in its own frame); `wrinkles.csv`, `predict.json`, and `failures.csv`
        if photos failed.
    predictor : Predictor
        The trained network.
    ingredients : Ingredients
        Whatever its input is made from.
    views : Views, optional
        What is cut out of photos; they are taken as they are if not given.
    settings : PredictSettings, optional
        What to make of each.
    ids : Ids, optional
        Which photos; all if not given.
    limit : int, optional
        Only so many photos, the first ones.
    jobs : int
        Threads that read, compute and write; on a cluster those of each worker, 0 for as many as
        it has cores.
    overwrite : bool
        Replace what is there.
    scheduler : str, optional
        Which cluster does it, see `cluster.connected`; this process if not given. Network and
        parser are then made anew in other processes.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        There are no such images, folders to read and to write overlap, the device has too
        little memory, or there is no such cluster.
    ClusterError
        The cluster's workers can not do it.
    OutputError
        Results can not be written, or would mix with those of other settings.
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    settings = settings or PredictSettings()
    views = views or WholeImages()
    folder = image_folder(images)
    require_separate(
        [folder, *ingredients.read_folders()],
        [out / inner for inner in ("", *SUBFOLDERS)],
    )
    selection = choose_images(folder, ids, limit)
    made_with = {
        "network": predictor.network,
        "checkpoint_sha256": predictor.sha256,
        "flip": settings.flip,
        "probabilities": settings.probabilities,
        **ingredients.settings(),
        **views.settings(),
        "precision": predictor.precision,
    }
    note = f"wrinkles by {predictor.network} {predictor.sha256[:12]}; ffhq-wrinkle predict"
    output = OutputFolder(
        out,
        made_with,
        note=note,
        record=PREDICTION_RECORD,
        subfolders=SUBFOLDERS,
        overwrite=overwrite,
    )
    with output:
        results = PredictionFolder(output, views, settings)
        work = _PredictionWork(folder, predictor, ingredients, views, results, flip=settings.flip)
        report = run_folder(
            selection,
            out,
            title="predict",
            what="predictions",
            work=work,
            jobs=jobs,
            scheduler=scheduler,
        )
    if work.counts[_OTHER_SIZE]:
        log.warning(
            "%d faces are much smaller or larger than the %s pixels a side that the network was "
            "trained on, and their wrinkles are found less well; --align brings faces to 1024",
            work.counts[_OTHER_SIZE],
            predictor.side,
        )
    return report


class _PredictionWork(Work[_Loaded, list[Face] | ImageFailure]):
    """Photos of a folder to what belongs to them."""

    def __init__(
        self,
        folder: Place,
        predictor: Predictor,
        ingredients: Ingredients,
        views: Views,
        results: PredictionFolder,
        *,
        flip: bool,
    ) -> None:
        super().__init__([folder], results)
        self.folder = folder
        self.predictor = predictor
        self.ingredients = ingredients
        self.views = views
        self.predictions = results
        self.flip = flip

    @property
    def batch_size(self) -> int:
        """As many as the network takes."""
        return self.predictor.batch_size

    def load(self, file: ImageFile) -> _Loaded:
        """Read a photo, and prepare its faces."""
        photo = read_image(self.folder / file.path)
        seen = self.views.of(photo, file.image_id)
        for view in seen:
            _require_side(view.image.shape[:2], self.predictor.least_side)
            self.counts[_OTHER_SIZE] += _is_other_size(view.image, self.predictor.side)
        prepared = [self.ingredients.prepare(view.image, view.name) for view in seen]
        return _Loaded(file, photo, seen, prepared)

    def infer(self, batch: list[_Loaded]) -> list[list[Face] | ImageFailure]:
        """Show the faces of some photos to the network."""
        return _infer(batch, self.predictor, self.ingredients, flip=self.flip)

    def write(self, one: _Loaded, found: list[Face] | ImageFailure) -> None:
        """Write what belongs to a photo."""
        if isinstance(found, ImageFailure):
            raise found
        self.predictions.write(one.file.image_id, one.photo, one.views, found)


def _require_side(shape: tuple[int, ...], least: int) -> None:
    """Refuse images that the network can not take."""
    if min(shape) < least:
        raise ImageError(
            f"{shape[1]}x{shape[0]} pixels; this network takes {least} a side and more"
        )


def _is_other_size(image: np.ndarray, side: int | None) -> bool:
    """Whether an image is far from the size that a network was trained on."""
    if side is None:
        return False
    scale = max(image.shape[:2]) / side
    return not 1 / _SAME_SIZE <= scale <= _SAME_SIZE


def _infer(
    batch: Sequence[_Loaded], predictor: Predictor, ingredients: Ingredients, *, flip: bool
) -> list[list[Face] | ImageFailure]:
    """Show the faces of some photos to the network; a photo that has none fails alone."""
    label_maps = iter(ingredients.label_maps([part for one in batch for part in one.prepared]))
    inputs: list[list[np.ndarray] | ImageFailure] = []
    known: list[list[tuple[np.ndarray, np.ndarray | None]]] = []
    for one in batch:
        seen, of_photo = [], []
        of_faces = [next(label_maps) for _ in one.views]
        try:
            for view, prepared, label_map in zip(one.views, one.prepared, of_faces, strict=True):
                x, mask = ingredients.network_input(view.image, prepared, label_map)
                seen.append(x)
                of_photo.append((mask, label_map))
            inputs.append(seen)
        except ImageFailure as failure:
            inputs.append(failure)
        known.append(of_photo)
    found: list[list[Face] | ImageFailure] = []
    for logits, of_photo in zip(_logits(inputs, predictor, flip=flip), known, strict=True):
        if isinstance(logits, ImageFailure):
            found.append(logits)
            continue
        found.append([Face(one, *facts) for one, facts in zip(logits, of_photo, strict=True)])
    return found


def _logits(
    inputs: Sequence[list[np.ndarray] | ImageFailure], predictor: Predictor, *, flip: bool
) -> list[list[np.ndarray] | ImageFailure]:
    """Logits of each photo's faces; what is too large for the memory fails alone."""
    together = [x for of_photo in inputs if isinstance(of_photo, list) for x in of_photo]
    try:
        all_logits = iter(predictor.logits(together, flip=flip))
        return [
            _finite([next(all_logits) for _ in of_photo])
            if isinstance(of_photo, list)
            else of_photo
            for of_photo in inputs
        ]
    except MemoryError:
        if predictor.batch_size > 1:
            log.warning(
                "batches of %d images need too much memory; trying one by one (--batch-size)",
                predictor.batch_size,
            )
    found: list[list[np.ndarray] | ImageFailure] = []
    for of_photo in inputs:
        if not isinstance(of_photo, list):
            found.append(of_photo)
            continue
        try:
            found.append(_finite(predictor.logits(of_photo, flip=flip, batch_size=1)))
        except MemoryError:
            height, width = of_photo[0].shape[:2]
            found.append(
                ImageError(
                    f"{width}x{height} pixels need more memory than there is; make it smaller, or "
                    "cut out the face with --align"
                )
            )
    return found


def _finite(logits: list[np.ndarray]) -> list[np.ndarray] | ImageFailure:
    """The logits, if they are numbers."""
    if all(np.isfinite(one).all() for one in logits):
        return logits
    return ImageError("the network gives no finite numbers for it; is the checkpoint damaged?")
