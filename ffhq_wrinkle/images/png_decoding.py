"""PNG decoding: pixels by ISA-L and libpng, while other threads run on."""

import ctypes
import struct
import sys
import threading
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
from isal import igzip_lib, isal_zlib

from ..errors import ImageError
from .limits import most_pixels
from .png import HEADER, HEADER_AT, OUR_NOTES, PNG_END, is_whole_png, png_chunks

_GRAY = 0
_CHANNELS = {_GRAY: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# Pixels that are compressed more, as drawings are, libpng unpacks as fast as ISA-L.
_TIGHTLY_PACKED = 20
_memory = threading.local()
_KEPT_BYTES = 1 << 23


def decode_png(content: bytes) -> np.ndarray:
    """Decode with libpng, which is faster than Pillow and, unlike it, checks every checksum.

    Palettes become RGB, transparency an alpha channel, fewer than 8 bits 8; 16 bits stay.
    ISA-L unpacks photographs first, in a third of the time that libpng's zlib takes.

    Raises
    ------
    ImageError
        The file has no end. Errors of libpng are raised as they are; `photographs.opened` reports
        them.
    """
    if content.rfind(PNG_END) < 0:
        raise ImageError("damaged or cut short: the PNG has no end")
    return _by_libpng(_unpacked(content))


def _by_libpng(content: Any) -> np.ndarray:  # noqa: ANN401  # its stub forgets arrays
    """Decode with imagecodecs, and undo the harm that it does where it fails.

    Each failure releases a reference to None that was never taken. Before Python 3.12, where None
    is immortal, some thousands of damaged files would end the process.
    """
    try:
        return imagecodecs.png_decode(content)
    except BaseException:
        if sys.version_info < (3, 12):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
        raise


def decode_plain_gray(content: bytes) -> np.ndarray | None:
    """Decode a gray PNG that holds only pixels and notes of this package; None for any other.

    Opening a mask with Pillow, to learn what else it may hold, would make reading it 6 % slower.
    None also if the file is damaged or large, which `photographs.opened` reports.
    """
    if not is_whole_png(content) or len(content) < HEADER_AT + HEADER.size:
        return None
    view, ends_at = memoryview(content), 0
    for kind, body in png_chunks(content):
        ends_at = body.stop + 4
        if kind == b"IDAT":  # libpng checks it
            continue
        is_note = kind == b"tEXt" and content.startswith(OUR_NOTES, body.start)
        crc = isal_zlib.crc32(view[body.start - 4 : body.stop]).to_bytes(4)
        if not (is_note or kind in (b"IHDR", b"IEND")) or view[body.stop : ends_at] != crc:
            return None
    width, height, _, colour, *_, interlaced = HEADER.unpack_from(content, HEADER_AT)
    if ends_at != len(content) or colour != _GRAY or interlaced or width * height > most_pixels():
        return None
    try:
        return decode_png(content)
    except (RuntimeError, ValueError, MemoryError):
        return None


def _unpacked(content: bytes) -> bytes | np.ndarray:
    """Return the same PNG with uncompressed pixels, which leaves only the filters to libpng.

    It is returned as it is where that gains nothing, or where libpng will report what is wrong.
    """
    if content[HEADER_AT - 4 : HEADER_AT] != b"IHDR" or len(content) < 33:
        return content
    width, height, depth, colour, _, _, interlaced = HEADER.unpack_from(content, HEADER_AT)
    size = height * (1 + (width * _CHANNELS.get(colour, 0) * depth + 7) // 8)
    if interlaced or size > _TIGHTLY_PACKED * len(content):
        return content
    bodies = [body for kind, body in png_chunks(content) if kind == b"IDAT"]
    if not bodies or any(body.stop + 12 != later.start for body, later in pairwise(bodies)):
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
    """Join what comes before and after an IDAT chunk with uncompressed pixels between.

    The result is in memory that each thread keeps: fresh memory takes as long to get as to fill,
    and joining bytes would make all other threads wait.
    """
    # zlib's stored blocks add 5 bytes to each 65,535 at most, and 6 (RFC 1951, 3.2.4).
    png = _kept_memory(len(before) + len(pixels) + len(pixels) // 8192 + 64 + len(after))
    start = len(before) + 8
    stored = imagecodecs.zlibng_encode(
        pixels,
        level=0,
        out=png[start:],  # type: ignore[arg-type]  # its stub forgets arrays
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
    """Return memory of this size, which the thread's next call reuses unless it is large."""
    if size > _KEPT_BYTES:
        return np.empty(size, np.uint8)
    if not hasattr(_memory, "kept"):
        _memory.kept = np.empty(_KEPT_BYTES, np.uint8)
    return _memory.kept[:size]
