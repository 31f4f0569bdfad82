"""PNG: decoded and encoded by libpng, with notes of ours among its chunks."""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from PIL import ImageFile

from .errors import ArgumentError, ImageError

_NOTES_BYTES = 16_384  # within which the notes are that `png_note` finds
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def decode_png(content: bytes) -> np.ndarray:
    """Decode with libpng, which is faster than Pillow and, unlike it, checks every checksum.

    Palettes become RGB, transparency an alpha channel, fewer than 8 bits 8; 16 bits stay.

    Raises
    ------
    ImageError
        The file has no end. What libpng finds wrong is for `opened` to say.
    """
    if content.rfind(_PNG_END) < 0:
        raise ImageError("damaged or cut short: the PNG has no end")
    return np.asarray(imagecodecs.png_decode(content))


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
    bgr = pixels[:, :, ::-1] if pixels.ndim == 3 else pixels
    # OpenCV's default settings: an eighth of Pillow's time, and no larger.
    written, buffer = cv2.imencode(".png", bgr)
    if not written:
        raise ArgumentError(f"an array of shape {pixels.shape} can not be written as PNG")
    return add_notes(buffer.tobytes(), text or {})


def add_notes(png: bytes, text: Mapping[str, str]) -> bytes:
    """A PNG with notes in it, as `encode_png` takes them."""
    header_end = len(_PNG_SIGNATURE) + 25  # the IHDR chunk is always 25 bytes
    notes = b"".join(_text_chunk(keyword, note) for keyword, note in text.items())
    return png[:header_end] + notes + png[header_end:]


def _text_chunk(keyword: str, note: str) -> bytes:
    """A tEXt chunk: length, type, keyword NUL text, checksum (PNG specification, 11.3.3.2)."""
    body = b"tEXt" + keyword.encode("latin-1") + b"\x00" + note.encode("latin-1", "replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


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
    for kind, body in _png_chunks(head):
        found, _, note = head[body].partition(b"\x00")
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
