"""Label Studio: exports of a running server with their truth, and small ones seen at a glance."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.annotation import State
from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import EXPORTS, annotations_of, drawn, jaccard, truth

BRUSH = "labelstudio-brush-polygon"
THIN = "labelstudio-thin-lines-coco"
BITMASK = "labelstudio-bitmask-vector"


@pytest.fixture(scope="module")
def by_annotation():
    listed = annotations_of(EXPORTS / BRUSH / "JSON.json")
    return {annotation.submission.partition(", ")[2]: annotation for annotation in listed}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("annotation", "label", "name", "at_least"),
    [
        (2, "pore", "task06_ann02_a_pore", 0.85),
        (2, "wrinkle", "task06_ann02_a_wrinkle_brush+polygon", 0.93),
        (3, "wrinkle", "task06_ann03_b_wrinkle_brush+polygon", 0.95),
        (4, "wrinkle", "task06_ann04_b_wrinkle_second_submission", 0.95),
        (7, "wrinkle", "task07_ann07_c_wrinkle", 0.95),
        (8, "wrinkle", "task08_ann08_by_b_changed_by_c_as_exported", 0.95),
        (9, "wrinkle", "task08_ann09_c_copy_of_ann08", 0.95),
        (10, "wrinkle", "task09_ann10_a_wrinkle_upright_300x400", 0.95),
        (11, "wrinkle", "task09_ann11_b_wrinkle_view_was_turned_upright_300x400", 0.95),
    ],
)
def test_brushes_and_polygons_give_their_truth(by_annotation, annotation, label, name, at_least):
    mask = drawn(by_annotation[f"annotation {annotation}"], label)
    assert jaccard(mask, truth(f"{BRUSH}/truth/{name}.png")) >= at_least


@pytest.mark.real_data
def test_polygons_are_exact(by_annotation):
    for annotation, person in ((2, "a"), (3, "b")):
        prefix = f"{BRUSH}/truth/task06_ann0{annotation}_{person}_wrinkle_brush"
        both, brush = truth(f"{prefix}+polygon.png"), truth(f"{prefix}.png")
        mask = drawn(by_annotation[f"annotation {annotation}"], "wrinkle", kinds={"polygon"})
        assert_array_equal(mask & ~brush, both & ~brush)


@pytest.mark.real_data
def test_people_states_and_remarks_are_told_apart(by_annotation):
    people = {name: one.people for name, one in by_annotation.items() if "annotation" in name}
    assert people == {
        f"annotation {number}": (person,)
        for number, person in zip(range(2, 12), "2332343423", strict=True)
    }
    assert by_annotation["annotation 5"].state is State.SKIPPED
    assert by_annotation["annotation 6"].shapes == ()
    assert by_annotation["annotation 6"].looked
    assert by_annotation["annotation 8"].remarks == (
        "somebody else changed it with the Update button",
    )
    assert "copy of annotation 8" in by_annotation["annotation 9"].remarks[0]
    drafts = [one for one in by_annotation.values() if one.state is State.DRAFT]
    assert [one.people for one in drafts] == [("a@example.org",)] * 2 + [("b@example.org",)]


@pytest.mark.real_data
def test_a_click_without_a_move_is_a_region_without_a_pixel(by_annotation):
    pores = [one for one in by_annotation["annotation 2"].shapes if one.label == "pore"]
    pixels = [
        drawn(by_annotation["annotation 2"].__class__("a", (one,), (240, 320))).sum()
        for one in pores
    ]
    assert pixels[0] > 0
    assert pixels[1] == 0


@pytest.mark.real_data
def test_json_min_and_snapshot_have_the_same_pixels(by_annotation):
    minimal = annotations_of(EXPORTS / BRUSH / "JSON_MIN.json")
    assert len(minimal) == 9
    for one in minimal:
        same = by_annotation[one.submission.partition(", ")[2]]
        assert one.people == same.people
        assert one.image_name == same.image_name
        if same.shapes:
            assert_array_equal(drawn(one, "wrinkle"), drawn(same, "wrinkle"))
    of_snapshot = [
        one
        for one in annotations_of(EXPORTS / BRUSH / "snapshot.json")
        if one.state is State.SUBMITTED
    ]
    for one in of_snapshot:
        same = by_annotation[one.submission.partition(", ")[2]]
        assert one.people[0] == same.people[0]
        assert one.people[1].endswith("@example.org")
        if same.shapes:
            assert_array_equal(drawn(one, "wrinkle"), drawn(same, "wrinkle"))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("region", "alpha", "width", "least"),
    [(0, 96, "1.00", 0.91), (1, 128, "2.00", 0.95), (2, 128, "3.00", 0.96)],
)
def test_thin_lines_give_their_truth(region, alpha, width, least):
    (annotation,) = annotations_of(EXPORTS / THIN / "JSON.json")
    one = annotation.__class__("a", annotation.shapes[region : region + 1], annotation.size)
    expected = truth(f"{THIN}/truth/a_brush_{width}px.png")
    assert jaccard(drawn(one, alpha=alpha), expected) > least


@pytest.mark.real_data
@pytest.mark.parametrize("export", ["JSON.json", "JSON_MIN.json"])
def test_bitmasks_and_vectors_give_their_truth(export):
    by_person = {one.people[0]: one for one in annotations_of(EXPORTS / BITMASK / export)}
    for number, name in (("2", "a"), ("3", "b")):
        expected = truth(f"{BITMASK}/truth/{name}_wrinkle_bitmask.png")
        assert jaccard(drawn(by_person[number], kinds={"bitmask"}), expected) >= 0.99
    closed, line = (one for one in by_person["2"].shapes if one.kind == "vector")
    whole = by_person["2"].__class__("a", (closed,), (400, 300))
    assert_array_equal(drawn(whole), truth(f"{BITMASK}/truth/a_wrinkle_vector_closed.png"))
    whole = by_person["2"].__class__("a", (line,), (400, 300))
    expected = truth(f"{BITMASK}/truth/a_wrinkle_vector_open_at_width_3.png")
    assert_array_equal(drawn(whole, line_width=3), expected)


def task(results, **more):
    annotation = {"id": 1, "completed_by": 7, "result": results}
    return {"id": 5, "data": {"image": "/data/upload/1/00007.png"}, **more} | {
        "annotations": [annotation]
    }


def region(value, *, kind="brushlabels", size=(10, 20), **more):
    return {"original_height": size[0], "original_width": size[1], "type": kind, "value": value} | (
        more
    )


def write(path, *tasks):
    path.write_text(json.dumps(tasks))
    return path


def test_shapes_in_per_cent_are_turned_into_pixels(tmp_path):
    polygon = {"points": [[10, 20], [50, 20], [50, 60], [10, 60]], "polygonlabels": ["wrinkle"]}
    box = {"x": 10, "y": 20, "width": 40, "height": 40, "rotation": 0, "rectanglelabels": ["a"]}
    (annotation,) = annotations_of(
        write(
            tmp_path / "a.json",
            task([region(polygon, kind="polygonlabels"), region(box, kind="rectanglelabels")]),
        )
    )
    expected = np.zeros((10, 20), bool)
    expected[2:6, 2:10] = True
    assert_array_equal(drawn(annotation, "wrinkle"), expected)
    assert_array_equal(drawn(annotation, "a"), expected)


def test_a_region_that_is_there_twice_is_taken_once_with_its_label(tmp_path):
    brush = {"format": "rle", "rle": [0, 0, 3, 32, 57, 27, 1]}
    results = [
        region(brush, kind="brush", id="x"),
        region({**brush, "labels": ["wrinkle"]}, kind="labels", id="x"),
    ]
    (annotation,) = annotations_of(write(tmp_path / "a.json", task(results)))
    assert [one.label for one in annotation.shapes] == ["wrinkle"]


def test_choices_and_points_are_no_shapes(tmp_path):
    results = [
        {"type": "choices", "value": {"choices": ["good"]}},
        region({"x": 3, "y": 3, "width": 1, "keypointlabels": ["p"]}, kind="keypointlabels"),
    ]
    (annotation,) = annotations_of(write(tmp_path / "a.json", task(results)))
    assert [(one.kind, one.areas) for one in annotation.shapes] == [("keypoint", ())]


def test_a_curve_passes_between_its_control_points(tmp_path):
    ends = [{"x": 0, "y": 50, "controlPoint2": {"x": 0, "y": 0}}, {"x": 100, "y": 50}]
    value = {"vertices": ends, "closed": False, "vectorlabels": ["wrinkle"]}
    (annotation,) = annotations_of(
        write(tmp_path / "a.json", task([region(value, kind="vectorlabels", size=(100, 100))]))
    )
    (area,) = annotation.shapes[0].areas
    # At one half: (0 + 0 + 3 * 100 + 100) / 8 and (50 + 0 + 3 * 50 + 50) / 8.
    assert np.abs(area.points - [50, 31.25]).sum(axis=1).min() < 0.5


@pytest.mark.parametrize(
    ("rle", "reason"),
    [
        ([0, 0, 3, 32, 57, 27, 1, 255], "its code ends after .* of 200 pixels|runs do not end"),
        ([0, 0, 0, 4, 57, 27, 1, 255], "its runs have 1 pixels, not 200"),
        ([1, 2], "fewer than a header"),
        ([300] * 20, "the value 300, which is above 255"),
        ("text", "not a list of whole numbers"),
    ],
)
def test_a_brush_that_does_not_fill_the_image_is_an_error_that_names_it(tmp_path, rle, reason):
    value = {"format": "rle", "rle": rle, "brushlabels": ["wrinkle"]}
    path = write(tmp_path / "a.json", task([region(value, id="abc")]))
    with pytest.raises(
        ExportError, match=rf"a\.json, task 5, annotation 1, region abc: .*({reason})"
    ):
        drawn(annotations_of(path)[0])


@pytest.mark.parametrize("end", [1, 40, 120, 180])
def test_a_truncated_file_is_an_error(tmp_path, end):
    path = write(tmp_path / "a.json", task([]), task([]))
    path.write_bytes(path.read_bytes()[:-end])
    with pytest.raises(ExportError, match=r"a\.json: damaged or cut short"):
        annotations_of(path)
