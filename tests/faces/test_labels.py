import pickle
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from scipy import ndimage

from ffhq_wrinkle.errors import ArgumentError, ParsingError
from ffhq_wrinkle.faces.labels import CLASSES, NOSE, SKIN, FaceParser, face_mask, read_label_map

RNG = np.random.default_rng(11)
LABELS = RNG.integers(0, 19, (512, 512), dtype=np.uint8)


def test_the_classes_are_zllrunnings():
    assert len(CLASSES) == 19
    assert (SKIN, NOSE) == (1, 10)
    assert CLASSES[17] == "hair"


def test_at_1024_the_face_mask_is_that_of_the_published_masking_script():
    published = ndimage.zoom(LABELS, (2, 2), order=0)  # SciPy, as in face_masking.py
    assert_array_equal(face_mask(LABELS, (1024, 1024)), (published == 1) | (published == 10))


@pytest.mark.parametrize("shape", [(512, 512), (500, 500), (256, 128)])
def test_at_other_sizes_it_is_pillows_nearest_neighbour(shape):
    face = np.isin(LABELS, (SKIN, NOSE)).astype(np.uint8)
    resized = Image.fromarray(face).resize(shape[::-1], Image.Resampling.NEAREST)
    assert_array_equal(face_mask(LABELS, shape), np.asarray(resized) > 0)


@pytest.mark.parametrize("shape", [(769, 513), (1, 1), (30, 2000), (100, 7)])
def test_each_pixel_takes_the_cell_that_its_centre_lies_in(shape):
    rows, columns = (
        [floor((at + Fraction(1, 2)) * 512 / length) for at in range(length)] for length in shape
    )
    cells = LABELS[np.ix_(rows, columns)]
    assert_array_equal(face_mask(LABELS, shape), (cells == 1) | (cells == 10))


@pytest.mark.parametrize("labels", [LABELS[:-1], LABELS.astype(np.int64), LABELS[None]])
def test_arrays_that_are_not_label_maps_are_refused(labels):
    with pytest.raises(ArgumentError, match="label map is uint8"):
        face_mask(labels, (512, 512))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int32, np.uint16, ">i4", ">u2", ">i8"])
def test_npy_of_any_integer_type_and_layout_is_read(tmp_path, dtype, order):
    np.save(tmp_path / "a.npy", LABELS.astype(dtype, order=order))
    label_map = read_label_map(tmp_path / "a.npy")
    assert label_map.dtype == np.uint8
    assert label_map.flags.c_contiguous
    assert_array_equal(label_map, LABELS)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_png_levels_and_palette_indices_are_labels(tmp_path, mode):
    image = Image.fromarray(LABELS, mode=mode)
    if mode == "P":
        image.putpalette(RNG.integers(0, 256, 768, dtype=np.uint8).tobytes())
    image.save(tmp_path / "a.png")
    assert_array_equal(read_label_map(tmp_path / "a.png"), LABELS)


def write(path, array, **options):
    if path.suffix == ".npy":
        np.save(path, array, **options)
    else:
        Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "array", "reason"),
    [
        ("a.npy", LABELS[:256], r"\(256, 512\)"),
        ("a.npy", LABELS[None], r"\(1, 512, 512\)"),
        ("a.npy", LABELS.astype(float), "float64"),
        ("a.npy", LABELS + 1, r"labels 1\.\.19"),
        ("a.npy", LABELS.astype(np.int16) - 1, r"labels -1\.\.17"),
        ("a.npy", np.array({"a": 1}, dtype=object), "cannot be read"),
        ("a.png", LABELS[:256], "512x256"),
        ("a.png", np.dstack([LABELS] * 3), "mode RGB"),
        ("a.png", LABELS.astype(np.uint16), "mode I;16"),
        ("a.png", LABELS * 13, r"labels 0\.\.234"),
    ],
)
def test_other_content_is_refused_with_the_reason(tmp_path, name, array, reason):
    with pytest.raises(ParsingError, match=reason):
        read_label_map(write(tmp_path / name, array))


@pytest.mark.parametrize("name", ["a.npy", "a.png"])
@pytest.mark.parametrize("keep", [0, 10, 60, 1000])
def test_truncated_files_are_refused(tmp_path, name, keep):
    path = write(tmp_path / name, LABELS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ParsingError, match=name):
        read_label_map(path)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 is not an archive", b"PK\x05\x06" + bytes(18), pickle.dumps([0] * 9)]
)
def test_archives_and_pickles_are_not_opened(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ParsingError, match=r"a\.npy cannot be read: the magic string"):
        read_label_map(tmp_path / "a.npy")


def test_a_file_larger_than_any_label_map_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2048, 2048), np.int64))
    with pytest.raises(ParsingError, match="more than 16777216 bytes"):
        read_label_map(tmp_path / "a.npy")


def test_a_header_that_promises_terabytes_costs_nothing(tmp_path):
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 1), np.int64))
    header["shape"] = (1 << 20, 1 << 20)
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ParsingError, match="cannot be read"):
        read_label_map(tmp_path / "a.npy")


def test_calling_a_parser_prepares_each_image_and_then_parses_the_batch():
    class Corner(FaceParser):
        def prepare(self, image, image_id):
            return image[:2, :2, 0] + int(image_id)

    images = [np.full((9, 9, 3), value, np.uint8) for value in (1, 2)]
    label_maps = Corner()(images, ["10", "20"])
    assert [label_map.max() for label_map in label_maps] == [11, 22]
    with pytest.raises(ValueError, match="argument 2"):
        Corner()(images, ["10"])
