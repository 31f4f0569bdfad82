"""PNG: decoded by ISA-L and libpng, encoded by zlib-ng, with notes of ours among its chunks."""

import hashlib
import os
import struct
import threading
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from isal import igzip_lib, isal_zlib
from PIL import ImageFile
from zlib_ng import zlib_ng

from .errors import ArgumentError, ImageError

MAX_SIDE = 1_000_000  # libpng's
# Pillow's own limit, 2**30 / 12 pixels, where it warns; a face needs no more.
MAX_PIXELS = 89_478_485
NOTE, COMMENT = "Description", "Comment"  # keywords that the PNG specification reserves
_OUR_NOTES = tuple(f"{keyword}\0".encode() for keyword in (NOTE, COMMENT))
_NOTES_BYTES = 16_384  # within which the notes are that `png_note` finds
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_HEADER = struct.Struct(">IIBBBBB")  # body of IHDR (PNG specification, 11.2.1)
_HEADER_AT = len(_PNG_SIGNATURE) + 8
_GRAY = 0
_CHANNELS = {_GRAY: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each colour type
# Pixels that were packed tighter, as drawings are, libpng unpacks as fast as ISA-L.
_TIGHTLY_PACKED = 20
_memory = threading.local()
_KEPT_BYTES = 1 << 23
_FILTER_NONE, _FILTER_SUB, _FILTER_UP = 0, 1, 2  # what a row begins with (PNG specification, 9.2)


def decode_png(content: bytes) -> np.ndarray:
    """Decode with libpng, which is faster than Pillow and, unlike it, checks every checksum.

    Palettes become RGB, transparency an alpha channel, fewer than 8 bits 8; 16 bits stay.
    ISA-L unpacks photographs before, in a third of the time that libpng's zlib takes.

    Raises
    ------
    ImageError
        The file has no end. What libpng finds wrong is for `opened` to say.
    """
    if content.rfind(_PNG_END) < 0:
        raise ImageError("damaged or cut short: the PNG has no end")
    unpacked: Any = _unpacked(content)  # its stub forgets arrays, here and below
    return np.asarray(imagecodecs.png_decode(unpacked))


def decode_plain_gray(content: bytes) -> np.ndarray | None:
    """Decode a gray PNG of pixels and notes of ours; None if it holds anything else.

    Opening a file by Pillow, to learn what else may be in it, takes a thirtieth of the time that
    its pixels take. None too where something is wrong, or large, which is for `opened` to say.
    """
    if not is_whole_png(content) or len(content) < _HEADER_AT + _HEADER.size:
        return None
    view, ends_at = memoryview(content), 0
    for kind, body in _png_chunks(content):
        ends_at = body.stop + 4
        if kind == b"IDAT":  # libpng looks at its checksum
            continue
        is_note = kind == b"tEXt" and content.startswith(_OUR_NOTES, body.start)
        crc = isal_zlib.crc32(view[body.start - 4 : body.stop]).to_bytes(4)
        if not (is_note or kind in (b"IHDR", b"IEND")) or view[body.stop : ends_at] != crc:
            return None
    width, height, _, colour, *_ = _HEADER.unpack_from(content, _HEADER_AT)
    if ends_at != len(content) or colour != _GRAY or width * height > MAX_PIXELS:
        return None
    try:
        return decode_png(content)
    except (RuntimeError, ValueError, MemoryError):
        return None


def _unpacked(content: bytes) -> bytes | np.ndarray:
    """The same PNG with pixels that are not compressed, which leaves libpng only the filters.

    As it was, where that gains nothing, or something is wrong that is for libpng to say.
    """
    if content[_HEADER_AT - 4 : _HEADER_AT] != b"IHDR" or len(content) < 33:
        return content
    width, height, depth, colour, _, _, interlaced = _HEADER.unpack_from(content, _HEADER_AT)
    size = height * (1 + (width * _CHANNELS.get(colour, 0) * depth + 7) // 8)
    if interlaced or size > _TIGHTLY_PACKED * len(content):
        return content
    bodies = [body for kind, body in _png_chunks(content) if kind == b"IDAT"]
    if not bodies or any(one.stop + 12 != next_.start for one, next_ in pairwise(bodies)):
        return content
    view = memoryview(content)
    for body in bodies:
        crc = view[body.stop : body.stop + 4]
        if isal_zlib.crc32(view[body.start - 4 : body.stop]).to_bytes(4) != crc:
            return content
    inflater = isal_zlib.decompressobj()
    try:
        packed = b"".join(view[body] for body in bodies)
        pixels = inflater.decompress(packed, max_length=size)
        pixels += inflater.decompress(inflater.unconsumed_tail, max_length=1)  # its checksum
    except igzip_lib.IsalError:  # type: ignore[misc]  # its stub has it an instance
        return content
    if len(pixels) != size or not inflater.eof or inflater.unused_data:
        return content
    return _with_stored(pixels, view[: bodies[0].start - 8], view[bodies[-1].stop + 4 :])


def _with_stored(pixels: bytes, before: memoryview, after: memoryview) -> np.ndarray:
    """What comes before and after an IDAT chunk, with pixels between that are not compressed.

    In memory that each thread keeps: fresh memory takes as long as filling it, and joining bytes
    would have all other threads wait.
    """
    # zlib's stored blocks add 5 bytes to each 65,535 at most, and 6 (RFC 1951, 3.2.4).
    png = _kept_memory(len(before) + len(pixels) + len(pixels) // 8192 + 64 + len(after))
    start = len(before) + 8
    stored = imagecodecs.zlibng_encode(
        pixels,
        level=0,
        out=png[start:],  # type: ignore[arg-type]
    )
    stop = start + len(stored)
    png[: len(before)] = before
    png[len(before) : start] = np.frombuffer(struct.pack(">I4s", len(stored), b"IDAT"), np.uint8)
    crc = isal_zlib.crc32(png[start - 4 : stop])
    png[stop : stop + 4] = np.frombuffer(struct.pack(">I", crc), np.uint8)
    end = stop + 4 + len(after)
    png[stop + 4 : end] = after
    return png[:end]


def _kept_memory(size: int) -> np.ndarray:
    """So many bytes; unless there are too many, the same ones each time that a thread asks."""
    if size > _KEPT_BYTES:
        return np.empty(size, np.uint8)
    if not hasattr(_memory, "kept"):
        _memory.kept = np.empty(_KEPT_BYTES, np.uint8)
    kept: np.ndarray = _memory.kept[:size]
    return kept


def _chunk(kind: bytes, *body: bytes | memoryview) -> list[bytes | memoryview]:
    """A chunk, in pieces: length, type, body, checksum (PNG specification, 5.3)."""
    crc = isal_zlib.crc32(kind)
    for piece in body:
        crc = isal_zlib.crc32(piece, crc)
    return [struct.pack(">I", sum(map(len, body))), kind, *body, struct.pack(">I", crc)]


def has_png_end(path: Path) -> bool:
    """Whether the end of a PNG is in a file, by its last bytes if something small follows it."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _NOTES_BYTES))
        if _PNG_END in file.read():
            return True
        file.seek(0)
        return _PNG_END in file.read()


def is_whole_png(content: bytes) -> bool:
    """Whether something begins and ends as a PNG does."""
    return content.startswith(_PNG_SIGNATURE) and content.endswith(_PNG_END)


def may_be_turned(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Whether a PNG may say how to turn it; Pillow's getexif() would decode all of it to know."""
    places = {"Raw profile type exif", "XML:com.adobe.xmp", "xmp"}
    return bool(places & image.info.keys()) or any(
        kind == b"eXIf" for kind, _ in _png_chunks(content)
    )


def encode_png(pixels: np.ndarray, text: Mapping[str, str] | None = None) -> bytes:
    """Encode an image as PNG.

    Parameters
    ----------
    pixels : np.ndarray
        uint8, (H, W) gray or (H, W, 3) RGB; or uint16, (H, W) gray.
    text : mapping, optional
        Notes kept in the file as Latin-1 tEXt chunks, keyword to text.

    Returns
    -------
    bytes
        The whole file.

    Raises
    ------
    ArgumentError
        The array is of another dtype or shape.
    """
    kinds = {np.dtype(np.uint8): ((), (3,)), np.dtype(np.uint16): ((),)}
    if pixels.ndim < 2 or pixels.shape[2:] not in kinds.get(pixels.dtype, ()):
        raise ArgumentError(
            "a PNG is made from uint8 (H, W) or (H, W, 3), or uint16 (H, W), not "
            f"{pixels.dtype} {pixels.shape}"
        )
    if not 0 < min(pixels.shape[:2]) <= max(pixels.shape[:2]) <= MAX_SIDE:
        raise ArgumentError(f"an array of shape {pixels.shape} can not be written as PNG")
    filtered, level, strategy = _encoding(pixels)
    packer = zlib_ng.compressobj(level, strategy=strategy)
    packed = packer.compress(filtered) + packer.flush()
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    header = _HEADER.pack(width, height, 8 * pixels.itemsize, colour, 0, 0, 0)
    png = (_PNG_SIGNATURE, *_chunk(b"IHDR", header), *_chunk(b"IDAT", packed), _PNG_END)
    return add_notes(b"".join(png), text or {})


def _encoding(pixels: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Filtered rows, (H, 1 + bytes in a row), and zlib's level and strategy that suit them.

    Runs of equal bytes are found sooner than other repetitions, and in what we write are most of
    what there is to find: drawings and masked maps as they are, photographs by their differences.
    """
    height = len(pixels)
    stored = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    levels = stored.view(np.uint8).reshape(height, -1)
    rows = np.empty((height, 1 + levels.shape[1]), np.uint8)
    filtered = rows[:, 1:]
    if pixels.dtype == np.uint16:
        rows[:, 0] = _FILTER_UP
        filtered[0] = levels[0]
        np.subtract(levels[1:], levels[:-1], out=filtered[1:])
        return rows, 3, zlib_ng.Z_DEFAULT_STRATEGY
    if pixels.ndim == 3:
        rows[:, 0] = _FILTER_SUB
        filtered[:, :3] = levels[:, :3]
        np.subtract(levels[:, 3:], levels[:, :-3], out=filtered[:, 3:])
    else:
        rows[:, 0] = _FILTER_NONE
        filtered[:] = levels
    return rows, 1, zlib_ng.Z_RLE


def add_notes(png: bytes, text: Mapping[str, str]) -> bytes:
    """A PNG with notes in it, as `encode_png` takes them."""
    header_end = len(_PNG_SIGNATURE) + 25  # the IHDR chunk is always 25 bytes
    notes = b"".join(_text_chunk(keyword, note) for keyword, note in text.items())
    return png[:header_end] + notes + png[header_end:]


def _text_chunk(keyword: str, note: str) -> bytes:
    """A tEXt chunk: length, type, keyword NUL text, checksum (PNG specification, 11.3.3.2)."""
    body = keyword.encode("latin-1") + b"\x00" + note.encode("latin-1", "replace")
    return b"".join(_chunk(b"tEXt", body))


def png_note(path: Path, keyword: str) -> str | None:
    """Read one note that `encode_png` wrote; None where the file lacks it or does not end as a PNG.

    Only the first and last bytes are read, so it is a quick way to know one's own whole files.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_NOTES_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_PNG_END)))
        if not head.startswith(_PNG_SIGNATURE) or file.read() != _PNG_END:
            return None
    return note_in(head, keyword)


def note_in(content: bytes, keyword: str) -> str | None:
    """Read one note of a PNG's content, or of its beginning; None where there is none."""
    for kind, body in _png_chunks(content):
        found, _, note = content[body].partition(b"\x00")
        if kind == b"tEXt" and found == keyword.encode("latin-1"):
            return note.decode("latin-1")
    return None


def png_data_hash(content: bytes) -> str:
    """Tell the compressed pixels of a PNG from any others; 32 hexadecimal digits.

    A program that opens a PNG and saves it again compresses anew, even if it keeps the notes.
    """
    digest = hashlib.sha256()
    for kind, body in _png_chunks(content):
        if kind == b"IDAT":
            digest.update(content[body])
    return digest.hexdigest()[:32]


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, slice]]:
    """Type of each of a PNG's chunks, and where its body lies; `content` may end before the PNG."""
    at = len(_PNG_SIGNATURE)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, slice(at + 8, at + 8 + length)
        at += length + 12
