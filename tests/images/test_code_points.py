"""Photographs whose colours are defined by code points of H.273, beside their sRGB twins."""

import io
import struct

import numpy as np
import pillow_heif
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from skimage import data

from ffhq_wrinkle.errors import ImageError
from ffhq_wrinkle.faces.parsing import create_parser
from ffhq_wrinkle.images.photographs import read_image
from tests.helpers.faces import drawn_face
from tests.helpers.png_parts import chunk
from tests.helpers.profiles import encoded, in_p3, p3_profile, srgb_profile

P3, BT2020, SRGB, SRGB_CURVE, LINEAR, PQ, HLG = 12, 9, 1, 13, 8, 16, 18
_HEADER_END = 8 + 25  # the signature and IHDR


@pytest.fixture(scope="module")
def astronaut():
    """Return the astronaut in muted colours, which every colour space has."""
    return (64 + data.astronaut() // 2).astype(np.uint8)


def png(pixels, primaries, transfer, **options):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", **options)
    code_points = chunk(b"cICP", bytes((primaries, transfer, 0, 1)))
    return content.getvalue()[:_HEADER_END] + code_points + content.getvalue()[_HEADER_END:]


def heif(pixels, primaries, transfer):
    content = io.BytesIO()
    picture = pillow_heif.from_pillow(Image.fromarray(pixels))
    picture.save(content, quality=-1, chroma=444)
    return with_code_points(content.getvalue(), primaries, transfer)


def avif(pixels, primaries, transfer):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "AVIF", quality=100, subsampling="4:4:4")
    return with_code_points(content.getvalue(), primaries, transfer)


def with_code_points(content, primaries, transfer):
    """Replace the numbers in the colr box, and keep its matrix."""
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(">2H", primaries, transfer) + content[at + 4 :]


KINDS = pytest.mark.parametrize(
    ("encode", "name", "tolerance"),
    [(png, "a.png", 1), (heif, "a.heic", 4), (avif, "a.avif", 4)],
)


def saved(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


@KINDS
def test_a_p3_photo_is_its_srgb_twin(tmp_path, astronaut, encode, name, tolerance):
    content = encode(in_p3(astronaut), P3, SRGB_CURVE)
    difference = np.abs(read_image(saved(tmp_path, name, content)).astype(int) - astronaut)
    assert difference.max() <= tolerance + 1
    assert np.mean(difference <= tolerance) > 0.999


def test_code_points_and_an_icc_profile_of_the_same_colours_agree(tmp_path, astronaut):
    by_numbers = saved(tmp_path, "a.png", png(in_p3(astronaut), P3, SRGB_CURVE))
    Image.fromarray(in_p3(astronaut)).save(tmp_path / "b.png", icc_profile=p3_profile())
    difference = read_image(by_numbers).astype(int) - read_image(tmp_path / "b.png")
    assert np.abs(difference).max() <= 1


@KINDS
def test_a_p3_portrait_has_the_label_map_of_its_srgb_twin(
    tmp_path, astronaut, encode, name, tolerance
):
    parser = create_parser("mesh")
    twins = [encode(in_p3(astronaut), P3, SRGB_CURVE), encode(astronaut, SRGB, SRGB_CURVE)]
    photos = [
        read_image(saved(tmp_path, f"{number}-{name}", content))
        for number, content in enumerate(twins)
    ]
    first, second = (parser([photo], ["twin"])[0] for photo in photos)
    assert np.mean(first == second) >= 0.999


@KINDS
@pytest.mark.parametrize(("transfer", "title"), [(PQ, "PQ"), (HLG, "HLG")])
def test_high_dynamic_range_is_refused_by_name(tmp_path, encode, name, tolerance, transfer, title):
    path = saved(tmp_path, name, encode(drawn_face(64)[0], BT2020, transfer))
    with pytest.raises(ImageError, match=rf"high dynamic range \({title}\); save it as sRGB"):
        read_image(path)


@pytest.mark.parametrize(
    ("primaries", "transfer"), [(SRGB, SRGB_CURVE), (SRGB, 1), (2, 2), (99, 1)]
)
def test_colours_of_srgb_or_of_unknown_numbers_stay_as_they_are(tmp_path, primaries, transfer):
    pixels = drawn_face(64)[0]
    path = saved(tmp_path, "a.png", png(pixels, primaries, transfer))
    assert_array_equal(read_image(path), pixels)


def test_linear_light_gets_the_curve_of_srgb(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pixels = np.stack([levels] * 3, axis=-1)
    path = saved(tmp_path, "a.png", png(pixels, SRGB, LINEAR))
    assert np.abs(read_image(path) - 255 * encoded(pixels / 255)).max() <= 1


def test_numbers_come_before_an_icc_profile_in_a_png(tmp_path):
    pixels = drawn_face(64)[0]
    as_srgb = png(pixels, SRGB, SRGB_CURVE, icc_profile=p3_profile())
    assert_array_equal(read_image(saved(tmp_path, "a.png", as_srgb)), pixels)
    as_p3 = png(pixels, P3, SRGB_CURVE, icc_profile=srgb_profile())
    assert (read_image(saved(tmp_path, "b.png", as_p3)) != pixels).any()


def test_levels_can_be_read_as_stored(tmp_path):
    pixels = drawn_face(64)[0]
    path = saved(tmp_path, "a.png", png(pixels, BT2020, PQ))
    assert_array_equal(read_image(path, apply_profile=False), pixels)


def test_damaged_boxes_are_no_code_points(tmp_path, astronaut):
    content = avif(astronaut[:64, :64], P3, SRGB_CURVE)
    for kind in (b"ipma", b"pitm", b"ipco"):
        at = content.index(kind)
        spoilt = content[: at + 4] + b"\xff" * 6 + content[at + 10 :]
        try:
            read_image(saved(tmp_path, "a.avif", spoilt))
        except ImageError:
            continue  # the decoder named it
