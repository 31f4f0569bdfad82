"""Masks and photographs: the files of one image in formats that have a folder for each."""

from pathlib import Path

import numpy as np

from ...errors import ImageError, SizeError
from ...images.named import read_named
from ...images.photographs import read_size
from ..pictures import PictureFile, photo_file, read_human_mask, rgb_png_file
from ..source import Item


def human_mask(item: Item) -> np.ndarray:
    """Read the human mask of an image that has one, bool (H, W).

    Raises
    ------
    ImageError
        It cannot be read.
    """
    if item.mask is None:
        raise ImageError(f"{item.image_id} has no human mask")
    return read_human_mask(item.mask)


def photograph_of(item: Item, size: tuple[int, int], *, as_png: bool = False) -> PictureFile:
    """Read the photograph of an image.

    Parameters
    ----------
    item : Item
    size : tuple of int
        Rows and columns of the mask.
    as_png : bool
        Whether it must be an RGB PNG.

    Raises
    ------
    ImageError
        There is none, or it cannot be read.
    SizeError
        It does not have the size of the mask.
    """
    path = _path_of(item)
    photograph = (rgb_png_file if as_png else photo_file)(path)
    _require_size(item, path, photograph.size, size)
    return photograph


def referenced_photograph(item: Item, size: tuple[int, int]) -> Path:
    """Return the path of a photograph that stays where it is; raises as `photograph_of`."""
    path = _path_of(item)
    _require_size(item, path, read_named(path, read_size), size)
    return path


def _path_of(item: Item) -> Path:
    if item.image is None:
        raise ImageError(f"{item.image_id} has no photograph")
    return item.image


def _require_size(item: Item, path: Path, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    if size != wanted:
        raise SizeError(
            f"{path} has {size[1]}x{size[0]} pixels, but {item.mask} {wanted[1]}x{wanted[0]}"
        )
