"""PNG: pixels encoded by zlib-ng, and chunks, among them the notes that this package writes."""

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from isal import isal_zlib
from zlib_ng import zlib_ng

from ..errors import ArgumentError

MAX_SIDE = 1_000_000  # libpng's limit
NOTE, COMMENT = "Description", "Comment"  # keywords that the PNG specification reserves
OUR_NOTES = tuple(f"{keyword}\0".encode() for keyword in (NOTE, COMMENT))
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_TURNING_KEYWORDS = (b"Raw profile type exif", b"XML:com.adobe.xmp", b"xmp")
_LONGEST_KEYWORD = 80  # bytes, with the NUL behind it (PNG specification, 11.3.3.2)
_NOTES_BYTES = 16_384  # at the beginning of a file, where `png_note` looks
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
HEADER = struct.Struct(">IIBBBBB")  # body of IHDR (PNG specification, 11.2.1)
HEADER_AT = len(PNG_SIGNATURE) + 8
_FILTER_NONE, _FILTER_SUB, _FILTER_UP = 0, 1, 2  # a row's first byte (PNG specification, 9.2)


def _chunk(kind: bytes, *body: bytes | memoryview) -> list[bytes | memoryview]:
    """Return a chunk in pieces: length, type, body, checksum (PNG specification, 5.3)."""
    crc = isal_zlib.crc32(kind)
    for piece in body:
        crc = isal_zlib.crc32(piece, crc)
    return [struct.pack(">I", sum(map(len, body))), kind, *body, struct.pack(">I", crc)]


def has_png_end(path: Path) -> bool:
    """Tell whether a file contains the end of a PNG; other bytes may follow it."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _NOTES_BYTES))
        if PNG_END in file.read():
            return True
        file.seek(0)
        return PNG_END in file.read()


def is_whole_png(content: bytes) -> bool:
    """Tell whether bytes begin and end as a PNG does."""
    return content.startswith(PNG_SIGNATURE) and content.endswith(PNG_END)


def may_be_turned(file: BinaryIO) -> bool:
    """Tell whether a PNG may hold an orientation, before its pixels or behind them.

    Pillow would decode all pixels to find out. The position in the file stays the same.
    """
    before = file.tell()
    try:
        return any(
            kind == b"eXIf" or (kind in _TEXTS and head.split(b"\0")[0] in _TURNING_KEYWORDS)
            for kind, head in _chunk_heads(file)
        )
    finally:
        file.seek(before)


def _chunk_heads(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and first bytes of each chunk of a PNG; nothing else is read."""
    at = len(PNG_SIGNATURE)
    while len(head := _bytes_at(file, at, 8 + _LONGEST_KEYWORD)) >= 8:
        length, kind = struct.unpack_from(">I4s", head)
        yield kind, head[8 : 8 + length]
        at += length + 12


def _bytes_at(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


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
        The array has another dtype or shape.
    """
    kinds = {np.dtype(np.uint8): ((), (3,)), np.dtype(np.uint16): ((),)}
    if pixels.ndim < 2 or pixels.shape[2:] not in kinds.get(pixels.dtype, ()):
        raise ArgumentError(
            "a PNG is made from uint8 (H, W) or (H, W, 3), or uint16 (H, W), not "
            f"{pixels.dtype} {pixels.shape}"
        )
    if not 0 < min(pixels.shape[:2]) <= max(pixels.shape[:2]) <= MAX_SIDE:
        raise ArgumentError(f"an array of shape {pixels.shape} cannot be written as PNG")
    filtered, level, strategy = _encoding(pixels)
    packer = zlib_ng.compressobj(level, strategy=strategy)
    packed = packer.compress(filtered) + packer.flush()
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    header = HEADER.pack(width, height, 8 * pixels.itemsize, colour, 0, 0, 0)
    png = (PNG_SIGNATURE, *_chunk(b"IHDR", header), *_chunk(b"IDAT", packed), PNG_END)
    return add_notes(b"".join(png), text or {})


def _encoding(pixels: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return filtered rows, (H, 1 + bytes in a row), and zlib's level and strategy for them.

    Runs of equal bytes are faster to find than other repetitions, and they are most of what there
    is to find in drawings and masked maps as they are, and in photographs as differences.
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
    """Add notes, as `encode_png` takes them, to a PNG."""
    header_end = len(PNG_SIGNATURE) + 25  # the IHDR chunk is always 25 bytes
    notes = b"".join(_text_chunk(keyword, note) for keyword, note in text.items())
    return png[:header_end] + notes + png[header_end:]


def _text_chunk(keyword: str, note: str) -> bytes:
    """Return a tEXt chunk: keyword, NUL and text (PNG specification, 11.3.3.2)."""
    body = keyword.encode("latin-1") + b"\x00" + note.encode("latin-1", "replace")
    return b"".join(_chunk(b"tEXt", body))


def png_note(path: Path, keyword: str) -> str | None:
    """Read one note that `encode_png` wrote.

    Only the first and last bytes are read, so this is a fast way to recognise the complete files
    of this package.

    Returns
    -------
    str or None
        The note, empty if the file has none; None if the file does not begin and end as a PNG.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_NOTES_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(PNG_END)))
        if not head.startswith(PNG_SIGNATURE) or file.read() != PNG_END:
            return None
    return note_in(head, keyword) or ""


def note_in(content: bytes, keyword: str) -> str | None:
    """Read one note from a PNG's content, or from its beginning; None if there is none."""
    for kind, body in png_chunks(content):
        key, _, note = content[body].partition(b"\x00")
        if kind == b"tEXt" and key == keyword.encode("latin-1"):
            return note.decode("latin-1")
    return None


def png_data_hash(content: bytes) -> str:
    """Return a hash of the compressed pixels of a PNG; 32 hexadecimal digits.

    A program that opens a PNG and saves it compresses the pixels again, even if it keeps the notes.
    """
    digest = hashlib.sha256()
    for kind, body in png_chunks(content):
        if kind == b"IDAT":
            digest.update(content[body])
    return digest.hexdigest()[:32]


def png_chunks(content: bytes) -> Iterator[tuple[bytes, slice]]:
    """Yield the type of each chunk of a PNG and where its body lies; `content` may be cut short."""
    at = len(PNG_SIGNATURE)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, slice(at + 8, at + 8 + length)
        at += length + 12
