"""Supervisely: small files seen at a glance, as its SDK writes them."""

import base64
import io
import json
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import annotations_of, drawn

MASK = np.array([[1, 0, 0], [1, 1, 1]], bool)


def png(mask, mode):
    content = io.BytesIO()
    if mode == "RGBA":
        pixels = np.zeros((*mask.shape, 4), np.uint8)
        pixels[..., 3] = mask * 255
        Image.fromarray(pixels).save(content, "PNG")
    else:
        Image.fromarray(mask * np.uint8(255)).save(content, "PNG")
    return content.getvalue()


def bitmap(content, origin=(4, 2), **more):
    data = base64.b64encode(content).decode()
    return {"geometryType": "bitmap", "bitmap": {"origin": list(origin), "data": data}, **more}


def points(kind, exterior, interior=(), **more):
    both = {"exterior": exterior, "interior": list(interior)}
    return {"geometryType": kind, "points": both, **more}


def write(folder, *objects):
    (folder / "ann").mkdir(exist_ok=True)
    path = folder / "ann" / "00007.jpeg.json"
    listed = [{"classTitle": "wrinkle", "labelerLogin": "ann", **one} for one in objects]
    path.write_text(json.dumps({"size": {"height": 10, "width": 16}, "objects": listed}))
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("mode", ["RGBA", "L"])
def test_bitmaps_are_packed_or_not_and_alpha_counts(tmp_path, packed, mode):
    content = zlib.compress(png(MASK, mode)) if packed else png(MASK, mode)
    (annotation,) = annotations_of(write(tmp_path, bitmap(content)))
    expected = np.zeros((10, 16), bool)
    expected[2:4, 4:7] = MASK
    assert_array_equal(drawn(annotation), expected)
    assert annotation.image_name == "00007.jpeg"
    assert annotation.people == ("ann",)


def test_polygons_have_holes_and_lines_have_none(tmp_path):
    polygon = points(
        "polygon", [[1, 1], [9, 1], [9, 8], [1, 8]], [[[3, 3], [6, 3], [6, 6], [3, 6]]]
    )
    line = points("line", [[1.5, 9.5], [4.5, 9.5]])
    box = points("rectangle", [[12, 2], [10, 4]])
    (annotation,) = annotations_of(write(tmp_path, polygon, line, box, points("point", [[1, 1]])))
    expected = np.zeros((10, 16), bool)
    expected[1:8, 1:9] = True
    expected[3:6, 3:6] = False
    assert_array_equal(drawn(annotation, kinds={"polygon"}), expected)
    assert drawn(annotation, kinds={"line"}, line_width=1).sum() == 4
    assert drawn(annotation, kinds={"rectangle"}).sum() == 4


def test_each_person_has_an_annotation(tmp_path):
    square = [[1, 1], [3, 1], [3, 3]]
    path = write(tmp_path, points("polygon", square), points("polygon", square, labelerLogin="ben"))
    assert [one.people for one in annotations_of(path)] == [("ann",), ("ben",)]


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (bitmap(b"nonsense"), "object 1: its bitmap is neither PNG nor packed"),
        (bitmap(zlib.compress(b"nonsense")), "object 1: not an image"),
        ({"geometryType": "blob", "points": {"exterior": []}}, "object 1: .* 'blob'"),
        ({"geometryType": "bitmap"}, "not as Supervisely writes it"),
    ],
)
def test_a_damaged_object_is_an_error_that_names_it(tmp_path, figure, reason):
    with pytest.raises(ExportError, match=rf"00007\.jpeg\.json.*{reason}"):
        drawn(annotations_of(write(tmp_path, figure))[0])
