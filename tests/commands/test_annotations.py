"""`fuse-labels` and `agreement` as a user calls them."""

import csv
import json
import os
import re

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.human_labels.semi_automatic import semi_automatic_mask
from tests.helpers.faces import drawn_lines
from tests.helpers.files import files_of

SHAPE = (40, 50)


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def folders(annotate):
    """Four images by three annotators."""
    return annotate(
        {
            name: {f"{image:05d}": drawn_lines(SHAPE, [image, seed], lines=8) for image in range(4)}
            for seed, name in enumerate("ABC")
        }
    )


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def test_fuse_labels_says_what_it_did(folders, tmp_path):
    out = tmp_path / "out"
    result = run("fuse-labels", *folders, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "4 fused masks written, 0 were there already\n")
    result = run("fuse-labels", *folders, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "0 fused masks written, 4 were there already\n")


def test_fuse_labels_options_reach_the_masks(folders, annotate, tmp_path):
    left = np.zeros((20, 25), bool)
    left[:, :10] = True
    (faces,) = annotate({"faces": {f"{image:05d}": left for image in range(4)}})
    (folders[2] / "00001.png").unlink()
    gray = np.full(SHAPE, 100, np.uint8)
    gray[0], gray[1] = 200, 0
    Image.fromarray(gray).save(folders[0] / "00002.png")
    (tmp_path / "ids.txt").write_text("00002\n")
    result = run(
        "fuse-labels", f"anna={folders[0]}", *folders[1:], "--out", tmp_path / "out",
        "--min-votes", 1, "--within", faces, "--missing", "empty", "--threshold", 150,
        "--resize", "nearest", "--ids", "1", "--ids-file", tmp_path / "ids.txt", "--jobs", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "fusion.json").read_text())
    settings = record["settings"]
    assert settings["annotators"][0] == f"anna={folders[0]}"
    assert (settings["min_votes"], settings["threshold"], settings["missing"]) == (1, 150, "empty")
    drawn = [pixels(folder / "00002.png") >= 150 for folder in folders]
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
def test_every_method_runs(folders, tmp_path, method):
    result = run(
        "fuse-labels", *folders, "--out", tmp_path / "out", "--method", method, "--limit", 2
    )
    assert result.exit_code == 0, result.output
    for number in range(2):
        levels = set(np.unique(pixels(tmp_path / "out" / f"{number:05d}.png")))
        assert levels <= ({0, 85, 170, 255} if method == "soft" else {0, 255})
        assert len(levels) > 1


@pytest.fixture
def textured(folders, tmp_path):
    """Texture maps of the four images in shards: lines, of which somebody drew some."""
    shard = tmp_path / "weak" / "00000"
    shard.mkdir(parents=True)
    for number in range(4):
        texture = drawn_lines(SHAPE, [number, 0], lines=8, width=1) * np.uint8(100)
        Image.fromarray(texture).save(shard / f"{number:05d}.png")
    return shard.parent


def semi_automatic(rough, textures, out, *options):
    return run(
        "fuse-labels", *rough, "--out", out, "--method", "semi-automatic", "--texture", textures,
        *options,
    )  # fmt: skip


def test_semi_automatic_makes_masks_of_one_folder_of_rough_masks(folders, textured, tmp_path):
    out = tmp_path / "out"
    result = semi_automatic(folders[:1], textured, out)
    assert (result.exit_code, result.stdout) == (0, "4 fused masks written, 0 were there already\n")
    with (out / "fusion.csv").open(newline="") as file:
        rows = {row["image_id"]: row for row in csv.DictReader(file)}
    for image_id, row in rows.items():
        rough = pixels(folders[0] / f"{image_id}.png") > 0
        texture = pixels(textured / "00000" / f"{image_id}.png") * rough
        made = pixels(out / f"{image_id}.png")
        assert set(np.unique(made)) == {0, 255}
        assert_array_equal(made > 0, semi_automatic_mask(texture, rough))
        assert int(row["kept"]) == np.count_nonzero(made) < int(row["pixels_A"])
    settings = json.loads((out / "fusion.json").read_text())["settings"]
    assert (settings["method"], settings["texture"]) == ("semi-automatic", str(textured))
    # Again: only what was made from another texture map is made anew.
    path = textured / "00000" / "00001.png"
    Image.fromarray(np.roll(pixels(path), 3, axis=0)).save(path)
    before = {image_id: (out / f"{image_id}.png").read_bytes() for image_id in rows}
    assert "1 fused masks written (1 again," in semi_automatic(folders[:1], textured, out).stdout
    changed = [one for one in rows if (out / f"{one}.png").read_bytes() != before[one]]
    assert changed == ["00001"]


def test_semi_automatic_takes_the_majority_of_several(folders, textured, tmp_path):
    result = semi_automatic(folders, textured, tmp_path / "out", "--ids", "2")
    assert result.exit_code == 0, result.output
    votes = sum((pixels(folder / "00002.png") > 0).astype(int) for folder in folders)
    texture = pixels(textured / "00000" / "00002.png")
    expected = semi_automatic_mask(texture, votes >= 2)
    assert expected.any()
    assert_array_equal(pixels(tmp_path / "out" / "00002.png") > 0, expected)


def test_masks_of_another_method_or_texture_are_not_mixed(folders, textured, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    assert semi_automatic(folders, textured, out).exit_code == 0
    result = run("fuse-labels", *folders, "--out", out)
    assert result.exit_code == 1
    assert "was made with other settings: method semi-automatic there" in result.output
    textured.rename(other)
    result = semi_automatic(folders, other, out)
    assert f"texture {textured} there and {other} now" in result.output


def test_texture_maps_that_do_not_fit_are_failures(folders, textured, tmp_path):
    shard, out = textured / "00000", tmp_path / "out"
    Image.fromarray(np.zeros((9, 7), np.uint8)).save(shard / "00000.png")
    Image.fromarray(np.eye(3, dtype=np.uint8)[..., None] * np.uint8([1, 2, 3])).save(
        shard / "00001.png"
    )
    (shard / "00002.png").write_bytes(b"no picture")
    result = semi_automatic(folders[:1], textured, out)
    assert result.exit_code == 1
    assert "1 fused masks written, 0 were there already, 3 failed" in result.stdout
    with (out / "failures.csv").open(newline="") as file:
        reasons = [row["reason"] for row in csv.DictReader(file)]
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
def test_wrong_options_of_semi_automatic_are_said_in_one_line(
    folders, textured, tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "A").mkdir()
    result = run("fuse-labels", *folders, "--out", tmp_path / "out", *options)
    assert result.exit_code in (1, 2)
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert message in line
    assert not (tmp_path / "out").exists()


def test_images_without_a_texture_map_are_listed_or_skipped(folders, textured, tmp_path):
    (textured / "00000" / "00003.png").unlink()
    result = semi_automatic(folders, textured, tmp_path / "out")
    assert "1 of 4 images are incomplete: 00003 (no texture map)" in result.output
    result = semi_automatic(folders, textured, tmp_path / "out", "--missing", "skip")
    assert result.stdout.startswith("3 fused masks written")


def test_other_methods_need_two_annotators(folders, tmp_path):
    result = run("fuse-labels", folders[0], "--out", tmp_path / "out")
    assert "1 annotator given; name 2 to 20 folders" in result.output


def test_remarks_are_logged(annotate, tmp_path, caplog):
    line = np.zeros((4, 9), bool)
    line[1, :4] = True
    folders = annotate({"A": {"x": line}, "B": {"x": np.roll(line, 2, axis=0)}})
    result = run("fuse-labels", *folders, "--out", tmp_path / "out")
    assert result.stdout == "1 fused masks written, 0 were there already\n"
    assert caplog.messages == ["majority leaves nothing of what was drawn in 1 image (x)"]


def test_agreement_prints_its_tables(folders):
    result = run("agreement", *folders)
    assert result.exit_code == 0
    assert "4 images; 3 annotators: A, B, C" in result.stdout
    assert re.search(
        r"^average( +0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]){4} +-$", result.stdout, re.MULTILINE
    )
    assert run("agreement", *folders).stdout == result.stdout
    few = [run("agreement", *folders, "--resamples", 5, "--seed", seed).stdout for seed in (0, 1)]
    assert few[0] != few[1]
    assert "[" not in run("agreement", *folders, "--resamples", 0).stdout


def test_agreement_writes_a_report(folders, tmp_path, caplog):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(np.full((9, 9, 3), 90, np.uint8)).save(photos / "00000.png")
    out = tmp_path / "report"
    result = run("agreement", *folders, "--out", out, "--images", photos)
    assert result.exit_code == 0, result.output
    assert f"Tables and pictures are in {out}." in result.stdout
    assert "no photograph beneath 00001" in caplog.text
    assert {path.name for path in out.glob("[!.]*")} == {
        "agreement.csv", "per_image.csv", "agreement.json", "agreement.md", "pairs.png",
        "distribution.png", "disputed",
    }  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        ["--tolerance-px", "0", "1", "2.5"],
        ["--tolerance-px", "2.5", "--tolerance-px", "0", "1"],
        ["--tolerance-px", "1", "0", "2.5", "0", "--jobs", "2"],
        ["--tolerance-px=1", "0", "2.5"],
    ],
)
def test_several_tolerances_follow_one_option(folders, tmp_path, options):
    result = run("agreement", *options, *folders, "--resamples", 0, "--out", tmp_path / "report")
    assert result.exit_code == 0, result.output
    with (tmp_path / "report" / "agreement.csv").open(newline="") as file:
        found = [row["tolerance_px"] for row in csv.DictReader(file)]
    assert list(dict.fromkeys(found)) == ["", "0.0", "1.0", "2.5"]


@pytest.mark.parametrize("options", [["--tolerance-px"], ["--tolerance-px", "--jobs", "1"]])
def test_a_tolerance_without_a_number_is_wrong_usage(folders, options):
    assert run("agreement", *folders, *options).exit_code == 2


def broken(folder):
    (folder / "00002.png").write_bytes(b"\x89PNG broken")


def of_another_size(folder):
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folder / "00002.png")


def gray(folder):
    Image.fromarray(np.arange(2000, dtype=np.uint16).reshape(SHAPE)).save(folder / "00002.png")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(broken, "not an image"), (of_another_size, "is 3x3, but"), (gray, "(2000 in all)")],
)
def test_a_bad_file_is_named_in_one_line(folders, tmp_path, spoil, said):
    spoil(folders[1])
    result = run("agreement", *folders, "--out", tmp_path / "report")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert f"{folders[1]}/00002.png" in result.stderr
    assert said in result.stderr
    assert not (tmp_path / "report").exists()
    result = run("fuse-labels", *folders, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert f"{folders[1]}/00002.png" in result.stdout
    assert said in result.stdout
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


@pytest.mark.parametrize("command", ["fuse-labels", "agreement"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folders: [folders[0], "nowhere"], "there is no folder nowhere"),
        (lambda folders: folders[:1], "1 annotator given"),
        (lambda folders: [folders[0], folders[0]], "are the same folder"),
        (lambda folders: [folders[0], f"B={folders[0]}"], "are the same folder"),
        (lambda folders: [f"A={folders[0]}", f"A={folders[1]}"], "are both called A"),
        (lambda folders: [*folders, "--ids", "77"], "none of the 1 ids"),
        (lambda folders: [*folders, "--ids", "../1"], "not an image id"),
    ],
)
def test_wrong_values_are_one_line_and_write_nothing(
    folders, tmp_path, monkeypatch, command, spoil, said
):
    monkeypatch.chdir(tmp_path)
    before = files_of(tmp_path)
    result = run(command, *spoil(folders), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert result.output.count("\n") == 1
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("command", ["fuse-labels", "agreement"])
def test_images_that_somebody_lacks_stop_it_before_anything_is_written(folders, tmp_path, command):
    (folders[1] / "00002.png").unlink()
    result = run(command, *folders, "--out", tmp_path / "out")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "00002 (B)" in result.output
    assert "--missing skip" in result.output
    assert not (tmp_path / "out").exists()
    assert run(command, *folders, "--out", tmp_path / "out", "--missing", "skip").exit_code == 0


def test_photographs_without_a_report_are_refused(folders):
    result = run("agreement", *folders, "--images", folders[0])
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "--out" in result.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written_is_said_in_one_line(folders, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    for command in ("fuse-labels", "agreement"):
        result = run(command, *folders, "--out", tmp_path / "locked" / "out")
        assert (result.exit_code, result.output.count("\n")) == (1, 1)
