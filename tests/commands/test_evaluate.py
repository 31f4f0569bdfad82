"""`evaluate` as a user calls it."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import official_test_ids
from tests.helpers.commands import run
from tests.helpers.faces import drawn_lines
from tests.helpers.files import files_of
from tests.helpers.pictures import pixels
from tests.helpers.spoilt_masks import broken, gray, of_another_size
from tests.helpers.tables import rows_of

SHAPE = (40, 50)


@pytest.fixture
def folders(annotate):
    """Six images: predictions that are nearly right, others that are not, references."""
    references = {f"{n:05d}": drawn_lines(SHAPE, [n, 0], lines=8) for n in range(6)}
    off = [
        {k: m ^ drawn_lines(SHAPE, [int(k), seed], lines=lines) for k, m in references.items()}
        for seed, lines in ((1, 1), (2, 6))
    ]
    return annotate({"near": off[0], "far": off[1], "ref": references})


def test_it_prints_its_tables(folders):
    result = run("evaluate", folders[0], folders[2])
    assert result.exit_code == 0, result.output
    assert f"6 images; masks in {folders[0]} against {folders[2]}" in result.stdout
    cell = r"0\.\d{4} \[0\.\d{4}, \d\.\d{4}\]"
    for title in ("JSI", "F1", "accuracy", "precision", "recall", "clDice", "F1 within 3 px"):
        assert re.search(rf"^{title} +{cell} +{cell} +-$", result.stdout, re.MULTILINE), title
    assert run("evaluate", folders[0], folders[2]).stdout == result.stdout
    few = [
        run("evaluate", folders[0], folders[2], "--resamples", 5, "--seed", seed).stdout
        for seed in (0, 1)
    ]
    assert few[0] != few[1]


def test_the_tables_fit_the_terminal_and_the_headline_comes_first(folders):
    for options in ([], ["--compare", folders[1]]):
        stdout = run("evaluate", folders[0], folders[2], *options, width=80).stdout
        # A path is never broken.
        assert all(len(line) <= 80 or " " not in line for line in stdout.splitlines())
    first, *_ = run("evaluate", folders[0], folders[2]).stdout.splitlines()
    number = r"[\d.]+ \[[\d.]+, [\d.]+\]"
    assert re.fullmatch(f"The predictions of six images have JSI {number} and F1 {number}.", first)
    first, *_ = run("evaluate", folders[0], folders[2], "--compare", folders[1]).stdout.splitlines()
    assert first.startswith("near is better by JSI: difference +")


def test_options_reach_the_report(folders, annotate, tmp_path):
    (faces,) = annotate({"faces": {f"{n:05d}": np.ones((20, 25), bool) for n in range(6)}})
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(np.full((8, 10, 3), 90, np.uint8)).save(photos / "00001.png")
    (tmp_path / "ids.txt").write_text("00002\n")
    out = tmp_path / "report"
    result = run(
        "evaluate", folders[0], folders[2], "--out", out, "--compare", folders[1], "--ids", "1",
        "--ids-file", tmp_path / "ids.txt", "--within", faces, "--resize", "nearest",
        "--threshold", 0.3, "--images", photos, "--resamples", 50, "--seed", 3, "--jobs", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"Tables and pictures are in {out}." in result.stdout
    record = json.loads((out / "evaluation.json").read_text())
    assert record["settings"] == {
        "threshold": 0.3, "resize": "nearest", "within": str(faces),
        "tolerances_px": [0, 1, 2, 3], "centrelines": True,
    }  # fmt: skip
    assert record["bootstrap"] == {"confidence": 0.95, "resamples": 50, "seed": 3}
    assert record["comparison"]["names"] == ["near", "far"]
    assert {row["image_id"] for row in rows_of(out / "per_image.csv")} == {"00001", "00002"}


def test_exact_only_leaves_out_the_slow_measures(folders):
    stdout = run("evaluate", folders[0], folders[2], "--exact-only").stdout
    assert "recall" in stdout
    assert "clDice" not in stdout
    assert "within" not in stdout


def test_probabilities_have_a_threshold_and_an_area(folders, tmp_path):
    soft = tmp_path / "soft"
    soft.mkdir()
    for path in folders[0].iterdir():
        drawn = pixels(path) > 0
        np.save(soft / f"{path.stem}.npy", np.where(drawn, 0.4, 0.1).astype(np.float16))
    result = run("evaluate", soft, folders[2], "--threshold", 0.3)
    assert result.exit_code == 0, result.output
    assert f"probabilities in {soft} against {folders[2]}, predicted above 0.3" in result.stdout
    assert "area under PR curve" in result.stdout
    masks = run("evaluate", folders[0], folders[2])
    for title in ("JSI", "clDice"):
        lines = [
            next(line for line in printed.stdout.splitlines() if line.startswith(title)).split()
            for printed in (result, masks)
        ]
        assert lines[0] == lines[1]


def test_the_word_test_takes_the_official_hundred(annotate):
    drawn = {
        image_id: drawn_lines((9, 9), int(image_id), lines=1) for image_id in official_test_ids()
    }
    extra = {"00000": drawn_lines((9, 9), 0)}
    pred, ref = annotate({"pred": drawn | extra, "ref": drawn | extra})
    assert "101 images" in run("evaluate", pred, ref, "--resamples", 0).stdout
    assert "100 images" in run("evaluate", pred, ref, "--ids", "test", "--resamples", 0).stdout
    first = min(drawn)
    (ref / f"{first}.png").unlink()
    result = run("evaluate", pred, ref, "--ids", "test")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"1 of 100 images has no reference in {ref}, first {first}" in result.stderr


def test_a_comparison_names_the_better_method_only_if_the_interval_excludes_0(folders, annotate):
    result = run("evaluate", folders[0], folders[2], "--compare", folders[1])
    assert "near minus far" in result.stdout
    assert re.search(
        r"^near is better by JSI: difference \+0\.\d{4} \[\+0\.\d{4}, \+0\.\d{4}\]",
        result.stdout,
        re.MULTILINE,
    )
    (twin,) = annotate({"twin": {path.stem: pixels(path) > 0 for path in folders[0].iterdir()}})
    result = run("evaluate", folders[0], folders[2], "--compare", twin)
    assert "JSI of near and twin: no difference that this set of images could show" in result.stdout
    assert "is better" not in result.stdout


def absent(folder):
    (folder / "00002.png").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (broken, "not an image"),
        (of_another_size, "is 3x3, but"),
        (gray, "(2000 in all); save masks as 0 and 255"),
        (absent, "1 of 6 images has no prediction in"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_a_bad_prediction_is_named_in_one_line(folders, tmp_path, spoil, said, which):
    spoil(folders[which])
    result = run(
        "evaluate", folders[0], folders[2], "--compare", folders[1], "--out", tmp_path / "report"
    )
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert str(folders[which]) in result.stderr
    assert said in result.stderr
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ref", "ref"], "are the same folder"),
        (["near", "ref", "--compare", "near"], "are the same folder"),
        (["near", "ref", "--ids", "77"], "none of the 1 requested id"),
        (["near", "ref", "--ids", "../1"], "not an image id"),
        (["near", "ref", "--images", "near"], "--out"),
        (["near", "ref", "--out", "near"], "overlap"),
        (["near", "empty"], "has no reference masks"),
        (["empty", "ref"], "has no predictions"),
    ],
)
def test_wrong_values_are_reported_in_one_line_and_write_nothing(
    folders, monkeypatch, arguments, said
):
    monkeypatch.chdir(folders[0].parent)
    (folders[0].parent / "empty").mkdir()
    before = files_of(folders[0].parent)
    result = run("evaluate", *arguments)
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert result.output.count("\n") == 1
    assert files_of(folders[0].parent) == before


@pytest.mark.parametrize("threshold", [1, -0.5, "nan", "half"])
def test_an_impossible_threshold_is_wrong_usage(folders, threshold):
    result = run("evaluate", folders[0], folders[2], "--threshold", threshold)
    assert result.exit_code == 2


def test_references_are_what_train_takes(folders, tmp_path):
    by_masks = run("evaluate", folders[0], folders[2], "--json")
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    shutil.copytree(folders[2], data / "masks")
    lines = [f"{path.stem},photo.jpg,{path}" for path in sorted(folders[2].iterdir())]
    table = tmp_path / "data.csv"
    table.write_text("\n".join(["image_id,image,mask", *lines]) + "\n")
    expected = json.loads(by_masks.stdout)
    for references in (data, table):
        result = run("evaluate", folders[0], references, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["estimates"] == expected["estimates"]
    compared = run("evaluate", folders[0], table, "--compare", folders[1])
    assert compared.exit_code == 0, compared.output


def test_a_report_is_replaced_only_on_request(folders, tmp_path):
    out = tmp_path / "report"
    assert run("evaluate", folders[0], folders[2], "--out", out).exit_code == 0
    before = files_of(out)
    again = run("evaluate", folders[1], folders[2], "--out", out)
    assert again.exit_code == 1
    assert f"{out} holds a report already; choose another folder, or --overwrite" in again.output
    assert files_of(out) == before
    assert run("evaluate", folders[1], folders[2], "--out", out, "--overwrite").exit_code == 0
    assert files_of(out) != before
