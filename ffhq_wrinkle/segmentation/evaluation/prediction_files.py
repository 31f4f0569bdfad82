"""Prediction files: predictions of any method on disk, as masks or as probabilities.

`pairs` finds the reference of each.
"""

import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...dataset.layout import find_images
from ...errors import ArgumentError, ImageError
from ...faces.labels import READER_ERRORS
from ...images.arrays import plain_array
from ...images.opening import opened, read_content
from ...images.photographs import stored_pixels
from ...results.records import PREDICTION_RECORD, settings_if_readable
from .probabilities import require_probability

# The folders that the command `predict` writes.
MASKS_FOLDER, PROBABILITIES_FOLDER = "masks", "probabilities"
_PNG_HEADER = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_GRAY_16_BIT = b"\x10\x00"  # bit depth and colour type

PredictionKind = Literal["masks", "probabilities", "masks and probabilities"]


class Predictions(NamedTuple):
    """A folder of predictions: masks by image id, probabilities, or both."""

    folder: Path
    masks: Mapping[str, Path]
    probabilities: Mapping[str, Path]

    @property
    def kind(self) -> PredictionKind:
        """Which kinds of prediction the folder has."""
        if self.masks:
            return "masks and probabilities" if self.probabilities else "masks"
        return "probabilities"

    @property
    def image_ids(self) -> Collection[str]:
        """The ids of images that have every kind of prediction that the folder has."""
        if self.masks and self.probabilities:
            return self.masks.keys() & self.probabilities.keys()
        return (self.masks or self.probabilities).keys()


def find_predictions(folder: Path) -> Predictions:
    """List the predictions in a folder, and tell masks from probabilities.

    If the folder has ``masks`` or ``probabilities`` in it, as `predict` writes, these are listed.
    In any other folder, flat or in shards, all files are of one kind: ``.npy`` are probabilities,
    and so are PNG if the first of them, by id, is 16-bit gray; otherwise they are masks.

    Raises
    ------
    ArgumentError
        There are no predictions, there are ``.npy`` beside images, or `predict` aligned the faces,
        so that the user must name one of its folders of masks.
    """
    masks, probabilities = folder / MASKS_FOLDER, folder / PROBABILITIES_FOLDER
    if _is_aligned(folder):
        raise ArgumentError(
            f"{folder} holds masks of aligned faces and of photos; name {folder / 'photo_masks'} "
            f"for references drawn on the photos, or {masks} for those drawn on the aligned faces"
        )
    if masks.is_dir() or probabilities.is_dir():
        return Predictions(
            folder,
            _listed(masks) if masks.is_dir() else {},
            _listed(probabilities, also={".npy"}) if probabilities.is_dir() else {},
        )
    files = _listed(folder, also={".npy"})
    first = next(iter(files.values()))
    if first.suffix.lower() == ".npy" or _is_16_bit_gray(first):
        return Predictions(folder, {}, files)
    return Predictions(folder, files, {})


def _is_aligned(folder: Path) -> bool:
    """Tell whether `predict` recorded in a folder that it aligned the faces."""
    return bool(settings_if_readable(folder, PREDICTION_RECORD).get("align"))


def _listed(folder: Path, also: Collection[str] = ()) -> dict[str, Path]:
    files = find_images(folder, also=also, noun="predictions")
    paths = {image_id: folder / file.path for image_id, file in files.items()}
    of_kind = {path.suffix.lower() == ".npy": path for path in paths.values()}
    if len(of_kind) > 1:
        raise ArgumentError(
            f"{folder} has both {of_kind[True].name} and {of_kind[False].name}; all predictions "
            "must be of one kind"
        )
    return paths


def _is_16_bit_gray(path: Path) -> bool:
    """Tell whether a file has the header of a 16-bit gray PNG."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.read(26)
    return header.startswith(_PNG_HEADER) and header[24:] == _GRAY_16_BIT


def read_probability(path: Path) -> np.ndarray:
    """Read a probability map: uint16 of a 16-bit gray PNG, or the floats of an ``.npy``.

    Raises
    ------
    ImageError
        The file is damaged or holds something else; the error names it.
    """
    try:
        if path.suffix.lower() == ".npy":
            probability = _array(read_content(path))
        elif _is_16_bit_gray(path):
            content = read_content(path)
            with opened(content) as image:
                probability = stored_pixels(image, content)
        else:
            read_content(path)  # which reports a file that cannot be read
            raise ImageError(
                "not a 16-bit gray PNG, as the others; all predictions must be of one kind"
            )
        require_probability(probability)
    except (ImageError, ArgumentError) as error:
        raise ImageError(f"{path}: {error}") from error
    return probability


def _array(content: bytes) -> np.ndarray:
    """Return the array of an ``.npy``."""
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except READER_ERRORS as error:
        raise ImageError(f"damaged, or not an array of numbers: {error}") from error
    return plain_array(array)
