import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.results.failures import read_failures
from tests.helpers.faces import drawn_lines, mask
from tests.helpers.files import files_of
from tests.helpers.fusion import SHAPE, fuse, remarks, rows
from tests.helpers.pictures import gray_pixels


def test_the_majority_is_written_flat_as_released(folders, drawn, out):
    report = fuse(folders, out)
    assert (report.made, report.failed) == (6, 0)
    for image_id in drawn["A"]:
        votes = sum(of_images[image_id].astype(int) for of_images in drawn.values())
        path = out / f"{image_id}.png"
        assert_array_equal(gray_pixels(path), np.where(votes >= 2, 255, 0))


def test_the_table_counts_votes(folders, drawn, out):
    fuse(folders, out)
    found = rows(out)
    assert [row["image_id"] for row in found] == list(drawn["A"])
    for row in found:
        masks = [of_images[row["image_id"]] for of_images in drawn.values()]
        votes = np.sum(masks, axis=0)
        assert (row["height"], row["width"]) == ("40", "50")
        assert [row[f"pixels_{name}"] for name in "ABC"] == [str(one.sum()) for one in masks]
        assert [row[f"votes_{k}"] for k in (1, 2, 3)] == [
            str((votes == k).sum()) for k in (1, 2, 3)
        ]
        assert row["kept"] == str((votes >= 2).sum())
        assert "sensitivity_A" not in row


def test_staple_s_estimates_are_in_the_table(folders, out):
    fuse(folders, out, method="staple")
    for row in rows(out):
        for name in "ABC":
            assert 0 <= float(row[f"sensitivity_{name}"]) <= 1
            assert 0.5 < float(row[f"specificity_{name}"]) <= 1
        assert int(row["iterations"]) > 1


def test_soft_is_the_share_of_votes(folders, drawn, out):
    fuse(folders, out, method="soft")
    votes = sum(of_images["00001"].astype(int) for of_images in drawn.values())
    assert_array_equal(gray_pixels(out / "00001.png"), np.array([0, 85, 170, 255])[votes])


def test_weights_are_of_all_images_and_recorded(annotate, out):
    # A and B agree in x; C and D in nothing, and in y there is a tie.
    line, other, empty = mask("###. / ...."), mask("..## / ...."), mask(".... / ....")
    folders = annotate(
        {
            "A": {"x": line, "y": line},
            "B": {"x": line, "y": line},
            "C": {"x": mask("...# / ...."), "y": other},
            "D": {"x": mask(".... / #..."), "y": empty},
        }
    )
    fuse(folders, out, method="weighted")
    assert_array_equal(gray_pixels(out / "y.png"), line * 255)
    weights = json.loads((out / "fusion.json").read_text())["weights"]
    assert weights[0] == weights[1] > weights[2] > weights[3] == 0
    assert sum(weights) == pytest.approx(1, abs=1e-5)


def test_the_record_holds_the_origin_of_the_masks(folders, out):
    fuse(folders, out, settings={"missing": "skip"})
    record = json.loads((out / "fusion.json").read_text())
    assert record["command"] == "fuse-labels"
    assert record["counts"] == {"results": 6, "failed": 0}
    assert record["settings"]["annotators"] == [f"{one.name}={one}" for one in folders]
    assert (record["settings"]["method"], record["settings"]["min_votes"]) == ("majority", 2)
    with Image.open(out / "00001.png") as image:
        assert image.text["Description"].startswith("fused mask; majority of 3 annotators;")


def test_bad_files_are_failures_and_the_rest_is_done(folders, out):
    (folders[1] / "00001.png").write_bytes(b"\x89PNG broken")
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folders[2] / "00999.png")
    Image.fromarray(np.arange(50, dtype=np.uint8)[None]).save(folders[0] / "01000.png")
    report = fuse(folders, out, ids="0-2,999-1001,7")
    assert (report.made, report.failed) == (3, 4)
    failures = read_failures(out)
    assert [(one.path, one.step) for one in failures] == [
        ("00001.png", "read"),
        ("00007.png", "find"),
        ("00999.png", "fuse"),
        ("01000.png", "read"),
    ]
    assert f"{folders[1]}/00001.png: not an image" in failures[0].reason
    assert "is 3x3, but" in failures[2].reason
    assert "(50 in all)" in failures[3].reason
    assert "failures.csv: nobody has an image 00007" in report.summary()
    drawn = np.ones(SHAPE, np.uint8)
    for folder, image_id in zip(
        (folders[1], folders[2], folders[0]), ("00001", "00999", "01000"), strict=True
    ):
        Image.fromarray(drawn).save(folder / f"{image_id}.png")
    report = fuse(folders, out)
    assert (report.made, report.kept, report.failed) == (3, 3, 0)
    assert not (out / "failures.csv").exists()


def test_nothing_is_written_if_an_annotator_lacks_an_image(folders, out):
    (folders[1] / "00001.png").unlink()
    with pytest.raises(ArgumentError, match=r"00001 \(B\)"):
        fuse(folders, out)
    assert not out.exists()
    report = fuse(folders, out, settings={"missing": "skip"})
    assert (report.made, report.skipped) == (5, ["00001"])
    assert "1 image (00001) left out" in report.summary()
    assert json.loads((out / "fusion.json").read_text())["skipped"] == ["00001"]


def test_a_missing_mask_can_count_as_empty(folders, drawn, out):
    (folders[1] / "00001.png").unlink()
    fuse(folders, out, settings={"missing": "empty"})
    both = drawn["A"]["00001"] & drawn["C"]["00001"]
    assert_array_equal(gray_pixels(out / "00001.png") > 0, both)


def test_within_faces_the_rest_is_left_out_and_counted(folders, annotate, drawn, out):
    region = np.zeros(SHAPE, bool)
    region[:20] = True
    (faces,) = annotate({"faces": dict.fromkeys(drawn["A"], region)})
    report = fuse(folders, out, method="union", settings={"within": faces})
    union = np.logical_or.reduce([of_images["00001"] for of_images in drawn.values()])
    assert_array_equal(gray_pixels(out / "00001.png") > 0, union & region)
    assert rows(out)[1]["outside"] == str((union & ~region).sum())
    assert report.outside_px > (union & ~region).sum()
    assert "pixels drawn outside the face masks" in remarks(report, "union", within=True)[0]


def test_an_empty_mask_is_never_silent(annotate, out):
    folders = annotate(
        {"A": {"x": mask("#."), "y": mask("..")}, "B": {"x": mask(".#"), "y": mask("..")}}
    )
    report = fuse(folders, out, method="intersection")
    assert report.empty == ["x"]  # and nobody drew y
    assert remarks(report, "intersection") == [
        "intersection leaves nothing of what was drawn in 1 image (x)"
    ]


def with_pattern_counts(*counts):
    """Return three annotators' masks with the given number of pixels for each vote pattern."""
    patterns = np.repeat(np.arange(len(counts)), counts)[None]
    return [patterns >> annotator & 1 == 1 for annotator in range(3)]


def test_staple_s_extremes_are_failures_or_warnings(annotate, out):
    lost = with_pattern_counts(1000, 20, 200, 0, 200, 5, 1, 5)
    union = with_pattern_counts(10000, 0, 0, 0, 200, 200, 200, 50)
    copy = with_pattern_counts(100, 0, 200, 50, 1, 0, 200, 0)
    folders = annotate(
        {
            name: {"e": lost[number], "u": union[number], "c": copy[number]}
            for number, name in enumerate("ABC")
        }
    )
    report = fuse(folders, out, method="staple")
    assert (report.made, report.failed) == (2, 1)
    assert "STAPLE leaves out" in read_failures(out)[0].reason
    assert "--within" in read_failures(out)[0].reason
    assert not (out / "e.png").exists()
    assert (report.unions, report.copies) == (["u"], ["c"])
    for within in (False, True):
        said = remarks(report, "staple", within=within)
        extremes = [line for line in said if line.startswith("STAPLE kept")]
        assert len(extremes) == 2
        assert all(("--within" in line) != within for line in extremes)
    assert {row["image_id"]: row["degenerate"] for row in rows(out)} == {"c": "copy", "u": "union"}


@pytest.mark.parametrize("where", ["annotator", "within"])
def test_results_do_not_go_where_masks_are_read(folders, out, where):
    target = folders[0] if where == "annotator" else out
    out.mkdir()
    with pytest.raises(ArgumentError, match="overlap"):
        fuse(folders, target, settings={"within": out})


def test_weights_do_not_depend_on_the_images_chosen(folders, out):
    fuse(folders, out, method="weighted", ids="0-1")
    weights = json.loads((out / "fusion.json").read_text())["weights"]
    fuse(folders, out, method="weighted")
    assert json.loads((out / "fusion.json").read_text())["weights"] == weights


def test_black_on_white_is_reported(annotate, out):
    line = mask("#... / ....")
    folders = annotate({"A": {"x": line}, "B": {"x": ~line}})
    (remark, _) = remarks(fuse(folders, out))
    assert "cover more than half of 1 image (x); are they black on white?" in remark


def test_a_wrong_rule_is_refused_before_anything_is_written(folders, out):
    with pytest.raises(ArgumentError, match="min_votes is 4; there are 3 annotators"):
        fuse(folders, out, min_votes=4)
    with pytest.raises(ArgumentError, match="min_votes goes with"):
        fuse(folders, out, method="union", min_votes=1)
    assert not out.exists()


def test_twenty_annotators_with_long_names_fit_into_a_mask(annotate, tmp_path, out):
    masks = {
        f"{'annotator' * 20} {number}": {
            "x": drawn_lines(SHAPE, 0) ^ drawn_lines(SHAPE, number + 1, lines=1)
        }
        for number in range(20)
    }
    folders = annotate(masks)
    fuse(folders, out, method="staple")
    assert fuse(folders, out, method="staple").kept == 1
    (row,) = rows(out)
    assert len(row) == 3 + 20 + 20 + 2 + 40 + 2


def test_threads_change_nothing(folders, tmp_path):
    for jobs in (1, 4):
        fuse(folders, tmp_path / str(jobs), jobs=jobs, method="staple")
    assert files_of(tmp_path / "1") == files_of(tmp_path / "4")
