"""`build-weak` as a user calls it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.commands import run
from tests.helpers.files import files_of


def build_weak(dataset, out, *options):
    return run("build-weak", dataset.images, out, "--parser", "labels", *options)


def test_build_weak_reports_its_results(dataset, tmp_path):
    result = build_weak(dataset, tmp_path / "out")
    assert result.exit_code == 0
    assert result.output == "6 weak masks written, 0 existed already\n"
    result = build_weak(dataset, tmp_path / "out")
    assert result.exit_code == 0
    assert "0 weak masks written, 6 existed already" in result.output


def test_images_that_fail_are_counted_and_the_exit_status_is_1(dataset, tmp_path):
    dataset.image_path("00001").write_text("not an image")
    result = build_weak(dataset, tmp_path / "out")
    assert result.exit_code == 1
    assert f"5 weak masks written, 0 existed already, 1 failed, see {tmp_path}" in result.output


def test_options_reach_the_masks(dataset, tmp_path):
    (tmp_path / "ids.txt").write_text("00000\n00001\n")
    result = build_weak(
        dataset, tmp_path / "out", "--recipe", "released", "--kernel-size", 11, "--sigma", 2,
        "--ids", "2", "--ids-file", tmp_path / "ids.txt", "--limit", 2, "--jobs", 2,
        "--labels", dataset.labels, "--save-labels", tmp_path / "labels",
        "--save-face-masks", tmp_path / "faces", "--save-masked-images", tmp_path / "masked",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "build.json").read_text())
    assert record["settings"]["recipe"] == "released"
    assert (record["settings"]["kernel_size"], record["settings"]["sigma"]) == (11, 2.0)
    for folder, name in (("out/00000", "png"), ("labels", "npy"), ("faces", "png")):
        assert {path.name for path in (tmp_path / folder).glob("0*")} == {
            f"00000.{name}",
            f"00001.{name}",
        }
    assert len(list((tmp_path / "masked").glob("*.png"))) == 2


def test_different_settings_need_overwrite(dataset, tmp_path):
    assert build_weak(dataset, tmp_path / "out").exit_code == 0
    result = build_weak(dataset, tmp_path / "out", "--sigma", 4)
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: .* sigma 5.0 there and 4.0 now.*--overwrite\n", result.output)
    assert build_weak(dataset, tmp_path / "out", "--sigma", 4, "--overwrite").exit_code == 0


def test_every_output_says_how_the_face_was_found(astronaut, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut).save(tmp_path / "photos" / "astronaut.png")
    folders = [tmp_path / name for name in ("out", "faces", "masked", "labels")]
    result = run(
        "build-weak", tmp_path / "photos", folders[0], "--parser", "mesh",
        "--save-face-masks", folders[1], "--save-masked-images", folders[2],
        "--save-labels", folders[3],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    note = "outlines of MediaPipe's face mesh"
    for folder in folders:
        assert note in json.loads((folder / "build.json").read_text())["settings"]["parser_note"]
    for folder in folders[:3]:
        with Image.open(folder / "astronaut.png") as image:
            assert note in image.text["Description"]
    assert np.load(folders[3] / "astronaut.npy").shape == (512, 512)


def test_a_photograph_without_a_face_is_a_failure_of_the_face_mesh(tmp_path):
    (tmp_path / "photos").mkdir()
    gray = np.full((300, 400, 3), 120, np.uint8)
    Image.fromarray(gray).save(tmp_path / "photos" / "wall.png")
    result = run("build-weak", tmp_path / "photos", tmp_path / "out", "--parser", "mesh")
    assert result.exit_code == 1
    table = (tmp_path / "out" / "failures.csv").read_text().splitlines()
    assert table[1].startswith("wall.png,parse,")
    assert "no face found" in table[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ids", "../../etc/passwd"], "not an image id"),
        (["--ids", "9-3"], "from a smaller id"),
        (["--ids", "40000"], "none of the 1 requested id"),
        (["--ids", "0-9999999"], "contain at most"),
        (["--ids", "0-" + "9" * 5000], "none of the 1 requested id"),
        (["--kernel-size", "20"], "kernel size is 20"),
        (["--kernel-size", "4294967297"], "from 1 to 4095"),
        (["--sigma", "0"], "sigma is 0"),
        (["--weights", __file__], "weights belong to the parser bisenet"),
    ],
)
def test_wrong_values_are_reported_in_one_line_and_write_nothing(dataset, tmp_path, options, said):
    result = build_weak(dataset, tmp_path / "out", *options)
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert result.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_weights_is_refused_in_one_line(dataset, tmp_path):
    weights = tmp_path / "weights.pth"
    weights.write_text("<html>")
    result = run("build-weak", dataset.images, tmp_path / "out", "--weights", weights)
    assert result.exit_code == 1
    assert "not a weights file that is safe to load" in result.output
    assert result.output.count("\n") == 1


def test_nothing_is_written_beside_the_named_folders(dataset, tmp_path):
    before = files_of(tmp_path)
    build_weak(dataset, tmp_path / "out", "--save-labels", tmp_path / "labels")
    after = files_of(tmp_path)
    assert {path: after[path] for path in before} == before
    new = {Path(path).parts[0] for path in after.keys() - before.keys()}
    assert new == {"out", "labels"}


def test_a_run_in_a_log_reports_now_and_then(dataset, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("ffhq_wrinkle.runs.progress.SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level("INFO", logger="ffhq_wrinkle"):
        build_weak(dataset, tmp_path / "out")
    assert re.search(r"build-weak: 3 of 6, [\d.]+ images/s, [\d:]+ left, 0 failed", caplog.text)


def test_a_run_that_made_nothing_does_not_refuse_the_corrected_command(dataset, tmp_path):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    wrong = build_weak(dataset, out, "--labels", tmp_path / "empty", "--save-labels", out / "maps")
    assert wrong.exit_code == 1
    assert "0 weak masks written, 0 existed already, 6 failed" in wrong.output
    right = build_weak(dataset, out, "--sigma", 2, "--save-labels", out / "maps")
    assert right.exit_code == 0, right.output
    assert "6 weak masks written" in right.output
    assert not (out / "failures.csv").exists()
    assert json.loads((out / "build.json").read_text())["settings"]["sigma"] == 2
    assert "made with different settings" in build_weak(dataset, out, "--sigma", 3).output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("parser", ["bisenet", "labels", "mesh"])
def test_a_device_that_does_not_exist_is_refused_with_every_parser(dataset, tmp_path, parser):
    result = run(
        "build-weak", dataset.images, tmp_path / "out", "--parser", parser, "--device", "cuda"
    )
    assert result.exit_code == 2
    assert "device 'cuda' does not exist on this machine" in result.output
    assert not (tmp_path / "out").exists()
