"""Photographs and masks read from files."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError, ImageError
from tests.helpers.faces import drawn_face, mask


@pytest.mark.parametrize("as_text", [True, False])
def test_a_photograph_is_rgb_and_upright(tmp_path, as_text):
    stored = np.zeros((2, 3, 3), np.uint8)
    stored[0, 0] = (255, 10, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored as if the camera had been turned: show it turned clockwise
    path = tmp_path / "face.png"
    Image.fromarray(stored).save(path, exif=exif)
    image = fw.read_image(str(path) if as_text else path)
    assert (image.dtype, image.shape) == (np.uint8, (3, 2, 3))
    assert image[0, 1].tolist() == [255, 10, 0]
    assert image.sum() == 265


def test_a_gray_photograph_has_three_equal_channels(tmp_path):
    Image.fromarray(np.full((4, 5), 77, np.uint8)).save(tmp_path / "gray.png")
    assert_array_equal(fw.read_image(tmp_path / "gray.png"), np.full((4, 5, 3), 77))


@pytest.mark.parametrize("drawn", [1, 77, 255])
def test_a_mask_is_true_where_something_is_drawn(tmp_path, drawn):
    expected = mask("#.. / .##")
    Image.fromarray(expected * np.uint8(drawn)).save(tmp_path / "mask.png")
    for path in (tmp_path / "mask.png", str(tmp_path / "mask.png")):
        read = fw.read_mask(path)
        assert read.dtype == bool
        assert_array_equal(read, expected)


def test_a_threshold_makes_a_mask_of_levels(tmp_path):
    levels = np.array([[0, 127, 128], [129, 200, 255]], np.uint8)
    path = tmp_path / "soft.png"
    Image.fromarray(levels).save(path)
    with pytest.raises(ImageError, match=r"soft\.png: not a mask of two values"):
        fw.read_mask(path)
    assert_array_equal(fw.read_mask(path, threshold=128), mask("..# / ###"))
    with pytest.raises(ArgumentError, match="threshold is 0"):
        fw.read_mask(path, threshold=0)


@pytest.mark.parametrize("read", [fw.read_image, fw.read_mask])
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.png", None, "no such file"),
        ("text.png", b"not an image", "not an image of a kind that is read"),
        ("empty.png", b"", "not an image of a kind that is read"),
        ("cut.jpg", "half", "damaged or cut short"),
        ("photo.dng", b"x", "DNG files are not read"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, read, name, content, said):
    path = tmp_path / name
    if content == "half":
        Image.fromarray(drawn_face(64)[0]).save(path)
        content = path.read_bytes()
        content = content[: len(content) // 2]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError) as error:
        read(str(path))
    assert str(error.value).startswith(f"{path}: {said}")
    assert "\n" not in str(error.value)
    assert isinstance(error.value, fw.FfhqWrinkleError)
