"""Prediction files: predictions of any method on disk, as masks or as probabilities.

What each is scored against is found in `pairs`.
"""

import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...dataset.layout import find_images
from ...errors import ArgumentError, ImageError
from ...faces.labels import READER_ERRORS
from ...images.photographs import opened, read_content
from ...images.png_decoding import decode_png
from ...results.records import PREDICTION_RECORD, settings_if_readable
from .probabilities import require_probability

# What the command `predict` writes into its folder.
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
        """What there is."""
        if self.masks:
            return "masks and probabilities" if self.probabilities else "masks"
        return "probabilities"

    @property
    def image_ids(self) -> Collection[str]:
        """Of which there is all that there should be."""
        if self.masks and self.probabilities:
            return self.masks.keys() & self.probabilities.keys()
        return (self.masks or self.probabilities).keys()


def find_predictions(folder: Path) -> Predictions:
    """List the predictions in a folder, and tell masks from probabilities.

    A folder with ``masks`` or ``probabilities`` in it, as `predict` writes, is these. Of any other,
    flat or in shards, all files are of one kind: ``.npy`` are probabilities, and so are PNG if the
    first of them, by id, is 16-bit gray; else they are masks.

    Raises
    ------
    ArgumentError
        There are no predictions, ``.npy`` beside images, or `predict` aligned the faces, so that
        it has to be said which of its masks are meant.
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
    found = _listed(folder, also={".npy"})
    first = next(iter(found.values()))
    if first.suffix.lower() == ".npy" or _is_16_bit_gray(first):
        return Predictions(folder, {}, found)
    return Predictions(folder, found, {})


def _is_aligned(folder: Path) -> bool:
    """Whether `predict` noted in a folder that it aligned the faces."""
    return bool(settings_if_readable(folder, PREDICTION_RECORD).get("align"))


def _listed(folder: Path, also: Collection[str] = ()) -> dict[str, Path]:
    found = find_images(folder, also=also, what="predictions")
    paths = {image_id: folder / file.path for image_id, file in found.items()}
    of_kind = {path.suffix.lower() == ".npy": path for path in paths.values()}
    if len(of_kind) > 1:
        raise ArgumentError(
            f"{folder} has both {of_kind[True].name} and {of_kind[False].name}; predictions are "
            "all of one kind"
        )
    return paths


def _is_16_bit_gray(path: Path) -> bool:
    """Whether the header of a file is that of a 16-bit gray PNG."""
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
        The file is damaged, or holds something else; it is named.
    """
    try:
        if path.suffix.lower() == ".npy":
            probability = _array(read_content(path))
        elif _is_16_bit_gray(path):
            content = read_content(path)
            with opened(content):
                probability = decode_png(content)
        else:
            read_content(path)  # which says so of a file that can not be read
            raise ImageError("not a 16-bit gray PNG, as the others; predictions are of one kind")
        require_probability(probability)
    except (ImageError, ArgumentError) as error:
        raise ImageError(f"{path}: {error}") from error
    return probability


def _array(content: bytes) -> np.ndarray:
    """What an ``.npy`` holds, in this machine's order of bytes."""
    try:
        found = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except READER_ERRORS as error:
        raise ImageError(f"damaged, or no array: {error}") from error
    return found.astype(found.dtype.newbyteorder("="), copy=False)
