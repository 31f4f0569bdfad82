"""LabelMe: files of the program itself with their truth, and small ones seen at a glance."""

import base64
import io
import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import EXPORTS, annotations_of, drawn, truth

FILLED = ("polygon", "mask")


@pytest.mark.real_data
@pytest.mark.parametrize("person", ["a", "b"])
def test_files_of_the_program_give_their_truth(person):
    for annotation in annotations_of(EXPORTS / "labelme" / person):
        prefix = f"labelme/truth/{person}_{annotation.image_name[:5]}"
        assert annotation.size == (400, 300)
        filled = drawn(annotation, "wrinkle", kinds=FILLED)
        assert_array_equal(filled, truth(f"{prefix}_wrinkle_polygon+mask.png"))
        with_lines = drawn(annotation, "wrinkle", line_width=3)
        assert_array_equal(with_lines, truth(f"{prefix}_wrinkle_with_lines_w3.png"))


@pytest.mark.real_data
def test_masks_and_other_labels_are_exact():
    first, _ = annotations_of(EXPORTS / "labelme" / "a")
    assert_array_equal(drawn(first, "pore"), truth("labelme/truth/a_00007_pore.png"))
    expected = truth("labelme/truth/a_00007_mask_only.png")
    assert_array_equal(drawn(first, kinds={"mask"}), expected)


def png(mask, level=1):
    content = io.BytesIO()
    Image.fromarray((np.array(mask) * level).astype(np.uint8)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def write(folder, *shapes, height=12, width=16):
    document = {
        "version": "7.9.1",
        "flags": {},
        "shapes": [{"label": "wrinkle", "shape_type": kind, **more} for kind, more in shapes],
        "imagePath": "..\\pictures\\00007.png",
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    path = folder / "00007.json"
    path.write_text(json.dumps(document))
    return path


def test_the_corners_of_a_mask_are_inclusive(tmp_path):
    stored = [[1, 0, 0], [1, 1, 1]]
    path = write(tmp_path, ("mask", {"points": [[5, 3], [7, 4]], "mask": png(stored)}))
    (annotation,) = annotations_of(path)
    expected = np.zeros((12, 16), bool)
    expected[3:5, 5:8] = stored
    assert_array_equal(drawn(annotation), expected)


@pytest.mark.parametrize("left", [5.2, 14.4, -1.3])
def test_a_mask_that_was_dragged_has_the_size_of_its_picture(tmp_path, left):
    points = [[left, 3.4], [left + 2, 4.4]]
    path = write(tmp_path, ("mask", {"points": points, "mask": png(np.ones((2, 3)))}))
    (annotation,) = annotations_of(path)
    expected = np.zeros((12, 16), bool)
    expected[3:5, max(round(left), 0) : round(left) + 3] = True
    assert_array_equal(drawn(annotation), expected)


def test_rectangles_and_circles_are_filled(tmp_path):
    shapes = (
        ("rectangle", {"points": [[6, 5], [2, 3]]}),
        ("circle", {"points": [[10.5, 6.5], [12.5, 6.5]]}),
        ("point", {"points": [[1, 1]]}),
    )
    (annotation,) = annotations_of(write(tmp_path, *shapes))
    expected = np.zeros((12, 16), bool)
    expected[3:5, 2:6] = True
    assert_array_equal(drawn(annotation, kinds={"rectangle"}), expected)
    assert drawn(annotation, kinds={"circle"}).sum() == 13  # centres within 2: 1 + 4 + 4 + 4
    assert annotation.shapes[2].areas == ()


@pytest.mark.parametrize(
    ("kind", "more", "reason"),
    [
        ("mask", {"points": [[5, 3], [9, 4]], "mask": png(np.ones((2, 3)))}, "mask is 3x2, .* 5x2"),
        ("mask", {"points": [[5, 3], [7, 4]], "mask": "%%"}, "not base64"),
        ("mask", {"points": [[5, 3], [7, 4]], "mask": None}, "its mask is not text"),
        ("mask", {"points": [[5, 3], [7, 4]], "mask": "AAAA"}, "not an image"),
        ("mask", {"points": [[15, 3], [17, 4]], "mask": png(np.ones((2, 3)))}, "reaches out"),
        ("circle", {"points": [[5, 3]]}, "it has 1 points, not two"),
        ("polygon", {"points": [["a", "b"]]}, "not pairs of numbers"),
        ("cuboid", {"points": [[1, 1]]}, "type 'cuboid', which is not known"),
        ("polygon", {}, "not as LabelMe writes it: KeyError"),
    ],
)
def test_a_damaged_shape_is_an_error_that_names_it(tmp_path, kind, more, reason):
    path = write(tmp_path, (kind, more))
    with pytest.raises(ExportError, match=reason):
        drawn(annotations_of(path)[0])


def test_a_truncated_file_is_an_error_with_its_line(tmp_path):
    path = write(tmp_path, ("polygon", {"points": [[1, 1], [2, 2], [1, 3]]}))
    path.write_text(path.read_text()[:-30])
    with pytest.raises(ExportError, match=r"00007\.json: damaged or cut short at line 1, column"):
        annotations_of(path)
