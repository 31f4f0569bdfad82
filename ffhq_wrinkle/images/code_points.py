"""Code points: colours that a file defines by numbers of ITU-T H.273 instead of an ICC profile.

PNG has them in its chunk cICP, and files of the HEIF family in a colr box of type nclx.
`profile_of` returns the ICC profile of the same colours, which `colour_profiles` applies.
"""

import logging
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..errors import ImageError
from .png import png_chunks

log = logging.getLogger(__name__)

# Chromaticities of red, green and blue by the number of the primaries (H.273, table 2). Those of
# standard-definition television (5, 6) are taken as sRGB's, from which they hardly differ.
_SRGB_PRIMARIES = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_PRIMARIES = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
_LIKE_SRGB = (1, 2, 5, 6, 7)  # 2: unspecified
_WHITE = (0.3127, 0.3290)  # D65, of all of these
# Transfer characteristics (H.273, table 3). Programs show photographs with the curves of television
# (1, 6, 14, 15) as those with sRGB's (13).
_LIKE_SRGB_CURVE = (1, 2, 6, 13, 14, 15)
_GAMMAS = {4: (2.2,), 5: (2.8,), 8: (1.0,)}
_HDR = {16: "PQ", 18: "HLG"}

# The curve of sRGB as parameters g, a, b, c and d (ICC.1:2010, 10.16, type 3).
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D50 = np.array([0.9642, 1.0, 0.8249])  # ICC.1:2010, 7.2.16
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)

_ICC_HEAD = 128  # bytes
_VERSION_AND_FLAGS = 4  # bytes, before the boxes in a meta box


class CodePoints(NamedTuple):
    """The colours of a picture by numbers: primaries, and transfer characteristics."""

    primaries: int
    transfer: int


def code_points_of_png(content: bytes) -> CodePoints | None:
    """Return the code points in a PNG's chunk cICP; None without one (PNG 3, 11.3.2.6)."""
    for kind, body in png_chunks(content):
        if kind == b"cICP" and body.stop - body.start == 4:
            return CodePoints(content[body.start], content[body.start + 1])
        if kind == b"IDAT":
            break
    return None


def code_points_of_heif(content: bytes) -> CodePoints | None:
    """Return the code points of the primary picture of a HEIC or AVIF file; None without any.

    They are a property of the picture: a colr box of type nclx (ISO/IEC 14496-12, 12.1.5).
    """
    try:
        boxes = dict(_boxes(content, 0, len(content)))
        meta = dict(_boxes(content, boxes[b"meta"].start + _VERSION_AND_FLAGS, boxes[b"meta"].stop))
        inside = dict(_boxes(content, meta[b"iprp"].start, meta[b"iprp"].stop))
        own = _properties_of(_primary_item(content[meta[b"pitm"]]), content[inside[b"ipma"]])
        properties = _boxes(content, inside[b"ipco"].start, inside[b"ipco"].stop)
        for number, (kind, body) in enumerate(properties, start=1):
            value = content[body]
            if kind == b"colr" and value[:4] == b"nclx" and number in own:
                return CodePoints(*struct.unpack_from(">2H", value, 4))
    except (KeyError, IndexError, struct.error):  # a damaged file, which decoders will name
        return None
    return None


def profile_of(code_points: CodePoints) -> bytes | None:
    """Return the ICC profile of the same colours; None if they are those of sRGB or not known.

    Raises
    ------
    ImageError
        Brightness is coded for high dynamic range.
    """
    primaries, transfer = code_points
    if transfer in _HDR:
        raise ImageError(
            f"its brightness has a high dynamic range ({_HDR[transfer]}); save it as sRGB"
        )
    colours = _SRGB_PRIMARIES if primaries in _LIKE_SRGB else _PRIMARIES.get(primaries)
    curve = _SRGB_CURVE if transfer in _LIKE_SRGB_CURVE else _GAMMAS.get(transfer)
    if colours is None or curve is None:
        log.info("colours by the code points %d and %d are taken as sRGB", primaries, transfer)
        return None
    if colours == _SRGB_PRIMARIES and curve == _SRGB_CURVE:
        return None
    return _icc_profile(colours, curve)


def _icc_profile(colours: tuple[tuple[float, float], ...], curve: tuple[float, ...]) -> bytes:
    """Return a display profile of version 4 (ICC.1:2010, 8.4.3): colorants and one curve."""
    matrix = np.array([(x / y, 1, (1 - x - y) / y) for x, y in colours]).T
    x, y = _WHITE
    white = np.array([x / y, 1, (1 - x - y) / y])
    matrix = matrix * np.linalg.solve(matrix, white)
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted = np.linalg.solve(_BRADFORD, cones[:, None] * (_BRADFORD @ matrix))
    kind = 3 if len(curve) == len(_SRGB_CURVE) else 0
    shared = struct.pack(f">4s4xH2x{len(curve)}i", b"para", kind, *map(_fixed, curve))
    tags = {b"wtpt": _xyz(_D50)}
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, adapted.T), strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), shared)
    at, table, body = _ICC_HEAD + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        table += struct.pack(">4s2I", name, at + len(body), len(value))
        body += value  # each is a multiple of four bytes
    head = struct.pack(">I4xI4s4s4s", at + len(body), 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *map(_fixed, _D50))
    return head.ljust(_ICC_HEAD, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values: np.ndarray) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *map(_fixed, values))


def _fixed(value: float) -> int:
    """Return a number in units of 2**-16 (ICC's s15Fixed16Number)."""
    return round(float(value) * 65536)


def _boxes(content: bytes, start: int, stop: int) -> Iterator[tuple[bytes, slice]]:
    """Yield the type of each box and where its body lies (ISO/IEC 14496-12, 4.2)."""
    while start + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", content, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, start + 8)
            head = 16
        end = stop if size == 0 else min(start + size, stop)
        if end < start + head:
            return
        yield kind, slice(start + head, end)
        start = end


def _primary_item(pitm: bytes) -> int:
    """Return the number of the primary picture (ISO/IEC 14496-12, 8.11.4)."""
    (number,) = struct.unpack_from(">I" if pitm[:1] != b"\0" else ">H", pitm, 4)
    return int(number)


def _properties_of(item: int, ipma: bytes) -> set[int]:
    """Return the numbers of an item's properties, from 1 (ISO/IEC 23008-12, 9.3.1)."""
    of_item, wide = (">I" if ipma[0] else ">H"), bool(ipma[3] & 1)
    (count,) = struct.unpack_from(">I", ipma, 4)
    at = 8
    for _ in range(count):
        (number,) = struct.unpack_from(of_item, ipma, at)
        at += struct.calcsize(of_item)
        width = 2 if wide else 1
        listed = ipma[at + 1 : at + 1 + width * ipma[at]]
        at += 1 + width * ipma[at]
        if number == item:
            essential = 0x8000 if wide else 0x80
            values = struct.unpack(f">{len(listed) // width}{'H' if wide else 'B'}", listed)
            return {value & ~essential for value in values}
    return set()
