"""Pictures: reading of photographs and masks, with errors that name the file."""

import numpy as np

from ..images import masks, photographs
from ..images.named import read_named
from .arguments import AnyPath, as_place


def read_image(path: AnyPath) -> np.ndarray:
    """Read a photograph as RGB, upright.

    Parameters
    ----------
    path : str or Path
        A PNG, JPEG, WebP, TIFF, BMP, AVIF or HEIC file, or its address in an object store.

    Returns
    -------
    np.ndarray
        uint8 (H, W, 3), 0..255.

    Raises
    ------
    ImageError
        As in `images.photographs.read_image`.
    """
    return read_named(as_place(path), photographs.read_image, name=str(path))


def read_mask(path: AnyPath, *, threshold: int | None = None) -> np.ndarray:
    """Read a mask.

    Parameters
    ----------
    path : str or Path
        A PNG, BMP, TIFF, WebP or JPEG file with two values, one of which is 0.
    threshold : int, optional
        For files with more than two values: pixels of at least this value are drawn.

    Returns
    -------
    np.ndarray
        bool (H, W).

    Raises
    ------
    ImageError
        As in `images.masks.read_mask`.
    """
    return read_named(
        as_place(path),
        lambda place: masks.read_mask(place, threshold=threshold),
        name=str(path),
        keep_advice=True,
    )
