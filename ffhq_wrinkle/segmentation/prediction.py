"""Prediction: wrinkle masks of a folder of photos, with what belongs to them, resumable."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import cv2
import numpy as np
from scipy.special import expit

from .. import __version__
from ..errors import ImageError, ImageFailure
from ..files import read_image, write_bytes
from ..folder_run import RunReport, choose_images, run_folder
from ..manifest import Ids, ImageFile, image_folder
from ..outputs import OutputFolder, require_separate
from .ingredients import Ingredients, Prepared
from .prediction_files import MASKS_FOLDER, PROBABILITIES_FOLDER
from .predictor import Predictor
from .views import View, Views, WholeImages
from .wrinkle_table import TABLE, WrinkleRow, wrinkle_row, wrinkle_table

log = logging.getLogger(__name__)

ProbabilityFormat = Literal["png", "npy"]
RECORD = "predict.json"
OVERLAYS, ALIGNED, PHOTO_MASKS = "overlays", "aligned", "photo_masks"
_SUBFOLDERS = (MASKS_FOLDER, PROBABILITIES_FOLDER, OVERLAYS, ALIGNED, PHOTO_MASKS)
_COLOUR = (0, 255, 130)  # the opposite of skin, light or dark, and of lips


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """What to make of each image.

    Parameters
    ----------
    flip : bool
        Average with what comes of the mirrored image.
    probabilities : {"png", "npy"}, optional
        Also keep probabilities: PNG of 16 bits (65,535 is 1), or NumPy's float16.
    overlays : bool
        Also draw the wrinkles on the photo.
    """

    flip: bool = False
    probabilities: ProbabilityFormat | None = None
    overlays: bool = True


class _Loaded(NamedTuple):
    """A photo in memory, its faces, and what is known of each."""

    file: ImageFile
    photo: np.ndarray
    views: list[View]
    prepared: list[Prepared]


class _Face(NamedTuple):
    """A face that the network has seen: logits float32 (H, W), face mask, label map."""

    logits: np.ndarray
    mask: np.ndarray
    label_map: np.ndarray | None


def predict_folder(
    images: Path,
    out: Path,
    *,
    predictor: Predictor,
    ingredients: Ingredients,
    views: Views | None = None,
    settings: PredictSettings | None = None,
    ids: Ids | None = None,
    limit: int | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> RunReport:
    """Predict the wrinkles of each photo in a folder.

    Parameters
    ----------
    images : Path
        Photographs, flat or in FFHQ's shards, or a data set with a folder `images1024x1024`.
    out : Path
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
        Threads that read, compute and write.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        There are no such images, folders to read and to write overlap, or the device has too
        little memory.
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
        [out / inner for inner in ("", *_SUBFOLDERS)],
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
        record=RECORD,
        subfolders=_SUBFOLDERS,
        overwrite=overwrite,
    )
    with output:
        results = _Results(output, views, settings)

        def load(file: ImageFile) -> _Loaded:
            photo = read_image(folder / file.path)
            seen = views.of(photo, file.image_id)
            for view in seen:
                _require_side(view.image.shape[:2], predictor.least_side)
            prepared = [ingredients.prepare(view.image, view.name) for view in seen]
            return _Loaded(file, photo, seen, prepared)

        def infer(batch: list[_Loaded]) -> list[list[_Face] | ImageFailure]:
            return _infer(batch, predictor, ingredients, flip=settings.flip)

        return run_folder(
            selection,
            out,
            results,
            title="predict",
            what="predictions",
            load=load,
            infer=infer,
            write=results.write,
            batch_size=predictor.batch_size,
            jobs=jobs,
        )


def _require_side(shape: tuple[int, ...], least: int) -> None:
    """Refuse images that the network can not take."""
    if min(shape) < least:
        raise ImageError(
            f"{shape[1]}x{shape[0]} pixels; this network takes {least} a side and more"
        )


def _infer(
    batch: Sequence[_Loaded], predictor: Predictor, ingredients: Ingredients, *, flip: bool
) -> list[list[_Face] | ImageFailure]:
    """Show the faces of some photos to the network; a photo that has none fails alone."""
    label_maps = iter(ingredients.label_maps([part for one in batch for part in one.prepared]))
    inputs: list[np.ndarray] = []
    waiting: list[list[tuple[np.ndarray, np.ndarray | None]] | ImageFailure] = []
    for one in batch:
        of_photo, parts = [], []
        of_faces = [next(label_maps) for _ in one.views]
        try:
            for view, prepared, label_map in zip(one.views, one.prepared, of_faces, strict=True):
                seen, mask = ingredients.network_input(view.image, prepared, label_map)
                parts.append(seen)
                of_photo.append((mask, label_map))
        except ImageFailure as failure:
            waiting.append(failure)
            continue
        inputs += parts
        waiting.append(of_photo)
    logits = iter(predictor.logits(inputs, flip=flip))
    return [
        found
        if isinstance(found, ImageFailure)
        else [_Face(next(logits), mask, label_map) for mask, label_map in found]
        for found in waiting
    ]


class _Results:
    """The folder that a run fills, and which files of it belong to a photo."""

    def __init__(self, output: OutputFolder, views: Views, settings: PredictSettings) -> None:
        self.output = output
        self.views = views
        self.settings = settings
        self.aligned = not isinstance(views, WholeImages)

    def complete(self, file: ImageFile) -> bool:
        """Whether everything asked for of this photo is there."""
        faces = 1
        if self.aligned:
            whole = f"{PHOTO_MASKS}/{file.image_id}.png"
            if not self.output.has(whole):
                return False
            # Of a mask that somebody corrected, the number of faces is not known any more.
            noted = WrinkleRow.parse(self.output.comment(whole))
            faces = noted.faces if noted else 0
        return all(
            self.output.has(name)
            for view in self.views.names(file.image_id, faces)[:faces]
            for name in self._of_view(view)
        ) and (not self.settings.overlays or self.output.has(f"{OVERLAYS}/{file.image_id}.jpg"))

    def _of_view(self, view: str) -> list[str]:
        """Files of a face; the mask, by which it counts as done, last."""
        probabilities = self.settings.probabilities
        names = [f"{PROBABILITIES_FOLDER}/{view}.{probabilities}"] if probabilities else []
        names += [f"{ALIGNED}/{view}.png"] if self.aligned else []
        return [*names, f"{MASKS_FOLDER}/{view}.png"]

    def write(self, one: _Loaded, found: list[_Face] | ImageFailure) -> None:
        """Write what belongs to a photo; that by which it counts as done last."""
        if isinstance(found, ImageFailure):
            raise found
        shape = one.photo.shape[:2]
        on_photo = np.zeros(shape, bool)
        face_on_photo = np.zeros(shape, bool)
        masks: list[tuple[str, np.ndarray, WrinkleRow]] = []
        for view, face in zip(one.views, found, strict=True):
            wrinkles = face.logits > 0
            row = wrinkle_row(wrinkles, face.mask, face.label_map, len(found))
            self._write_probabilities(view.name, face.logits)
            if view.alignment:
                self.output.write(f"{ALIGNED}/{view.name}.png", view.image)
                on_photo |= view.alignment.onto_photo(wrinkles, shape)
                face_on_photo |= view.alignment.onto_photo(face.mask, shape)
            else:
                on_photo |= wrinkles
            masks.append((view.name, wrinkles, row))
        if self.settings.overlays:
            drawn = overlay(one.photo, on_photo)
            self.output.write(f"{OVERLAYS}/{one.file.image_id}.jpg", drawn)
        for name, wrinkles, row in masks:
            self._write_mask(f"{MASKS_FOLDER}/{name}.png", wrinkles, row)
        if self.aligned:
            row = wrinkle_row(on_photo, face_on_photo, None, len(found))
            self._write_mask(f"{PHOTO_MASKS}/{one.file.image_id}.png", on_photo, row)

    def _write_probabilities(self, name: str, logits: np.ndarray) -> None:
        if self.settings.probabilities == "png":
            levels = np.rint(expit(logits) * 65535).astype(np.uint16)
            self.output.write(f"{PROBABILITIES_FOLDER}/{name}.png", levels)
        elif self.settings.probabilities == "npy":
            self.output.write(
                f"{PROBABILITIES_FOLDER}/{name}.npy", expit(logits).astype(np.float16)
            )

    def _write_mask(self, place: str, wrinkles: np.ndarray, row: WrinkleRow) -> None:
        self.output.write(place, wrinkles * np.uint8(255), comment=str(row))

    def begin(self) -> None:
        """Note that work is under way."""
        self.output.begin()

    def finish(self) -> None:
        """Write the table of all masks that are there, then the record."""
        rows = (
            (PurePosixPath(name).stem, WrinkleRow.parse(self.output.comment(name)))
            for name in sorted(self.output.results())
            if name.startswith(f"{MASKS_FOLDER}/")
        )
        write_bytes(
            self.output.path / TABLE, wrinkle_table((name, row) for name, row in rows if row)
        )
        self.output.finish({"command": "predict", "version": __version__})


def overlay(photo: np.ndarray, wrinkles: np.ndarray) -> np.ndarray:
    """The photo, RGB uint8 (H, W, 3), with wrinkles, bool (H, W), in colour."""
    drawn = photo.copy()
    drawn[wrinkles] = _COLOUR
    # Some of the photo shines through, so that one sees whether there is a wrinkle.
    return np.asarray(cv2.addWeighted(drawn, 0.7, photo, 0.3, 0))
