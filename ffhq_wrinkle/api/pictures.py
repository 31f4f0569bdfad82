"""Pictures: photographs and masks read from files, whose errors name the file."""

from collections.abc import Callable

import numpy as np

from ..errors import ImageError
from ..images import masks, photographs
from ..storage.places import Place
from .arguments import AnyPath, as_place


def read_image(path: AnyPath) -> np.ndarray:
    """Read a photograph as RGB, upright.

    Parameters
    ----------
    path : str or Path
        A PNG, JPEG, WebP, TIFF or BMP file, or the address of an object.

    Returns
    -------
    np.ndarray
        uint8 (H, W, 3), 0..255.

    Raises
    ------
    ImageError
        As in `images.photographs.read_image`.
    """
    return _named(path, photographs.read_image)


def read_mask(path: AnyPath, *, threshold: int | None = None) -> np.ndarray:
    """Read a mask.

    Parameters
    ----------
    path : str or Path
        A PNG, BMP, TIFF, WebP or JPEG file of two values, of which one is 0.
    threshold : int, optional
        For files of more than two values: levels of at least this are drawn.

    Returns
    -------
    np.ndarray
        bool (H, W).

    Raises
    ------
    ImageError
        As in `images.masks.read_mask`.
    """
    return _named(path, lambda place: masks.read_mask(place, threshold=threshold))


def _named(path: AnyPath, read: Callable[[Place], np.ndarray]) -> np.ndarray:
    try:
        return read(as_place(path))
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
