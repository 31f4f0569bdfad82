"""Orientations of Exif: what each asks for, and PNG files that say so in different places."""

import io
import zlib

import numpy as np
from PIL import Image

from tests.helpers.png_parts import chunk

ORIENTATION = 0x0112
# What has to be done to the stored pixels (Exif 2.3, table 6).
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


def exif_of(orientation):
    """Exif that holds nothing but an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def _xmp(orientation):
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="{orientation}"/></x:xmpmeta>'
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text.encode())


def _raw_profile(orientation):
    """As ImageMagick writes it: Exif in hexadecimal digits, compressed."""
    exif = exif_of(orientation).tobytes()
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n"
    return chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode()))


def _exif_chunk(orientation):
    return chunk(b"eXIf", exif_of(orientation).tobytes().removeprefix(b"Exif\0\0"))


CHUNKS = {"eXIf": _exif_chunk, "XMP": _xmp, "raw profile": _raw_profile}


def turned_png(array, orientation, *, kind="eXIf", behind=True):
    """A PNG whose orientation is in a chunk before or behind its pixels."""
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    png, said = content.getvalue(), CHUNKS[kind](orientation)
    at = len(png) - len(chunk(b"IEND")) if behind else 33  # behind the signature and IHDR
    return png[:at] + said + png[at:]
