"""VIA 1 to 3: small files seen at a glance."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.annotation import Ellipse
from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import annotations_of, drawn

SIZE = (8, 12)
BOX = np.zeros(SIZE, bool)
BOX[2:5, 1:7] = True
POLYGON = {"name": "polygon", "all_points_x": [1, 7, 7, 1], "all_points_y": [2, 2, 5, 5]}
LINE = {"name": "polyline", "all_points_x": [0.5, 4.5], "all_points_y": [0.5, 0.5]}
RECT = {"name": "rect", "x": 1, "y": 2, "width": 6, "height": 3}


def region(geometry, **attributes):
    return {"shape_attributes": geometry, "region_attributes": attributes or {"label": "wrinkle"}}


def image(*regions, as_object=False):
    listed = {str(number): one for number, one in enumerate(regions)} if as_object else regions
    return {"filename": "00007.png", "size": 1234, "regions": listed, "file_attributes": {}}


@pytest.mark.parametrize("project", [True, False])
@pytest.mark.parametrize("as_object", [True, False])
def test_regions_of_versions_1_and_2(tmp_path, project, as_object):
    images = {"00007.png1234": image(region(POLYGON), region(LINE), as_object=as_object)}
    document = {"_via_settings": {}, "_via_img_metadata": images} if project else images
    (tmp_path / "a.json").write_text(json.dumps(document))
    (annotation,) = annotations_of(tmp_path / "a.json")
    assert annotation.image_name == "00007.png"
    assert annotation.size is None
    assert_array_equal(drawn(annotation, "wrinkle", SIZE, {"polygon"}), BOX)
    assert drawn(annotation, "wrinkle", SIZE, {"polyline"}, line_width=1).sum() == 5


def test_other_shapes_of_version_2(tmp_path):
    circle, ellipse = {"name": "circle", "cx": 5, "cy": 4, "r": 2}, {"name": "ellipse", "cx": 5}
    shapes = [RECT, circle, {**ellipse, "cy": 4, "rx": 3, "ry": 1}, {"name": "point", "cx": 1}]
    document = {"a": image(*map(region, shapes))}
    (tmp_path / "a.json").write_text(json.dumps(document))
    (annotation,) = annotations_of(tmp_path / "a.json")
    assert_array_equal(drawn(annotation, size=SIZE, kinds={"rect"}), BOX)
    assert [one.areas for one in annotation.shapes[1:]] == [
        (Ellipse((5, 4), (2, 2), 0),), (Ellipse((5, 4), (3, 1), 0),), ()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "label"),
    [
        ({"depth": "deep", "label": "wrinkle"}, "wrinkle"),
        ({"depth": "deep"}, "deep"),
        ({"kinds": {"pore": True, "mole": False}}, "pore"),
    ],
)
def test_the_label_is_the_attribute_that_means_a_class(tmp_path, attributes, label):
    (tmp_path / "a.json").write_text(json.dumps({"a": image(region(RECT, **attributes))}))
    (annotation,) = annotations_of(tmp_path / "a.json")
    assert annotation.shapes[0].label == label


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        ({"name": "blob"}, "a shape called 'blob'"),
        ({**POLYGON, "all_points_y": [1]}, "4 x and 1 y"),
        ({}, "not as VIA writes it"),
    ],
)
def test_a_damaged_region_is_an_error_that_names_it(tmp_path, geometry, reason):
    (tmp_path / "a.json").write_text(json.dumps({"a": image(region(geometry))}))
    with pytest.raises(ExportError, match=rf"a\.json, .*{reason}"):
        annotations_of(tmp_path / "a.json")


def project3(*shapes):
    return {
        "project": {"pname": "p"},
        "config": {},
        "attribute": {"1": {"aname": "label", "options": {"0": "wrinkle", "1": "pore"}}},
        "file": {"5": {"fid": "5", "fname": "00007.png"}, "6": {"fid": "6", "fname": "8.png"}},
        "view": {"2": {"fid_list": ["5"]}, "3": {"fid_list": ["6"]}},
        "metadata": {
            f"2_{number}": {"vid": "2", "flg": 0, "z": [], "xy": shape, "av": {"1": "0"}}
            for number, shape in enumerate(shapes)
        },
    }


def test_shapes_of_version_3_have_numbers(tmp_path):
    shapes = (
        [7, 1, 2, 7, 2, 7, 5, 1, 5], [2, 1, 2, 6, 3], [6, 0.5, 0.5, 2.5, 0.5, 4.5, 0.5],
        [5, 0.5, 7.5, 3.5, 7.5], [3, 5, 4, 2], [4, 5, 4, 3, 1], [1, 5, 4], [],
    )  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(project3(*shapes)))
    first, second = annotations_of(tmp_path / "a.json")
    assert (first.image_name, second.image_name) == ("00007.png", "8.png")
    assert second.shapes == ()
    assert {one.label for one in first.shapes} == {"wrinkle"}
    assert_array_equal(drawn(first, size=SIZE, kinds={"polygon"}), BOX)
    assert_array_equal(drawn(first, size=SIZE, kinds={"rect"}), BOX)
    assert drawn(first, size=SIZE, kinds={"polyline"}, line_width=1).sum() == 5
    assert drawn(first, size=SIZE, kinds={"line"}, line_width=1).sum() == 4
    assert [one.areas for one in first.shapes[4:]] == [
        (Ellipse((5, 4), (2, 2)),), (Ellipse((5, 4), (3, 1)),), ()
    ]  # fmt: skip


def test_an_unknown_shape_of_version_3_is_an_error(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(project3([12, 1, 2])))
    with pytest.raises(ExportError, match="metadata 2_0: a shape of the number 12"):
        annotations_of(tmp_path / "a.json")
