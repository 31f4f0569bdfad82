"""Images and folders whose names are not valid text, through every command that reads images.

Stdout is strict, as in a terminal with an ordinary UTF-8 locale.
"""

import os
import subprocess

import numpy as np
import pytest
from PIL import Image

from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.odd_names import ESCAPED, NOT_TEXT
from tests.helpers.processes import COMMAND
from tests.helpers.tables import rows_of

SIDE = 64
NAMES = (*NOT_TEXT, "00001", "00002", "00003", "portrait")


@pytest.fixture
def folder(tmp_path):
    """Photographs, label maps and the masks of three annotators, in a folder of such a name."""
    folder = tmp_path / NOT_TEXT[0]
    for number, name in enumerate(NAMES):
        image, labels = drawn_face(SIDE, number)
        pictures = {"photos": image}
        for seed, annotator in enumerate("ABC"):
            drawn = drawn_lines((SIDE, SIDE), [number, seed], lines=8)
            pictures[annotator] = drawn * np.uint8(255)
        for kind, pixels in pictures.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / f"{name}.png")
        (folder / "labels").mkdir(exist_ok=True)
        np.save(folder / "labels" / f"{name}.npy", labels)
    return folder


def run(folder, *arguments):
    """Run a command in the folder; its status, stdout and stderr, without a traceback."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=folder, env=environment, capture_output=True
    )
    stdout, stderr = result.stdout.decode(), result.stderr.decode()
    assert "Traceback" not in stderr
    return result.returncode, stdout, stderr


def made(folder):
    """Ids of the files of a folder and its shards."""
    return {path.stem for path in folder.rglob("*.*") if path.suffix in (".png", ".jpg")}


def test_weak_masks_and_predictions_are_made(folder, checkpoint):
    faces = ["--parser", "labels", "--labels", folder / "labels"]
    assert run(folder, "build-weak", folder / "photos", folder / "weak", *faces)[0] == 0
    assert made(folder / "weak") == set(NAMES)
    options = ["--checkpoint", checkpoint, *faces, "--texture", folder / "weak"]
    assert run(folder, "predict", "photos", folder / "out", *options)[0] == 0
    assert made(folder / "out" / "masks") == made(folder / "out" / "overlays") == set(NAMES)
    assert {row["name"] for row in rows_of(folder / "out" / "wrinkles.csv")} == set(NAMES)


def test_a_file_that_fails_is_listed_with_the_bytes_of_its_name(folder):
    (folder / "photos" / f"{NOT_TEXT[0]}.png").write_bytes(b"nothing")
    faces = ["--parser", "labels", "--labels", "labels"]
    status, stdout, _ = run(folder, "build-weak", "photos", "weak", *faces)
    assert (status, stdout.count("\n")) == (1, 1)
    assert b"caf\xe9.png,read," in (folder / "weak" / "failures.csv").read_bytes()


def test_annotators_and_predictions_are_fused_compared_and_scored(folder):
    assert run(folder, "fuse-labels", "A", "B", "C", "--out", folder / "fused")[0] == 0
    assert made(folder / "fused") == set(NAMES)
    report = ["--out", folder / "report", "--images", "photos", "--resamples", 9]
    status, stdout, _ = run(folder, "agreement", "A", "B", "C", *report)
    assert status == 0
    assert ESCAPED[0] in stdout
    assert {row["image_id"] for row in rows_of(folder / "report" / "per_image.csv")} == set(NAMES)
    scored = ["A", "fused", "--compare", "B", "--images", "photos", "--out", folder / "scores"]
    status, stdout, _ = run(folder, "evaluate", *scored, "--resamples", 9)
    assert status == 0
    assert ESCAPED[0] in stdout
    assert b"caf\xe9" in (folder / "scores" / "per_image.csv").read_bytes()


def test_errors_escape_the_name_in_one_line(folder):
    (folder / "B" / f"{NOT_TEXT[1]}.png").write_bytes(b"nothing")
    for command in (["agreement", "A", "B"], ["evaluate", "B", "A"]):
        status, stdout, stderr = run(folder, *command)
        assert (status, stdout, stderr.count("\n")) == (1, "", 1)
        assert f"B/{ESCAPED[1]}.png: not an image" in stderr
    status, stdout, _ = run(folder, "fuse-labels", "A", "B", "--out", "fused")
    assert (status, stdout.count("\n")) == (1, 1)
    assert f"B/{ESCAPED[1]}.png: not an image" in stdout
    status, _, stderr = run(folder, "agreement", f"{NOT_TEXT[0]}=A", "B")
    assert (status, stderr.count("\n")) == (2, 1)
    assert "does not name its annotator" in stderr


def test_an_id_list_on_stdout_keeps_the_bytes_and_can_be_read(folder):
    drawn = subprocess.check_output([*COMMAND, "sample", "photos", "--n", "6"], cwd=folder)
    assert b"\ncaf\xe9\n" in drawn
    (folder / "ids.txt").write_bytes(drawn)
    status, stdout, _ = run(folder, "agreement", "A", "B", "--ids-file", "ids.txt")
    assert status == 0
    assert "\n6 images; " in stdout


def test_sets_of_such_names_are_drawn(folder):
    (folder / "age.csv").write_text("image_number,age_group,gender\n1,20-29,male\n2,30-39,female\n")
    sets = ["--set", f"{NOT_TEXT[0]}=1,2", "--set", "b=1", "--out", "report"]
    assert run(folder, "demographics", "photos", "--aging-labels", "age.csv", *sets)[0] == 0
    assert b"caf\xe9" in (folder / "report" / "demographics.csv").read_bytes()


def test_training_goes_through_and_is_resumed(folder):
    data = folder / "data"
    data.mkdir()
    for old, new in (("photos", "images"), ("A", "masks")):
        (folder / old).rename(data / new)
    (folder / "labels").rename(data / "face_masks")
    options = [
        "--parser", "mesh", "--epochs", 1, "--size", 32, "--batch-size", 2, "--features", 8,
        "--first-period", 1, "--workers", 1, "--accelerator", "cpu",
    ]  # fmt: skip
    for _ in range(2):
        status, stdout, _ = run(folder, "train", "unet_none", data, folder / "run", *options)
        assert status == 0
        assert f"{ESCAPED[0]}/run/finetune/best.pt" in stdout
    split = rows_of(folder / "run" / "split.csv")
    assert {row["image_id"] for row in split} == set(NAMES)
    assert ESCAPED[0].replace("\\", "\\\\") in (folder / "run" / "config.toml").read_text()


def test_a_cluster_does_them(folder):
    pytest.importorskip("distributed")
    faces = ["--parser", "labels", "--labels", "labels", "--scheduler", "local:1"]
    assert run(folder, "build-weak", "photos", "weak", *faces)[0] == 0
    assert made(folder / "weak") == set(NAMES)
