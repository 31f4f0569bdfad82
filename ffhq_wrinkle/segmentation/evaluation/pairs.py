"""Pairs: each reference mask with its prediction, and how they are read and scored.

`find_pairs` lists what belongs together before any mask is read; `read_pair` reads one image.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ...dataset.ids import Ids
from ...dataset.layout import (
    MANUAL_MASKS_FOLDER,
    ImageFile,
    find_images,
    image_folder,
    select_images,
)
from ...errors import ArgumentError, EvaluationError, ImageError, ManyValuesError, counted, plural
from ...images.masks import read_mask
from ...images.sizes import of_size
from ...results.records import fusion_method
from .prediction_files import MASKS_FOLDER, Predictions, find_predictions, read_probability
from .probabilities import thresholded

IMAGES = "images"  # beside ``masks`` in training data

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How predictions are read and scored.

    Attributes
    ----------
    threshold : float
        Threshold applied to probabilities when there is no mask; pixels above it are predicted.
    resize : "nearest", optional
        Resize predictions and face masks to the size of the reference; without it another size is
        an error.
    within : Path, optional
        Folder of face masks; pixels outside them do not count.
    tolerances_px : tuple of float
        Also measure F1 with lines allowed to lie this many pixels apart.
    centrelines : bool
        Whether to measure clDice.
    photos : Path, optional
        Folder of photographs, in which the regions of faces are found, to score each region.
    """

    threshold: float = 0.5
    resize: Literal["nearest"] | None = None
    within: Path | None = None
    tolerances_px: tuple[float, ...] = (0, 1, 2, 3)
    centrelines: bool = True
    photos: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise ArgumentError(f"threshold is {self.threshold}; it should be from 0 to below 1")
        if any(not 0 <= far < math.inf for far in self.tolerances_px):
            raise ArgumentError(
                f"tolerances are {self.tolerances_px}; a distance in pixels is 0 or more"
            )

    def record(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        entries = {**asdict(self), "tolerances_px": list(self.tolerances_px)}
        entries["within"] = str(self.within.resolve()) if self.within else None
        del entries["photos"]
        if self.photos:
            entries |= {"by": "region", "images": str(self.photos.resolve())}
        return entries


class PairFiles(NamedTuple):
    """The files of one image: its reference, its prediction, face mask and photograph."""

    image_id: str
    reference: Path
    mask: Path | None
    probability: Path | None
    region: Path | None
    photo: Path | None = None


class FoundPairs(NamedTuple):
    """The files to score: the folders, and the files of each image that has a reference."""

    predictions: Predictions
    references: Path
    files: list[PairFiles]


class Pair(NamedTuple):
    """A reference and its prediction, as arrays (H, W).

    Attributes
    ----------
    image_id : str
        The image's id.
    reference : np.ndarray
        bool.
    predicted : np.ndarray, optional
        bool; if not given, the pixels whose probability is above the threshold.
    probability : np.ndarray, optional
        As `probabilities.require_probability` wants it.
    region : np.ndarray, optional
        bool; pixels outside it do not count.
    """

    image_id: str
    reference: np.ndarray
    predicted: np.ndarray | None = None
    probability: np.ndarray | None = None
    region: np.ndarray | None = None

    def mask(self, threshold: float) -> np.ndarray:
        """Return the predicted mask, bool (H, W)."""
        if self.predicted is not None:
            return self.predicted
        if self.probability is None:
            raise ArgumentError(f"{self.image_id} has neither a predicted mask nor a probability")
        return thresholded(self.probability, threshold)


def find_pairs(
    predictions: Path,
    references: Path,
    *,
    masks: Mapping[str, Path] | None = None,
    ids: Ids | None = None,
    within: Path | None = None,
    photos: Path | None = None,
) -> FoundPairs:
    """List the files of each image that has a reference; no mask is read.

    Parameters
    ----------
    predictions : Path
        As `prediction_files.find_predictions`.
    references : Path
        Folder of masks, flat or in shards; a data set with ``manual_wrinkle_masks`` or with
        ``images`` and ``masks`` in it; or, with `masks`, the file that lists them.
    masks : mapping of str to Path, optional
        The reference of each image id, if `references` is not a folder of them.
    ids : Ids, optional
        Images to score; all that have a reference if not given.
    within, photos : Path, optional
        Folders of face masks and of photographs.

    Raises
    ------
    ArgumentError
        As `find_predictions`, a folder has no masks, predictions are their own reference, or none
        of the ids exists.
    EvaluationError
        An image has no prediction, no reference though it was asked for, no face mask or no
        photograph.
    """
    listed = find_predictions(predictions)
    folder = _reference_folder(references)
    if folder.resolve() in (predictions.resolve(), _mask_folder(predictions).resolve()):
        raise ArgumentError(f"{predictions} and {folder} are the same folder")
    if masks is None:
        files = find_images(folder, noun="reference masks")
        masks = {image_id: folder / file.path for image_id, file in files.items()}
    if folder.is_dir() and fusion_method(folder) == "soft":
        raise ArgumentError(
            f"the reference masks in {folder} are soft masks, shares of votes, as the fusion.json "
            "beside them says; fuse the annotators' masks by another method, such as majority"
        )
    known = {image_id: ImageFile(image_id, str(path)) for image_id, path in masks.items()}
    chosen, missing = select_images(known, ids)
    _require_none(missing, len(chosen) + len(missing), f"reference in {folder}", "Score")
    regions = find_images(within, noun="face masks") if within else {}
    image_ids = [file.image_id for file in chosen]
    predicted = listed.image_ids
    _require_none(
        [image_id for image_id in image_ids if image_id not in predicted],
        len(chosen),
        f"prediction in {predictions}",
        "Run `ffhq-wrinkle predict` on them, or score",
    )
    if within:
        lacking = [image_id for image_id in image_ids if image_id not in regions]
        _require_none(lacking, len(chosen), f"face mask in {within}", "Score")
    pictures: dict[str, Path] = {}
    if photos:
        folder_of_photos = image_folder(photos)
        pictures = {
            image_id: folder_of_photos / file.path
            for image_id, file in find_images(folder_of_photos).items()
        }
        lacking = [image_id for image_id in image_ids if image_id not in pictures]
        _require_none(lacking, len(chosen), f"photograph in {photos}", "Score")
    extra = sum(image_id not in known for image_id in predicted)
    if extra:
        log.info("%s in %s without a reference", counted(extra, "prediction"), predictions)
    pairs = [
        PairFiles(
            file.image_id,
            masks[file.image_id],
            listed.masks.get(file.image_id),
            listed.probabilities.get(file.image_id),
            within / regions[file.image_id].path if within else None,
            pictures.get(file.image_id),
        )
        for file in chosen
    ]
    return FoundPairs(listed, references, pairs)


def _reference_folder(references: Path) -> Path:
    """Return the folder of masks in a data set; any other folder has masks itself."""
    manual, masks = references / MANUAL_MASKS_FOLDER, references / MASKS_FOLDER
    if manual.is_dir():
        return manual
    return masks if masks.is_dir() and (references / IMAGES).is_dir() else references


def _mask_folder(predictions: Path) -> Path:
    masks = predictions / MASKS_FOLDER
    return masks if masks.is_dir() else predictions


def _require_none(lacking: Sequence[str], images: int, file: str, advice: str) -> None:
    """Refuse images that lack a file."""
    if lacking:
        raise EvaluationError(
            f"{len(lacking)} of {counted(images, 'image')} "
            f"{plural(len(lacking), 'has', 'have')} no {file}, first {lacking[0]}. {advice} fewer "
            "with --ids-file"
        )


def read_pair(files: PairFiles, settings: EvaluationSettings) -> Pair:
    """Read the reference, prediction and face mask of one image.

    Raises
    ------
    ImageError
        A file is damaged, of another kind or size, or the face mask is empty; it is named.
    """
    reference = _mask(files.reference)
    shape = (reference.shape[0], reference.shape[1])

    def sized(path: Path, array: np.ndarray) -> np.ndarray:
        return of_size(array, shape, name=path, of=files.reference, resize=settings.resize)

    predicted = sized(files.mask, _mask(files.mask)) if files.mask else None
    probability = None
    if files.probability:
        probability = sized(files.probability, read_probability(files.probability))
    region = sized(files.region, _mask(files.region)) if files.region else None
    if region is not None and not region.any():
        raise ImageError(f"{files.region} is empty: there is no face to look within")
    return Pair(files.image_id, reference, predicted, probability, region)


def _mask(path: Path) -> np.ndarray:
    try:
        return read_mask(path)
    except ManyValuesError as error:
        raise ImageError(
            f"{path}: {error.fault}; save masks as 0 and 255, probabilities as 16-bit gray PNG or "
            ".npy"
        ) from error
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
