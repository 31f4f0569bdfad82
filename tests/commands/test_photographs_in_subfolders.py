"""Photographs in folders of subjects, whose ids are their paths, through every command."""

import os

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.storage.writing import PARTIAL_PREFIX
from tests.helpers.commands import run
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.files import files_of
from tests.helpers.tables import rows_of

SIDE = 64
NAMES = (
    "subject 01/visit1", "subject 01/visit 2.1", "subject02/visit1", "subject02/left/visit1",
    "3/00007",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Photographs, label maps and the masks of three annotators, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(NAMES):
        image, labels = drawn_face(SIDE, number)
        pictures = {"photos": image}
        for seed, annotator in enumerate("ABC"):
            drawn = drawn_lines((SIDE, SIDE), [number, seed], lines=8)
            pictures[annotator] = drawn * np.uint8(255)
        for kind, pixels in pictures.items():
            path = tmp_path / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        path = tmp_path / "labels" / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, labels)
    return tmp_path


def made(folder, suffix=".png"):
    """Paths of the files in a folder, without the suffix."""
    return {
        path.relative_to(folder).as_posix().removesuffix(suffix)
        for path in folder.rglob(f"*{suffix}")
    }


BUILD = ("build-weak", "photos", "weak", "--parser", "labels", "--labels", "labels")


def test_weak_masks_and_by_products_have_the_paths_of_the_photographs(folder):
    kept = ["--save-face-masks", "weak/faces", "--save-labels", "found"]
    assert run(*BUILD, *kept).exit_code == 0
    assert made(folder / "weak" / "faces") == set(NAMES)
    assert made(folder / "weak") == {*NAMES, *(f"faces/{name}" for name in NAMES)}
    assert made(folder / "found", ".npy") == set(NAMES)
    assert {row["image_id"] for row in rows_of(folder / "weak" / "inputs.csv")} == set(NAMES)
    assert '"results": 5' in (folder / "weak" / "build.json").read_text()


def test_a_run_is_resumed_and_its_partial_files_removed(folder):
    assert run(*BUILD, "--ids", "subject 01/visit1,subject 01/visit 2.1").exit_code == 0
    (folder / "weak" / "subject 01" / "visit1.png").unlink()
    partial = folder / "weak" / "subject 01" / f"{PARTIAL_PREFIX}x"
    partial.touch()
    # These images are of other subjects, but the folder of the first ones is still looked through.
    result = run(*BUILD, "--ids", "subject02/visit1,3/00007")
    assert result.exit_code == 0
    assert not partial.exists()
    assert '"results": 3' in (folder / "weak" / "build.json").read_text()
    assert run(*BUILD).output.endswith("2 weak masks written, 3 existed already\n")


def test_results_of_unknown_origin_in_a_subjects_folder_are_not_mixed_with_others(folder):
    stranger = folder / "weak" / "subject02" / "mine.png"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"mine")
    result = run(*BUILD)
    assert result.exit_code == 1
    assert "weak holds files that this command did not make, such as subject02/mine.png" in (
        result.output
    )


def test_results_in_a_folder_of_photographs_are_not_taken_for_photographs(folder):
    arguments = ["build-weak", "photos", "photos/weak", "--parser", "labels", "--labels", "labels"]
    assert run(*arguments).exit_code == 0
    assert run(*arguments).output.endswith("0 weak masks written, 5 existed already\n")
    arguments[2] = "photos/subject02"
    result = run(*arguments)
    assert result.exit_code == 2
    assert "overlap" in result.output


def test_failures_name_the_path_and_go_when_the_file_is_mended(folder):
    path = folder / "photos" / "subject02" / "visit1.png"
    content = path.read_bytes()
    path.write_bytes(b"nothing")
    assert run(*BUILD).exit_code == 1
    assert [row["path"] for row in rows_of(folder / "weak" / "failures.csv")] == [
        "subject02/visit1.png"
    ]
    assert run(*BUILD, "--ids", "subject 01/visit1").exit_code == 0
    assert (folder / "weak" / "failures.csv").exists()  # of an image that was not processed
    path.write_bytes(content)
    assert run(*BUILD, "--ids", "subject02/visit1").exit_code == 0
    assert not (folder / "weak" / "failures.csv").exists()


def test_predictions_are_made_resumed_and_scored(folder, checkpoint):
    assert run(*BUILD).exit_code == 0
    options = ["--checkpoint", checkpoint, "--parser", "labels", "--labels", "labels"]
    arguments = ["predict", "photos", "out", *options, "--texture", "weak"]
    assert run(*arguments).exit_code == 0
    assert made(folder / "out" / "masks") == made(folder / "out" / "overlays", ".jpg") == set(NAMES)
    assert {row["name"] for row in rows_of(folder / "out" / "wrinkles.csv")} == set(NAMES)
    (folder / "out" / "masks" / "3" / "00007.png").unlink()
    assert "1 prediction written, 4 existed already" in run(*arguments).output
    scoring = ["evaluate", "out", "A", "--out", "scores", "--resamples", 9]
    assert run(*scoring).exit_code == 0
    assert {row["image_id"] for row in rows_of(folder / "scores" / "per_image.csv")} == set(NAMES)
    assert run(*scoring, "--overwrite").exit_code == 0


def test_annotators_are_fused_and_compared(folder):
    fuse = ["fuse-labels", "A", "B", "C", "--out", "fused"]
    assert run(*fuse).exit_code == 0
    assert made(folder / "fused") == set(NAMES)
    assert {row["image_id"] for row in rows_of(folder / "fused" / "fusion.csv")} == set(NAMES)
    assert run(*fuse).output.endswith("0 fused masks written, 5 existed already\n")
    report = ["--out", "report", "--images", "photos", "--resamples", 9]
    assert run("agreement", "A", "B", "C", *report).exit_code == 0
    assert {row["image_id"] for row in rows_of(folder / "report" / "per_image.csv")} == set(NAMES)
    pictures = {name[3:] for name in made(folder / "report" / "disputed")}
    assert pictures == {name.replace("/", "_") for name in NAMES}


def test_a_file_that_is_not_read_is_found_by_its_path(folder):
    path = folder / "B" / "subject02" / "visit1.png"
    path.rename(path.with_suffix(".nrrd"))
    result = run("agreement", "A", "B", "C", "--missing", "empty")
    assert result.exit_code == 2
    assert "subject02/visit1 (B: subject02/visit1.nrrd cannot be read)" in result.output


def test_training_takes_them_and_makes_their_weak_masks_once(folder, caplog):
    data = folder / "data"
    data.mkdir()
    for old, new in (("photos", "images"), ("A", "masks")):
        (folder / old).rename(data / new)
    arguments = [
        "train", "unet_texture", data, "run", "--parser", "mesh", "--epochs", 1, "--size", 32,
        "--batch-size", 2, "--features", 8, "--first-period", 1, "--workers", 0,
        "--accelerator", "cpu",
    ]  # fmt: skip
    assert run(*arguments).exit_code == 0
    assert {row["image_id"] for row in rows_of(folder / "run" / "split.csv")} == set(NAMES)
    (cache,) = (data / ".ffhq-wrinkle-cache").iterdir()
    assert made(cache / "weak") == made(cache / "face_masks") == set(NAMES)
    again = ["again" if argument == "run" else argument for argument in arguments]
    assert run(*again).exit_code == 0
    assert "made 5 weak masks" in caplog.text
    assert "5 weak masks reused" in caplog.text


def test_a_csv_of_training_data_names_them_too(folder):
    rows = [f"{name},photos/{name}.png,A/{name}.png" for name in NAMES]
    (folder / "data.csv").write_text("\n".join(["image_id,image,mask", *rows]))
    arguments = [
        "train", "unet_none", "data.csv", "run", "--parser", "mesh", "--epochs", 1,
        "--size", 32, "--batch-size", 2, "--features", 8, "--first-period", 1, "--workers", 0,
        "--accelerator", "cpu",
    ]  # fmt: skip
    assert run(*arguments).exit_code == 0
    assert {row["image_id"] for row in rows_of(folder / "run" / "split.csv")} == set(NAMES)


def test_sample_draws_them_and_every_command_reads_the_list(folder):
    assert run("sample", "photos", "--n", 3, "--out", "ids.txt").exit_code == 0
    drawn = (folder / "ids.txt").read_text().splitlines()[1:]
    assert len(drawn) == 3
    assert set(drawn) < set(NAMES)
    assert "\n3 images; " in run("agreement", "A", "B", "--ids-file", "ids.txt").output


def test_images_beside_subfolders_are_read_alone_with_a_warning(folder, caplog):
    os.link(folder / "photos" / "subject02" / "visit1.png", folder / "photos" / "portrait.png")
    np.save(folder / "labels" / "portrait.npy", drawn_face(SIDE, 0)[1])
    assert run(*BUILD).exit_code == 0
    assert "images in subfolders, such as 3/00007.png, are not read" in caplog.text
    assert made(folder / "weak") == {"portrait"}


def test_training_keeps_the_visits_of_a_subject_together_and_records_it(folder):
    rows = [f"{name},photos/{name}.png,A/{name}.png" for name in NAMES]
    (folder / "data.csv").write_text("\n".join(["image_id,image,mask", *rows]))
    arguments = [
        "train", "unet_none", "data.csv", "run", "--parser", "mesh", "--epochs", 1,
        "--size", 32, "--batch-size", 1, "--features", 8, "--first-period", 1, "--workers", 0,
        "--accelerator", "cpu",
    ]  # fmt: skip
    assert run(*arguments, "--group-by", "folder").exit_code == 0
    parts = {}
    for row in rows_of(folder / "run" / "split.csv"):
        parts.setdefault(row["image_id"].partition("/")[0], set()).add(row["part"])
    assert sorted(map(sorted, parts.values())) == [["test"], ["train"], ["val"]]
    assert 'group_by = "folder"' in (folder / "run" / "config.toml").read_text()
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "group_by" in refused.output


def test_people_are_counted_and_drawn_by_the_columns_of_a_table(folder):
    rows = [f"{name},{20 + number},site {number % 2}" for number, name in enumerate(NAMES)]
    (folder / "people.csv").write_text("\n".join(["image_id,age,site", *rows]))
    report = ["--table", "people.csv", "--set", "all=subject 01/visit1,3/00007,subject02/visit1"]
    assert run("demographics", "photos", *report, "--out", "who").exit_code == 0
    counts = {
        (row["variable"], row["group"]): row["faces"]
        for row in rows_of(folder / "who" / "demographics.csv")
    }
    # These are the first, the last and the third image.
    assert (counts["age", "20-29"], counts["site", "site 0"], counts["site", "site 1"]) == (
        "3", "3", "0",
    )  # fmt: skip
    drawn = run("sample", "photos", "--n", 3, "--by", "site", "--table", "people.csv")
    # Three of five images are of site 0, so that two of three are drawn from it.
    strata = [line.split() for line in drawn.output.splitlines() if line.startswith("site ")]
    assert strata[1:] == [
        ["site", "0", "3", "2"], ["site", "1", "2", "1"],
    ]  # fmt: skip
    refused = run("sample", "photos", "--n", 3, "--by", "sites", "--table", "people.csv")
    assert refused.exit_code == 2
    assert "there are no labels of sites for the strata" in refused.output


def test_weak_masks_are_made_visible_and_stay_as_they_are(folder):
    assert run(*BUILD).exit_code == 0
    before = files_of(folder / "weak")
    assert run(*BUILD, "--save-view", "views").exit_code == 0
    assert files_of(folder / "weak") == before
    assert made(folder / "views", ".jpg") == set(NAMES)
    with Image.open(folder / "views" / "3" / "00007.jpg") as view:
        assert view.size == (3 * SIDE, SIDE)
        assert np.asarray(view)[:, SIDE : 2 * SIDE].max() > 200
    with Image.open(folder / "views" / "contact_sheet.jpeg") as sheet:
        assert sheet.size[0] > 4 * 3 * SIDE
    assert '"results": 5' in (folder / "views" / "build.json").read_text()
    (folder / "views" / "3" / "00007.jpg").unlink()
    assert run(*BUILD, "--save-view", "views").output.startswith("1 weak mask written, 4 existed")
