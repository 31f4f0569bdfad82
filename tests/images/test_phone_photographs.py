"""Photographs in the formats of phones: HEIF, AVIF and MPO."""

import io
import sys

import numpy as np
import pillow_heif
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ImageError
from ffhq_wrinkle.images import opening
from ffhq_wrinkle.images.photographs import read_image, read_size
from tests.helpers.faces import drawn_face
from tests.helpers.orientation import UPRIGHT, exif_of
from tests.helpers.profiles import in_p3, p3_profile

WIDE = drawn_face(128)[0][:80]


def heif(pixels, *, exif=None, **options):
    """A HEIF file that loses nothing but the rounding of its colour space."""
    content = io.BytesIO()
    if exif:
        options["exif"] = exif.tobytes()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(
        content, quality=-1, chroma=444, **options
    )
    return content.getvalue()


def avif(pixels, **options):
    content = io.BytesIO()
    options = {"quality": 100, "subsampling": "4:4:4", **options}
    Image.fromarray(pixels).save(content, "AVIF", **options)
    return content.getvalue()


KINDS = pytest.mark.parametrize(
    ("encode", "name"), [(heif, "a.heic"), (heif, "a.HEIF"), (heif, "a.hif"), (avif, "a.avif")]
)


@KINDS
def test_pixels_are_those_that_were_saved(tmp_path, encode, name):
    (tmp_path / name).write_bytes(encode(WIDE))
    assert_allclose(read_image(tmp_path / name).astype(int), WIDE, atol=3)
    assert read_size(tmp_path / name) == (80, 128)


@KINDS
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_rotation_of_the_container_is_applied_once(tmp_path, encode, name, orientation):
    (tmp_path / name).write_bytes(encode(WIDE, exif=exif_of(orientation)))
    upright = UPRIGHT[orientation](WIDE)
    assert_allclose(read_image(tmp_path / name).astype(int), upright, atol=3)
    assert read_size(tmp_path / name) == upright.shape[:2]


@KINDS
def test_an_orientation_in_xmp_does_not_turn_what_the_container_leaves(tmp_path, encode, name):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    unturned = xmp.replace(b"6", b"1")
    content = encode(WIDE, xmp=unturned)
    assert content.count(unturned) == 1
    (tmp_path / name).write_bytes(content.replace(unturned, xmp))
    assert_allclose(read_image(tmp_path / name).astype(int), WIDE, atol=3)
    assert read_size(tmp_path / name) == (80, 128)


@KINDS
def test_display_p3_becomes_srgb(tmp_path, encode, name):
    (tmp_path / name).write_bytes(encode(in_p3(WIDE), icc_profile=p3_profile()))
    assert_allclose(read_image(tmp_path / name).astype(int), WIDE, atol=5)


@pytest.mark.parametrize("bits", [10, 12])
def test_more_than_8_bits_are_scaled(tmp_path, monkeypatch, bits):
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
    deep = (WIDE.astype(np.uint16) * 257).tobytes()
    picture = pillow_heif.from_bytes("RGB;16", (128, 80), deep)
    picture.save(tmp_path / "a.heic", quality=-1, chroma=444)
    stored = pillow_heif.open_heif(tmp_path / "a.heic", convert_hdr_to_8bit=False)
    assert stored.info["bit_depth"] == bits
    assert_allclose(read_image(tmp_path / "a.heic").astype(int), WIDE, atol=2)


def test_of_several_pictures_in_a_heif_file_the_primary_one_is_read(tmp_path):
    both = pillow_heif.from_pillow(Image.fromarray(255 - WIDE))
    both.add_from_pillow(Image.fromarray(WIDE))
    both.save(tmp_path / "a.heic", quality=-1, chroma=444, primary_index=1)
    assert_allclose(read_image(tmp_path / "a.heic").astype(int), WIDE, atol=3)


def test_an_animation_in_avif_is_refused(tmp_path):
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - WIDE)]}
    (tmp_path / "a.avif").write_bytes(avif(WIDE, **frames))
    with pytest.raises(ImageError, match="2 pages or frames in one AVIF"):
        read_image(tmp_path / "a.avif")


@pytest.mark.parametrize("encode", [heif, avif])
def test_a_phone_s_photograph_named_jpg_is_recognised_by_its_content(tmp_path, encode):
    (tmp_path / "a.jpg").write_bytes(encode(WIDE))
    assert read_image(tmp_path / "a.jpg").shape == WIDE.shape


def test_without_pillow_heif_the_error_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(heif(WIDE))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for read in (read_image, read_size):
        with pytest.raises(ImageError, match=r"pip install 'ffhq-wrinkle\[heif\]'"):
            read(tmp_path / "a.heic")


def test_a_pillow_without_avif_is_said_to_be_one(tmp_path, monkeypatch):
    (tmp_path / "a.avif").write_bytes(avif(WIDE))
    monkeypatch.setattr(opening.features, "check", lambda feature: feature != "avif")
    with pytest.raises(ImageError, match="this Pillow was built without AVIF"):
        read_image(tmp_path / "a.avif")


@KINDS
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.6, 0.97])
def test_truncated_files_are_refused(tmp_path, encode, name, share):
    whole = encode(WIDE)
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ImageError):
        read_image(tmp_path / name)


def test_the_first_picture_of_an_mpo_in_p3_becomes_srgb(tmp_path):
    second = Image.fromarray(255 - WIDE)
    options = {"quality": 100, "subsampling": 0, "icc_profile": p3_profile()}
    Image.fromarray(in_p3(WIDE)).save(
        tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second], **options
    )
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO"
    assert_allclose(read_image(tmp_path / "a.jpg").astype(int), WIDE, atol=5)


def test_a_jpeg_without_a_profile_is_decoded_as_pillow_does(tmp_path):
    Image.fromarray(WIDE).save(tmp_path / "a.jpg", quality=90)
    with Image.open(tmp_path / "a.jpg") as image:
        assert_array_equal(read_image(tmp_path / "a.jpg"), np.array(image))
