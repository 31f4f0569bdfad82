"""PNG as we write it, and as other readers and writers see it."""

import contextlib
import io
import random
import struct
import sys
import tracemalloc
import zlib
from itertools import pairwise

import cv2
import imagecodecs
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, PngImagePlugin

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.images.limits import MAX_PIXELS
from ffhq_wrinkle.images.png import encode_png, png_note
from ffhq_wrinkle.images.png_decoding import decode_plain_gray, decode_png
from ffhq_wrinkle.weak_labels.texture import masked_texture_map
from tests.helpers.faces import drawn_face
from tests.helpers.png_parts import SIGNATURE, chunk, png

NOISE = np.random.default_rng(0).normal(0, 3, (256, 300, 3))
PHOTO = np.clip(cv2.resize(drawn_face(256)[0], (300, 256)) + NOISE, 0, 255).astype(np.uint8)


def chunks(content):
    """Type and body of each chunk; nothing before, between or after them, every checksum right."""
    assert content[:8] == SIGNATURE
    found, at = [], 8
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + 8 + length]
        assert content[at : at + 12 + length] == chunk(kind, body)
        found.append((kind, body))
        at += length + 12
    return found


def by_pillow(pixels, **options):
    content = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(content, "PNG", **options)
    return content.getvalue()


def photo_of(mode):
    image = Image.fromarray(PHOTO).convert("RGB")
    if mode == "I;16":
        return Image.fromarray(PHOTO[:, :, 0].astype(np.uint16) * 257 + 3)
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "I;16"])
def test_photographs_are_decoded_as_pillow_decodes_them(mode):
    image = photo_of(mode)
    content = by_pillow(image)
    assert len(content) > PHOTO.size / 20  # else nothing would be unpacked before libpng
    assert_array_equal(decode_png(content), np.asarray(image))


def test_a_photograph_of_a_palette_is_decoded_in_its_colours():
    image = photo_of("P")
    assert_array_equal(decode_png(by_pillow(image)), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_fewer_than_8_bits_become_8(bits):
    levels = np.random.default_rng(bits).integers(0, 2**bits, (40, 37), np.uint8)
    values = (levels[:, :, None] >> np.arange(bits)[::-1] & 1).reshape(40, -1)
    rows = [row.tobytes() for row in np.packbits(values, axis=1)]
    content = png(37, 40, bits, 0, rows)
    assert_array_equal(decode_png(content), levels * (255 // (2**bits - 1)))


def test_pixels_in_many_chunks_are_joined():
    (_, header), *bodies, _ = chunks(by_pillow(PHOTO))
    stream = b"".join(body for _, body in bodies)
    cuts = [0, *sorted(random.Random(1).sample(range(len(stream)), 40)), len(stream)]
    content = SIGNATURE + chunk(b"IHDR", header) + chunk(b"gAMA", struct.pack(">I", 45_455))
    for first, last in pairwise(cuts):
        content += chunk(b"IDAT", stream[first:last])
    content += chunk(b"tEXt", b"Comment\0behind the pixels") + chunk(b"IEND", b"")
    assert_array_equal(decode_png(content), PHOTO)


@pytest.mark.parametrize("harm", ["checksum", "cut", "chunk between"])
def test_a_stream_that_is_wrong_though_its_chunks_are_not_is_refused(harm):
    (_, header), *bodies, _ = chunks(by_pillow(PHOTO))
    stream = b"".join(body for _, body in bodies)
    pieces = [chunk(b"IDAT", stream)]
    if harm == "checksum":
        pieces = [chunk(b"IDAT", stream[:-4] + b"\0\0\0\0")]
    elif harm == "cut":
        pieces = [chunk(b"IDAT", stream[: len(stream) // 2])]
    elif harm == "chunk between":
        pieces = [chunk(b"IDAT", stream[:99]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", stream[99:])]
    content = SIGNATURE + chunk(b"IHDR", header) + b"".join(pieces) + chunk(b"IEND", b"")
    with pytest.raises(imagecodecs.PngError):
        decode_png(content)


def test_more_pixels_than_the_header_states_take_no_memory():
    header = struct.pack(">IIBBBBB", 2000, 2000, 8, 0, 0, 0, 0)
    stream = zlib.compress(bytes(300_000_000), 9)  # a thousandth of that
    content = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")
    tracemalloc.start()
    try:
        assert not decode_png(content).any()
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def face_and_weak_mask():
    image, labels = drawn_face(512)
    noise = np.random.default_rng(3).normal(0, 1.5, image.shape)
    face = cv2.resize((labels == 1).astype(np.uint8), (512, 512)) > 0
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return face, masked_texture_map(image, face)


def drawn_lines():
    canvas = np.zeros((512, 512), np.uint8)
    for points in np.random.default_rng(2).integers(50, 460, (12, 5, 2), np.int32):
        cv2.polylines(canvas, [points], False, 255, 3)
    return canvas


FACE_MASK, WEAK_MASK = face_and_weak_mask()
SOFT = cv2.GaussianBlur(drawn_lines(), (0, 0), 3).astype(np.uint16) * 257
RESULTS = {
    "weak mask": WEAK_MASK,
    "face mask": FACE_MASK * np.uint8(255),
    "lines": drawn_lines(),
    "probabilities": SOFT,
    "nothing": np.zeros((512, 512), np.uint8),
    "photograph": PHOTO,
}


@pytest.mark.parametrize("name", RESULTS)
def test_other_readers_decode_our_png_to_the_same_pixels(name):
    pixels = RESULTS[name]
    content = encode_png(pixels)
    kinds, bodies = zip(*chunks(content), strict=True)
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    assert set(kinds[1:-1]) == {b"IDAT"}
    rows = zlib.decompress(b"".join(bodies[1:-1]))
    assert len(rows) == pixels.shape[0] + pixels.nbytes
    with Image.open(io.BytesIO(content)) as image:
        image.verify()
    assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)
    in_bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert_array_equal(in_bgr[:, :, ::-1] if pixels.ndim == 3 else in_bgr, pixels)
    assert_array_equal(imagecodecs.png_decode(content), pixels)
    if pixels.dtype == np.uint8:  # imagecodecs' libspng takes no 16-bit gray
        assert_array_equal(imagecodecs.spng_decode(content), pixels)


@pytest.mark.parametrize("name", RESULTS)
def test_files_are_at_most_15_percent_larger_than_pillow_s(name):
    assert len(encode_png(RESULTS[name])) <= 1.15 * len(by_pillow(RESULTS[name]))


def test_arrays_may_lie_in_memory_as_they_like():
    wide = WEAK_MASK.T[::-1, ::3]
    assert not wide.flags.c_contiguous
    assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(wide)))), wide)
    assert_array_equal(decode_png(encode_png(SOFT.astype(">u2").astype(np.uint16).T)), SOFT.T)


def gray_png(depth, *, colour=0, notes=(), harm=lambda one: one, after=b""):
    """A gray PNG of random bits, with further chunks before its end."""
    height, width = 5, 24
    rows = np.random.default_rng(0).integers(0, 256, (height, 1 + width * depth // 8), np.uint8)
    rows[:, 0] = 0  # no filter
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows.tobytes()))]
    parts += [harm(chunk(kind, body)) for kind, body in notes]
    return SIGNATURE + b"".join([*parts, chunk(b"IEND", b""), after])


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("notes", [(), [(b"tEXt", b"Comment\0red"), (b"tEXt", b"Description\0a")]])
def test_plain_gray_is_decoded_as_pillow_decodes_it(depth, notes):
    content = gray_png(depth, notes=notes)
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(image).astype(np.uint16)
    expected = expected * 255 if depth == 1 else expected  # Pillow has it as bool
    assert_array_equal(decode_plain_gray(content), expected)


@pytest.mark.parametrize(
    "content",
    [
        gray_png(8, notes=[(b"tEXt", b"xmp\0orientation")]),
        gray_png(8, notes=[(b"tEXt", b"Comments\0other")]),
        gray_png(8, notes=[(b"eXIf", b"MM\0*")]),
        gray_png(8, notes=[(b"acTL", struct.pack(">II", 2, 0))]),
        gray_png(8, notes=[(b"tEXt", b"Comment\0red")], harm=lambda one: one[:-1] + b"?"),
        gray_png(8, after=chunk(b"IEND", b"")[:6]),
        gray_png(8, colour=4),
        gray_png(8)[:-20],
        gray_png(8)[:30] + b"?" + gray_png(8)[31:],  # the header's checksum
        gray_png(8).replace(b"IHDR", b"IEND"),
        gray_png(8)[:8] + gray_png(8)[-12:],
        by_pillow(np.zeros((3, 4, 3), np.uint8)),
        b"",
    ],
)
def test_files_that_may_be_more_than_plain_gray_are_left_to_others(content):
    assert decode_plain_gray(content) is None


def test_pixels_that_are_damaged_are_left_to_others():
    content = bytearray(gray_png(8))
    content[60] ^= 1
    assert decode_plain_gray(bytes(content)) is None


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None lives for ever since Python 3.12")
@pytest.mark.parametrize("decode", [decode_png, decode_plain_gray])
def test_thousands_of_damaged_files_do_not_use_up_references_to_none(decode):
    """imagecodecs gives back a reference to None that it never took; at 0 Python ends."""
    (_, header), *bodies, _ = chunks(by_pillow(PHOTO[:, :, 0]))
    cut = b"".join(body for _, body in bodies)[:100]
    content = SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", cut) + chunk(b"IEND", b"")
    before = sys.getrefcount(None)
    for _ in range(500):
        with contextlib.suppress(imagecodecs.PngError):
            assert decode(content) is None
    assert sys.getrefcount(None) > before - 250


@pytest.mark.parametrize("pixels", [PHOTO, PHOTO[:, :, 0], PHOTO[:1, :1], PHOTO[:, 7:20, 1]])
def test_png_files_are_read_back_by_pillow_pixel_for_pixel(pixels):
    image = Image.open(io.BytesIO(encode_png(pixels, {"Description": "a note", "Source": "b"})))
    image.load()
    assert image.mode == ("RGB" if pixels.ndim == 3 else "L")
    assert isinstance(image, PngImagePlugin.PngImageFile)
    assert image.text == {"Description": "a note", "Source": "b"}
    assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), bool), np.zeros((4, 4, 4), np.uint8)])
def test_other_arrays_are_not_encoded_as_png(pixels):
    with pytest.raises(ArgumentError, match="a PNG is made from uint8"):
        encode_png(pixels)


def test_an_image_too_long_for_a_png_is_refused():
    with pytest.raises(ArgumentError, match="cannot be written as PNG"):
        encode_png(np.zeros((1, 1_000_001), np.uint8))


def test_a_note_is_found_in_whole_files_only(tmp_path):
    content = encode_png(PHOTO, {"Description": "by hand"})
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert png_note(path, "Description") == "by hand"
    assert png_note(path, "Comment") == ""
    for damaged in (content[:-1], content[: len(content) // 2], b"", b"text", content[8:]):
        path.write_bytes(damaged)
        assert png_note(path, "Description") is None
    path.write_bytes(by_pillow(PHOTO))  # without a note
    assert png_note(path, "Description") == ""


def test_the_limit_is_pillows():
    assert MAX_PIXELS == Image.MAX_IMAGE_PIXELS


def test_16_bit_gray_becomes_a_png_of_16_bits(tmp_path):
    levels = np.array([[0, 1, 65_535], [258, 40_000, 2]], np.uint16)
    (tmp_path / "x.png").write_bytes(encode_png(levels))
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "x.png")), levels)
    with pytest.raises(ArgumentError, match="uint16"):
        encode_png(levels[..., None].repeat(3, axis=2))
