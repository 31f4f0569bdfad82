"""V7 Darwin 2.0: small files seen at a glance."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.annotation import Ellipse
from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import annotations_of, drawn

L_SHAPE = np.zeros((5, 7), int)
L_SHAPE[1:4, 2] = L_SHAPE[3, 2:6] = 1
L_SHAPE[0, 6] = 2


def dense_rle(values):
    flat = values.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    lengths = np.diff(starts, append=flat.size)
    return [int(one) for pair in zip(flat[starts], lengths, strict=True) for one in pair]


def points(*pairs):
    return [{"x": x, "y": y} for x, y in pairs]


def write(path, *annotations, slots=1):
    slot = {"type": "image", "slot_name": "0", "width": 7, "height": 5}
    document = {
        "version": "2.0",
        "item": {"name": "00007.png", "path": "/", "slots": [slot] * slots},
        "annotations": list(annotations),
    }
    path.write_text(json.dumps(document))
    return path


def layer(rle, mapping):
    raster = {"dense_rle": rle, "mask_annotation_ids_mapping": mapping, "total_pixels": 35}
    return {"id": "r", "name": "__raster_layer__", "raster_layer": raster}


def test_masks_are_values_of_the_raster_layer_row_by_row(tmp_path):
    masks = [
        {"id": key, "name": name, "mask": {}} for key, name in (("a", "wrinkle"), ("b", "pore"))
    ]
    path = write(tmp_path / "a.json", *masks, layer(dense_rle(L_SHAPE), {"a": 1, "b": 2}))
    (annotation,) = annotations_of(path)
    assert annotation.image_name == "00007.png"
    assert_array_equal(drawn(annotation, "wrinkle"), L_SHAPE == 1)
    assert_array_equal(drawn(annotation, "pore"), L_SHAPE == 2)


def test_paths_of_a_polygon_cut_holes_and_a_box_beside_them_does_not_count(tmp_path):
    paths = [points((0, 0), (7, 0), (7, 5), (0, 5)), points((2, 1), (4, 1), (4, 3), (2, 3))]
    polygon = {"id": "a", "name": "w", "polygon": {"paths": paths}, "bounding_box": {"x": 0}}
    (annotation,) = annotations_of(write(tmp_path / "a.json", polygon))
    expected = np.ones((5, 7), bool)
    expected[1:3, 2:4] = False
    assert_array_equal(drawn(annotation), expected)


def test_lines_boxes_and_ellipses(tmp_path):
    line = {"id": "a", "name": "w", "line": {"path": points((0.5, 0.5), (3.5, 0.5))}}
    box = {"id": "b", "name": "w", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 2}}
    round_shape = {"center": {"x": 3, "y": 2}, "radius": {"x": 2, "y": 1}, "angle": 0}
    ellipse = {"id": "c", "name": "w", "ellipse": round_shape}
    tag = {"id": "d", "name": "w", "tag": {}}
    (annotation,) = annotations_of(write(tmp_path / "a.json", line, box, ellipse, tag))
    assert drawn(annotation, kinds={"line"}, line_width=1).sum() == 4
    assert drawn(annotation, kinds={"bounding_box"}).sum() == 6
    assert annotation.shapes[2].areas == (Ellipse((3, 2), (2, 1), 0),)
    assert annotation.shapes[3].areas == ()


def test_people_are_told_apart_where_the_export_names_them(tmp_path):
    box = {"id": "b", "name": "w", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 2}}
    shapes = [
        {**box, "annotators": [{"email": f"{name}@example.org", "full_name": name}]}
        for name in ("Ann", "Ben")
    ]
    people = [one.people for one in annotations_of(write(tmp_path / "a.json", *shapes))]
    assert people == [("Ann", "Ann@example.org"), ("Ben", "Ben@example.org")]


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        (
            [{"id": "a", "name": "w", "mask": {}}],
            "annotation 1: a mask, but the file has no raster",
        ),
        (
            [{"id": "a", "name": "w", "mask": {}}, layer([0, 35], {"b": 1})],
            "no value for the mask a",
        ),
        ([{"id": "a", "name": "w", "mask": {}}, layer([0, 30], {"a": 1})], "30 pixels, not 35"),
        ([{"id": "a", "name": "w", "mask": {}}, layer([0, 35, 1], {"a": 1})], "annotation 1"),
    ],
)
def test_a_damaged_mask_is_an_error_that_names_it(tmp_path, annotations, reason):
    with pytest.raises(ExportError, match=rf"a\.json, .*{reason}"):
        drawn(annotations_of(write(tmp_path / "a.json", *annotations))[0])


def test_an_item_of_several_images_is_refused(tmp_path):
    with pytest.raises(ExportError, match="2 slots"):
        annotations_of(write(tmp_path / "a.json", slots=2))
