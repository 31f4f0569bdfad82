"""Files: images read as RGB, results written so that they are absent, old or whole.

`read_image` is the one reader of photographs, `decode_gray` of gray levels, and `write_bytes` the
one way out; `png_decoding` decodes PNG, and `png` encodes it.
Masks are read in `masks`, label maps in `labels`; which folders results go to is the business of
`outputs`.
"""

import csv
import errno
import hashlib
import io
import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from .errors import ImageError, OutputError
from .places import Place, get, put
from .png import MAX_SIDE, may_be_turned
from .png_decoding import MAX_PIXELS, decode_png

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
REFUSED_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".gif", ".jp2", ".jxl", ".dng", ".cr2", ".nef"}
)
PARTIAL_PREFIX = ".ffhq-wrinkle-partial-"

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
MAX_BYTES = 1 << 30
# What Pillow raises on files that are cut short, altered or made to hurt.
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
    MemoryError, RuntimeError, ZeroDivisionError, struct.error, zlib.error,
)  # fmt: skip
_MAX_JPEG_SIDE = 65_500
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def read_image(path: Place) -> np.ndarray:
    """Read a photograph as RGB, upright.

    EXIF orientation is applied. Gray and palette images become RGB; 16-bit gray is scaled to
    8 bits (x / 257, rounded) and 16-bit colour keeps its high bytes; pixels that an alpha channel
    makes transparent are blended with black. Colour profiles are not applied.

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
        The file is not a readable image, or one of a kind that is refused: CMYK, floating point,
        32-bit, several pages or frames, or more pixels than `MAX_PIXELS`.
    """
    content = read_content(path)
    with opened(content) as image:
        return decode_png(content) if _is_plain_png(image, content) else _as_rgb(image)


def decode_gray(content: bytes) -> np.ndarray:
    """Decode a gray picture, such as a texture map or shares of votes.

    Parameters
    ----------
    content : bytes
        A file as `read_image` takes it, without colours; 16 bits are scaled to 8.

    Returns
    -------
    np.ndarray
        uint8, (H, W), 0..255.

    Raises
    ------
    ImageError
        As `read_image`, or there is a colour in it.
    """
    with opened(content) as image:
        if _is_plain_png(image, content, "L"):  # no need to make three channels of one
            return decode_png(content)
        pixels = decode_png(content) if _is_plain_png(image, content) else _as_rgb(image)
    if (pixels != pixels[:, :, :1]).any():
        raise ImageError("it is in colour, where gray levels are wanted")
    return pixels[:, :, 0]


def read_content(path: Place) -> bytes:
    """Read an image file's bytes, whatever they are.

    Raises
    ------
    ImageError
        The file is not there, not a regular one, of a kind that is refused by its name, or larger
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
        raise ImageError(f"can not be read: {error.strerror or error}") from error
    if size > MAX_BYTES:
        raise ImageError(f"larger than {MAX_BYTES} bytes; no image that is read needs so many")
    return content


def require_regular(path: Place) -> None:
    """Refuse what is no file, and kinds of image that their names give away.

    Raises
    ------
    ImageError
        As `read_content`.
    """
    if path.suffix.lower() in REFUSED_SUFFIXES:
        raise ImageError(f"{path.suffix[1:].upper()} files are not read; convert to PNG or JPEG")
    if isinstance(path, Path) and not path.is_file():  # a FIFO or a device would block for ever
        raise ImageError("not a regular file" if path.exists() else "no such file")


@contextmanager
def opened(content: bytes | BinaryIO) -> Iterator[ImageFile.ImageFile]:
    """Open an image whose pixels are about to be decoded inside the `with` block.

    Of an open file only as much is read as is used.

    Raises
    ------
    ImageError
        As `read_image`; also for whatever decoders raise inside the block.
    """
    try:
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        with Image.open(file, formats=_FORMATS) as image:
            _require_readable(image)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"not an image of a kind that is read ({', '.join(_FORMATS)})") from error
    except _DECODER_ERRORS as error:
        raise ImageError(f"damaged or cut short: {error or type(error).__name__}") from error


def _require_readable(image: Image.Image) -> None:
    """Refuse, by name, what can not be turned into one 8-bit RGB picture without guessing."""
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"{image.width}x{image.height} is more than {MAX_PIXELS} pixels; make it smaller"
        )
    if max(image.size) > MAX_SIDE:
        raise ImageError(f"{image.width}x{image.height}: no side may exceed {MAX_SIDE} pixels")
    # MPO is what phones write as .jpg: a JPEG with a second picture (depth, gain map) behind it.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageError(f"{frames} pages or frames in one {image.format}; save the one you mean")
    supported = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"}
    if image.mode not in supported and not image.mode.startswith("I;16"):
        raise ImageError(f"pixels are of mode {image.mode}; convert to 8-bit RGB or gray")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _require_readable_tiff(image)


def _require_readable_tiff(image: TiffImagePlugin.TiffImageFile) -> None:
    """Refuse 16-bit TIFF of kinds that Pillow takes for others."""
    bits = max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    white_is_0 = image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0
    planes = image.tag_v2.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
    if bits > 8 and (white_is_0 or planes):
        kind = "white as 0" if white_is_0 else "a plane for each colour"
        raise ImageError(f"{bits}-bit TIFF with {kind}; convert to 8-bit RGB or gray")


def _is_plain_png(image: ImageFile.ImageFile, content: bytes, mode: str = "RGB") -> bool:
    """Whether libpng gives the pixels of this PNG as Pillow would, and so may decode it."""
    return (
        image.mode == mode
        and image.format == "PNG"
        and image.tile[0].args == mode  # not RGB;16B, 16 bits a channel
        and "transparency" not in image.info
        and not may_be_turned(image, content)
    )


def _as_rgb(image: Image.Image) -> np.ndarray:
    """Turn a picture of any accepted mode upright and into 8-bit RGB."""
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


def encode_jpeg(pixels: np.ndarray, note: str) -> bytes:
    """Encode RGB, uint8 (H, W, 3), as JPEG of high quality that keeps a note as its comment.

    Raises
    ------
    ImageError
        A side is longer than JPEG can have.
    """
    if max(pixels.shape) > _MAX_JPEG_SIDE:
        raise ImageError(
            f"{pixels.shape[1]}x{pixels.shape[0]}: no JPEG has a side of more than "
            f"{_MAX_JPEG_SIDE} pixels"
        )
    content = io.BytesIO()
    comment = note.encode("utf-8", "replace")
    # 4:4:4, for thin coloured lines would fade into what is around them.
    Image.fromarray(pixels).save(content, "JPEG", quality=90, subsampling=0, comment=comment)
    return content.getvalue()


def jpeg_note(path: Path) -> str | None:
    """The note that `encode_jpeg` wrote; None where the file lacks it or does not end as a JPEG."""
    content = path.read_bytes() if path.is_file() else b""
    if not (content.startswith(_JPEG_START) and content.endswith(_JPEG_END)):
        return None
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            comment = image.info.get("comment", b"")
    except _DECODER_ERRORS:
        return None
    return bytes(comment).decode("utf-8", "replace")


def write_bytes(path: Place, content: bytes) -> None:
    """Write a file so that under its name there is always the old content or the new one, whole.

    Raises
    ------
    OutputError
        The disk is full, or the file can not be written for another reason. Nothing is left.
    """
    if not isinstance(path, Path):
        try:
            put(path, content)
        except OSError as error:
            raise output_error(path, error) from error
        return
    # Of its own: the file's name may be as long as the system allows, and a worker on another
    # machine, where it has the same process id, may be at the same file.
    partial = path.with_name(f"{PARTIAL_PREFIX}{secrets.token_hex(8)}")
    try:
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise output_error(path, error) from error


class InnerFolders:
    """Makes folders within a folder, and none that a link leads out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._made: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Make a folder, unless it is there.

        Raises
        ------
        OutputError
            It can not be made, or is outside.
        """
        if folder in self._made:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(folder, error) from error
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise OutputError(f"{folder} is a link that leads out of {self.root}")
        self._made.add(folder)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as CSV, which names of files that are no text pass through unharmed."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def output_error(path: Place, error: OSError) -> OutputError:
    """Say why a file can not be written, and what to do if the disk is full."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    advice = "; make room and run the same command again, what is done is kept" if full else ""
    return OutputError(f"{path}: {error.strerror or error}{advice}")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
