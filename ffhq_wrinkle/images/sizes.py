"""Sizes: arrays that belong to one image have its size, are resized to it, or are refused."""

from typing import Literal

import numpy as np

from ..errors import ImageFailure, SizeError

_HOW_TO_RESIZE = "make them the same size, or allow resizing by --resize nearest"


def require_size(
    shape: tuple[int, ...],
    wanted: tuple[int, ...],
    *,
    name: object,
    of: object,
    advice: str = "",
    error: type[ImageFailure] = SizeError,
) -> None:
    """Refuse an array whose size differs from that of its image.

    Parameters
    ----------
    shape, wanted : tuple of int
        The shape of an array (H, W), and the shape that it should have.
    name, of : object
        Names of the array and the image in the error: their paths, or words.
    advice : str
        Advice to the user at the end of the error.
    error : type
        Type of the error.

    Raises
    ------
    SizeError
        The sizes differ; or `error`.

    >>> require_size((4, 6), (8, 6), name="a.png", of="b.png")
    Traceback (most recent call last):
    ffhq_wrinkle.errors.SizeError: a.png is 6x4, but b.png is 6x8
    """
    if shape != wanted:
        (height, width), (wanted_height, wanted_width) = shape[:2], wanted[:2]
        said = f"{name} is {width}x{height}, but {of} is {wanted_width}x{wanted_height}"
        raise error(f"{said}; {advice}" if advice else said)


def of_size(
    array: np.ndarray,
    wanted: tuple[int, int],
    *,
    name: object,
    of: object,
    resize: Literal["nearest"] | None,
    error: type[ImageFailure] = SizeError,
) -> np.ndarray:
    """Return an array (H, W) at the wanted size.

    Parameters
    ----------
    array : np.ndarray
        (H, W), of any dtype.
    wanted : tuple of int
        Rows and columns.
    name, of, error
        As `require_size`.
    resize : "nearest", optional
        Resize an array of another size by `resized_nearest`; without it this is an error.

    Raises
    ------
    SizeError
        The sizes differ and `resize` is None; or `error`.
    """
    if array.shape == wanted:
        return array
    if resize:
        return resized_nearest(array, wanted)
    require_size(array.shape, wanted, name=name, of=of, advice=_HOW_TO_RESIZE, error=error)
    return array


def resized_nearest(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize an array (H, W) so that each pixel takes the pixel that its centre lies in.

    >>> resized_nearest(np.array([[1, 2]]), (2, 4))
    array([[1, 1, 2, 2],
           [1, 1, 2, 2]])
    """
    # Pixel i's centre is at (i + 0.5) / length of the side; in integers, so without rounding.
    rows, columns = (
        (2 * np.arange(length) + 1) * old // (2 * length)
        for length, old in zip(shape, array.shape, strict=True)
    )
    return array.take(columns, axis=1).take(rows, axis=0)
