"""Pairs: each reference mask with its prediction, and how they are read and scored.

`find_pairs` lists what belongs together before any file is read; `read_pair` reads one image.
"""

import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ...dataset.ids import Ids
from ...dataset.layout import MANUAL_MASKS_FOLDER, find_images, select_images
from ...errors import ArgumentError, EvaluationError, ImageError, ManyValuesError
from ...images.masks import read_mask, resized_nearest
from .prediction_files import MASKS_FOLDER, Predictions, read_probability
from .probabilities import thresholded

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How predictions are read and scored.

    Attributes
    ----------
    threshold : float
        Where there are probabilities but no masks, what is above it is predicted.
    resize : "nearest", optional
        Bring predictions and face masks of other sizes to that of the reference; without it these
        are errors.
    within : Path, optional
        Folder of face masks; what lies outside them does not count.
    tolerances_px : tuple of float
        Also measure F1 with lines allowed to lie so many pixels apart.
    centrelines : bool
        Whether to measure clDice.
    """

    threshold: float = 0.5
    resize: Literal["nearest"] | None = None
    within: Path | None = None
    tolerances_px: tuple[float, ...] = (0, 1, 2, 3)
    centrelines: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise ArgumentError(f"threshold is {self.threshold}; probabilities are above 0 to 1")
        if any(not 0 <= far < math.inf for far in self.tolerances_px):
            raise ArgumentError(
                f"tolerances are {self.tolerances_px}; a distance in pixels is 0 or more"
            )

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        within = str(self.within.resolve()) if self.within else None
        return {**asdict(self), "within": within, "tolerances_px": list(self.tolerances_px)}


class PairFiles(NamedTuple):
    """The files of one image: its reference, its prediction, and the face mask."""

    image_id: str
    reference: Path
    mask: Path | None
    probability: Path | None
    region: Path | None


class Pair(NamedTuple):
    """A reference and its prediction, as arrays (H, W).

    Attributes
    ----------
    image_id : str
        Which image.
    reference : np.ndarray
        bool.
    predicted : np.ndarray, optional
        bool; if not given, where the probability is above the threshold.
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
        """The predicted mask."""
        if self.predicted is not None:
            return self.predicted
        if self.probability is None:
            raise ArgumentError(f"{self.image_id} has neither a predicted mask nor a probability")
        return thresholded(self.probability, threshold)


def find_pairs(
    predictions: Predictions,
    references: Path,
    *,
    ids: Ids | None = None,
    within: Path | None = None,
) -> list[PairFiles]:
    """List the files of each image that has a reference; no file is read.

    Parameters
    ----------
    predictions : Predictions
        As `find_predictions` gives them.
    references : Path
        Folder of masks, flat or in shards, or a data set with ``manual_wrinkle_masks`` in it.
    ids : Ids, optional
        Which images; all that have a reference if not given.
    within : Path, optional
        Folder of face masks.

    Raises
    ------
    ArgumentError
        A folder has no masks, predictions are their own reference, or none of the ids is there.
    EvaluationError
        An image has no prediction, no reference though it was asked for, or no face mask.
    """
    inner = references / MANUAL_MASKS_FOLDER
    folder = inner if inner.is_dir() else references
    if folder.resolve() in (predictions.folder.resolve(), _mask_folder(predictions).resolve()):
        raise ArgumentError(f"{predictions.folder} and {folder} are the same folder")
    known = find_images(folder, what="reference masks")
    chosen, missing = select_images(known, ids)
    _require(missing, len(chosen) + len(missing), f"reference in {folder}", "Score")
    regions = find_images(within, what="face masks") if within else {}
    image_ids = [file.image_id for file in chosen]
    predicted = predictions.image_ids
    _require(
        [image_id for image_id in image_ids if image_id not in predicted],
        len(chosen),
        f"prediction in {predictions.folder}",
        "Run `ffhq-wrinkle predict` on them, or score",
    )
    if within:
        lacking = [image_id for image_id in image_ids if image_id not in regions]
        _require(lacking, len(chosen), f"face mask in {within}", "Score")
    extra = sum(image_id not in known for image_id in predicted)
    if extra:
        log.info("%d predictions in %s have no reference", extra, predictions.folder)
    return [
        PairFiles(
            file.image_id,
            folder / file.path,
            predictions.masks.get(file.image_id),
            predictions.probabilities.get(file.image_id),
            within / regions[file.image_id].path if within else None,
        )
        for file in chosen
    ]


def _mask_folder(predictions: Predictions) -> Path:
    masks = predictions.folder / MASKS_FOLDER
    return masks if masks.is_dir() else predictions.folder


def _require(lacking: list[str], images: int, what: str, advice: str) -> None:
    if lacking:
        raise EvaluationError(
            f"{len(lacking)} of {images} images have no {what}, first {lacking[0]}. {advice} fewer "
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

    def sized(path: Path, array: np.ndarray) -> np.ndarray:
        if array.shape == reference.shape:
            return array
        if settings.resize:
            return resized_nearest(array, (reference.shape[0], reference.shape[1]))
        raise ImageError(
            f"{path} is {array.shape[1]}x{array.shape[0]}, but {files.reference} is "
            f"{reference.shape[1]}x{reference.shape[0]}; bring them to one size, or allow it by "
            "--resize nearest"
        )

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
