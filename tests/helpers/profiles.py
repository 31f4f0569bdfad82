"""Colour profiles built from their definitions, and what colours are in them."""

import struct

import numpy as np
from PIL import ImageCms

# Chromaticities of red, green and blue (IEC 61966-2-1; SMPTE EG 432-1), with the white D65.
SRGB_PRIMARIES = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
P3_PRIMARIES = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_D65 = (0.3127, 0.3290)
_D50_XYZ = np.array([0.9642, 1.0, 0.8249])  # ICC.1, 6.3.4.3
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_xyz(primaries):
    """The matrix from linear RGB of these primaries to XYZ, white being D65."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    x, y = _D65
    return columns * np.linalg.solve(columns, (x / y, 1, (1 - x - y) / y))


def linear(levels):
    """Light of levels 0..1 of sRGB, and of Display P3, whose curve is the same."""
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def encoded(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def in_p3(srgb):
    """The levels, uint8, that show these sRGB colours in Display P3."""
    matrix = np.linalg.solve(to_xyz(P3_PRIMARIES), to_xyz(SRGB_PRIMARIES))
    return np.round(255 * encoded(linear(srgb / 255) @ matrix.T)).astype(np.uint8)


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def p3_profile():
    """Display P3: the sRGB profile with the colours of its primaries replaced."""
    white = to_xyz(P3_PRIMARIES).sum(axis=1)
    scale = (_BRADFORD @ _D50_XYZ) / (_BRADFORD @ white)
    adapted = np.linalg.solve(_BRADFORD, scale[:, None] * (_BRADFORD @ to_xyz(P3_PRIMARIES)))
    content = bytearray(srgb_profile())
    for tag, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted.T, strict=True):
        (offset,) = struct.unpack_from(">I", content, content.index(tag) + 4)
        struct.pack_into(">3i", content, offset + 8, *(round(v * 65536) for v in colour))
    return bytes(content)


def _profile(space, tags):
    """An ICC profile of version 2 (ICC.1:2001-04) of a printer or gray device, to Lab or XYZ."""
    pcs = b"XYZ " if space == b"GRAY" else b"Lab "
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, b"prtr", space, pcs)
    head += bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(v * 65536) for v in _D50_XYZ))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values):
    return struct.pack(">4s4x3i", b"XYZ ", *(round(v * 65536) for v in values))


def gray_profile(gamma):
    """A gray device whose light is the level (0..1) to this power."""
    curve = struct.pack(">4s4xIH", b"curv", 1, round(gamma * 256))
    return _profile(b"GRAY", {b"wtpt": _xyz(_D50_XYZ), b"kTRC": curve})


def cmyk_profile(lightness):
    """A printer, given the lightness (L* of Lab, 0..100, without colour) of each mix of full inks.

    Takes a function of four ones and zeros: cyan, magenta, yellow and black.
    """
    identity = bytes(range(256))
    inks = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    colours = b"".join(bytes((round(lightness(*mix) * 2.55), 128, 128)) for mix in inks)
    matrix = struct.pack(">9i", *(65536 * v for v in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + 4 * identity + colours + 3 * identity
    return _profile(b"CMYK", {b"wtpt": _xyz(_D50_XYZ), b"A2B0": lut, b"A2B1": lut})
