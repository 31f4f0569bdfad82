import os
import re

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, ImageError
from ffhq_wrinkle.images.masks import inverted_remark, looks_inverted, read_mask
from tests.helpers.faces import mask
from tests.helpers.png_parts import png

DRAWN = mask(".##. / #... / ...#")
ORIENTATION = 0x0112


def saved(path, levels, mode=None, **options):
    image = Image.fromarray(np.asarray(levels))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("drawn_as", [1, 7, 255])
@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.bmp", "a.tif", "a.tiff", "a.webp"])
def test_any_two_values_of_which_one_is_0_make_a_mask(tmp_path, name, drawn_as):
    options = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path / name, DRAWN * np.uint8(drawn_as), **options)
    drawn = read_mask(path)
    assert drawn.dtype == bool
    assert_array_equal(drawn, DRAWN)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_every_mode_is_read(tmp_path, mode, name):
    if name == "a.bmp" and mode == "LA":
        pytest.skip("there is no such BMP")
    assert_array_equal(read_mask(saved(tmp_path / name, DRAWN * np.uint8(255), mode)), DRAWN)


@pytest.mark.parametrize("drawn_as", [1, 300, 65535])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_read_without_loss(tmp_path, name, drawn_as):
    assert_array_equal(read_mask(saved(tmp_path / name, DRAWN * np.uint16(drawn_as))), DRAWN)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize(
    "options", [{}, {"imagej": True}, {"compression": "zlib"}, {"tile": (16, 16)}]
)
@pytest.mark.parametrize("drawn_as", [1, 255, 256, 65535])
def test_sixteen_bit_tiff_of_either_byte_order_is_read(tmp_path, drawn_as, options, byteorder):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, DRAWN * np.uint16(drawn_as), byteorder=byteorder, **options)
    with tifffile.TiffFile(path) as file:
        assert file.byteorder == byteorder
    assert_array_equal(read_mask(path), DRAWN)
    assert_array_equal(read_mask(path, threshold=drawn_as), DRAWN)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_three_levels_of_sixteen_bit_tiff_are_named_and_thresholded(tmp_path, byteorder):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[0, 255, 256, 512]], np.uint16), byteorder=byteorder)
    with pytest.raises(ImageError, match="it has 0, 255, 256, 512;"):
        read_mask(path)
    assert_array_equal(read_mask(path, threshold=256), mask("..##"))


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_tiff_of_signed_16_bits_or_floating_point_is_refused(tmp_path, dtype, byteorder):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, DRAWN.astype(byteorder + dtype), byteorder=byteorder)
    with pytest.raises(ImageError, match=r"convert to 8-bit|not an image of a kind"):
        read_mask(path)


@pytest.mark.parametrize(("dtype", "byteorder"), [("u4", "<"), ("i4", "<"), ("i4", ">")])
@pytest.mark.parametrize("drawn_as", [1, 255, 70_000, 2**31 - 1])
def test_tiff_of_32_bit_labels_with_two_values_is_read(tmp_path, dtype, byteorder, drawn_as):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (DRAWN * drawn_as).astype(byteorder + dtype), byteorder=byteorder)
    assert_array_equal(read_mask(path), DRAWN)
    assert_array_equal(read_mask(path, threshold=drawn_as), DRAWN)


def test_tiff_of_several_32_bit_labels_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[0, 1, 2, 3]], np.uint32))
    with pytest.raises(ImageError, match="it has 0, 1, 2, 3;"):
        read_mask(path)
    tifffile.imwrite(path, np.array([[0, -5]], np.int32))
    with pytest.raises(ImageError, match="32-bit mask with numbers below 0"):
        read_mask(path)


def test_the_low_byte_of_sixteen_bit_colour_counts(tmp_path):
    rows = [b"\0\0\0\0\0\0" + b"\0\1\0\1\0\1"]
    assert_array_equal(read_mask(written(tmp_path / "a.png", png(2, 1, 16, 2, rows))), mask(".#"))


def test_sixteen_bit_gray_with_alpha_is_read(tmp_path):
    rows = [b"\0\0\xff\xff" + b"\0\1\xff\xff"]
    assert_array_equal(read_mask(written(tmp_path / "a.png", png(2, 1, 16, 4, rows))), mask(".#"))


@pytest.mark.parametrize(("depth", "row"), [(1, b"\x60"), (2, b"\x3c"), (4, b"\x0f\xf0")])
def test_few_bits_a_pixel_are_read(tmp_path, depth, row):
    assert_array_equal(
        read_mask(written(tmp_path / "a.png", png(4, 1, depth, 0, [row]))), mask(".##.")
    )


def test_a_palette_counts_by_its_colours(tmp_path):
    image = Image.fromarray(DRAWN.astype(np.uint8), mode=None).convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / "a.png")
    assert_array_equal(read_mask(tmp_path / "a.png"), DRAWN)
    image.putpalette([0, 200, 0, 0, 0, 0])  # the first colour is the drawing, the second black
    image.save(tmp_path / "b.png")
    assert_array_equal(read_mask(tmp_path / "b.png"), ~DRAWN)


def test_strokes_of_one_colour_are_a_mask_and_of_two_colours_are_not(tmp_path):
    strokes = np.zeros((1, 3, 3), np.uint8)
    strokes[0, 1] = strokes[0, 2] = (255, 0, 0)
    assert_array_equal(read_mask(saved(tmp_path / "red.png", strokes)), mask(".##"))
    strokes[0, 2] = (0, 255, 0)
    path = saved(tmp_path / "classes.png", strokes)
    with pytest.raises(ImageError, match=r"RGB \(0, 255, 0\), RGB \(255, 0, 0\)"):
        read_mask(path)
    assert_array_equal(read_mask(path, threshold=128), mask(".##"))


@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 0, 0)])
def test_strokes_on_transparent_are_a_mask(tmp_path, colour):
    layer = np.zeros((3, 4, 4), np.uint8)
    layer[..., :3] = colour  # also where nothing is seen of it
    layer[..., 3] = DRAWN * 255
    for name in ("a.png", "a.tif", "a.webp"):
        options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
        assert_array_equal(read_mask(saved(tmp_path / name, layer, **options)), DRAWN)


def test_a_drawing_that_an_alpha_channel_would_hide_is_refused(tmp_path):
    layer = np.zeros((3, 4, 4), np.uint8)
    layer[..., 3] = ~DRAWN * 255  # a dark picture with transparent lines, or a full drawing
    assert layer[..., 3].astype(bool).mean() > 0.5
    with pytest.raises(ImageError, match=r"black on transparent.*draw in white"):
        read_mask(saved(tmp_path / "a.png", layer))
    layer[..., :3], layer[..., 3] = 255 * DRAWN[..., None], 0
    with pytest.raises(ImageError, match="all transparent"):
        read_mask(saved(tmp_path / "b.png", layer))
    assert not read_mask(saved(tmp_path / "c.png", np.zeros((3, 4, 4), np.uint8))).any()


def test_lines_in_black_on_transparent_are_read_as_label_studio_s_bitmasks(tmp_path):
    layer = np.zeros((3, 4, 4), np.uint8)
    layer[..., 3] = DRAWN * 255
    assert_array_equal(read_mask(saved(tmp_path / "a.png", layer)), DRAWN)
    layer[..., 3] = np.array([[0, 0, 100, 0], [0, 255, 0, 0], [0, 200, 0, 0]])
    with pytest.raises(ImageError, match="it has 0, 100, 200, 255"):
        read_mask(saved(tmp_path / "b.png", layer))
    assert read_mask(saved(tmp_path / "c.png", layer), threshold=128).sum() == 2


@pytest.mark.parametrize("filled", [False, True])
def test_empty_and_full_masks_are_masks(tmp_path, filled):
    path = saved(tmp_path / "a.png", np.full((3, 4), filled * 255, np.uint8))
    assert_array_equal(read_mask(path), np.full((3, 4), filled))


def test_other_gray_values_are_refused_and_listed(tmp_path):
    path = saved(tmp_path / "a.png", np.array([[0, 80, 255]], np.uint8))
    with pytest.raises(ImageError, match=r"it has 0, 80, 255; .*--threshold"):
        read_mask(path)
    path = saved(tmp_path / "b.png", np.arange(200, dtype=np.uint8)[None])
    with pytest.raises(ImageError, match=r"0, 1, 2, 3, 4, 5, ... 199 \(200 in all\)"):
        read_mask(path)
    path = saved(tmp_path / "c.png", np.array([[80, 255]], np.uint8))
    with pytest.raises(ImageError, match="of which one is 0: it has 80, 255"):
        read_mask(path)


@pytest.mark.parametrize("seed", range(30))
def test_two_levels_are_a_mask_and_three_are_not_at_any_mean(tmp_path, seed):
    random = np.random.default_rng(seed)
    others = random.choice(np.arange(1, 256), random.integers(1, 4), replace=False)
    levels = random.choice([0, *others], (5, 13)).astype(np.uint8)
    path = saved(tmp_path / "a.png", levels)
    if len(np.unique(levels[levels > 0])) <= 1:
        assert_array_equal(read_mask(path), levels > 0)
    else:
        with pytest.raises(ImageError, match="not a mask of two values"):
            read_mask(path)


def test_a_jpeg_needs_a_threshold(tmp_path):
    drawn = np.zeros((64, 64), bool)
    drawn[20:30, 5:60] = True
    path = saved(tmp_path / "a.jpg", drawn * np.uint8(255), quality=75)
    with pytest.raises(ImageError, match="in all"):
        read_mask(path)
    assert_array_equal(read_mask(path, threshold=128), drawn)


def test_a_threshold_is_the_lowest_level_that_is_drawn(tmp_path):
    path = saved(tmp_path / "a.png", np.array([[0, 127, 128, 255]], np.uint8))
    assert_array_equal(read_mask(path, threshold=128), mask("..##"))
    assert_array_equal(read_mask(path, threshold=127), mask(".###"))
    path = saved(tmp_path / "b.png", np.array([[0, 255, 256, 65535]], np.uint16))
    assert_array_equal(read_mask(path, threshold=256), mask("..##"))


@pytest.mark.parametrize("threshold", [2, 256])
def test_a_threshold_that_no_level_reaches_is_refused(tmp_path, threshold):
    path = saved(tmp_path / "a.png", DRAWN.astype(np.uint8))
    with pytest.raises(ImageError, match=f"no level reaches the threshold {threshold}"):
        read_mask(path, threshold=threshold)


@pytest.mark.parametrize(
    "levels",
    [
        np.array([[0, 1, 2]], np.uint8),
        np.array([[0, 3, 127]], np.uint8),
        np.array([[0, 127]], np.uint8),
        np.array([[5, 127]], np.uint8),
        np.array([[0, 100, 127]], np.uint16),
        np.array([[[0, 0, 0], [9, 0, 127], [0, 30, 0]]], np.uint8),
        np.array([[[0, 0, 0, 255], [255, 255, 255, 127], [255, 255, 255, 60]]], np.uint8),
    ],
)
def test_a_threshold_that_leaves_nothing_of_a_drawing_is_refused(tmp_path, levels):
    path = saved(tmp_path / "a.png", levels)
    with pytest.raises(ImageError, match=r"threshold 128: the largest is (2|127); .* try (1|64),"):
        read_mask(path, threshold=128)
    assert read_mask(path, threshold=2).any()


def test_a_threshold_leaves_an_empty_mask_empty(tmp_path):
    path = saved(tmp_path / "a.png", np.zeros((3, 4), np.uint8))
    assert not read_mask(path, threshold=128).any()


@pytest.mark.parametrize(
    "levels",
    [
        np.array([[0, 1, 2]], np.uint8),
        np.array([[0, 1, 5, 3]], np.uint8),
        np.array([[0, 90, 255]], np.uint8),
        np.array([[7, 9]], np.uint8),
        np.array([[0, 90, 255]], np.uint16),
        np.array([[0, 300, 65535]], np.uint16),
        np.array([[[0, 0, 0], [0, 0, 90], [40, 0, 0]]], np.uint8),
    ],
)
def test_the_threshold_that_an_error_names_keeps_something(tmp_path, levels):
    path = saved(tmp_path / "a.png", levels)
    with pytest.raises(ImageError, match="antialiased") as caught:
        read_mask(path)
    (named,) = re.findall(r"\(--threshold (\d+)\)", str(caught.value))
    drawn = read_mask(path, threshold=int(named))
    brightest = levels.max(axis=2) if levels.ndim == 3 else levels
    assert_array_equal(drawn, brightest >= int(named))
    assert drawn.any()
    assert int(named) == -(-int(levels.max()) // 2)  # half, rounded up


def test_a_threshold_below_1_would_fill_everything(tmp_path):
    with pytest.raises(ArgumentError, match="threshold is 0"):
        read_mask(saved(tmp_path / "a.png", DRAWN), threshold=0)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_masks_are_turned_as_photographs_are(tmp_path, name):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # shown a quarter turn to the right
    options = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path / name, DRAWN * np.uint8(255), exif=exif, **options)
    assert_array_equal(read_mask(path), np.rot90(DRAWN, -1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"photometric": "miniswhite"}, "white as 0"),
        ({"planarconfig": "separate", "photometric": "rgb"}, "a plane for"),
    ],
)
def test_16_bit_tiff_that_would_be_misread_is_refused(tmp_path, options, said):
    levels = DRAWN * np.uint16(65535)
    pixels = np.stack([levels] * 3) if "planarconfig" in options else levels
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    with pytest.raises(ImageError, match=f"16-bit TIFF with {said}"):
        read_mask(tmp_path / "a.tif")


def test_8_bit_tiff_with_white_as_0_is_read_as_it_looks(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ~DRAWN * np.uint8(255), photometric="miniswhite")
    assert_array_equal(read_mask(tmp_path / "a.tif"), DRAWN)


def test_a_palette_of_nothing_but_black_is_refused(tmp_path):
    image = Image.fromarray(DRAWN.astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 0, 0, 0])
    image.save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="no colour but black"):
        read_mask(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_a_threshold_takes_one_bit_as_0_and_255(tmp_path, name):
    path = saved(tmp_path / name, DRAWN)
    assert_array_equal(read_mask(path, threshold=128), DRAWN)


@pytest.mark.parametrize("keep", [0, 20, 60, -4])
def test_damaged_files_are_refused(tmp_path, keep):
    path = saved(tmp_path / "a.png", DRAWN)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ImageError):
        read_mask(path)


def test_a_picture_larger_than_any_face_is_refused_by_its_header(tmp_path):
    path = written(tmp_path / "a.png", png(10_000, 10_000, 8, 0, [b"\0"]))
    with pytest.raises(ImageError, match=r"too many pixels: .* 89478485"):
        read_mask(path)


def test_a_flipped_bit_is_seen(tmp_path):
    path = saved(tmp_path / "a.png", DRAWN * np.uint8(255))
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 8] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ImageError, match="damaged"):
        read_mask(path)


def test_paths_that_are_not_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match="not a regular file"):
        read_mask(tmp_path / "a.png")
    with pytest.raises(ImageError, match="no such file"):
        read_mask(tmp_path / "b.png")
    with pytest.raises(ImageError, match="GIF files are not read"):
        read_mask(tmp_path / "b.gif")


@pytest.mark.real_data
def test_real_masks_are_those_that_pillow_reads(real_data):
    paths = sorted((real_data / "wrinkle-pairs" / "masks").iterdir())[:10]
    paths += sorted((real_data / "bsds500" / "annotator_A").iterdir())[:10]
    for path in paths:
        with Image.open(path) as image:
            assert_array_equal(read_mask(path), np.array(image.convert("L")) > 127)


def test_a_mask_of_more_than_half_looks_inverted_and_one_of_half_does_not():
    assert looks_inverted(np.array([0, 3, 4, 6]), 6).tolist() == [False, False, True, True]
    assert not looks_inverted(0, 0)


def test_the_remark_on_inverted_masks_names_five_images():
    names = [f"{number:05d}" for number in range(6)]
    assert inverted_remark("references", names[:1]) == (
        "references cover more than half of 1 image (00000); are they black on white? "
        "Then invert them"
    )
    assert " 6 images (00000, 00001, 00002, 00003, 00004, ...); " in inverted_remark("masks", names)
