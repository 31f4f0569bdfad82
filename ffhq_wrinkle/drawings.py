"""Drawings: PNG files of two gray levels, 0 and another, decoded as bits.

Most masks are such files. A pixel of two levels is a bit, and what PNG's filters predict of it
follows from its neighbours' bits by logic, of 64 pixels at once: in two thirds of libpng's time and
less. Whatever this does not take, `masks` has decoded by libpng.
"""

import threading
from itertools import pairwise

import imagecodecs
import numpy as np
from isal import isal_zlib

from .png import HEADER, HEADER_AT, MAX_SIDE, is_whole_png, png_chunks

_SUB, _AVERAGE, _PAETH = 1, 3, 4  # what a row begins with (PNG specification, 9.2)
_MAX_PIXELS = 1 << 26
_MAX_PAETH_WORDS = 4096  # rows of Paeth's filter are slow here; with more, libpng is as fast
# Chunks that say nothing about what a gray pixel means (PNG specification, 11.3).
_HARMLESS = {b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"tIME", b"bKGD", b"tEXt"}
_TURNING = (b"exif", b"xmp")  # in a note's keyword: what may say how to turn the picture
_WORD = np.dtype("<u8")
_thread = threading.local()


def decode_drawing(content: bytes) -> tuple[np.ndarray, int] | None:
    """Decode a PNG of two gray levels.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    tuple of np.ndarray and int, or None
        Where it is not 0, bool (H, W), and its other level, 1..255, or 0 if it has none. None for
        files that another decoder has to look at: damaged ones, those of other levels, and all
        but 8-bit gray without transparency, interlacing or a note on how to turn it.
    """
    found = _packed_pixels(content)
    if found is None:
        return None
    height, width, packed = found
    size = height * (width + 1)
    stored = _scratch(size + 8)
    try:
        unpacked = imagecodecs.zlibng_decode(packed, out=stored[:size].data)
    except imagecodecs.ZlibngError:
        return None
    if len(unpacked) != size:
        return None
    rows = stored[:size].reshape(height, width + 1)
    # Eight pixels are an octet of bits, eight octets a word.
    octets = -(-width // 8)
    changes = np.zeros((height, -(-octets // 8)), _WORD)
    changed = changes.view(np.uint8)[:, :octets]
    changed[:] = np.packbits(rows[:, 1:], axis=1, bitorder="little")
    words = _unfiltered(changes, rows[:, 0])
    if words is None:
        return None
    drawn = words.view(np.uint8)[:, :octets]
    # Eight bytes each, for each octet; of the last in a row some are not its own.
    differences = np.ndarray((height, octets), _WORD, stored, 1, (width + 1, 8))
    level = _level(differences, changed, drawn)
    if level is None:
        return None
    return np.unpackbits(drawn, axis=1, count=width, bitorder="little").view(bool), level


def _scratch(size: int) -> np.ndarray:
    """Room for so many bytes, the thread's own, since fresh memory takes longer than unpacking."""
    room: np.ndarray | None = getattr(_thread, "room", None)
    if room is None or len(room) < size:
        room = _thread.room = np.zeros(size, np.uint8)
    return room[:size]


def _packed_pixels(content: bytes) -> tuple[int, int, bytes] | None:
    """Height, width and compressed pixels, if the file is whole and of the kind that is taken."""
    if not is_whole_png(content):
        return None
    view = memoryview(content)
    (first, header), *chunks = png_chunks(content)
    if first != b"IHDR" or header != slice(HEADER_AT, HEADER_AT + HEADER.size):
        return None
    width, height, *rest = HEADER.unpack_from(content, HEADER_AT)
    if rest != [8, 0, 0, 0, 0] or not 0 < width * height <= _MAX_PIXELS:
        return None
    bodies = [body for kind, body in chunks if kind == b"IDAT"]
    others = [(kind, body) for kind, body in chunks if kind != b"IDAT"]
    if (
        max(width, height) > MAX_SIDE
        or not bodies
        or any(one.stop + 12 != following.start for one, following in pairwise(bodies))
        or others.pop() != (b"IEND", slice(len(content) - 4, len(content) - 4))
    ):
        return None
    for kind, body in others:
        keyword = content[body].partition(b"\x00")[0].lower()
        if kind not in _HARMLESS or (kind == b"tEXt" and any(one in keyword for one in _TURNING)):
            return None
    for body in (header, *bodies, *(body for _, body in others)):
        crc = view[body.stop : body.stop + 4]
        if isal_zlib.crc32(view[body.start - 4 : body.stop]).to_bytes(4) != crc:
            return None
    return height, width, b"".join(view[body] for body in bodies)


def _unfiltered(changes: np.ndarray, filters: np.ndarray) -> np.ndarray | None:
    """Bits of the pixels, from those of the pixels that are not what their filter predicts.

    Uint64 (H, words), the lowest bit the leftmost; bits beyond the width have no meaning. None for
    filters that give more than two levels, or that libpng undoes as fast.
    """
    if (filters == _AVERAGE).any() or filters.max() > _PAETH:
        return None
    changed = changes.any(axis=1)
    paeth = np.flatnonzero((filters == _PAETH) & changed)  # unchanged it is the same as "up"
    if len(paeth) * changes.shape[1] > _MAX_PAETH_WORDS:
        return None
    # "Sub" predicts the pixel to the left, so that a pixel is the parity of the changes up to it.
    along = np.flatnonzero(changed & ((filters == _SUB) | (filters == _PAETH)))
    rows = changes.copy()
    rows[along] = _running_parity(rows[along])
    # "Up" predicts the pixel above, likewise, from where a row did not depend on the one above.
    alone = filters <= _SUB
    alone[paeth] = True
    alone[0] = True
    if alone.all() and not len(paeth):
        return rows
    begins = np.flatnonzero(alone)
    run = np.cumsum(alone) - 1
    down = np.bitwise_xor.accumulate(rows, axis=0)
    before = np.zeros((len(begins), rows.shape[1]), _WORD)
    before[1:] = down[begins[1:] - 1]
    # As Python's integers, each of a whole row, since the carries of Paeth's rows run along it.
    size = 8 * rows.shape[1]
    sums, parities, starts = (each.view(np.uint8).ravel().data for each in (down, rows, before))
    for row, its_run, run_above in zip(
        paeth.tolist(), run[paeth].tolist(), run[paeth - 1].tolist(), strict=True
    ):
        above = 0
        if row:
            above = _integer(sums, row - 1, size) ^ _integer(starts, run_above, size)
        level = _paeth_row(_integer(parities, row, size), above, 8 * size)
        start = level ^ _integer(sums, row, size)
        starts[size * its_run : size * (its_run + 1)] = start.to_bytes(size, "little")
    return np.asarray(down ^ before[run])


def _running_parity(words: np.ndarray) -> np.ndarray:
    """For each bit of a row the parity of the bits up to it, itself included; uint64 (N, words)."""
    parity = words
    for shift in (1, 2, 4, 8, 16, 32):
        parity = parity ^ parity << np.uint64(shift)
    odd = np.bitwise_xor.accumulate(parity >> np.uint64(63), axis=1)
    parity[:, 1:] ^= np.uint64(0) - odd[:, :-1]
    return parity


def _integer(buffer: memoryview, row: int, size: int) -> int:
    return int.from_bytes(buffer[size * row : size * (row + 1)], "little")


def _paeth_row(parity: int, above: int, bits: int) -> int:
    """Undo Paeth's filter in one row, given the parity of its changes and the row above.

    Of two levels, Paeth's prediction is what most of a, b and "not c" are, where a is the pixel to
    the left, b that above and c that above to the left. A change turns round all that follows; so
    without regard to changes, which are put in by their parity, a row is the carries of a sum.
    """
    whole = (1 << bits) - 1
    turned = parity << 1 & whole
    b, not_c = above ^ turned, (above << 1 & whole) ^ whole ^ turned
    return (b + not_c ^ b ^ not_c) >> 1 ^ parity


def _level(differences: np.ndarray, changed: np.ndarray, drawn: np.ndarray) -> int | None:
    """The level of the drawn pixels, 0 if there are none; None if there are several.

    A change to a drawn pixel has to add the level, one to 0 has to take it away. Then every pixel
    is, after those before it, what its bit says.
    """
    at = np.flatnonzero(changed.ravel() != 0)
    if not len(at):
        return 0
    is_change = np.unpackbits(changed.ravel()[at], bitorder="little")
    found = differences[np.divmod(at, changed.shape[1])].view(np.uint8) * is_change
    level = found[is_change.argmax()]  # before the first change, all is 0
    is_drawn = np.unpackbits(drawn.ravel()[at], bitorder="little")
    expected = np.where(is_drawn, level, np.uint8(256 - int(level))) * is_change
    return int(level) if np.array_equal(found, expected) else None
