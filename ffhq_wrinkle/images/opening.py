"""Opening: image files recognised by their content, with their pixels not decoded yet.

`opened` takes what `read_content` reads, or an open file, and refuses the kinds of picture that are
not read. `photographs` and `masks` decode the pixels.
"""

import importlib.util
import io
import struct
import threading
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO

# The plugins register themselves in `Image.OPEN`.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
    features,
)

from ..errors import ArgumentError, ImageError
from ..storage.places import Place, get
from .limits import require_few_pixels
from .png import MAX_SIDE

# The formats of photographs and masks, by Pillow's names, and the endings of their files.
FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif", ".hif"),
}
IMAGE_SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
REFUSED_SUFFIXES = frozenset({".gif", ".jp2", ".jxl", ".dng", ".cr2", ".nef"})
_HEIF_ADVICE = "HEIC photographs require pillow-heif: pip install 'ffhq-wrinkle[heif]'"
_AVIF_ADVICE = "this Pillow was built without AVIF: pip install --force-reinstall pillow"

# Brands of the file type box (ISO/IEC 14496-12, 4.3; 23008-12, annex B; AVIF 1.1, 8).
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
}
_HEAD_BYTES = 256
_KINDS_OF_PILLOW = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
MAX_BYTES = 1 << 30
_LIMIT_LIFTED = threading.Lock()
# Pillow raises these on files that are cut short, altered or malicious.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
    MemoryError, RuntimeError, ZeroDivisionError, struct.error, zlib.error,
)  # fmt: skip


@cache
def readable_suffixes() -> frozenset[str]:
    """Return the endings of files that can be read with the libraries that are installed."""
    missing = {
        *(() if importlib.util.find_spec("pillow_heif") else FORMATS["HEIF"]),
        *(() if features.check("avif") else FORMATS["AVIF"]),
    }
    return IMAGE_SUFFIXES - missing


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

    An open file is read only as far as its pixels are used; AVIF and HEIF are read whole.

    Parameters
    ----------
    content : bytes or binary file
        The file.
    also : collection of str
        Further modes of Pillow to accept: "CMYK", or "I" for 32-bit numbers.

    Raises
    ------
    ImageError
        As `photographs.read_image`, and in place of whatever decoders raise inside the block.
    ArgumentError
        As `limits.most_pixels`.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        with _identified(file) as image:
            _require_readable(image, also)
            _prepare_large_tiff(image)
            yield image
    except ArgumentError:
        raise  # although it is a ValueError
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"not an image of a kind that is read ({', '.join(FORMATS)})") from error
    except DECODER_ERRORS as error:
        raise ImageError(f"damaged or cut short: {error or type(error).__name__}") from error


def _identified(file: BinaryIO) -> ImageFile.ImageFile:
    """Open an image as `Image.open` does, but without its limit of pixels, which is global.

    Raises
    ------
    UnidentifiedImageError
        The file is of no kind in `FORMATS`.
    ImageError
        A library that reads its kind is not installed.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    brands = _brands(head)
    if not brands.isdisjoint(_AVIF_BRANDS):
        return _opened_avif(file)
    if not brands.isdisjoint(_HEIF_BRANDS):
        return _opened_heif(file)
    for kind in _KINDS_OF_PILLOW:
        factory, accepts = Image.OPEN[kind]
        if accepts and accepts(head) is True:
            file.seek(0)
            try:
                with _without_pillows_limit():
                    return factory(file, "")
            except (SyntaxError, IndexError, TypeError, struct.error) as error:
                raise UnidentifiedImageError from error
    raise UnidentifiedImageError


@contextmanager
def _without_pillows_limit() -> Iterator[None]:
    """Lift Pillow's limit of pixels, which it checks in TIFF, WebP and MPO.

    `require_few_pixels` takes its place, before any pixel is decoded. The limit is a global of
    Pillow, so one thread at a time lifts it, and never while pixels are decoded.
    """
    with _LIMIT_LIFTED:
        most = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = most


def _prepare_large_tiff(image: ImageFile.ImageFile) -> None:
    """Allocate the pixels of a TIFF above Pillow's limit, which it checks when it does that."""
    most = Image.MAX_IMAGE_PIXELS
    is_tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
    if is_tiff and most is not None and image.width * image.height > most:
        with _without_pillows_limit():
            image.load_prepare()


def _brands(head: bytes) -> set[bytes]:
    """Return the brands of a file of the HEIF family, given its first bytes; none for others."""
    if head[4:8] != b"ftyp":
        return set()
    box = head[8 : int.from_bytes(head[:4])]
    # The major brand, its version, and the compatible brands.
    return {box[at : at + 4] for at in range(0, len(box), 4) if at != 4}


def _opened_avif(file: BinaryIO) -> ImageFile.ImageFile:
    if not features.check("avif"):
        raise ImageError(_AVIF_ADVICE)
    file.seek(0)
    image = Image.OPEN["AVIF"][0](file, "")
    # The rotation of the container, which Pillow keeps as Exif, is all that counts (HEIF, 6.5.10).
    image.info.pop("xmp", None)
    return image


def _opened_heif(file: BinaryIO) -> ImageFile.ImageFile:
    """Open the primary image of a HEIF file, turned as its container says."""
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise ImageError(_HEIF_ADVICE) from error
    file.seek(0)
    return HeifImageFile(file)


def _require_readable(image: ImageFile.ImageFile, also: Collection[str]) -> None:
    """Refuse images that cannot be converted to one 8-bit RGB picture without guessing."""
    require_few_pixels(*image.size)
    if max(image.size) > MAX_SIDE:
        raise ImageError(f"{image.width}x{image.height}: no side may exceed {MAX_SIDE} pixels")
    # The first picture of an MPO and the primary one of a HEIF file are those that phones show; the
    # others are depth, gain maps or the rest of a burst.
    frames = 1 if image.format in ("MPO", "HEIF") else getattr(image, "n_frames", 1)
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
