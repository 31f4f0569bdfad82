"""Size, pixels and orientation of a file, which all readers have to see alike."""

import json

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ImageError
from ffhq_wrinkle.faces.labels import read_label_map
from ffhq_wrinkle.images.masks import read_mask
from ffhq_wrinkle.images.photographs import decode_gray, read_image, read_size
from ffhq_wrinkle.segmentation.evaluation.prediction_files import read_probability
from ffhq_wrinkle.segmentation.training_data.picture_files import read_face
from tests.helpers.faces import drawn_lines
from tests.helpers.orientation import CHUNKS, UPRIGHT, exif_of, turned_png

RANDOM = np.random.default_rng(5)
PHOTO = RANDOM.integers(0, 256, (128, 160, 3), np.uint8)  # its pixels fill more than 16 KiB
MASK = drawn_lines((128, 160), 3)
OPAQUE = np.full((128, 160, 1), 255, np.uint8)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("kind", CHUNKS)
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_png_is_turned_wherever_it_says_so(tmp_path, orientation, kind, behind):
    upright = UPRIGHT[orientation]
    path = tmp_path / "a.png"
    for photo in (PHOTO, np.concatenate([PHOTO, OPAQUE], axis=2)):
        path.write_bytes(turned_png(photo, orientation, kind=kind, behind=behind))
        assert_array_equal(read_image(path), upright(PHOTO))
        assert read_size(path) == upright(PHOTO).shape[:2]
    for levels in (MASK * np.uint8(255), MASK * np.uint16(65535)):
        content = turned_png(levels, orientation, kind=kind, behind=behind)
        path.write_bytes(content)
        assert_array_equal(read_mask(path), upright(MASK))
        assert_array_equal(decode_gray(content) > 0, upright(MASK))
        assert read_size(path) == upright(MASK).shape


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path, name, orientation):
    path = tmp_path / name
    Image.fromarray(PHOTO).save(path, exif=exif_of(orientation))
    assert read_image(path).shape == (128, 160, 3)
    assert read_size(path) == (128, 160)


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_sizes_are_those_of_what_is_read(tmp_path, name, orientation):
    path = tmp_path / name
    Image.fromarray(PHOTO).save(path, exif=exif_of(orientation))
    expected = UPRIGHT[orientation](PHOTO)
    assert read_image(path).shape == expected.shape
    assert read_size(path) == expected.shape[:2]


def test_the_size_of_a_file_without_exif_is_that_of_its_pixels(tmp_path):
    for name in ("a.png", "a.jpg", "a.webp", "a.tif", "a.bmp"):
        Image.fromarray(PHOTO).save(tmp_path / name)
        assert read_size(tmp_path / name) == (128, 160)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (32, 32)}])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_tiff_masks_are_turned_whatever_libtiff_decodes(
    tmp_path, orientation, dtype, options, byteorder
):
    path = tmp_path / "a.tif"
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(
        path, MASK.astype(dtype) * 255, byteorder=byteorder, extratags=[tag], **options
    )
    assert_array_equal(read_mask(path), UPRIGHT[orientation](MASK))
    assert read_size(path) == UPRIGHT[orientation](MASK).shape


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_probabilities_are_turned_as_masks_are(tmp_path, orientation):
    levels = RANDOM.integers(0, 65536, (20, 30)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(turned_png(levels, orientation))
    assert_array_equal(read_probability(tmp_path / "a.png"), UPRIGHT[orientation](levels))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_label_maps_and_face_masks_of_their_size_are_turned_alike(tmp_path, orientation):
    path = tmp_path / "a.png"
    labels = RANDOM.integers(0, 19, (512, 512)).astype(np.uint8)
    path.write_bytes(turned_png(labels, orientation))
    assert_array_equal(read_label_map(path), UPRIGHT[orientation](labels))
    for drawn_as in (1, 255):  # 1 is a label map, too
        face = labels < 9
        path.write_bytes(turned_png(face * np.uint8(drawn_as), orientation))
        assert_array_equal(read_face(path, (512, 512)), UPRIGHT[orientation](face))


def test_a_png_that_is_cut_short_has_no_size(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(drawn_lines((64, 64), 1)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(20_000))  # what some programs put behind
    assert read_size(path) == (64, 64)
    path.write_bytes(whole[:-5])
    with pytest.raises(ImageError, match="no end"):
        read_size(path)
    path.write_text(json.dumps({}))
    with pytest.raises(ImageError, match="not an image"):
        read_size(path)
