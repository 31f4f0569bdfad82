import contextlib
import os
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, PngImagePlugin

from ffhq_wrinkle.errors import ArgumentError, ImageError
from ffhq_wrinkle.images.photographs import read_gray, read_image, read_size
from tests.helpers.faces import drawn_face
from tests.helpers.gray_and_colour import coloured_pictures, gray_pictures
from tests.helpers.orientation import UPRIGHT, exif_of
from tests.helpers.png_parts import header, png

FACE = drawn_face(96)[0]


def saved(path, pixels=FACE, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def by_pillow(path):
    with Image.open(path) as image:
        return image.format, image.mode, np.array(image)


@pytest.mark.parametrize(
    "name", ["a.png", "a.PNG", "a.bmp", "a.tif", "a.tiff", "a.webp", "interlaced.png"]
)
def test_lossless_formats_give_the_pixels_that_were_saved(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    assert_array_equal(read_image(saved(tmp_path / name, **options)), FACE)


def test_jpeg_is_decoded_as_pillow_decodes_it(tmp_path):
    path = saved(tmp_path / "a.jpg", quality=90)
    assert_array_equal(read_image(path), by_pillow(path)[2])


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_orientation_is_applied(tmp_path, suffix, orientation):
    options = {"lossless": True} if suffix == "webp" else {}
    wide = FACE[:50]
    path = saved(tmp_path / f"a.{suffix}", wide, exif=exif_of(orientation), **options)
    assert_array_equal(read_image(path), UPRIGHT[orientation](wide))


def test_gray_becomes_rgb(tmp_path):
    gray = FACE[:, :, 0]
    path = saved(tmp_path / "a.png", gray)
    assert_array_equal(read_image(path), np.repeat(gray[:, :, None], 3, axis=2))


def test_black_and_white_is_0_and_255(tmp_path):
    path = saved(tmp_path / "a.png", np.eye(9, dtype=np.uint8) * 255, mode="1")
    assert_array_equal(read_image(path)[:, :, 1], np.eye(9) * 255)


def test_palette_images_show_their_colours(tmp_path):
    indices = Image.frombytes("P", (4, 1), bytes([0, 1, 2, 1]))
    indices.putpalette([200, 150, 120, 1, 2, 3, 255, 0, 9])
    indices.save(tmp_path / "a.png")
    assert by_pillow(tmp_path / "a.png")[1] == "P"
    image = read_image(tmp_path / "a.png")
    assert_array_equal(image[0], [(200, 150, 120), (1, 2, 3), (255, 0, 9), (1, 2, 3)])


def test_16_bit_gray_is_scaled_to_8_bits(tmp_path):
    values = np.array([[0, 128, 129, 257, 25700, 65535]], np.uint16)
    for suffix in ("png", "tif"):
        Image.fromarray(values).save(tmp_path / f"a.{suffix}")
        assert_array_equal(read_image(tmp_path / f"a.{suffix}")[0, :, 0], [0, 0, 1, 1, 100, 255])


def test_16_bit_colour_keeps_the_high_bytes(tmp_path):
    # Pillow writes no 16-bit RGB, so the file is put together here: 1x2, colour type 2, depth 16.
    samples = [(0x1234, 0xABCD, 0x00FF), (0xFFFF, 0x0000, 0x8080)]
    row = b"".join(struct.pack(">3H", *sample) for sample in samples)
    (tmp_path / "a.png").write_bytes(png(2, 1, 16, 2, [row]))
    assert_array_equal(read_image(tmp_path / "a.png")[0], [(0x12, 0xAB, 0x00), (0xFF, 0, 0x80)])


def test_an_opaque_alpha_channel_changes_nothing(tmp_path):
    opaque = np.dstack([FACE, np.full(FACE.shape[:2], 255, np.uint8)])
    for suffix in ("png", "tif"):
        assert_array_equal(read_image(saved(tmp_path / f"a.{suffix}", opaque)), FACE)


def test_transparent_pixels_are_blended_with_black(tmp_path):
    layers = np.array([[(200, 100, 50, 255), (200, 100, 50, 0), (200, 100, 50, 51)]], np.uint8)
    image = read_image(saved(tmp_path / "a.png", layers))
    assert_array_equal(image[0], [(200, 100, 50), (0, 0, 0), (40, 20, 10)])


def test_a_colour_made_transparent_in_a_png_without_alpha_is_black(tmp_path):
    Image.fromarray(np.array([[(9, 8, 7), (1, 2, 3)]], np.uint8)).save(
        tmp_path / "a.png", transparency=(9, 8, 7)
    )
    assert_array_equal(read_image(tmp_path / "a.png")[0], [(0, 0, 0), (1, 2, 3)])


def test_a_phone_picture_followed_by_a_second_one_gives_the_first(tmp_path):
    second = Image.fromarray(255 - FACE)
    path = tmp_path / "a.jpg"
    Image.fromarray(FACE).save(path, format="MPO", save_all=True, append_images=[second])
    kind, _, first = by_pillow(path)
    assert kind == "MPO"
    assert_array_equal(read_image(path), first)


def test_several_frames_are_refused(tmp_path):
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - FACE)]}
    for suffix in ("png", "tif", "webp"):
        path = saved(tmp_path / f"a.{suffix}", **frames)
        with pytest.raises(ImageError, match="2 pages or frames"):
            read_image(path)


def test_modes_that_need_a_guess_are_refused_by_name(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(np.zeros((4, 4), np.int32)).save(tmp_path / "int.tif")
    for name, mode in (("float.tif", "F"), ("int.tif", "I")):
        with pytest.raises(ImageError, match=f"mode {mode};"):
            read_image(tmp_path / name)


def test_kinds_of_file_that_are_not_read_are_refused_by_name(tmp_path):
    (tmp_path / "a.cr2").write_bytes(b"II*\0")
    with pytest.raises(ImageError, match="CR2 files are not read"):
        read_image(tmp_path / "a.cr2")
    Image.fromarray(FACE).save(tmp_path / "really.png", format="GIF")
    with pytest.raises(ImageError, match="not an image of a kind"):
        read_image(tmp_path / "really.png")


def test_a_wrong_suffix_does_not_matter(tmp_path):
    saved(tmp_path / "a.png", format="BMP")
    assert_array_equal(read_image(tmp_path / "a.png"), FACE)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.97])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    whole = saved(tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ImageError):
        read_image(tmp_path / f"a.{suffix}")


def test_a_png_is_refused_for_a_single_wrong_bit(tmp_path):
    content = bytearray(saved(tmp_path / "a.png").read_bytes())
    for at in range(20, len(content), len(content) // 60):
        broken = content.copy()
        broken[at] ^= 1
        (tmp_path / "a.png").write_bytes(broken)
        with pytest.raises(ImageError):
            read_image(tmp_path / "a.png")


@pytest.mark.filterwarnings("ignore:::PIL")  # of tags that make no sense
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_altered_files_are_read_or_refused_but_never_crash(tmp_path, suffix):
    whole = saved(tmp_path / f"a.{suffix}").read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(60):
        broken = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 300), 4):
            broken[at] = rng.integers(0, 256)
        (tmp_path / f"a.{suffix}").write_bytes(broken)
        with contextlib.suppress(ImageError):
            assert read_image(tmp_path / f"a.{suffix}").dtype == np.uint8


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path):
    # 20,000 x 20,000 black pixels in a few kilobytes would be 1.2 GB in memory.
    content = header(20_000, 20_000, 8, 2) + b"\x00\x00\x00\x01IDAT\x00" + bytes(4)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match="too many pixels"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_the_limit_of_pixels_can_be_set_and_its_error_says_how(tmp_path, monkeypatch, name):
    path = saved(tmp_path / name, FACE[:50])
    monkeypatch.setenv("FFHQ_WRINKLE_MAX_PIXELS", "4799")
    for read in (read_image, read_size, read_gray):
        with pytest.raises(ImageError, match=r"96x50 is 4800, .*set FFHQ_WRINKLE_MAX_PIXELS=4800 "):
            read(path)
    monkeypatch.setenv("FFHQ_WRINKLE_MAX_PIXELS", "4800")
    assert read_image(path).shape == (50, 96, 3)


def test_more_pixels_than_pillow_opens_are_read_if_the_limit_allows(tmp_path, monkeypatch):
    # `Image.open` warns above a limit of its own and refuses above twice that.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setenv("FFHQ_WRINKLE_MAX_PIXELS", "4800")
    lossless = {"a.webp": {"lossless": True}, "lzw.tif": {"compression": "tiff_lzw"}}
    for name in ("a.png", "a.jpg", "a.bmp", "a.tif", "lzw.tif", "a.webp"):
        path = tmp_path / name
        Image.fromarray(FACE[:50]).save(path, **lossless.get(name, {}))
        assert read_size(path) == (50, 96)
        pixels = read_image(path)
        assert pixels.shape == (50, 96, 3)
        if name != "a.jpg":
            assert_array_equal(pixels, FACE[:50])
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_an_mpo_has_the_same_limit(tmp_path, monkeypatch):
    picture = Image.fromarray(FACE[:50])
    picture.save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[picture])
    path = (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setenv("FFHQ_WRINKLE_MAX_PIXELS", "4799")
    with pytest.raises(ImageError, match="set FFHQ_WRINKLE_MAX_PIXELS=4800 "):
        read_image(path)
    monkeypatch.setenv("FFHQ_WRINKLE_MAX_PIXELS", "4800")
    assert read_image(path).shape == (50, 96, 3)


@pytest.mark.parametrize("text", ["many", "-1", "0", "1e9"])
def test_a_limit_that_is_no_number_of_pixels_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv("FFHQ_WRINKLE_MAX_PIXELS", text)
    with pytest.raises(ArgumentError, match=f"FFHQ_WRINKLE_MAX_PIXELS is '{text}'"):
        read_image(saved(tmp_path / "a.png"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_is_refused(tmp_path):
    path = saved(tmp_path / "a.png")
    path.chmod(0)
    with pytest.raises(ImageError, match="cannot be read: Permission denied"):
        read_image(path)


def test_a_file_of_absurd_size_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(5 << 30)  # a hole
    with pytest.raises(ImageError, match="larger than 1073741824 bytes"):
        read_image(tmp_path / "a.png")


def test_an_image_too_long_to_be_written_again_is_refused(tmp_path):
    saved(tmp_path / "a.bmp", np.zeros((1, 1_000_001), np.uint8))
    with pytest.raises(ImageError, match="no side may exceed 1000000 pixels"):
        read_image(tmp_path / "a.bmp")


def test_an_orientation_in_xmp_is_applied_to_colour_too(tmp_path):
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp)
    path = saved(tmp_path / "a.png", FACE[:50], pnginfo=text)
    assert_array_equal(read_image(path), np.rot90(FACE[:50], -1))


def test_entries_that_are_not_regular_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    for name in ("pipe.png", "folder.png"):
        with pytest.raises(ImageError, match="not a regular file"):
            read_image(tmp_path / name)
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "dangling.png")


def test_gray_levels_are_read_from_any_kind_of_gray_picture(tmp_path):
    levels = np.arange(48, dtype=np.uint8).reshape(8, 6)
    for name, picture in gray_pictures(levels).items():
        picture.save(tmp_path / name)
        assert_array_equal(read_gray(tmp_path / name), levels)


def test_a_picture_in_colour_is_not_gray(tmp_path):
    for name, picture in coloured_pictures(np.arange(48, dtype=np.uint8).reshape(8, 6)).items():
        picture.save(tmp_path / name)
        with pytest.raises(ImageError, match="it is in colour, but should be gray"):
            read_gray(tmp_path / name)
