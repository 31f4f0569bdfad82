"""Prediction folder: the output files of each photo, and which of them exist or may be replaced."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np
from scipy.special import expit

from ... import __version__
from ...dataset.ids import id_of_path
from ...dataset.layout import ImageFile
from ...errors import OutputError, first_few
from ...faces.regions import REGIONS
from ...faces.views import View, Views, WholeImages, named_like_faces
from ...images.masks import read_mask
from ...images.named import read_named
from ...images.sizes import resized_nearest
from ...reports.overlays import with_regions, wrinkle_overlay
from ...results.inputs import InputRow
from ...results.outputs import OutputFolder
from ...results.result_files import State
from ...storage.writing import write_bytes
from ..evaluation.prediction_files import MASKS_FOLDER, PROBABILITIES_FOLDER
from ..evaluation.probabilities import as_16_bit
from .predictor import Face
from .wrinkle_table import TABLE, WrinkleRow, wrinkle_row, wrinkle_table

log = logging.getLogger(__name__)

ProbabilityFormat = Literal["png", "npy"]
OVERLAYS, ALIGNED, PHOTO_MASKS = "overlays", "aligned", "photo_masks"
SUBFOLDERS = (MASKS_FOLDER, PROBABILITIES_FOLDER, OVERLAYS, ALIGNED, PHOTO_MASKS)
_READ_AT_ONCE = 16  # masks read in parallel, because each takes a request in an object store


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """Which files to write for each image.

    Parameters
    ----------
    probabilities : {"png", "npy"}, optional
        Also write probabilities, as 16-bit PNG (65,535 is 1) or NumPy's float16.
    overlays : bool
        Also write the photo with the wrinkles in colour.
    overlay_regions : bool
        Also draw the outlines and names of the regions of the face on overlays.
    """

    probabilities: ProbabilityFormat | None = None
    overlays: bool = True
    overlay_regions: bool = False


class PredictionFolder:
    """The folder that a run fills, photo by photo.

    Masks that somebody corrected by hand are kept. Overlays and photo masks that are made later
    show the corrected masks.

    Parameters
    ----------
    output : OutputFolder
        The folder, as a context manager that has been entered.
    views, settings
        The views and settings that determine which files belong to a photo.
    photos : iterable of str
        Ids of all photos in the folder that is read. A photo called like a face of another photo
        keeps its results when those of the other are replaced.

    Raises
    ------
    OutputError
        The folder has a table of another origin.
    """

    def __init__(
        self,
        output: OutputFolder,
        views: Views,
        settings: PredictSettings,
        *,
        photos: Iterable[str] = (),
    ) -> None:
        self.output = output
        self.views = views
        self.settings = settings
        self.aligned = not isinstance(views, WholeImages)
        self.overwrite = output.overwrite
        self._named_like_faces = named_like_faces(photos)
        self.input_tables = [output.inputs]
        has_table = output.state(TABLE) is not State.ABSENT
        if has_table and not output.is_resumed and not output.overwrite:
            raise OutputError(
                f"{output.path / TABLE} was not made by this command; choose another folder, or "
                "use --overwrite"
            )

    def complete(self, file: ImageFile) -> bool:
        """Return whether all requested files of this photo exist."""
        return all(self._is_kept(name) for name in self._of_photo(file.image_id))

    def _is_kept(self, name: str) -> bool:
        """Return whether a file is kept: it is ours, or a mask that was corrected by hand."""
        state = self.output.state(name)
        return state is State.OURS or (state is State.FOREIGN and name.endswith(".png"))

    def _of_photo(self, image_id: str) -> Iterator[str]:
        """Yield the files of a photo, for as many faces as it is known to have."""
        faces = 1
        if self.aligned:
            photo_mask = f"{PHOTO_MASKS}/{image_id}.png"
            yield photo_mask
            # A mask that somebody corrected no longer records the number of faces.
            ours = self.output.state(photo_mask) is State.OURS
            row = WrinkleRow.parse(self.output.comment(photo_mask)) if ours else None
            faces = row.faces if row else 0
        for view in self.views.names(image_id, faces)[:faces]:
            yield from self._of_view(view)
        if self.settings.overlays:
            yield f"{OVERLAYS}/{image_id}.jpg"

    def _of_view(self, view: str) -> list[str]:
        """Return the files of a face."""
        probabilities = self.settings.probabilities
        names = [f"{PROBABILITIES_FOLDER}/{view}.{probabilities}"] if probabilities else []
        names += [f"{ALIGNED}/{view}.png"] if self.aligned else []
        return [*names, f"{MASKS_FOLDER}/{view}.png"]

    def write(
        self,
        image_id: str,
        photo: np.ndarray,
        views: Sequence[View],
        faces: Sequence[Face],
        *,
        inputs: InputRow | None = None,
    ) -> None:
        """Write the missing files of a photo; the mask by which it counts as done comes last.

        Parameters
        ----------
        image_id : str
            Id of the photo.
        photo : np.ndarray
            The photo, RGB uint8 (H, W, 3).
        views, faces : sequence of View and of Face
            Its faces as they were cut out, and the results for each.
        inputs : InputRow, optional
            The files that the results are made from.

        Raises
        ------
        ImageError
            A mask that somebody corrected cannot be read.
        OutputError
            A file cannot be written.
        """
        if self.output.overwrite:
            self._remove_others(image_id, [view.name for view in views])
        if inputs:
            self.output.inputs.note(image_id, inputs)
        shape = photo.shape[:2]
        regions = np.zeros(shape, np.uint8)
        on_photo, face_on_photo = np.zeros(shape, bool), np.zeros(shape, bool)
        masks: list[tuple[str, np.ndarray, WrinkleRow]] = []
        for view, face in zip(views, faces, strict=True):
            place = f"{MASKS_FOLDER}/{view.name}.png"
            wrinkles = face.logits > 0
            self._write_probabilities(view.name, face.logits)
            if view.alignment:
                self._write(f"{ALIGNED}/{view.name}.png", view.image)
            if self._is_kept(place):
                wrinkles = self._existing_mask(place, wrinkles)
            else:
                row = wrinkle_row(wrinkles, face.mask, face.regions, len(faces))
                masks.append((place, wrinkles, row))
            on_photo |= view.onto_photo(wrinkles, shape)
            if face.regions is not None:
                own = resized_nearest(face.regions, face.mask.shape) * face.mask
                np.maximum(regions, view.onto_photo(own, shape), out=regions)
            face_on_photo |= view.onto_photo(face.mask, shape)
        if self.settings.overlays:
            overlay = wrinkle_overlay(photo, on_photo)
            if self.settings.overlay_regions:
                overlay = with_regions(overlay, regions, REGIONS)
            self._write(f"{OVERLAYS}/{image_id}.jpg", overlay)
        for place, wrinkles, row in masks:
            self._write(place, wrinkles * np.uint8(255), str(row))
        if self.aligned:
            row = wrinkle_row(on_photo, face_on_photo, None, len(faces))
            place = f"{PHOTO_MASKS}/{image_id}.png"
            if not self._is_kept(place):
                self._write(place, on_photo * np.uint8(255), str(row))

    def _existing_mask(self, name: str, predicted: np.ndarray) -> np.ndarray:
        """Return the existing mask, or the predicted one if they differ in size."""
        existing = read_named(self.output.path / name, read_mask, name=name)
        return existing if existing.shape == predicted.shape else predicted

    def _write(self, name: str, array: np.ndarray, comment: str = "") -> None:
        if self.output.state(name) is not State.OURS:
            self.output.write(name, array, comment=comment)

    def _write_probabilities(self, name: str, logits: np.ndarray) -> None:
        if self.settings.probabilities == "png":
            self._write(f"{PROBABILITIES_FOLDER}/{name}.png", as_16_bit(logits))
        elif self.settings.probabilities == "npy":
            self._write(f"{PROBABILITIES_FOLDER}/{name}.npy", expit(logits).astype(np.float16))

    def _remove_others(self, image_id: str, names: Sequence[str]) -> None:
        """Remove files of a photo by an earlier run that this run does not write."""
        kept = {f"{OVERLAYS}/{image_id}.jpg"} if self.settings.overlays else set()
        kept |= {f"{PHOTO_MASKS}/{image_id}.png"} if self.aligned else set()
        kept |= {name for view in names for name in self._of_view(view)}
        for place in self._existing(image_id):
            if place not in kept:
                self.output.remove(place)

    def _existing(self, image_id: str) -> list[str]:
        """Return the existing files of a photo, whichever settings they were made with.

        The last face comes first: if removing them is interrupted, the next run lists the others.
        """
        earlier = [image_id]
        for number in count(1):
            name = f"{image_id}.face{number}"
            # The results of a photo of this name are its own, and hide none of later faces.
            is_photo = name in self._named_like_faces
            if not is_photo and not self._has_face(name):
                break
            earlier += [] if is_photo else [name]
        places = [
            f"{folder}/{name}.{kind}"
            for name in reversed(earlier)
            for folder in SUBFOLDERS
            for kind in ("png", "npy", "jpg")
        ]
        return [place for place in places if self.output.look(place) is not State.ABSENT]

    def _has_face(self, name: str) -> bool:
        """Return whether a face has results."""
        places = (f"{folder}/{name}.png" for folder in (MASKS_FOLDER, ALIGNED))
        return any(self.output.look(place) is not State.ABSENT for place in places)

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Remove the results of photos whose files were replaced, except corrected masks."""
        corrected = []
        for file in files:
            for name in self._existing(file.image_id):
                if self._is_corrected(name):
                    corrected.append(name)
                else:
                    self.output.remove(name)
            self.output.inputs.discard(file.image_id)
        if corrected:
            log.warning(
                "masks that somebody corrected, of photos that have been replaced since, are left "
                "alone (%s); --overwrite makes them again",
                first_few(corrected),
            )

    def _is_corrected(self, name: str) -> bool:
        """Return whether a file is a mask that was corrected by hand."""
        is_mask = name.startswith((f"{MASKS_FOLDER}/", f"{PHOTO_MASKS}/"))
        is_whole = is_mask and self.output.look(name) is not State.DAMAGED
        return is_whole and self.output.comment(name) is None

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Record that work is under way."""
        self.output.begin(makes=bool(todo))

    def require_shared(self) -> None:
        """Refuse a folder that is not that of the run, when called in a worker."""
        self.output.require_shared()

    def remove_partials(self) -> None:
        """Remove partial files of workers that were killed."""
        self.output.remove_partials()

    def finish(self, made: int) -> None:
        """Write the table of all existing masks, then the record."""
        current = sorted(self.output.current_results())
        masks = [name for name in current if name.startswith(f"{MASKS_FOLDER}/")]
        with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
            rows = [
                (id_of_path(name.removeprefix(f"{MASKS_FOLDER}/")), WrinkleRow.parse(comment))
                for name, comment in zip(masks, pool.map(self.output.comment, masks), strict=True)
            ]
        table = wrinkle_table((name, row) for name, row in rows if row)
        write_bytes(self.output.path / TABLE, table)
        photos = masks
        if self.aligned:  # a photo with several faces has several masks
            photos = [name for name in current if name.startswith(f"{PHOTO_MASKS}/")]
        about = {"command": "predict", "version": __version__}
        self.output.finish(about, made=made > 0, images=len(photos))
