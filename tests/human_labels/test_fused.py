import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, PngImagePlugin

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError, OutputError, RunInterrupted
from ffhq_wrinkle.human_labels.annotators import AnnotationSettings, Annotator, parse_annotators
from ffhq_wrinkle.human_labels.fused import fuse_folder
from ffhq_wrinkle.images.png import add_notes, encode_png, png_data_hash
from ffhq_wrinkle.results.failures import read_failures
from tests.helpers.faces import drawn_lines, mask
from tests.helpers.files import files_of

SHAPE = (40, 50)


def fuse(folders, out, *, ids=None, settings=None, **options):
    annotators = parse_annotators([str(folder) for folder in folders])
    chosen = parse_ids(ids) if ids else None
    settings = AnnotationSettings(**settings) if settings else None
    return fuse_folder(annotators, out, ids=chosen, settings=settings, **options)


def pixels(path):
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.array(image)


def rows(out):
    with (out / "fusion.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def remarks(report, method="majority", *, within=False, all_ids=True):
    return report.remarks(method, within=within, all_ids=all_ids)


@pytest.fixture
def drawn():
    """Six images by three annotators who agree on some lines."""
    masks = {}
    for seed, name in enumerate("ABC"):
        masks[name] = {
            f"{number:05d}": drawn_lines(SHAPE, [number, 9]) ^ drawn_lines(SHAPE, [number, seed])
            for number in (0, 1, 2, 999, 1000, 1001)
        }
    return masks


@pytest.fixture
def folders(annotate, drawn):
    return annotate(drawn)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_the_majority_is_written_flat_as_released(folders, drawn, out):
    report = fuse(folders, out)
    assert (report.made, report.failed) == (6, 0)
    for image_id in drawn["A"]:
        votes = sum(of_images[image_id].astype(int) for of_images in drawn.values())
        path = out / f"{image_id}.png"
        assert_array_equal(pixels(path), np.where(votes >= 2, 255, 0))


def test_masks_in_shards_are_fused_into_the_same_flat_folder(folders, out):
    fuse(folders, out)
    for folder in folders[:2]:
        for path in list(folder.iterdir()):
            shard = folder / f"{int(path.stem) // 1000 * 1000:05d}"
            shard.mkdir(exist_ok=True)
            path.rename(shard / path.name)
    assert fuse(folders, out).kept == 6


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
    assert_array_equal(pixels(out / "00001.png"), np.array([0, 85, 170, 255])[votes])


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
    assert_array_equal(pixels(out / "y.png"), line * 255)
    weights = json.loads((out / "fusion.json").read_text())["weights"]
    assert weights[0] == weights[1] > weights[2] > weights[3] == 0
    assert sum(weights) == pytest.approx(1, abs=1e-5)


def test_the_record_says_what_masks_were_made_of(folders, out):
    fuse(folders, out, settings={"missing": "skip"})
    record = json.loads((out / "fusion.json").read_text())
    assert record["command"] == "fuse-labels"
    assert record["counts"] == {"results": 6, "failed": 0}
    assert record["settings"]["annotators"] == [f"{one.name}={one}" for one in folders]
    assert (record["settings"]["method"], record["settings"]["min_votes"]) == ("majority", 2)
    with Image.open(out / "00001.png") as image:
        assert image.text["Description"].startswith("fused mask; majority of 3 annotators;")


def test_a_second_run_does_nothing(folders, out):
    fuse(folders, out)
    before = files_of(out), {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    report = fuse(folders, out)
    assert (report.made, report.kept) == (0, 6)
    assert (files_of(out), {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}) == before


def test_changed_annotations_are_fused_again_whatever_their_time(folders, drawn, out):
    fuse(folders, out)
    path = folders[0] / "00001.png"
    before = path.stat()
    Image.fromarray(drawn["A"]["00001"] * np.uint8(0)).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - 10**12))
    report = fuse(folders, out)
    assert (report.made, report.kept, report.renewed) == (1, 5, 1)
    assert "1 anew" in report.summary(out)
    both = drawn["B"]["00001"] & drawn["C"]["00001"]
    assert_array_equal(pixels(out / "00001.png") > 0, both)
    assert rows(out)[1]["pixels_A"] == "0"


def test_a_mask_that_somebody_corrected_by_hand_is_left_alone(folders, out):
    fuse(folders, out)
    corrected = out / "00001.png"
    Image.fromarray(np.full(SHAPE, 255, np.uint8)).save(corrected)
    report = fuse(folders, out)
    assert (report.made, report.strangers) == (0, ["00001"])
    assert pixels(corrected).all()
    assert [row["image_id"] for row in rows(out)] == ["00000", "00002", "00999", "01000", "01001"]
    (remark,) = remarks(report)
    assert "left alone" in remark
    assert "1 image (00001); --overwrite" in remark
    fuse(folders, out, overwrite=True)
    assert not pixels(corrected).all()


class InterruptedFolder(type(Path())):
    """A folder of masks in which Ctrl-C comes while any mask from 00002 on is read."""

    def read_bytes(self):
        if self.name >= "00002.png":
            raise KeyboardInterrupt
        return super().read_bytes()


def fuse_until_interrupted(folders, out, **options):
    first, *others = parse_annotators([str(folder) for folder in folders])
    first = Annotator(first.name, InterruptedFolder(first.folder))
    return fuse_folder([first, *others], out, **options)


def test_not_even_after_an_interruption_is_it_lost(folders, out):
    fuse(folders, out)
    corrected = out / "00001.png"
    Image.fromarray(np.full(SHAPE, 255, np.uint8)).save(corrected)
    with pytest.raises(RunInterrupted, match=r"0 fused masks written, 2 were .*, 4 left to do"):
        fuse_until_interrupted(folders, out)
    assert not (out / "fusion.json").exists()
    assert fuse(folders, out).strangers == ["00001"]
    assert pixels(corrected).all()


def test_after_an_interrupted_overwrite_other_masks_do_not_count(folders, out):
    fuse(folders, out, method="union")
    with pytest.raises(RunInterrupted, match=r"2 fused masks written, .*, 4 left to do"):
        fuse_until_interrupted(folders, out, overwrite=True)
    fuse(folders, out)
    straight = out.with_name("straight")
    fuse(folders, straight)
    assert files_of(out) == files_of(straight)


def test_other_settings_are_refused_and_overwrite_takes_them(folders, out):
    fuse(folders, out)
    with pytest.raises(OutputError, match="method majority there and union now"):
        fuse(folders, out, method="union")
    with pytest.raises(OutputError, match="annotators"):
        fuse(folders[::-1], out)
    assert fuse(folders, out, method="union", overwrite=True).made == 6


def test_rows_of_other_ids_stay_in_the_table(folders, out):
    fuse(folders, out, ids="0-1")
    fuse(folders, out, ids="1000")
    assert [row["image_id"] for row in rows(out)] == ["00000", "00001", "01000"]


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
    assert "failures.csv: nobody has an image 00007" in report.summary(out)
    drawn = np.ones(SHAPE, np.uint8)
    for folder, image_id in zip(
        (folders[1], folders[2], folders[0]), ("00001", "00999", "01000"), strict=True
    ):
        Image.fromarray(drawn).save(folder / f"{image_id}.png")
    report = fuse(folders, out)
    assert (report.made, report.kept, report.failed) == (3, 3, 0)
    assert not (out / "failures.csv").exists()


def test_a_good_mask_is_not_lost_to_a_file_that_broke_later(folders, out):
    fuse(folders, out)
    before = pixels(out / "00001.png")
    (folders[1] / "00001.png").write_bytes(b"")
    assert fuse(folders, out).failed == 1
    assert_array_equal(pixels(out / "00001.png"), before)


def test_nothing_is_written_where_somebody_lacks_an_image(folders, out):
    (folders[1] / "00001.png").unlink()
    with pytest.raises(ArgumentError, match=r"00001 \(B\)"):
        fuse(folders, out)
    assert not out.exists()
    report = fuse(folders, out, settings={"missing": "skip"})
    assert (report.made, report.skipped) == (5, ["00001"])
    assert "1 image (00001) left out" in report.summary(out)
    assert json.loads((out / "fusion.json").read_text())["skipped"] == ["00001"]


def test_who_lacks_an_image_can_count_as_having_drawn_nothing(folders, drawn, out):
    (folders[1] / "00001.png").unlink()
    fuse(folders, out, settings={"missing": "empty"})
    both = drawn["A"]["00001"] & drawn["C"]["00001"]
    assert_array_equal(pixels(out / "00001.png") > 0, both)


def test_within_faces_the_rest_is_left_out_and_counted(folders, annotate, drawn, out):
    region = np.zeros(SHAPE, bool)
    region[:20] = True
    (faces,) = annotate({"faces": dict.fromkeys(drawn["A"], region)})
    report = fuse(folders, out, method="union", settings={"within": faces})
    union = np.logical_or.reduce([of_images["00001"] for of_images in drawn.values()])
    assert_array_equal(pixels(out / "00001.png") > 0, union & region)
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
    """Masks of three annotators in which so many pixels have each vote pattern."""
    patterns = np.repeat(np.arange(len(counts)), counts)[None]
    return [patterns >> annotator & 1 == 1 for annotator in range(3)]


def test_staple_s_extremes_are_failures_or_remarks(annotate, out):
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


def test_a_correction_is_known_even_if_the_editor_kept_the_notes(folders, out):
    fuse(folders, out)
    path = out / "00001.png"
    with Image.open(path) as image:
        notes = PngImagePlugin.PngInfo()
        for keyword, text in image.text.items():
            notes.add_text(keyword, text)
    Image.fromarray(np.full(SHAPE, 255, np.uint8)).save(path, pnginfo=notes)
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(folders[0] / "00001.png")
    assert fuse(folders, out).strangers == ["00001"]
    assert pixels(path).all()


@pytest.mark.parametrize("kept", [0, 100, -20])
def test_a_mask_that_was_cut_short_is_made_anew(folders, out, kept):
    fuse(folders, out)
    before = files_of(out)
    path = out / "00001.png"
    path.write_bytes(path.read_bytes()[:kept])
    assert fuse(folders, out).made == 1
    assert files_of(out) == before


@pytest.mark.parametrize(
    "comment", ["[" * 12_000, '{"a": 1}', "[]", '{"inputs": "x", "height": "y"}', "null", ""]
)
def test_a_comment_of_somebody_else_makes_a_stranger(folders, out, comment):
    fuse(folders, out)
    path = out / "00001.png"
    plain = encode_png(np.zeros(SHAPE, np.uint8))
    path.write_bytes(add_notes(plain, {"Comment": f"{png_data_hash(plain)} {comment}"}))
    assert fuse(folders, out).strangers == ["00001"]


@pytest.mark.parametrize(
    ("spoil", "stranger"),
    [
        (lambda row: row, False),
        (lambda row: {**row, "pixels": ["x", 1, 2]}, True),
        (lambda row: {**row, "votes": row["votes"][:2]}, True),
        (lambda row: {**row, "kept": [5]}, True),
        (lambda row: {**row, "more": 5}, True),
    ],
)
def test_a_row_of_the_wrong_kind_makes_a_stranger(folders, out, spoil, stranger):
    fuse(folders, out)
    path = out / "00001.png"
    with Image.open(path) as image:
        data_hash, comment = image.text["Comment"].split(" ", 1)
    spoilt = f"{data_hash} {json.dumps(spoil(json.loads(comment)))}"
    path.write_bytes(add_notes(encode_png(pixels(path)), {"Comment": spoilt}))
    assert (fuse(folders, out).strangers == ["00001"]) == stranger


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_in_the_way_is_said_in_one_line(folders, out, kind):
    out.mkdir()
    os.mkfifo(out / "00001.png") if kind == "fifo" else (out / "00001.png").mkdir()
    if kind == "folder":
        with pytest.raises(OutputError, match=r"00001\.png"):
            fuse(folders, out)
    else:
        with pytest.raises(OutputError, match="holds files that this command did not make"):
            fuse(folders, out)


def test_weighted_goes_on_when_annotations_change(folders, drawn, out):
    fuse(folders, out, method="weighted", limit=2)
    Image.fromarray(drawn["A"]["00001"] * np.uint8(0)).save(folders[0] / "00001.png")
    report = fuse(folders, out, method="weighted")
    assert (report.made, report.renewed) == (6, 2)  # the weights are others now
    straight = out.with_name("straight")
    fuse(folders, straight, method="weighted")
    assert files_of(out) == files_of(straight)


def test_weights_do_not_depend_on_the_images_chosen(folders, out):
    fuse(folders, out, method="weighted", ids="0-1")
    weights = json.loads((out / "fusion.json").read_text())["weights"]
    fuse(folders, out, method="weighted")
    assert json.loads((out / "fusion.json").read_text())["weights"] == weights


def test_masks_of_images_that_nobody_has_any_more_are_remarked_on(folders, out):
    fuse(folders, out)
    for folder in folders:
        (folder / "00001.png").unlink()
    report = fuse(folders, out)
    assert report.others == ["00001"]
    assert "1 image (00001) that nobody has any more" in remarks(report)[0]
    assert remarks(report, all_ids=False) == []


def test_rows_of_other_numbers_of_annotators_do_not_mix(folders, out):
    fuse(folders, out)
    fuse(folders[:2], out, ids="0", overwrite=True)
    assert [row["image_id"] for row in rows(out)] == ["00000"]


def test_a_failure_of_an_image_that_is_now_left_out_goes(folders, out):
    (folders[0] / "00001.png").write_bytes(b"broken")
    assert fuse(folders, out).failed == 1
    (folders[0] / "00001.png").unlink()
    skipping = {"missing": "skip"}
    with pytest.raises(OutputError, match="missing error there and skip now"):
        fuse(folders, out, settings=skipping)
    fuse(folders, out, settings=skipping, ids="0-1", overwrite=True)
    assert not (out / "failures.csv").exists()


def test_black_on_white_is_remarked_on(annotate, out):
    line = mask("#... / ....")
    folders = annotate({"A": {"x": line}, "B": {"x": ~line}})
    (remark, _) = remarks(fuse(folders, out))
    assert "cover more than half of 1 image (x); are they black on white?" in remark


def test_a_wrong_rule_is_refused_before_anything_is_written(folders, out):
    with pytest.raises(ArgumentError, match="4 votes are asked for, of 3 annotators"):
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
