"""Stored images: masks that tools keep as PNG files, in text or beside their JSON."""

import base64
import binascii

import numpy as np

from ..errors import ImageError
from ..images.opening import opened
from ..images.photographs import stored_pixels
from .export_files import ExportError


def png_levels(content: bytes, place: str, *, values: bool = False) -> np.ndarray:
    """Decode the mask in a PNG file: its alpha if it has one, else its levels.

    Parameters
    ----------
    content : bytes
        The file.
    place : str
        Where it is, for errors.
    values : bool
        Any value but 0 is drawn, as in masks of 0 and 1; otherwise levels are returned.

    Returns
    -------
    np.ndarray
        uint8 levels (h, w); or bool where there is no alpha and `values` is set.

    Raises
    ------
    ExportError
        It is not a picture that can be read.
    """
    try:
        with opened(content) as image:
            pixels = stored_pixels(image, content)
    except ImageError as error:
        raise ExportError(f"{place}: {error}") from error
    if pixels.dtype != np.uint8:
        raise ExportError(f"{place}: a mask of {pixels.dtype}, not of 8 bits")
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        return pixels[:, :, -1]
    levels: np.ndarray = pixels if pixels.ndim == 2 else pixels.max(axis=2)
    return levels > 0 if values else levels


def base64_bytes(text: object, place: str) -> bytes:
    """Decode base64, perhaps as a data address such as ``data:image/png;base64,...``.

    Raises
    ------
    ExportError
        It is not base64.
    """
    if not isinstance(text, str):
        raise ExportError(f"{place}: its mask is not text")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ExportError(f"{place}: its mask is not base64: {error}") from error
