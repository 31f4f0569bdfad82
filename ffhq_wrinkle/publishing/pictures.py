"""Pictures: the files of photographs and masks as they are published.

Compressed pixels are copied as they are where loaders read them as this package does. Anything
else in a file is left out: where and by whom a photograph was taken, who drew a mask.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from isal import isal_zlib
from PIL import ExifTags

from ..errors import ImageError
from ..images.masks import decode_mask, read_mask
from ..images.named import read_named
from ..images.opening import opened, read_content
from ..images.photographs import read_gray, read_image, read_size
from ..images.png import (
    COMMENT,
    HEADER,
    HEADER_AT,
    NOTE,
    PNG_SIGNATURE,
    encode_png,
    is_whole_png,
    note_in,
    png_chunks,
    png_data_hash,
)
from ..images.png_decoding import decode_png

_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_COLOURS = (b"gAMA", b"cHRM", b"sRGB", b"iCCP")
_GRAY, _RGB = 0, 2  # colour types (PNG specification, 11.2.1)
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_TURNING = (b"Raw profile type", b"XML:com.adobe.xmp", b"xmp")  # texts that may hold an orientation
_FUSED = "fused mask; "
# JPEG's markers (ITU-T T.81, table B.1; JFIF; Adobe), of the segments that decoding needs.
_SCAN, _END, _APP0, _APP2, _APP14, _APP15, _COMMENT = 0xDA, 0xD9, 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
# A marker in the pixels of a scan; FF 00 is a byte FF, FF D0 to FF D7 are restarts (T.81, B.1.1).
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class PictureFile(NamedTuple):
    """A file to be published: its content, its suffix, and rows and columns of the picture."""

    content: bytes
    suffix: str
    size: tuple[int, int]


def mask_file(path: Path) -> PictureFile:
    """Read a mask of two values as a PNG of 0 and 255.

    Raises
    ------
    ImageError
        The mask cannot be read; the error names it.
    """
    content = read_named(path, read_content)
    plain = read_named(path, lambda _: _bare_gray_png(content))
    if plain and (_is_fused(content) or _is_black_and_white(path, content)):
        return plain
    mask = read_named(path, lambda _: decode_mask(content))
    return _encoded(mask * np.uint8(255))


def gray_file(path: Path) -> PictureFile:
    """Read a weak mask or a soft mask as an 8-bit gray PNG.

    Raises
    ------
    ImageError
        The picture cannot be read; the error names it.
    """
    content = read_named(path, read_content)
    plain = read_named(path, lambda _: _bare_gray_png(content))
    return plain or _encoded(read_named(path, read_gray))


def photo_file(path: Path) -> PictureFile:
    """Read a photograph as a PNG or JPEG without data about who took it, where and when.

    A photograph that is stored on its side, or in another format, becomes an upright PNG.

    Raises
    ------
    ImageError
        The photograph cannot be read; the error names it.
    """
    content = read_named(path, read_content)
    size = read_named(path, read_size)
    kept: bytes | None = None
    suffix = ".png"
    if is_whole_png(content) and _is_upright_png(content, colours=(_GRAY, _RGB)):
        kept = read_named(path, lambda _: _bare_png(content, (*_CRITICAL, *_COLOURS)))
    elif content.startswith(b"\xff\xd8") and not _is_turned(path, content):
        kept, suffix = read_named(path, lambda _: _bare_jpeg(content)), ".jpg"
    if kept is not None:
        return PictureFile(kept, suffix, size)
    return _encoded(read_named(path, read_image))


def photo_suffix(path: Path) -> str:
    """Return the suffix that `photo_file` gives a photograph, by the beginning of the file."""
    try:
        with path.open("rb") as file:
            is_jpeg = file.read(2) == b"\xff\xd8"
            return ".jpg" if is_jpeg and not _is_turned(path, file) else ".png"
    except (OSError, ImageError):  # which `photo_file` reports
        return ".png"


def rgb_png_file(path: Path) -> PictureFile:
    """Read a photograph as an 8-bit RGB PNG, whatever its format.

    Raises
    ------
    ImageError
        As `photo_file`.
    """
    content = read_named(path, read_content)
    if is_whole_png(content) and is_plain_rgb_png(content):
        kept = read_named(path, lambda _: _bare_png(content, _CRITICAL))
        return PictureFile(kept, ".png", _png_size(content))
    return _encoded(read_named(path, read_image))


def read_human_mask(path: Path) -> np.ndarray:
    """Read a mask of two values, bool (H, W); errors name it.

    Raises
    ------
    ImageError
        The mask cannot be read.
    """
    return read_named(path, read_mask)


def is_plain_rgb_png(content: bytes) -> bool:
    """Return whether a PNG has the same 8-bit RGB pixels for every reader."""
    return _is_upright_png(content, colours=(_RGB,)) and not any(
        kind == b"iCCP" for kind, _ in png_chunks(content)
    )


def _is_upright_png(content: bytes, *, colours: tuple[int, ...]) -> bool:
    """Return whether a PNG has 8 bits, one of some colour types, and is not to be turned."""
    if not content.startswith(PNG_SIGNATURE) or len(content) < HEADER_AT + HEADER.size:
        return False
    _, _, depth, colour, *_ = HEADER.unpack_from(content, HEADER_AT)
    return (
        depth == 8
        and colour in colours
        and not any(
            kind in (b"eXIf", b"tRNS")
            or (kind in _TEXTS and content.startswith(_TURNING, body.start))
            for kind, body in png_chunks(content)
        )
    )


def _encoded(pixels: np.ndarray) -> PictureFile:
    return PictureFile(encode_png(pixels), ".png", (pixels.shape[0], pixels.shape[1]))


def _png_size(content: bytes) -> tuple[int, int]:
    width, height, *_ = HEADER.unpack_from(content, HEADER_AT)
    return height, width


def _bare_gray_png(content: bytes) -> PictureFile | None:
    """Return an 8-bit gray PNG without anything but its pixels; None for any other file."""
    if not is_whole_png(content) or not _is_upright_png(content, colours=(_GRAY,)):
        return None
    return PictureFile(_bare_png(content, _CRITICAL), ".png", _png_size(content))


def _bare_png(content: bytes, kinds: tuple[bytes, ...]) -> bytes:
    """Return a PNG with chunks of some kinds only.

    Raises
    ------
    ImageError
        A chunk is damaged or cut short.
    """
    view = memoryview(content)
    kept: list[bytes | memoryview] = [PNG_SIGNATURE]
    for kind, body in png_chunks(content):
        stop = body.stop + 4
        crc = isal_zlib.crc32(view[body.start - 4 : body.stop]).to_bytes(4)
        if view[body.stop : stop] != crc:
            raise ImageError("damaged or cut short: a checksum is wrong")
        if kind in kinds:
            kept.append(view[body.start - 8 : stop])
        if kind == b"IEND":
            break
    return b"".join(kept)


def _is_fused(content: bytes) -> bool:
    """Return whether a mask is as `fuse-labels` wrote it, and so known to be of 0 and 255."""
    note = note_in(content, NOTE) or ""
    if not note.startswith(_FUSED) or note.startswith(f"{_FUSED}soft"):
        return False
    return (note_in(content, COMMENT) or "").split(" ")[0] == png_data_hash(content)


def _is_black_and_white(path: Path, content: bytes) -> bool:
    try:
        pixels = decode_png(content)
    except (RuntimeError, ValueError, MemoryError) as error:
        raise ImageError(f"{path}: damaged or cut short: {error}") from error
    return bool(((pixels == 0) | (pixels == 255)).all())


def _is_turned(path: Path, content: bytes | BinaryIO) -> bool:
    """Return whether a JPEG's pixels are not stored as they are shown."""

    def turned(_: Path) -> bool:
        with opened(content, also=("CMYK",)) as image:
            upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
            return not upright or image.mode not in ("RGB", "L")

    return read_named(path, turned)


def _bare_jpeg(content: bytes) -> bytes:
    """Return a JPEG without segments of metadata.

    Raises
    ------
    ImageError
        The file is damaged or cut short.
    """
    kept: list[bytes] = [content[:2]]
    for marker, start, stop in _segments(content):
        is_metadata = _APP0 <= marker <= _APP15 and marker not in (_APP0, _APP2, _APP14)
        if marker == _APP2 and not content.startswith(b"ICC_PROFILE\0", start + 4):
            is_metadata = True  # such as the index of further pictures in the file
        if not (is_metadata or marker == _COMMENT):
            kept.append(content[start:stop])
    return b"".join(kept)


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker, start and end of each segment of a JPEG's first picture, with its scans."""
    at = 2
    while True:
        while content[at + 1 : at + 2] == b"\xff":  # fill bytes may stand before a marker
            at += 1
        if content[at : at + 1] != b"\xff" or len(content) < at + 2:
            raise ImageError("damaged or cut short: the JPEG has no end")
        marker, start = content[at + 1], at
        if marker == _END:
            yield marker, start, start + 2
            return
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == _SCAN:
            following = _MARKER.search(content, at)
            at = following.start() if following else len(content)
        yield marker, start, at
