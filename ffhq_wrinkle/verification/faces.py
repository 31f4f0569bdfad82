"""Faces: the sample's label map by BiSeNet, and its masked image."""

from pathlib import Path

import numpy as np

from ..dataset.sources import source
from ..errors import ImageFailure, SourceError
from ..faces.labels import read_label_map
from ..images.named import read_named
from ..images.photographs import read_image
from ..images.png import encode_png
from ..reports.contact_sheets import fitted
from .checks import Check, Picture, absent, command, state_of
from .data_files import DataFiles
from .files import LABEL_MAP, PHOTO, WEIGHTS
from .published import Published

GROUP = "Faces"
MASKED_IMAGES_FOLDER = "masked_face_images"
_CLOSE_SHARE = 0.001  # cells of a label map, or pixels of a masked image
_PICTURE_HEIGHT = 512


def label_map_check(
    files: DataFiles, published: Published, weights: Path | None, device: str
) -> tuple[Check, Picture | None]:
    """Hold BiSeNet's label map of the sample against the published one.

    Parameters
    ----------
    files, published
        The data set, and the known figures.
    weights : Path, optional
        BiSeNet's weights; those in the cache if not given.
    device : str
        As in `inference.devices.choose_device`.

    Returns
    -------
    tuple of Check and Picture or None
        The check, and a picture of the cells that differ, if any do.
    """
    sample, third_party = published.sample, published.sources["third-party"]
    name = f"{LABEL_MAP.format(sample)}, by BiSeNet"
    expected = f"the published one; a third party's differed in {published.label_cells} cells"
    inputs = (PHOTO.format(sample), LABEL_MAP.format(sample), WEIGHTS)
    photo, label_map = files.images.get(sample), files.label_map(sample)
    weights = weights or source("bisenet").cached
    if photo is None or label_map is None or not weights.is_file():
        text = "download weights DATA"
        if photo is None:
            text = f"download images DATA --ids {sample}"
        elif label_map is None:
            text = "download labels DATA --only parsed"
        get = command(text, files.data)
        lacking = absent(GROUP, name, expected=expected, source=third_party, get=get, inputs=inputs)
        return lacking, None
    picture = None
    try:
        image = read_named(photo, read_image)
        theirs = read_label_map(label_map)
        ours = _by_bisenet(image, sample, weights, device)
    except (ImageFailure, SourceError) as error:
        state, found, note = state_of(1, close=0), "none", str(error)
    else:
        cells = int(np.count_nonzero(ours != theirs))
        state = state_of(cells, close=_CLOSE_SHARE * theirs.size)
        found = f"{cells:,} of {theirs.size:,} cells differ"
        note = "" if state == "equal" else f"{100 * cells / theirs.size:.4f} % of the cells"
        if cells:
            picture = _difference_picture(sample, image, theirs, ours)
    check = Check(
        group=GROUP, name=name, expected=expected, source=third_party, state=state, found=found,
        note=note, inputs=inputs,
    )  # fmt: skip
    return check, picture


def _by_bisenet(image: np.ndarray, image_id: str, weights: Path, device: str) -> np.ndarray:
    from ..faces.bisenet import BiSeNetParser  # loads facexlib

    # PyTorch, as the third party's: ncnn may differ in a cell.
    parser = BiSeNetParser(weights, device=device, engine="torch")
    return parser([image], [image_id])[0]


def _difference_picture(
    image_id: str, image: np.ndarray, theirs: np.ndarray, ours: np.ndarray
) -> Picture:
    """Draw a photograph, and the cells in which two label maps differ in white."""
    apart = (theirs != ours) * np.uint8(255)
    panels = [fitted(image, _PICTURE_HEIGHT), np.repeat(apart[:, :, None], 3, axis=2)]
    height = min(panel.shape[0] for panel in panels)
    picture = np.hstack([fitted(panel, height) for panel in panels])
    return Picture(image_id, "cells in which the label maps differ, white", encode_png(picture))


def masked_image_check(files: DataFiles, published: Published) -> Check:
    """Hold the sample's masked image against the one in the data set, pixel by pixel."""
    sample = published.sample
    name = f"masked image of {sample}"
    path = files.data / MASKED_IMAGES_FOLDER / f"{sample}.png"
    expected, source_text = f"{MASKED_IMAGES_FOLDER}/{sample}.png", "the data set"
    inputs = (PHOTO.format(sample), LABEL_MAP.format(sample))
    try:
        parts = files.photo_and_face(sample)
        theirs = read_named(path, read_image) if path.is_file() else None
    except ImageFailure as error:
        return Check(
            group=GROUP, name=name, expected=expected, source=source_text, state="different",
            found="none", note=str(error), inputs=inputs,
        )  # fmt: skip
    if parts is None or theirs is None:
        get = "the authors' masking script writes it; it is in no archive"
        return absent(GROUP, name, expected=expected, source=source_text, get=get, inputs=inputs)
    image, face = parts
    ours = image * face[:, :, None]
    if ours.shape != theirs.shape:
        pixels = ours.shape[0] * ours.shape[1]
    else:
        pixels = int(np.count_nonzero((ours != theirs).any(axis=2)))
    return Check(
        group=GROUP,
        name=name,
        expected=expected,
        source=source_text,
        state=state_of(pixels, close=_CLOSE_SHARE * face.size),
        found=f"{pixels:,} of {face.size:,} pixels differ",
        inputs=inputs,
    )
