import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, PngImagePlugin

from ffhq_wrinkle.errors import OutputError, RunInterrupted
from ffhq_wrinkle.human_labels.annotators import Annotator, parse_annotators
from ffhq_wrinkle.human_labels.fused import fuse_folder
from ffhq_wrinkle.images.png import add_notes, encode_png, png_data_hash
from tests.helpers.files import files_of
from tests.helpers.fusion import SHAPE, fuse, remarks, rows
from tests.helpers.pictures import gray_pixels


def test_masks_in_shards_are_fused_into_the_same_flat_folder(folders, out):
    fuse(folders, out)
    for folder in folders[:2]:
        for path in list(folder.iterdir()):
            shard = folder / f"{int(path.stem) // 1000 * 1000:05d}"
            shard.mkdir(exist_ok=True)
            path.rename(shard / path.name)
    assert fuse(folders, out).kept == 6


def test_a_second_run_does_nothing(folders, out):
    fuse(folders, out)
    before = files_of(out), {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    report = fuse(folders, out)
    assert (report.made, report.kept) == (0, 6)
    assert (files_of(out), {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}) == before


def test_changed_annotations_are_fused_again_at_any_modification_time(folders, drawn, out):
    fuse(folders, out)
    path = folders[0] / "00001.png"
    before = path.stat()
    Image.fromarray(drawn["A"]["00001"] * np.uint8(0)).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - 10**12))
    report = fuse(folders, out)
    assert (report.made, report.kept, report.renewed) == (1, 5, 1)
    assert "1 again" in report.summary()
    both = drawn["B"]["00001"] & drawn["C"]["00001"]
    assert_array_equal(gray_pixels(out / "00001.png") > 0, both)
    assert rows(out)[1]["pixels_A"] == "0"


def test_a_mask_that_somebody_corrected_by_hand_is_left_alone(folders, out):
    fuse(folders, out)
    corrected = out / "00001.png"
    Image.fromarray(np.full(SHAPE, 255, np.uint8)).save(corrected)
    report = fuse(folders, out)
    assert (report.made, report.strangers) == (0, ["00001"])
    assert gray_pixels(corrected).all()
    assert [row["image_id"] for row in rows(out)] == ["00000", "00002", "00999", "01000", "01001"]
    (remark,) = remarks(report)
    assert "left alone" in remark
    assert "1 image (00001); --overwrite" in remark
    fuse(folders, out, overwrite=True)
    assert not gray_pixels(corrected).all()


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


def test_a_corrected_mask_survives_an_interruption(folders, out):
    fuse(folders, out)
    corrected = out / "00001.png"
    Image.fromarray(np.full(SHAPE, 255, np.uint8)).save(corrected)
    with pytest.raises(
        RunInterrupted, match=r"0 fused masks written, 2 existed already, 4 left to do"
    ):
        fuse_until_interrupted(folders, out)
    assert not (out / "fusion.json").exists()
    assert fuse(folders, out).strangers == ["00001"]
    assert gray_pixels(corrected).all()


def test_after_an_interrupted_overwrite_the_old_masks_are_replaced(folders, out):
    fuse(folders, out, method="union")
    with pytest.raises(RunInterrupted, match=r"2 fused masks written, .*, 4 left to do"):
        fuse_until_interrupted(folders, out, overwrite=True)
    fuse(folders, out)
    straight = out.with_name("straight")
    fuse(folders, straight)
    assert files_of(out) == files_of(straight)


def test_different_settings_are_refused_without_overwrite(folders, out):
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


def test_a_mask_stays_when_an_annotation_breaks_later(folders, out):
    fuse(folders, out)
    before = gray_pixels(out / "00001.png")
    (folders[1] / "00001.png").write_bytes(b"")
    assert fuse(folders, out).failed == 1
    assert_array_equal(gray_pixels(out / "00001.png"), before)


def test_a_correction_is_recognised_even_if_the_editor_kept_the_notes(folders, out):
    fuse(folders, out)
    path = out / "00001.png"
    with Image.open(path) as image:
        notes = PngImagePlugin.PngInfo()
        for keyword, text in image.text.items():
            notes.add_text(keyword, text)
    Image.fromarray(np.full(SHAPE, 255, np.uint8)).save(path, pnginfo=notes)
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(folders[0] / "00001.png")
    assert fuse(folders, out).strangers == ["00001"]
    assert gray_pixels(path).all()


@pytest.mark.parametrize("kept", [0, 100, -20])
def test_a_mask_that_was_cut_short_is_made_again(folders, out, kept):
    fuse(folders, out)
    before = files_of(out)
    path = out / "00001.png"
    path.write_bytes(path.read_bytes()[:kept])
    assert fuse(folders, out).made == 1
    assert files_of(out) == before


@pytest.mark.parametrize(
    "comment", ["[" * 12_000, '{"a": 1}', "[]", '{"inputs": "x", "height": "y"}', "null", ""]
)
def test_a_mask_with_another_program_s_comment_is_left_alone(folders, out, comment):
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
def test_a_mask_with_an_invalid_row_is_left_alone(folders, out, spoil, stranger):
    fuse(folders, out)
    path = out / "00001.png"
    with Image.open(path) as image:
        data_hash, comment = image.text["Comment"].split(" ", 1)
    spoilt = f"{data_hash} {json.dumps(spoil(json.loads(comment)))}"
    path.write_bytes(add_notes(encode_png(gray_pixels(path)), {"Comment": spoilt}))
    assert (fuse(folders, out).strangers == ["00001"]) == stranger


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_a_folder_or_fifo_in_place_of_a_mask_is_an_error_of_one_line(folders, out, kind):
    out.mkdir()
    os.mkfifo(out / "00001.png") if kind == "fifo" else (out / "00001.png").mkdir()
    if kind == "folder":
        with pytest.raises(OutputError, match=r"00001\.png"):
            fuse(folders, out)
    else:
        with pytest.raises(OutputError, match="holds files that this command did not make"):
            fuse(folders, out)


def test_weighted_fusion_is_resumed_after_annotations_changed(folders, drawn, out):
    fuse(folders, out, method="weighted", limit=2)
    Image.fromarray(drawn["A"]["00001"] * np.uint8(0)).save(folders[0] / "00001.png")
    report = fuse(folders, out, method="weighted")
    assert (report.made, report.renewed) == (6, 2)  # the weights are others now
    straight = out.with_name("straight")
    fuse(folders, straight, method="weighted")
    assert files_of(out) == files_of(straight)


def test_masks_of_images_that_no_annotator_has_any_more_are_reported(folders, out):
    fuse(folders, out)
    for folder in folders:
        (folder / "00001.png").unlink()
    report = fuse(folders, out)
    assert report.others == ["00001"]
    assert "1 image (00001) that no annotator has any more" in remarks(report)[0]
    assert remarks(report, all_ids=False) == []


def test_rows_of_another_number_of_annotators_leave_the_table(folders, out):
    fuse(folders, out)
    fuse(folders[:2], out, ids="0", overwrite=True)
    assert [row["image_id"] for row in rows(out)] == ["00000"]


def test_the_failure_of_an_image_that_is_now_left_out_is_removed(folders, out):
    (folders[0] / "00001.png").write_bytes(b"broken")
    assert fuse(folders, out).failed == 1
    (folders[0] / "00001.png").unlink()
    skipping = {"missing": "skip"}
    with pytest.raises(OutputError, match="missing error there and skip now"):
        fuse(folders, out, settings=skipping)
    fuse(folders, out, settings=skipping, ids="0-1", overwrite=True)
    assert not (out / "failures.csv").exists()
