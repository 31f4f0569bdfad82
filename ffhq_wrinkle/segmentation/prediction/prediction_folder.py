"""Prediction folder: the files that belong to a photo, written so that nothing of value is lost."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from scipy.special import expit

from ... import __version__
from ...dataset.layout import ImageFile
from ...errors import OutputError
from ...images.masks import read_mask
from ...reports.overlays import wrinkle_overlay
from ...results.outputs import OutputFolder
from ...results.result_files import State
from ...storage.writing import write_bytes
from ..evaluation.prediction_files import MASKS_FOLDER, PROBABILITIES_FOLDER
from ..evaluation.probabilities import as_16_bit
from .predictor import Face
from .views import View, Views, WholeImages
from .wrinkle_table import TABLE, WrinkleRow, wrinkle_row, wrinkle_table

ProbabilityFormat = Literal["png", "npy"]
OVERLAYS, ALIGNED, PHOTO_MASKS = "overlays", "aligned", "photo_masks"
SUBFOLDERS = (MASKS_FOLDER, PROBABILITIES_FOLDER, OVERLAYS, ALIGNED, PHOTO_MASKS)
_READ_AT_ONCE = 16  # masks, each of which an object store takes a moment to answer for


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """What to make of each image.

    Parameters
    ----------
    probabilities : {"png", "npy"}, optional
        Also keep probabilities: PNG of 16 bits (65,535 is 1), or NumPy's float16.
    overlays : bool
        Also draw the wrinkles on the photo.
    """

    probabilities: ProbabilityFormat | None = None
    overlays: bool = True


class PredictionFolder:
    """The folder that a run fills, photo by photo.

    Masks that somebody corrected are kept; what is drawn or counted of a photo afterwards goes by
    them.

    Parameters
    ----------
    output : OutputFolder
        Entered.
    views, settings
        What decides which files there are.

    Raises
    ------
    OutputError
        There is a table of another origin.
    """

    def __init__(self, output: OutputFolder, views: Views, settings: PredictSettings) -> None:
        self.output = output
        self.views = views
        self.settings = settings
        self.aligned = not isinstance(views, WholeImages)
        has_table = output.state(TABLE) is not State.ABSENT
        if has_table and not output.is_resumed and not output.overwrite:
            raise OutputError(
                f"{output.path / TABLE} was not made by this command; choose another folder, or "
                "--overwrite"
            )

    def complete(self, file: ImageFile) -> bool:
        """Whether everything asked for of this photo is there."""
        return all(self._is_kept(name) for name in self._of_photo(file.image_id))

    def _is_kept(self, name: str) -> bool:
        """Whether a result is ours, or a mask corrected by hand: only an overwrite replaces it."""
        state = self.output.state(name)
        return state is State.OURS or (state is State.FOREIGN and name.endswith(".png"))

    def _of_photo(self, image_id: str) -> Iterator[str]:
        """The files of a photo, of as many faces as it is known to have."""
        faces = 1
        if self.aligned:
            whole = f"{PHOTO_MASKS}/{image_id}.png"
            yield whole
            # Of a mask that somebody corrected, the number of faces is not known any more.
            ours = self.output.state(whole) is State.OURS
            noted = WrinkleRow.parse(self.output.comment(whole)) if ours else None
            faces = noted.faces if noted else 0
        for view in self.views.names(image_id, faces)[:faces]:
            yield from self._of_view(view)
        if self.settings.overlays:
            yield f"{OVERLAYS}/{image_id}.jpg"

    def _of_view(self, view: str) -> list[str]:
        """The files of a face."""
        probabilities = self.settings.probabilities
        names = [f"{PROBABILITIES_FOLDER}/{view}.{probabilities}"] if probabilities else []
        names += [f"{ALIGNED}/{view}.png"] if self.aligned else []
        return [*names, f"{MASKS_FOLDER}/{view}.png"]

    def write(
        self, image_id: str, photo: np.ndarray, views: Sequence[View], faces: Sequence[Face]
    ) -> None:
        """Write what is missing of a photo; that by which it counts as done last.

        Parameters
        ----------
        image_id : str
            The photo's.
        photo : np.ndarray
            RGB uint8 (H, W, 3).
        views, faces : sequence of View and of Face
            What was cut out of it, and what came of that.

        Raises
        ------
        ImageError
            A mask that somebody corrected can not be read any more, or is of another size.
        OutputError
            Something can not be written.
        """
        if self.output.overwrite:
            self._remove_others(image_id, [view.name for view in views])
        shape = photo.shape[:2]
        on_photo, face_on_photo = np.zeros(shape, bool), np.zeros(shape, bool)
        masks: list[tuple[str, np.ndarray, WrinkleRow]] = []
        for view, face in zip(views, faces, strict=True):
            place = f"{MASKS_FOLDER}/{view.name}.png"
            wrinkles = face.logits > 0
            self._write_probabilities(view.name, face.logits)
            if view.alignment:
                self._write(f"{ALIGNED}/{view.name}.png", view.image)
            if self._is_kept(place):
                wrinkles = self._standing(place, wrinkles)
            else:
                row = wrinkle_row(wrinkles, face.mask, face.label_map, len(faces))
                masks.append((place, wrinkles, row))
            on_photo |= view.onto_photo(wrinkles, shape)
            face_on_photo |= view.onto_photo(face.mask, shape)
        if self.settings.overlays:
            self._write(f"{OVERLAYS}/{image_id}.jpg", wrinkle_overlay(photo, on_photo))
        for place, wrinkles, row in masks:
            self._write(place, wrinkles * np.uint8(255), str(row))
        if self.aligned:
            row = wrinkle_row(on_photo, face_on_photo, None, len(faces))
            place = f"{PHOTO_MASKS}/{image_id}.png"
            if not self._is_kept(place):
                self._write(place, on_photo * np.uint8(255), str(row))

    def _standing(self, place: str, made: np.ndarray) -> np.ndarray:
        """The mask that is there, if it is of the size of what would be made."""
        there = read_mask(self.output.path / place)
        return there if there.shape == made.shape else made

    def _write(self, name: str, array: np.ndarray, comment: str = "") -> None:
        if self.output.state(name) is not State.OURS:
            self.output.write(name, array, comment=comment)

    def _write_probabilities(self, name: str, logits: np.ndarray) -> None:
        if self.settings.probabilities == "png":
            self._write(f"{PROBABILITIES_FOLDER}/{name}.png", as_16_bit(logits))
        elif self.settings.probabilities == "npy":
            self._write(f"{PROBABILITIES_FOLDER}/{name}.npy", expit(logits).astype(np.float16))

    def _remove_others(self, image_id: str, names: Sequence[str]) -> None:
        """Remove what an earlier run made of a photo and this one does not make."""
        kept = {f"{OVERLAYS}/{image_id}.jpg"} if self.settings.overlays else set()
        kept |= {f"{PHOTO_MASKS}/{image_id}.png"} if self.aligned else set()
        kept |= {name for view in names for name in self._of_view(view)}
        earlier = [image_id]
        while any(
            self.output.look(f"{folder}/{image_id}.face{len(earlier)}.png") is not State.ABSENT
            for folder in (MASKS_FOLDER, ALIGNED)
        ):
            earlier.append(f"{image_id}.face{len(earlier)}")
        for name in earlier:
            for folder in SUBFOLDERS:
                for kind in ("png", "npy", "jpg"):
                    place = f"{folder}/{name}.{kind}"
                    if place not in kept and self.output.look(place) is not State.ABSENT:
                        self.output.remove(place)

    def begin(self) -> None:
        """Note that work is under way."""
        self.output.begin()

    def require_shared(self) -> None:
        """Refuse a folder that is not that of the run."""
        self.output.require_shared()

    def remove_partials(self) -> None:
        """Remove what was left half written."""
        self.output.remove_partials()

    def finish(self) -> None:
        """Write the table of all masks that are there, then the record."""
        masks = [
            name
            for name in sorted(self.output.current_results())
            if name.startswith(f"{MASKS_FOLDER}/")
        ]
        with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
            rows = [
                (PurePosixPath(name).stem, WrinkleRow.parse(comment))
                for name, comment in zip(masks, pool.map(self.output.comment, masks), strict=True)
            ]
        table = wrinkle_table((name, row) for name, row in rows if row)
        write_bytes(self.output.path / TABLE, table)
        self.output.finish({"command": "predict", "version": __version__})
