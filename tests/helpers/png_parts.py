"""PNG files put together by hand, of kinds that Pillow does not write."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, body=b""):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width, height, depth, colour_type):
    """Signature and first chunk; not interlaced."""
    fields = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", fields)


def png(width, height, depth, colour_type, rows):
    """A whole file, of the bytes of its rows, which are not filtered."""
    pixels = b"".join(b"\0" + row for row in rows)
    content = header(width, height, depth, colour_type)
    return content + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND")
