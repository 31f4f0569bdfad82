"""CVAT: real XML, and small ones whose pixels are seen."""

import zipfile

import numpy as np
import pytest
from cvat_sdk.masks import encode_mask
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.annotation import Ellipse
from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import EXPORTS, annotations_of, drawn, truth

CVAT = EXPORTS / "cvat-not-from-a-server"
L_SHAPE = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]], bool)


def write(path, body, meta=""):
    path.write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        f"<meta>{meta}</meta>{body}</annotations>"
    )
    return path


def image(shapes, name="00007.png", size=(20, 30)):
    height, width = size
    return f'<image id="0" name="{name}" width="{width}" height="{height}">{shapes}</image>'


def shape(kind, **attributes):
    written = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<{kind} label="wrinkle" {written}></{kind}>'


@pytest.mark.real_data
@pytest.mark.parametrize(("job", "person"), [(11, "ann-a"), (12, "ann-b")])
def test_a_job_gives_its_truth_pixel_for_pixel(job, person):
    for annotation in annotations_of(CVAT / f"job_{job}_{person}.zip"):
        image_id = annotation.image_name[-9:-4]
        assert annotation.people == (person, f"{person}@example.org")
        assert annotation.size == (240, 320)
        mask = drawn(annotation, "wrinkle", kinds={"mask", "polygon"})
        folder = f"cvat-not-from-a-server/truth/{person}"
        assert_array_equal(mask, truth(f"{folder}/{image_id}_masks_polygons.png"))
        lines = CVAT / f"truth/{person}/{image_id}_with_lines_w3.png"
        if lines.exists():
            assert_array_equal(drawn(annotation, "wrinkle", line_width=3), truth(lines))


@pytest.mark.real_data
def test_an_image_without_shapes_may_not_have_been_looked_at():
    by_name = {one.image_name: one for one in annotations_of(CVAT / "job_11_ann-a.zip")}
    assert by_name["00000/00007.png"].looked
    assert not by_name["00000/00100.png"].looked


@pytest.mark.real_data
def test_datumaro_s_xml_gives_the_same_pixels():
    (annotation,) = annotations_of(CVAT / "datumaro_cvat.xml")
    assert annotation.people == ()
    expected = truth("cvat-not-from-a-server/truth/ann-a/00007_with_lines_w3.png")
    assert_array_equal(drawn(annotation, "wrinkle", line_width=3), expected)


@pytest.mark.parametrize("top_left", [(0, 0), (3, 5)])
def test_runs_go_row_by_row_as_in_the_tool_s_own_encoder(tmp_path, top_left):
    top, left = top_left
    whole = np.zeros((20, 30), bool)
    whole[top : top + 4, left : left + 3] = L_SHAPE
    box = [left, top, left + 3, top + 4]
    *runs, _, _, _, _ = encode_mask(whole, box)
    written = shape(
        "mask", rle=", ".join(str(int(run)) for run in runs), left=left, top=top, width=3, height=4
    )
    (annotation,) = annotations_of(write(tmp_path / "a.xml", image(written)))
    assert_array_equal(drawn(annotation), whole)


def test_boxes_and_ellipses_are_filled_and_turned(tmp_path):
    shapes = shape("box", xtl=2, ytl=3, xbr=6, ybr=5) + shape(
        "ellipse", cx=20, cy=10, rx=4, ry=2, rotation=90
    )
    (annotation,) = annotations_of(write(tmp_path / "a.xml", image(shapes)))
    expected = np.zeros((20, 30), bool)
    expected[3:5, 2:6] = True
    assert_array_equal(drawn(annotation, kinds={"box"}), expected)
    assert annotation.shapes[1].areas == (Ellipse((20, 10), (4, 2), 90),)
    rows, columns = np.nonzero(drawn(annotation, kinds={"ellipse"}))
    assert np.ptp(rows) > np.ptp(columns)


def test_a_box_turned_by_a_right_angle_stands_up(tmp_path):
    turned = shape("box", xtl=2, ytl=9, xbr=10, ybr=11, rotation=90)
    (annotation,) = annotations_of(write(tmp_path / "a.xml", image(turned)))
    expected = np.zeros((20, 30), bool)
    expected[6:14, 5:7] = True
    assert_array_equal(drawn(annotation), expected)


def test_points_and_tags_cover_no_pixels(tmp_path):
    shapes = shape("points", points="1.00,2.00;3.00,4.00") + shape("tag")
    (annotation,) = annotations_of(write(tmp_path / "a.xml", image(shapes)))
    assert [one.areas for one in annotation.shapes] == [(), ()]


def test_tracks_give_a_mask_for_each_frame_in_which_they_are_not_outside(tmp_path):
    body = (
        '<track id="0" label="wrinkle">'
        '<box frame="1" outside="0" xtl="1" ytl="1" xbr="3" ybr="3"></box>'
        '<box frame="2" outside="1" xtl="1" ytl="1" xbr="3" ybr="3"></box></track>'
    )
    meta = (
        "<job><id>3</id><start_frame>0</start_frame><stop_frame>2</stop_frame>"
        "<assignee><username>ann</username></assignee></job>"
        "<original_size><width>8</width><height>6</height></original_size>"
    )
    frames = annotations_of(write(tmp_path / "a.xml", body, meta))
    assert [(one.image_name, len(one.shapes), one.looked) for one in frames] == [
        ("frame_000000", 0, False),
        ("frame_000001", 1, True),
        ("frame_000002", 0, False),
    ]
    assert frames[1].people == ("ann",)
    assert drawn(frames[1]).sum() == 4


def test_each_task_of_a_project_has_its_own_assignee(tmp_path):
    meta = (
        "<project><id>1</id><tasks>"
        "<task><id>5</id><assignee><username>ann</username></assignee></task>"
        "<task><id>6</id><assignee><username>ben</username></assignee></task>"
        "</tasks></project>"
    )
    body = '<image id="0" name="00007.png" task_id="5" width="4" height="4"></image>' + (
        '<image id="1" name="00007_1.png" task_id="6" width="4" height="4"></image>'
    )
    people = [one.people for one in annotations_of(write(tmp_path / "a.xml", body, meta))]
    assert people == [("ann",), ("ben",)]


def test_an_archive_and_its_xml_are_the_same(tmp_path):
    path = write(tmp_path / "annotations.xml", image(shape("box", xtl=1, ytl=1, xbr=3, ybr=3)))
    with zipfile.ZipFile(tmp_path / "job.zip", "w") as archive:
        archive.write(path, "annotations.xml")
    (inside,), (alone,) = annotations_of(tmp_path / "job.zip"), annotations_of(path)
    assert_array_equal(drawn(inside), drawn(alone))


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        (
            shape("mask", rle="1, 2", left=0, top=0, width=2, height=2),
            "image 00007.png, shape 1: its runs have 3 pixels, not 4, a box of 2x2",
        ),
        (
            shape("mask", rle="1, x", left=0, top=0, width=2, height=2),
            "image 00007.png, shape 1: invalid literal",
        ),
        (
            shape("mask", rle="1, 9223372036854775807, 4", left=0, top=0, width=2, height=2),
            "its runs have more pixels, not 4",
        ),
        (
            shape("mask", rle="0, 4", left=29, top=0, width=2, height=2),
            "a mask of 2x2 at .29, 0. reaches out of the image, which is 30x20",
        ),
        (shape("polygon", points="1.0,2.0;nan,3.0"), "shape 1: a point is not a finite number"),
        (shape("polygon", points="1.0;3.0"), "shape 1: points .* not pairs"),
        (shape("ellipse", cx=1, cy=1, rx="wide", ry=1), "shape 1: rx is 'wide', not a number"),
    ],
)
def test_a_damaged_shape_is_an_error_that_names_it(tmp_path, shapes, reason):
    with pytest.raises(ExportError, match=reason):
        drawn(annotations_of(write(tmp_path / "a.xml", image(shapes)))[0])


def test_a_file_that_is_cut_short_is_an_error_with_its_line(tmp_path):
    path = write(tmp_path / "a.xml", image(shape("box", xtl=1, ytl=1, xbr=3, ybr=3)))
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ExportError, match=r"a\.xml:2: damaged or cut short"):
        annotations_of(path)


def test_entities_are_refused(tmp_path):
    path = write(tmp_path / "a.xml", image(""))
    text = path.read_text().replace("<annotations>", '<!DOCTYPE a [<!ENTITY x "y">]><annotations>')
    path.write_text(text)
    with pytest.raises(ExportError, match=r"a\.xml: it declares XML entities"):
        annotations_of(path)
