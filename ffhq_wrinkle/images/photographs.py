"""Photographs: images read as RGB, upright, or as gray levels.

`read_image` reads photographs, `read_gray` gray levels, and `read_size` no more than the size of
either; `png_decoding` decodes PNG where that is faster. Masks are read in `masks`, label maps in
`faces.labels`.
"""

import io
import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import (
    ExifTags,
    Image,
    ImageFile,
    ImageOps,
    TiffImagePlugin,
    UnidentifiedImageError,
)

from ..errors import ImageError
from ..storage.places import Place, get
from .arrays import plain_array
from .png import MAX_SIDE, has_png_end, may_be_turned
from .png_decoding import MAX_PIXELS, decode_png

# The formats of photographs and masks, by Pillow's names, and the endings of their files.
FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
}
IMAGE_SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
REFUSED_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".gif", ".jp2", ".jxl", ".dng", ".cr2", ".nef"}
)

_SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange rows and columns (Exif 2.3, 4.6.4)
_TIFF_SIDES = (TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH)
MAX_BYTES = 1 << 30
# Pillow raises these on files that are cut short, altered or malicious.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
    MemoryError, RuntimeError, ZeroDivisionError, struct.error, zlib.error,
)  # fmt: skip


def read_image(path: Place) -> np.ndarray:
    """Read a photograph as RGB, upright.

    EXIF orientation is applied. Gray and palette images become RGB; 16-bit gray is scaled to
    8 bits (x / 257, rounded) and 16-bit colour keeps its high bytes; transparent pixels are blended
    with black. Colour profiles are not applied.

    Parameters
    ----------
    path : Place
        A PNG, JPEG, WebP, TIFF or BMP file with one picture of at most `MAX_PIXELS` pixels.

    Returns
    -------
    np.ndarray
        uint8, (H, W, 3), 0..255.

    Raises
    ------
    ImageError
        The file is not a readable image, or of a kind that is refused: CMYK, floating point,
        32-bit, several pages or frames, or more pixels than `MAX_PIXELS`.
    """
    content = read_content(path)
    with opened(content) as image:
        return decode_png(content) if _is_plain_png(image, content) else _as_rgb(image)


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
        with path.open("rb") as file, opened(file) as image:
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
        pixels = decode_png(content) if _is_plain_png(image, content) else _as_rgb(image)
    if (pixels != pixels[:, :, :1]).any():
        raise ImageError("it is in colour, but should be gray")
    return plain_array(pixels[:, :, 0])


def read_content(path: Place) -> bytes:
    """Read an image file's bytes, whatever they contain.

    Raises
    ------
    ImageError
        The file does not exist, is not a regular file, has a suffix that is refused, or is larger
        than `MAX_BYTES`.
    """
    require_regular(path)
    try:
        if isinstance(path, Path):
            size = path.stat().st_size
            content = path.read_bytes() if size <= MAX_BYTES else b""
        else:
            content = get(path, most=MAX_BYTES + 1)
            size = len(content)
    except FileNotFoundError as error:
        raise ImageError("no such file") from error
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    if size > MAX_BYTES:
        raise ImageError(f"larger than {MAX_BYTES} bytes, the most that an image may have")
    return content


def require_regular(path: Place) -> None:
    """Refuse what is not a regular file, and images of a suffix that is not read.

    Raises
    ------
    ImageError
        As `read_content`.
    """
    if path.suffix.lower() in REFUSED_SUFFIXES:
        raise ImageError(f"{path.suffix[1:].upper()} files are not read; convert to PNG or JPEG")
    if isinstance(path, Path) and not path.is_file():  # a FIFO or a device would block forever
        raise ImageError("not a regular file" if path.exists() else "no such file")


@contextmanager
def opened(
    content: bytes | BinaryIO, *, also: Collection[str] = ()
) -> Iterator[ImageFile.ImageFile]:
    """Open an image whose pixels are about to be decoded inside the `with` block.

    An open file is read only as far as its pixels are used. `also` has further modes of Pillow to
    accept, such as "I", 32-bit numbers.

    Raises
    ------
    ImageError
        As `read_image`, and in place of whatever decoders raise inside the block.
    """
    try:
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        with Image.open(file, formats=tuple(FORMATS)) as image:
            _require_readable(image, also)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"not an image of a kind that is read ({', '.join(FORMATS)})") from error
    except DECODER_ERRORS as error:
        raise ImageError(f"damaged or cut short: {error or type(error).__name__}") from error


def _require_readable(image: Image.Image, also: Collection[str]) -> None:
    """Refuse images that cannot be converted to one 8-bit RGB picture without guessing."""
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"{image.width}x{image.height} is more than {MAX_PIXELS} pixels; make it smaller"
        )
    if max(image.size) > MAX_SIDE:
        raise ImageError(f"{image.width}x{image.height}: no side may exceed {MAX_SIDE} pixels")
    # Phones write MPO as .jpg: a JPEG with a second picture (depth, gain map) behind it.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageError(f"{frames} pages or frames in one {image.format}; save only one of them")
    supported = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", *also}
    if image.mode == "I" and not _has_32_bits(image):
        supported -= {"I"}
    if image.mode not in supported and not image.mode.startswith("I;16"):
        raise ImageError(f"its pixels have mode {image.mode}; convert to 8-bit RGB or gray")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _require_readable_tiff(image)


def _has_32_bits(image: Image.Image) -> bool:
    """Return whether an image is a TIFF of 32-bit numbers; mode I also holds signed 16 bits."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    bits: object = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE)
    return bits == (32,)


def _require_readable_tiff(image: TiffImagePlugin.TiffImageFile) -> None:
    """Refuse 16-bit TIFF of kinds that Pillow reads wrongly."""
    bits = max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    white_is_0 = image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0
    planes = image.tag_v2.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
    if bits > 8 and (white_is_0 or planes):
        kind = "white as 0" if white_is_0 else "a plane for each colour"
        raise ImageError(f"{bits}-bit TIFF with {kind}; convert to 8-bit RGB or gray")


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


def _as_rgb(image: Image.Image) -> np.ndarray:
    """Convert a picture of any accepted mode to 8-bit RGB, upright."""
    if image.mode.startswith("I;16"):
        gray16 = np.asarray(ImageOps.exif_transpose(image), dtype=np.uint32)
        gray = ((gray16 + 128) // 257).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        black = Image.new("RGBA", layers.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, layers)
    return np.array(image.convert("RGB"))
