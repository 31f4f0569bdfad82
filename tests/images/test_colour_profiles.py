"""Colours of photographs: what their profiles define, as pixels of sRGB."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ImageError
from ffhq_wrinkle.faces.parsing import create_parser
from ffhq_wrinkle.images.masks import read_mask
from ffhq_wrinkle.images.photographs import decode_gray, read_image
from tests.helpers.orientation import UPRIGHT, exif_of
from tests.helpers.profiles import cmyk_profile, gray_profile, in_p3, p3_profile, srgb_profile

RANDOM = np.random.default_rng(11)
# Not dark, where the levels of P3 are coarser than those of sRGB.
COLOURS = RANDOM.integers(60, 236, (40, 60, 3), np.uint8)


def saved(path, pixels, profile, mode=None, **options):
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path, icc_profile=profile, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_a_p3_photograph_has_the_colours_of_its_srgb_twin(tmp_path, name):
    options = {"lossless": True} if name == "a.webp" else {}
    path = saved(tmp_path / name, in_p3(COLOURS), p3_profile(), **options)
    # P3 rounds to its own levels, of which one can be two of sRGB.
    assert_allclose(read_image(path).astype(int), COLOURS, atol=2)
    assert np.abs(in_p3(COLOURS).astype(int) - COLOURS).max() > 10


def test_a_p3_portrait_is_its_srgb_twin_within_rounding(tmp_path, astronaut):
    p3 = read_image(saved(tmp_path / "p3.png", in_p3(astronaut), p3_profile()))
    srgb = read_image(saved(tmp_path / "srgb.png", astronaut, srgb_profile()))
    assert_array_equal(srgb, astronaut)
    difference = np.abs(p3.astype(int) - srgb)
    assert difference.max() <= 2
    assert np.mean(difference <= 1) > 0.999


def test_a_p3_portrait_has_the_label_map_of_its_srgb_twin(tmp_path, astronaut):
    p3 = read_image(saved(tmp_path / "p3.png", in_p3(astronaut), p3_profile()))
    srgb = read_image(saved(tmp_path / "srgb.png", astronaut, srgb_profile()))
    parser = create_parser("mesh")
    assert np.mean(parser([p3], ["a"])[0] == parser([srgb], ["b"])[0]) >= 0.999


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_p3_photograph_is_turned_too(tmp_path, orientation):
    exif = exif_of(orientation)
    path = saved(tmp_path / "a.png", in_p3(COLOURS), p3_profile(), exif=exif)
    assert_allclose(read_image(path).astype(int), UPRIGHT[orientation](COLOURS), atol=2)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA"])
def test_a_profile_that_is_srgb_changes_no_pixel(tmp_path, mode):
    with_profile = saved(tmp_path / "a.png", COLOURS, srgb_profile(), mode)
    without = saved(tmp_path / "b.png", COLOURS, None, mode)
    assert_array_equal(read_image(with_profile), read_image(without))


def test_transparent_pixels_of_a_p3_photograph_are_blended_with_black(tmp_path):
    alpha = np.full(COLOURS.shape[:2], 255, np.uint8)
    alpha[:, :30] = 0
    path = saved(tmp_path / "a.png", np.dstack([in_p3(COLOURS), alpha]), p3_profile())
    pixels = read_image(path)
    assert not pixels[:, :30].any()
    assert_allclose(pixels[:, 30:].astype(int), COLOURS[:, 30:], atol=2)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_gray_levels_are_converted_by_their_profile(tmp_path, mode):
    # Light is the level to the power 1.8; sRGB encodes this light.
    levels = np.arange(256, dtype=np.uint8)[None, :]
    light = (levels / 255) ** 1.8
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    stored, mode = (levels.astype(np.uint16) * 257, None) if mode == "I;16" else (levels, mode)
    pixels = read_image(saved(tmp_path / "a.png", stored, gray_profile(1.8), mode))
    assert pixels.shape == (1, 256, 3)
    assert_allclose(pixels, np.repeat(255 * srgb[:, :, None], 3, axis=2), atol=1.5)
    assert np.abs(pixels[0, :, 0].astype(int) - levels[0]).max() > 10


def test_profiles_do_not_change_what_masks_and_gray_maps_mean(tmp_path):
    levels = np.arange(256, dtype=np.uint8)[None, :]
    path = saved(tmp_path / "a.png", levels, gray_profile(1.8))
    assert_array_equal(decode_gray(path.read_bytes()), levels)
    assert_array_equal(read_mask(path, threshold=128), levels >= 128)


@pytest.mark.parametrize("profile", [b"", b"no profile", srgb_profile()[:300], gray_profile(1.8)])
def test_profiles_that_are_damaged_or_of_other_channels_are_ignored(tmp_path, profile):
    assert_array_equal(read_image(saved(tmp_path / "a.png", COLOURS, profile)), COLOURS)


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_is_converted_by_its_profile(tmp_path, name):
    # Without ink L* is 100, with black 0, with cyan 50, whose sRGB is 119 (IEC 61966-2-1).
    inks = np.zeros((16, 48, 4), np.uint8)
    inks[:, 16:32, 3] = 255
    inks[:, 32:, 0] = 255
    profile = cmyk_profile(lambda c, m, y, k: 0 if k else 50 if c else 100)
    picture = Image.frombytes("CMYK", (48, 16), inks.tobytes())
    picture.save(tmp_path / name, icc_profile=profile)
    pixels = read_image(tmp_path / name).astype(int)
    for column, level in ((8, 255), (24, 0), (40, 119)):
        assert_allclose(pixels[8, column], level, atol=2)


def test_cmyk_without_a_profile_is_converted_by_ink(tmp_path):
    inks = np.zeros((8, 3, 4), np.uint8)
    inks[:, 1, 3] = 255
    inks[:, 2, 0] = 255
    Image.frombytes("CMYK", (3, 8), inks.tobytes()).save(tmp_path / "a.tif")
    assert_array_equal(
        read_image(tmp_path / "a.tif")[0], [(255, 255, 255), (0, 0, 0), (0, 255, 255)]
    )


def test_masks_and_gray_maps_of_cmyk_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    Image.new("CMYK", (4, 4)).save(path)
    for read in (read_mask, lambda path: decode_gray(path.read_bytes())):
        with pytest.raises(ImageError, match="mode CMYK; convert to 8-bit RGB or gray"):
            read(path)
