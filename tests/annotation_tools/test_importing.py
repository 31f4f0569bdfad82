"""Importing: from exports to a folder of masks for each annotator."""

import csv
import json
import logging
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle import import_labels, read_mask
from ffhq_wrinkle.annotation_tools.export_files import ExportError
from ffhq_wrinkle.errors import ArgumentError, OutputError
from tests.helpers.annotation_exports import (
    EXPORTS,
    cvat_file,
    cvat_shape,
    jaccard,
    label_studio_polygon,
    label_studio_task,
    truth,
)

CVAT = EXPORTS / "cvat-not-from-a-server"
BOX = np.zeros((20, 30), bool)
BOX[3:5, 2:6] = True
IN_PER_CENT = [[10, 20], [50, 20], [50, 60], [10, 60]]


def rows(out):
    with (out / "import.csv").open() as table:
        return list(csv.DictReader(table))


def names(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))


def text_of(out):
    return b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file()).decode(
        "latin-1"
    )


@pytest.mark.real_data
def test_two_jobs_of_cvat_become_two_folders_of_their_truth(tmp_path):
    jobs = [CVAT / "job_11_ann-a.zip", CVAT / "job_12_ann-b.zip"]
    import_labels(jobs, tmp_path, labels=["wrinkle"], line_width=3, names={"ann-b": "ben"})
    for folder, person in (("annotator_1", "ann-a"), ("ben", "ann-b")):
        for image_id in ("00007", "00021", "00100"):
            path = CVAT / f"truth/{person}/{image_id}_with_lines_w3.png"
            if not path.exists():
                path = CVAT / f"truth/{person}/{image_id}_masks_polygons.png"
            assert_array_equal(read_mask(tmp_path / folder / f"{image_id}.png"), truth(path))


@pytest.mark.real_data
def test_a_label_studio_project_is_told_apart(tmp_path):
    export = EXPORTS / "labelstudio-brush-polygon" / "JSON.json"
    people = {"2": "a", "3": "b", "4": "c"}
    with pytest.raises(ArgumentError, match="pictures of different names: astronaut_a: /data"):
        import_labels([export], tmp_path / "out", labels=["wrinkle"])
    assert not (tmp_path / "out").exists()
    import_labels([export], tmp_path / "out", labels=["wrinkle"], names=people, keep_names=True)
    assert names(tmp_path / "out") == [
        "a/5989a917-drawn_face_exif6.png",
        "a/e2b1f9a7-astronaut_a.png",
        "b/4fc7839a-astronaut_a.png",
        "b/5989a917-drawn_face_exif6.png",
        "b/e2acf246-astronaut_a.png",
        "b/e2b1f9a7-astronaut_a.png",
        "c/4fc7839a-astronaut_a.png",
        "c/e2acf246-astronaut_a.png",
    ]
    assert not read_mask(tmp_path / "out/b/e2acf246-astronaut_a.png").any()
    second = truth("labelstudio-brush-polygon/truth/task06_ann04_b_wrinkle_second_submission.png")
    assert jaccard(read_mask(tmp_path / "out/b/e2b1f9a7-astronaut_a.png"), second) > 0.95
    reasons = {row["submission"]: (row["outcome"], row["reason"]) for row in rows(tmp_path / "out")}
    assert reasons["task 7, annotation 5"] == ("left out", "the task was skipped")
    assert reasons["task 8, draft 6"] == ("left out", "a draft that was not submitted")
    assert "somebody else changed it" in reasons["task 8, annotation 8"][1]
    assert "copy of annotation 8" in reasons["task 8, annotation 9"][1]
    assert "annotation 4" in reasons["task 6, annotation 3"][1]


@pytest.mark.real_data
def test_no_e_mail_address_is_written_or_said(tmp_path, caplog):
    caplog.set_level(logging.INFO, "ffhq_wrinkle")
    export = tmp_path / "of_a@example.org.json"
    export.write_bytes((EXPORTS / "labelstudio-brush-polygon" / "snapshot.json").read_bytes())
    report = import_labels([export], tmp_path / "out", labels=["wrinkle"], keep_names=True)
    assert sorted(report.masks_of) == ["annotator_1", "annotator_2", "annotator_3"]
    assert "@example" not in text_of(tmp_path / "out")
    assert "@example" not in report.summary() + caplog.text
    again = tmp_path / "again"
    import_labels(
        [export], again, labels=["wrinkle"], keep_names=True, names={"a@example.org": "a1"}
    )
    assert (again / "a1").is_dir()
    assert "@example" not in text_of(again)


@pytest.mark.real_data
def test_strokes_that_the_threshold_breaks_or_loses_are_said(tmp_path, caplog):
    export = EXPORTS / "labelstudio-thin-lines-coco" / "JSON.json"
    import_labels([export], tmp_path / "a")
    assert "breaks 1 stroke into 18 pieces" in caplog.text
    assert "--alpha 96 keeps them whole" in caplog.text
    caplog.clear()
    import_labels([export], tmp_path / "b", alpha=96)
    assert "pieces" not in caplog.text


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("export", "reason"),
    [
        ("labelstudio-bitmask-vector/BRUSH_TO_PNG.zip", "an empty archive.*export as JSON"),
        ("labelstudio-bitmask-vector/COCO.zip", "no annotation at all.*export as JSON"),
        ("labelstudio-brush-polygon/COCO.zip", "are both .*does not say who drew: export as JSON"),
        ("labelstudio-brush-polygon/BRUSH_TO_PNG.zip", "do not say which picture.*JSON"),
        ("labelstudio-brush-polygon/BRUSH_TO_NUMPY.zip", "do not say which picture.*JSON"),
        ("labelstudio-brush-polygon/CSV.csv", "not an export that is read"),
    ],
)
def test_exports_that_cannot_be_read_are_refused_with_advice(tmp_path, export, reason):
    with pytest.raises(ExportError, match=reason):
        import_labels([EXPORTS / export], tmp_path / "out", labels=["wrinkle"])
    assert not (tmp_path / "out").exists()


@pytest.mark.real_data
def test_brush_files_are_taken_together_with_their_json(tmp_path):
    folder = EXPORTS / "labelstudio-thin-lines-coco"
    import_labels([folder / "BRUSH_TO_PNG.zip", folder / "JSON.json"], tmp_path / "out")
    assert names(tmp_path / "out") == ["annotator_1/astronaut_a.png"]


@pytest.mark.real_data
def test_brushes_as_polygons_of_coco_are_read_with_a_warning(tmp_path, caplog):
    export = EXPORTS / "labelstudio-thin-lines-coco" / "BRUSH_TO_COCO.zip"
    import_labels([export], tmp_path / "out")
    assert "lines thinner than 3 px may be missing" in caplog.text


def test_pseudonyms_follow_the_order_of_names_and_numbers(tmp_path):
    tasks = [
        label_studio_task(
            1, "00007.png", [(n, [label_studio_polygon(IN_PER_CENT)], {}) for n in (10, 9)]
        )
    ]
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    import_labels([tmp_path / "a.json"], tmp_path / "out")
    by_submission = {row["submission"]: row["annotator"] for row in rows(tmp_path / "out")}
    assert by_submission == {
        "task 1, annotation 10": "annotator_2",
        "task 1, annotation 11": "annotator_1",
    }


def test_a_name_that_nobody_is_known_by_is_refused(tmp_path):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape()}, "ann")
    with pytest.raises(ArgumentError, match=r"--name ben=b: nobody who drew .* they are ann"):
        import_labels([path], tmp_path / "out", names={"ben": "b"})


@pytest.mark.parametrize("name", ["../a", "a/b", ".a", "", "00000", "a\n"])
def test_names_that_cannot_be_folders_are_refused(tmp_path, name):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape()}, "ann")
    with pytest.raises(ArgumentError, match="--name"):
        import_labels([path], tmp_path / "out", names=[f"ann={name}"])


def test_several_labels_must_be_chosen_from(tmp_path):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape() + cvat_shape(label="pore")})
    with pytest.raises(ArgumentError, match=r"pore \(1\), wrinkle \(1\); choose by --label"):
        import_labels([path], tmp_path / "out")
    with pytest.raises(ArgumentError, match=r"no shape has the label 'mole'; there are pore"):
        import_labels([path], tmp_path / "out", labels=["mole"])
    import_labels([path], tmp_path / "out", labels=["pore", "wrinkle"])


def test_lines_need_a_width(tmp_path):
    line = cvat_shape("polyline", points="2.5,2.5;9.5,2.5")
    path = cvat_file(tmp_path / "a.xml", {"1.png": line})
    with pytest.raises(ArgumentError, match=r"1 shapes are lines, such as a polyline in .*a\.xml"):
        import_labels([path], tmp_path / "out")
    import_labels([path], tmp_path / "out", line_width=1)
    mask = tmp_path / "out/annotator_1/1.png"
    assert read_mask(mask).sum() == 8
    assert b"lines 1 px wide" in mask.read_bytes()
    assert json.loads((tmp_path / "out/import.json").read_text())["settings"]["line_width"] == 1


@pytest.mark.parametrize(("submission", "pixels"), [("last", 8), ("first", 4)])
def test_the_last_or_first_submission_of_a_person_counts(tmp_path, submission, pixels):
    later = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape()}, "ann", updated="2026-11-21")
    small = cvat_shape("box", xtl=2, ytl=3, xbr=4, ybr=5)
    earlier = cvat_file(tmp_path / "b.xml", {"1.png": small}, "ann", updated="2026-11-20")
    import_labels([later, earlier], tmp_path / "out", submission=submission)
    assert read_mask(tmp_path / "out/annotator_1/1.png").sum() == pixels


@pytest.mark.parametrize(("empty", "count"), [("drew-nothing", 2), ("missing", 1)])
def test_images_without_shapes_are_empty_or_missing(tmp_path, empty, count, caplog):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape(), "2.png": ""})
    import_labels([path], tmp_path / "out", empty=empty)
    assert len(names(tmp_path / "out")) == count
    assert ("nobody opened the image" in caplog.text) == (empty == "drew-nothing")


def test_an_image_with_shapes_of_other_labels_only_is_empty(tmp_path):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape(), "2.png": cvat_shape(label="pore")})
    import_labels([path], tmp_path / "out", labels=["wrinkle"], empty="missing")
    assert not read_mask(tmp_path / "out/annotator_1/2.png").any()


def test_an_empty_submission_takes_its_size_from_the_others(tmp_path):
    task = label_studio_task(
        1, "00007.png", [(1, [label_studio_polygon(IN_PER_CENT)], {}), (2, [], {})]
    )
    alone = label_studio_task(2, "00008.png", [(2, [], {})])
    (tmp_path / "a.json").write_text(json.dumps([task, alone]))
    report = import_labels([tmp_path / "a.json"], tmp_path / "out")
    assert read_mask(tmp_path / "out/annotator_2/00007.png").shape == (20, 30)
    assert report.failed == 1
    assert "does not have the size" in (tmp_path / "out/failures.csv").read_text()


def test_damaged_shapes_fail_and_the_rest_is_imported(tmp_path):
    broken = cvat_shape("mask", rle="1, 2", left=0, top=0, width=2, height=2)
    path = cvat_file(tmp_path / "a.xml", {"1.png": broken, "2.png": cvat_shape()})
    report = import_labels([path], tmp_path / "out")
    assert names(tmp_path / "out") == ["annotator_1/2.png"]
    assert report.failed == 1
    (row,) = [row for row in rows(tmp_path / "out") if row["image_id"] == "1"]
    assert row["outcome"] == "failed"
    assert "image 1.png, shape 1: its runs have 3 pixels" in row["reason"]
    assert row["reason"] in (tmp_path / "out/failures.csv").read_text()


def test_boxes_outside_the_image_are_named(tmp_path):
    outside = cvat_shape("mask", rle="0, 4", left=29, top=0, width=2, height=2)
    path = cvat_file(tmp_path / "a.xml", {"1.png": outside, "2.png": cvat_shape()})
    import_labels([path], tmp_path / "out")
    said = (tmp_path / "out/failures.csv").read_text()
    assert "a.xml, job 1, shape 1: a mask of 2x2 at (29, 0) reaches out" in said


def test_nothing_is_written_for_a_truncated_export(tmp_path):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape(), "2.png": cvat_shape()})
    path.write_text(path.read_text()[:-30])
    with pytest.raises(ExportError, match=r"a\.xml:1: damaged or cut short"):
        import_labels([path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../a.xml", "/etc/a.xml", "x/../../a.xml", "..\\a.xml"])
def test_archives_with_names_that_lead_out_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "job.zip", "w") as archive:
        archive.writestr(name, "<annotations></annotations>")
    with pytest.raises(ExportError, match="leads out of the archive; nothing was read"):
        import_labels([tmp_path / "job.zip"], tmp_path / "out")


def test_a_damaged_file_of_one_image_is_a_failure_of_its_own(tmp_path):
    folder = tmp_path / "anna"
    folder.mkdir()
    shape = {"label": "w", "shape_type": "rectangle", "points": [[2, 3], [6, 5]]}
    size = {"imageHeight": 20, "imageWidth": 30}
    for number in (1, 2):
        document = {"shapes": [shape], "imagePath": f"{number}.png", **size}
        (folder / f"{number}.json").write_text(json.dumps(document))
    (folder / "2.json").write_text((folder / "2.json").read_text()[:-9])
    report = import_labels([folder], tmp_path / "out")
    assert_array_equal(read_mask(tmp_path / "out/annotator_1/1.png"), BOX)
    assert report.failed == 1
    assert "2.json: damaged or cut short" in (tmp_path / "out/failures.csv").read_text()


def test_the_same_command_makes_what_is_missing_and_no_more(tmp_path):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape(), "2.png": cvat_shape()})
    out = tmp_path / "out"
    assert import_labels([path], out).made == 2
    before = {name: (out / name).stat().st_mtime_ns for name in names(out)}
    assert (report := import_labels([path], out)).kept == 2
    assert report.made == 0
    (out / "annotator_1/2.png").unlink()
    report = import_labels([path], out)
    assert (report.made, report.kept) == (1, 1)
    assert (out / "annotator_1/1.png").stat().st_mtime_ns == before["annotator_1/1.png"]
    assert len(rows(out)) == 2


def test_a_changed_export_is_refused_unless_results_are_replaced(tmp_path):
    out = tmp_path / "out"
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape()})
    import_labels([path], out)
    cvat_file(path, {"1.png": cvat_shape("box", xtl=2, ytl=3, xbr=4, ybr=5)})
    with pytest.raises(OutputError, match="different settings: exports"):
        import_labels([path], out)
    import_labels([path], out, overwrite=True)
    assert read_mask(out / "annotator_1/1.png").sum() == 4


def save_photograph(path, size, orientation=None):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size[::-1]).save(path, exif=exif)


def test_photographs_decide_names_and_sizes(tmp_path):
    polygon = [label_studio_polygon(IN_PER_CENT)]
    tasks = [
        label_studio_task(1, "/data/upload/3/1a2b3c4d-00007.png", [(1, polygon, {})]),
        label_studio_task(2, "/data/upload/3/deadbeef-face.png", [(1, polygon, {})]),
        label_studio_task(3, "/data/upload/3/00000000-strange.png", [(1, polygon, {})]),
    ]
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    save_photograph(tmp_path / "faces/00007.png", (20, 30))
    save_photograph(tmp_path / "faces/deadbeef-face.png", (20, 30))
    report = import_labels([tmp_path / "a.json"], tmp_path / "out", images=tmp_path / "faces")
    assert names(tmp_path / "out") == ["annotator_1/00007.png", "annotator_1/deadbeef-face.png"]
    assert report.failed == 1
    assert "there is no photograph strange" in (tmp_path / "out/failures.csv").read_text()


def test_annotations_of_a_photograph_that_was_not_turned_are_refused(tmp_path):
    path = cvat_file(tmp_path / "a.xml", {"1.jpg": cvat_shape()}, size=(20, 30))
    save_photograph(tmp_path / "faces/1.jpg", (20, 30), orientation=6)
    for options in ({}, {"resize": "nearest"}):
        out = tmp_path / f"out{len(options)}"
        import_labels([path], out, images=tmp_path / "faces", **options)
        said = (out / "failures.csv").read_text()
        assert "the annotation is of 30x20" in said
        assert "is 20x30 upright: the tool did not turn the photograph" in said


def test_other_sizes_are_refused_or_adapted(tmp_path):
    mask = cvat_shape("mask", rle="0, 4", left=2, top=4, width=2, height=2)
    line = cvat_shape("polyline", points="10.25,10.5;14.25,10.5")
    path = cvat_file(tmp_path / "a.xml", {"1.png": mask + line})
    save_photograph(tmp_path / "faces/1.png", (40, 60))
    options = {"images": tmp_path / "faces", "line_width": 1}
    import_labels([path], tmp_path / "a", **options)
    assert "30x20, but" in (tmp_path / "a/failures.csv").read_text()
    import_labels([path], tmp_path / "b", resize="nearest", **options)
    expected = np.zeros((40, 60), bool)
    expected[8:12, 4:8] = True  # each pixel four times
    # The line runs at y = 21, between two rows of centres half a pixel away.
    expected[20:22, 21:28] = expected[20:22, 20] = expected[20:22, 28] = True
    drawn = read_mask(tmp_path / "b/annotator_1/1.png")
    assert_array_equal(drawn[:, :20], expected[:, :20])
    assert_array_equal(np.flatnonzero(drawn[:, 20:].any(axis=1)), [20, 21])


def test_resizing_needs_photographs(tmp_path):
    path = cvat_file(tmp_path / "a.xml", {"1.png": cvat_shape()})
    with pytest.raises(ArgumentError, match="name their folder by --images"):
        import_labels([path], tmp_path / "out", resize="nearest")


def test_images_without_shapes_belong_to_nobody_where_shapes_name_people(tmp_path):
    folder = tmp_path / "ds" / "ann"
    folder.mkdir(parents=True)
    square = {"exterior": [[1, 1], [3, 3]], "interior": []}
    figure = {"geometryType": "rectangle", "points": square, "labelerLogin": "ann"}
    for number, objects in enumerate(([figure], [])):
        document = {"size": {"height": 8, "width": 8}, "objects": objects}
        (folder / f"{number}.png.json").write_text(json.dumps(document))
    import_labels([tmp_path / "ds"], tmp_path / "out")
    assert names(tmp_path / "out") == ["annotator_1/0.png"]
    (row,) = [row for row in rows(tmp_path / "out") if row["image_id"] == "1"]
    assert row["reason"] == "without shapes, and the file does not say who looked at it"
