"""Photographs: images read as RGB, upright, or as gray levels.

`read_image` reads photographs, `read_gray` gray levels, and `read_size` no more than the size of
either; `png_decoding` decodes PNG where that is faster. Masks are read in `masks`, label maps in
`faces.labels`.
"""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, TiffImagePlugin

from ..errors import ImageError
from ..storage.places import Place
from .arrays import plain_array
from .code_points import code_points_of_heif, code_points_of_png, profile_of
from .colour_profiles import in_srgb
from .opening import opened, read_content, require_regular
from .png import has_png_end, may_be_turned
from .png_decoding import decode_png

_CONVERTED = ("CMYK",)  # colours that are converted
_SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange rows and columns (Exif 2.3, 4.6.4)
_TIFF_SIDES = (TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH)


def read_image(path: Place, *, apply_profile: bool = True) -> np.ndarray:
    """Read a photograph as RGB, upright, in the colours of sRGB.

    The orientation of Exif, or of a HEIF or AVIF container, is applied. Colours that an ICC
    profile or code points define are converted to sRGB; other pictures are sRGB already. Gray and
    palette images become RGB; 16-bit gray is scaled to 8 bits (x / 257, rounded) and 16-bit colour
    keeps its high bytes; transparent pixels are blended with black. CMYK is converted by its
    profile, or without one by Pillow's formula.

    Parameters
    ----------
    path : Place
        A PNG, JPEG, WebP, TIFF, BMP, AVIF or HEIF file of at most `limits.most_pixels` pixels, with
        one picture, or several of which one is the primary (MPO, HEIF).
    apply_profile : bool
        Whether a colour profile is applied; otherwise the levels are as stored.

    Returns
    -------
    np.ndarray
        uint8, (H, W, 3), 0..255.

    Raises
    ------
    ImageError
        The file is not a readable image, or of a kind that is refused: floating point, 32-bit,
        high dynamic range (PQ or HLG), several pages or frames, or too many pixels; or a library
        that reads it is not installed.
    """
    content = read_content(path)
    with opened(content, also=_CONVERTED) as image:
        profile = _profile(image, content) if apply_profile else None
        if not _is_plain_png(image, content):
            return in_srgb(_flat(image), profile)
        pixels = decode_png(content)
    return in_srgb(Image.fromarray(pixels), profile) if profile else pixels


def _profile(image: ImageFile.ImageFile, content: bytes) -> bytes | None:
    """Return the ICC profile of an opened image, or that of its code points.

    Raises
    ------
    ImageError
        Its brightness is coded for high dynamic range.
    """
    icc: bytes | None = image.info.get("icc_profile") or None
    if image.format == "PNG":  # code points come before a profile (PNG 3, 4.3)
        code_points = code_points_of_png(content)
        return icc if code_points is None else profile_of(code_points)
    if icc is None and image.format in ("AVIF", "HEIF"):
        code_points = code_points_of_heif(content)
        return None if code_points is None else profile_of(code_points)
    return icc


def read_size(path: Path) -> tuple[int, int]:
    """Read the rows and columns of an image as `read_image` would turn it.

    Pixels are decoded only if it is a PNG that may hold an orientation.

    Raises
    ------
    ImageError
        As `read_image`, as far as the file's header and end tell.
    """
    height, width, sideways = _read_header(path)
    return (width, height) if sideways else (height, width)


def stored_size(path: Path) -> tuple[int, int]:
    """Read the rows and columns of an image as they are stored, before it is turned upright.

    Raises
    ------
    ImageError
        As `read_size`.
    """
    height, width, _ = _read_header(path)
    return height, width


def _read_header(path: Path) -> tuple[int, int, bool]:
    """Read rows and columns as they are stored, and whether upright they change places."""
    require_regular(path)
    try:
        with path.open("rb") as file, opened(file, also=_CONVERTED) as image:
            if image.format == "PNG" and not has_png_end(path):
                raise ImageError("damaged or cut short: the PNG has no end")
            sideways = _orientation(image, file) in _SIDEWAYS
            width, height = image.size
            if isinstance(image, TiffImagePlugin.TiffImageFile):
                # Pillow's versions differ in whether the size is that of the turned image.
                width, height = (image.tag_v2[tag] for tag in _TIFF_SIDES)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    return height, width, sideways


def _orientation(image: ImageFile.ImageFile, file: BinaryIO) -> object:
    """Return the orientation of an opened image: 1 to 8, or whatever else its Exif or XMP says."""
    if image.format == "PNG":
        if not may_be_turned(file):
            return 1
        image.load()  # since Exif and XMP may stand behind the pixels
    return image.getexif().get(ExifTags.Base.Orientation, 1)


def read_gray(path: Place) -> np.ndarray:
    """Read a gray picture, such as a weak mask, a texture map or shares of votes.

    Parameters
    ----------
    path : Place
        A file as `read_image` takes it, in gray.

    Returns
    -------
    np.ndarray
        As `decode_gray`.

    Raises
    ------
    ImageError
        As `read_content` and `decode_gray`.
    """
    return decode_gray(read_content(path))


def decode_gray(content: bytes) -> np.ndarray:
    """Decode a gray picture, such as a texture map or shares of votes.

    Parameters
    ----------
    content : bytes
        A file as `read_image` takes it, in gray; 16 bits are scaled to 8.

    Returns
    -------
    np.ndarray
        uint8, (H, W), 0..255.

    Raises
    ------
    ImageError
        As `read_image`, or the picture is in colour.
    """
    with opened(content) as image:
        if _is_plain_png(image, content, "L"):  # which saves making three channels of one
            return decode_png(content)
        pixels = (
            decode_png(content)
            if _is_plain_png(image, content)
            else np.array(_flat(image).convert("RGB"))
        )
    if (pixels != pixels[:, :, :1]).any():
        raise ImageError("it is in colour, but should be gray")
    return plain_array(pixels[:, :, 0])


def stored_pixels(image: ImageFile.ImageFile, content: bytes) -> np.ndarray:
    """Return the pixels of an opened image as they are stored, but upright.

    Palettes become RGB and transparency an alpha channel; one bit becomes 0 and 255.

    Returns
    -------
    np.ndarray
        uint8 or uint16, (H, W) gray, or (H, W, 2..4) with colour or alpha.

    Raises
    ------
    ImageError
        The image has 16 bits per channel and is in colour, and its kind of file is read by Pillow,
        which keeps only the high bytes.
    """
    if image.format == "PNG" and not may_be_turned(io.BytesIO(content)):
        return decode_png(content)
    stored = str(image.tile[0].args) if image.tile else ""
    if ";16" in stored and not image.mode.startswith("I;16"):
        # In the high bytes 0 and 1 are the same.
        raise ImageError("16 bits per channel in colour or with EXIF; save it as 8-bit gray")
    upright: Image.Image = ImageOps.exif_transpose(image)
    if upright.mode in ("P", "PA") or upright.has_transparency_data:
        upright = upright.convert("RGBA")
    pixels = plain_array(upright)
    return pixels * np.uint8(255) if pixels.dtype == bool else pixels


def _is_plain_png(image: ImageFile.ImageFile, content: bytes, mode: str = "RGB") -> bool:
    """Tell whether libpng decodes this PNG to the same pixels as Pillow."""
    return (
        image.mode == mode
        and image.format == "PNG"
        and image.tile[0].args == mode  # not RGB;16B, 16 bits per channel
        and "transparency" not in image.info
        and not may_be_turned(io.BytesIO(content))
    )


def _flat(image: Image.Image) -> Image.Image:
    """Convert a picture of any accepted mode to opaque 8-bit gray, RGB or CMYK, upright."""
    gray = image.mode in ("LA", "La")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        gray16 = np.asarray(image, dtype=np.uint32)
        return Image.fromarray(((gray16 + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        black = Image.new("RGBA", layers.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, layers)
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if gray or image.mode == "1" else "RGB")
