"""Limits: the most pixels that an image may have."""

import os

from ..errors import ArgumentError, ImageError

# Where Pillow warns, 2**30 / 12 pixels; a face needs no more.
MAX_PIXELS = 89_478_485
MAX_PIXELS_VARIABLE = "FFHQ_WRINKLE_MAX_PIXELS"
_BYTES_PER_PIXEL = 3


def most_pixels() -> int:
    """Return the most pixels that an image may have: `MAX_PIXELS`, or what the environment sets.

    Raises
    ------
    ArgumentError
        The environment variable FFHQ_WRINKLE_MAX_PIXELS is not a positive whole number.
    """
    chosen = os.environ.get(MAX_PIXELS_VARIABLE)
    if not chosen:
        return MAX_PIXELS
    if not (chosen.isascii() and chosen.isdigit() and int(chosen)):
        raise ArgumentError(
            f"{MAX_PIXELS_VARIABLE} is {chosen!r}; it should be a number of pixels, such as "
            f"{2 * MAX_PIXELS}"
        )
    return int(chosen)


def require_few_pixels(width: int, height: int) -> None:
    """Refuse an image of more than `most_pixels`.

    Raises
    ------
    ImageError
        The image is larger; the error names the number to change.
    ArgumentError
        As `most_pixels`.
    """
    pixels, most = width * height, most_pixels()
    if pixels > most:
        gigabytes = _BYTES_PER_PIXEL * pixels / 1e9
        raise ImageError(
            f"too many pixels: {width}x{height} is {pixels}, and at most {most} are read; make it "
            f"smaller, or set {MAX_PIXELS_VARIABLE}={pixels} (each such photograph then takes "
            f"{gigabytes:.1f} GB, and its processing several times that)"
        )
