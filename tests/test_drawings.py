"""PNG files of two gray levels, decoded as bits."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, PngImagePlugin

from ffhq_wrinkle.drawings import decode_drawing
from ffhq_wrinkle.errors import ImageError
from ffhq_wrinkle.masks import decode_mask
from ffhq_wrinkle.png import encode_png

NONE, SUB, UP, AVERAGE, PAETH = range(5)


def chunk(kind, body=b""):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(pixels, filters, header=(8, 0, 0, 0, 0), extra=b"", after=b"", taller=0):
    """A PNG as its specification says it, of gray levels and the filter of each row."""
    stored = bytearray()
    above = np.zeros(pixels.shape[1], np.int64)
    for row, kind in zip(pixels.astype(np.int64), filters, strict=True):
        left, corner = np.append(0, row[:-1]), np.append(0, above[:-1])
        estimate = left + above - corner
        far = [abs(estimate - one) for one in (left, above, corner)]
        nearest = np.argmin(far, axis=0)  # of equals the first, as in the specification
        paeth = np.choose(nearest, [left, above, corner])
        predicted = [0, left, above, (left + above) // 2, paeth][kind]
        stored += bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
        above = row
    size = struct.pack(">IIBBBBB", pixels.shape[1], len(pixels) + taller, *header)
    packed = zlib.compress(bytes(stored) + after)
    parts = (chunk(b"IHDR", size), extra, chunk(b"IDAT", packed), chunk(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def by_pillow(content):
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("width", [1, 7, 8, 9, 63, 64, 65, 130, 256])
@pytest.mark.parametrize("level", [1, 2, 127, 128, 255])
def test_drawings_of_any_filters_are_what_pillow_reads(width, level):
    random = np.random.default_rng([width, level])
    for share in (0.02, 0.2, 0.5, 0.95):
        pixels = (random.random((17, width)) < share) * np.uint8(level)
        content = png(pixels, random.choice([NONE, SUB, UP, PAETH], 17))
        assert_array_equal(by_pillow(content), pixels)
        drawn, found = decode_drawing(content)
        assert_array_equal(drawn, pixels > 0)
        assert drawn.dtype == bool
        assert found == pixels.max()


@pytest.mark.parametrize("kind", [NONE, SUB, UP, PAETH])
def test_one_filter_for_all_rows_and_lines_at_every_border(kind):
    pixels = np.zeros((70, 70), np.uint8)
    for at in (0, 33, 69):
        pixels[at], pixels[:, at] = 255, 255
    drawn, level = decode_drawing(png(pixels, [kind] * 70))
    assert_array_equal(drawn, pixels == 255)
    assert level == 255


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("kind", [NONE, SUB, UP, PAETH])
def test_the_empty_and_the_full_mask(level, kind):
    pixels = np.full((5, 13), level, np.uint8)
    drawn, found = decode_drawing(png(pixels, [kind] * 5))
    assert_array_equal(drawn, pixels > 0)
    assert found == level


@pytest.mark.parametrize("other", [1, 55, 127, 128, 199, 254, 255])
def test_other_levels_are_left_to_others_wherever_they_are(other):
    random = np.random.default_rng(other)
    for _ in range(50):
        pixels = (random.random((6, 75)) < 0.2) * np.uint8(200)
        pixels[tuple(random.integers((6, 75)))] = other
        content = png(pixels, random.choice([NONE, SUB, UP, PAETH], 6))
        assert decode_drawing(content) is None
        with pytest.raises(ImageError, match="not a mask of two values"):
            decode_mask(content)


def test_what_pillow_opencv_and_we_write_is_taken():
    pixels = cv2.circle(np.zeros((200, 300), np.uint8), (150, 100), 60, 255, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    ours = encode_png(pixels, {"Comment": "ours"})
    for content in (file.getvalue(), cv2.imencode(".png", pixels)[1].tobytes(), ours):
        drawn, level = decode_drawing(content)
        assert_array_equal(drawn, pixels > 0)
        assert level == 255


def test_averaging_rows_and_files_mostly_of_paeths_are_left_to_libpng():
    pixels = np.eye(1024, dtype=np.uint8) * 255
    for filters in ([SUB] * 1023 + [AVERAGE], [PAETH] * 1024):
        content = png(pixels, filters)
        assert decode_drawing(content) is None
        assert_array_equal(decode_mask(content), pixels > 0)


def test_a_threshold_is_of_the_files_level():
    content = png(np.array([[0, 100]], np.uint8), [NONE])
    assert decode_mask(content, threshold=100).tolist() == [[False, True]]
    assert decode_mask(content, threshold=101).tolist() == [[False, False]]


def note(keyword):
    info = PngImagePlugin.PngInfo()
    info.add_text(keyword, "something")
    return chunk(*info.chunks[0][:2])


PIXELS = np.array([[0, 255, 255]], np.uint8)
WHOLE = png(PIXELS, [SUB])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WHOLE[:-1],
        WHOLE[:40] + WHOLE[50:],
        WHOLE + b"more",
        WHOLE.replace(b"IDAT", b"IDAX"),
        WHOLE[:45] + bytes([WHOLE[45] ^ 1]) + WHOLE[46:],
        png(PIXELS, [SUB], extra=chunk(b"IDAT") + note("Title")),
        png(PIXELS, [SUB], extra=chunk(b"tRNS", b"\x00\x00")),
        png(PIXELS, [SUB], extra=chunk(b"eXIf", b"MM\x00*\x00\x00\x00\x08" + bytes(6))),
        png(PIXELS, [SUB], extra=note("Raw profile type exif")),
        png(PIXELS, [SUB], extra=note("XML:com.adobe.xmp")),
        png(PIXELS, [SUB], header=(8, 0, 0, 0, 1)),
        png(PIXELS, [SUB], header=(8, 3, 0, 0, 0)),
        png(PIXELS, [SUB], header=(4, 0, 0, 0, 0)),
        png(PIXELS, [SUB], after=b"more"),
        png(PIXELS, [SUB], taller=1),
        png(PIXELS[:0], []),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IEND"),
    ],
)  # fmt: skip
def test_damaged_files_and_other_kinds_are_left_to_others(content):
    assert decode_drawing(content) is None


def test_every_byte_counts():
    content = png(np.eye(9, dtype=np.uint8) * 255, [SUB, UP, PAETH] * 3, extra=note("Title"))
    assert decode_drawing(content)
    for at in range(len(content)):
        damaged = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
        assert decode_drawing(damaged) is None
