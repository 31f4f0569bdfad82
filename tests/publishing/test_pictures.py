"""Pictures: published files have the same pixels, and nothing that tells about people."""

import io

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.api.pictures import read_image
from ffhq_wrinkle.errors import ImageError
from ffhq_wrinkle.publishing.pictures import gray_file, mask_file, photo_file, rgb_png_file
from tests.helpers.publishing import SHAPE, drawn, photograph, write_png


def pixels_of(file):
    return np.asarray(Image.open(io.BytesIO(file.content)))


def save(path, picture, **options):
    Image.fromarray(picture).save(path, **options)
    return path


@pytest.mark.parametrize("quality", [30, 95])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_keeps_its_pixels_whatever_scans_it_has(tmp_path, quality, progressive):
    path = save(
        tmp_path / "a.jpg", photograph(1), quality=quality, progressive=progressive,
        comment=b"Anna", restart_marker_blocks=1,
    )  # fmt: skip
    file = photo_file(path)
    assert (file.suffix, file.size) == (".jpg", SHAPE)
    np.testing.assert_array_equal(pixels_of(file), np.asarray(Image.open(path)))
    assert b"Anna" not in file.content
    assert len(path.read_bytes()) - len(file.content) == len(b"Anna") + 4


def test_pictures_behind_the_first_one_of_a_jpeg_are_left_out(tmp_path):
    path = save(tmp_path / "a.jpg", photograph(1))
    alone = photo_file(path).content
    path.write_bytes(path.read_bytes() + b"Anna" + path.read_bytes())
    assert photo_file(path).content == alone


def test_a_photograph_stored_on_its_side_becomes_an_upright_png(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = save(tmp_path / "a.jpg", photograph(1), exif=exif)
    file = photo_file(path)
    assert (file.suffix, file.size) == (".png", SHAPE[::-1])
    np.testing.assert_array_equal(pixels_of(file), read_image(path))


@pytest.mark.parametrize("suffix", [".webp", ".bmp", ".tif"])
def test_photographs_in_other_formats_become_png(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", photograph(1))
    file = photo_file(path)
    assert file.suffix == ".png"
    np.testing.assert_array_equal(pixels_of(file), read_image(path))


def test_a_cut_jpeg_is_named(tmp_path):
    path = save(tmp_path / "a.jpg", photograph(1))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageError, match=r"a\.jpg: damaged or cut short"):
        photo_file(path)


def test_a_png_with_one_wrong_byte_is_named(tmp_path):
    path = write_png(tmp_path / "a.png", photograph(1)[:, :, 0])
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png: damaged or cut short: a checksum is wrong"):
        gray_file(path)


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA"])
def test_masks_of_other_kinds_become_0_and_255(tmp_path, mode):
    path = tmp_path / "a.png"
    Image.fromarray(drawn(1) * np.uint8(255)).convert(mode).save(path)
    np.testing.assert_array_equal(pixels_of(mask_file(path)), drawn(1) * 255)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_a_photograph_as_rgb_png(tmp_path, mode):
    path = tmp_path / "a.png"
    Image.fromarray(photograph(1)).convert(mode).save(path)
    file = rgb_png_file(path)
    assert Image.open(io.BytesIO(file.content)).mode == "RGB"
    np.testing.assert_array_equal(pixels_of(file), read_image(path))
