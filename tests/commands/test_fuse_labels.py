"""`fuse-labels` as a user calls it."""

import json
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.human_labels.semi_automatic import semi_automatic_mask
from tests.helpers.commands import run
from tests.helpers.faces import drawn_lines
from tests.helpers.pictures import pixels
from tests.helpers.tables import rows_of

SHAPE = (40, 50)


def test_fuse_labels_reports_its_results(annotators, tmp_path):
    out = tmp_path / "out"
    result = run("fuse-labels", *annotators, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "4 fused masks written, 0 existed already\n")
    result = run("fuse-labels", *annotators, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "0 fused masks written, 4 existed already\n")


def test_fuse_labels_options_reach_the_masks(annotators, annotate, tmp_path):
    left = np.zeros((20, 25), bool)
    left[:, :10] = True
    (faces,) = annotate({"faces": {f"{image:05d}": left for image in range(4)}})
    (annotators[2] / "00001.png").unlink()
    gray = np.full(SHAPE, 100, np.uint8)
    gray[0], gray[1] = 200, 0
    Image.fromarray(gray).save(annotators[0] / "00002.png")
    (tmp_path / "ids.txt").write_text("00002\n")
    result = run(
        "fuse-labels", f"anna={annotators[0]}", *annotators[1:], "--out", tmp_path / "out",
        "--min-votes", 1, "--within", faces, "--missing", "empty", "--threshold", 150,
        "--resize", "nearest", "--ids", "1", "--ids-file", tmp_path / "ids.txt", "--jobs", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "fusion.json").read_text())
    settings = record["settings"]
    assert settings["annotators"][0] == f"anna={annotators[0]}"
    assert (settings["min_votes"], settings["threshold"], settings["missing"]) == (1, 150, "empty")
    drawn = [pixels(folder / "00002.png") >= 150 for folder in annotators]
    expected = np.logical_or.reduce(drawn)
    expected[:, 20:] = False
    assert_array_equal(pixels(tmp_path / "out" / "00002.png") > 0, expected)
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "00001.png",
        "00002.png",
    }


@pytest.mark.parametrize(
    "method", ["majority", "union", "intersection", "weighted", "soft", "staple"]
)
def test_every_method_runs(annotators, tmp_path, method):
    result = run(
        "fuse-labels", *annotators, "--out", tmp_path / "out", "--method", method, "--limit", 2
    )
    assert result.exit_code == 0, result.output
    for number in range(2):
        levels = set(np.unique(pixels(tmp_path / "out" / f"{number:05d}.png")))
        assert levels <= ({0, 85, 170, 255} if method == "soft" else {0, 255})
        assert len(levels) > 1


@pytest.fixture
def textured(annotators, tmp_path):
    """Texture maps of the four images in shards: lines, of which somebody drew some."""
    shard = tmp_path / "weak" / "00000"
    shard.mkdir(parents=True)
    for number in range(4):
        texture = drawn_lines(SHAPE, [number, 0], lines=8, thickness=1) * np.uint8(100)
        Image.fromarray(texture).save(shard / f"{number:05d}.png")
    return shard.parent


def semi_automatic(rough, textures, out, *options):
    return run(
        "fuse-labels", *rough, "--out", out, "--method", "semi-automatic", "--texture", textures,
        *options,
    )  # fmt: skip


def test_semi_automatic_makes_masks_of_one_folder_of_rough_masks(annotators, textured, tmp_path):
    out = tmp_path / "out"
    result = semi_automatic(annotators[:1], textured, out)
    assert (result.exit_code, result.stdout) == (0, "4 fused masks written, 0 existed already\n")
    rows = {row["image_id"]: row for row in rows_of(out / "fusion.csv")}
    for image_id, row in rows.items():
        rough = pixels(annotators[0] / f"{image_id}.png") > 0
        texture = pixels(textured / "00000" / f"{image_id}.png") * rough
        made = pixels(out / f"{image_id}.png")
        assert set(np.unique(made)) == {0, 255}
        assert_array_equal(made > 0, semi_automatic_mask(texture, rough))
        assert int(row["kept"]) == np.count_nonzero(made) < int(row["pixels_A"])
    settings = json.loads((out / "fusion.json").read_text())["settings"]
    assert (settings["method"], settings["texture"]) == ("semi-automatic", str(textured))
    # Again: only the mask whose texture map has changed is made again.
    path = textured / "00000" / "00001.png"
    Image.fromarray(np.roll(pixels(path), 3, axis=0)).save(path)
    before = {image_id: (out / f"{image_id}.png").read_bytes() for image_id in rows}
    assert "1 fused mask written (1 again," in semi_automatic(annotators[:1], textured, out).stdout
    changed = [
        image_id for image_id in rows if (out / f"{image_id}.png").read_bytes() != before[image_id]
    ]
    assert changed == ["00001"]


def test_semi_automatic_takes_the_majority_of_several(annotators, textured, tmp_path):
    result = semi_automatic(annotators, textured, tmp_path / "out", "--ids", "2")
    assert result.exit_code == 0, result.output
    votes = sum((pixels(folder / "00002.png") > 0).astype(int) for folder in annotators)
    texture = pixels(textured / "00000" / "00002.png")
    expected = semi_automatic_mask(texture, votes >= 2)
    assert expected.any()
    assert_array_equal(pixels(tmp_path / "out" / "00002.png") > 0, expected)


def test_masks_of_another_method_or_texture_are_not_mixed(annotators, textured, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    assert semi_automatic(annotators, textured, out).exit_code == 0
    result = run("fuse-labels", *annotators, "--out", out)
    assert result.exit_code == 1
    assert "was made with different settings: method semi-automatic there" in result.output
    textured.rename(other)
    result = semi_automatic(annotators, other, out)
    assert f"texture {textured} there and {other} now" in result.output


def test_texture_maps_that_do_not_fit_are_failures(annotators, textured, tmp_path):
    shard, out = textured / "00000", tmp_path / "out"
    Image.fromarray(np.zeros((9, 7), np.uint8)).save(shard / "00000.png")
    Image.fromarray(np.eye(3, dtype=np.uint8)[..., None] * np.uint8([1, 2, 3])).save(
        shard / "00001.png"
    )
    (shard / "00002.png").write_bytes(b"no picture")
    result = semi_automatic(annotators[:1], textured, out)
    assert result.exit_code == 1
    assert "1 fused mask written, 0 existed already, 3 failed" in result.stdout
    reasons = [row["reason"] for row in rows_of(out / "failures.csv")]
    assert reasons[0].startswith(str(shard / "00000.png"))
    assert re.search(r"is 7x9, but .*A/00000\.png is 50x40; a texture map must", reasons[0])
    assert re.search(r"00001\.png: it is in colour", reasons[1])
    assert re.search(r"00002\.png: not an image", reasons[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "semi-automatic"], "name their folder by --texture DIR"),
        (["--texture", "weak"], "go with the method semi-automatic, not majority"),
        (["--method", "semi-automatic", "--texture", "weak", "--min-votes", 1], "min_votes goes"),
        (["--method", "semi-automatic", "--texture", "weak", "--out", "weak"], "overlap"),
        (["--method", "semi-automatic", "--texture", "A"], "A has no texture maps"),
        (["--method", "semi-automatic", "--texture", "nowhere"], "'nowhere' does not exist"),
    ],
)
def test_wrong_options_of_semi_automatic_are_reported_in_one_line(
    annotators, textured, tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "A").mkdir()
    result = run("fuse-labels", *annotators, "--out", tmp_path / "out", *options)
    assert result.exit_code in (1, 2)
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert message in line
    assert not (tmp_path / "out").exists()


def test_images_without_a_texture_map_are_listed_or_skipped(annotators, textured, tmp_path):
    (textured / "00000" / "00003.png").unlink()
    result = semi_automatic(annotators, textured, tmp_path / "out")
    assert "1 of 4 images incomplete: 00003 (no texture map)" in result.output
    result = semi_automatic(annotators, textured, tmp_path / "out", "--missing", "skip")
    assert result.stdout.startswith("3 fused masks written")


def test_other_methods_need_two_annotators(annotators, tmp_path):
    result = run("fuse-labels", annotators[0], "--out", tmp_path / "out")
    assert "1 annotator given; name 2 to 20 folders" in result.output


def test_remarks_are_logged(annotate, tmp_path, caplog):
    line = np.zeros((4, 9), bool)
    line[1, :4] = True
    annotators = annotate({"A": {"x": line}, "B": {"x": np.roll(line, 2, axis=0)}})
    result = run("fuse-labels", *annotators, "--out", tmp_path / "out")
    assert result.stdout == "1 fused mask written, 0 existed already\n"
    assert caplog.messages == ["majority leaves nothing of what was drawn in 1 image (x)"]


def test_a_threshold_that_would_empty_masks_fails_them_and_names_one_that_would_not(
    annotate, tmp_path
):
    drawn = {f"{image:05d}": drawn_lines(SHAPE, image) for image in range(2)}
    folders = annotate({name: drawn for name in "ABC"})
    for folder in folders:
        classes = drawn["00001"] * np.uint8(1)
        classes[:, 20:] *= 2
        Image.fromarray(classes).save(folder / "00001.png")
    result = run("fuse-labels", *folders, "--out", tmp_path / "out", "--threshold", 128)
    assert result.exit_code == 1
    (row,) = rows_of(tmp_path / "out" / "failures.csv")
    assert row["path"] == "00001.png"
    assert "no level reaches the threshold 128: the largest is 2" in row["reason"]
    assert not (tmp_path / "out" / "00001.png").exists()
    result = run("fuse-labels", *folders, "--out", tmp_path / "new")
    assert "--threshold 1)" in rows_of(tmp_path / "new" / "failures.csv")[0]["reason"]
    result = run("fuse-labels", *folders, "--out", tmp_path / "one", "--threshold", 1)
    assert result.exit_code == 0
    assert_array_equal(pixels(tmp_path / "one" / "00001.png") > 0, drawn["00001"])


def test_weighted_prints_the_weights_of_the_record(annotators, tmp_path, caplog):
    caplog.set_level("INFO")
    out = tmp_path / "out"
    result = run("fuse-labels", *annotators, "--out", out, "--method", "weighted")
    assert result.exit_code == 0, result.output
    weights = json.loads((out / "fusion.json").read_text())["weights"]
    names = [path.name for path in annotators]
    named = ", ".join(f"{name} {weight:.3f}" for name, weight in zip(names, weights, strict=True))
    assert f"weights: {named}" in caplog.messages
