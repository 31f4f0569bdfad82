"""Pictures: the files of photographs and masks as they are published.

Compressed pixels are copied as they are where loaders read them as this package does. Anything
else in a file is left out: where and by whom a photograph was taken, who drew a mask.
"""

import hashlib
import os
import re
import stat
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
    png_chunks,
)
from ..images.png_decoding import decode_png

_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_COLOURS = (b"gAMA", b"cHRM", b"sRGB", b"iCCP")
_GRAY, _RGB = 0, 2  # colour types (PNG specification, 11.2.1)
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_TURNING = (b"Raw profile type", b"XML:com.adobe.xmp", b"xmp")  # texts that may hold an orientation
_NOTES = tuple(f"{keyword}\0".encode() for keyword in (NOTE, COMMENT))
_FUSED, _SOFT = b"fused mask; ", b"fused mask; soft"
_HASH_DIGITS = 32  # as `images.png.png_data_hash`
_AT_ONCE_BYTES = 1 << 28
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
    content = _content_of(path)
    plain = _plain_gray(path, content)
    if plain and (plain.is_fused or _is_black_and_white(path, content)):
        return plain.file
    mask = read_named(path, lambda _: decode_mask(content))
    return _encoded(mask * np.uint8(255))


def gray_file(path: Path) -> PictureFile:
    """Read a weak mask or a soft mask as an 8-bit gray PNG.

    Raises
    ------
    ImageError
        The picture cannot be read; the error names it.
    """
    plain = _plain_gray(path, _content_of(path))
    return plain.file if plain else _encoded(read_named(path, read_gray))


def photo_file(path: Path) -> PictureFile:
    """Read a photograph as a PNG or JPEG without data about who took it, where and when.

    A photograph that is stored on its side, or in another format, becomes an upright PNG.

    Raises
    ------
    ImageError
        The photograph cannot be read; the error names it.
    """
    content = _content_of(path)
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
    content = _content_of(path)
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


class _PlainGray(NamedTuple):
    """A gray PNG without anything but its pixels, and whether `fuse-labels` wrote these."""

    file: PictureFile
    is_fused: bool


def _content_of(path: Path) -> bytes:
    """Read a file in a third of the time of `read_content`, which reports what is wrong."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = os.fstat(file)
            if stat.S_ISREG(status.st_mode) and status.st_size <= _AT_ONCE_BYTES:
                content = os.read(file, status.st_size + 1)
                if len(content) == status.st_size:
                    return content
        finally:
            os.close(file)
    except OSError:
        pass
    return read_named(path, read_content)


def _plain_gray(path: Path, content: bytes) -> _PlainGray | None:
    """Return an 8-bit gray PNG without its notes; None for any other file.

    Thousands of masks are published in a second, so that the chunks are looked at only once.

    Raises
    ------
    ImageError
        A chunk is damaged or cut short.
    """
    if not is_whole_png(content) or len(content) < HEADER_AT + HEADER.size:
        return None
    width, height, depth, colour, *_ = HEADER.unpack_from(content, HEADER_AT)
    if (depth, colour) != (8, _GRAY):
        return None
    kept: list[bytes] = [PNG_SIGNATURE]
    pixels = hashlib.sha256()
    note = comment = b""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(content):
        stop = at + 12 + int.from_bytes(content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : stop - 4]
        if isal_zlib.crc32(body, isal_zlib.crc32(kind)).to_bytes(4) != content[stop - 4 : stop]:
            raise ImageError(f"{path}: damaged or cut short: a checksum is wrong")
        if kind in _CRITICAL:
            kept.append(content[at:stop])
            if kind == b"IDAT":
                pixels.update(body)
            elif kind == b"IEND":
                break
        elif kind in (b"eXIf", b"tRNS") or (kind in _TEXTS and body.startswith(_TURNING)):
            return None
        elif body.startswith(_NOTES[0]):
            note = body[len(_NOTES[0]) :]
        elif body.startswith(_NOTES[1]):
            comment = body[len(_NOTES[1]) :]
        at = stop
    # Masks whose pixels have not changed since `fuse-labels` wrote them are 0 and 255.
    is_fused = (
        note.startswith(_FUSED)
        and not note.startswith(_SOFT)
        and comment.startswith(pixels.hexdigest()[:_HASH_DIGITS].encode() + b" ")
    )
    return _PlainGray(PictureFile(b"".join(kept), ".png", (height, width)), is_fused)


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
