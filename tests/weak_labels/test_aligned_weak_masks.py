"""`build-weak --align`: weak masks of the faces in photos, with the squares to go back."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from tests.helpers.commands import run
from tests.helpers.files import files_of
from tests.helpers.landmarks import ASTRONAUT, landmarks_csv
from tests.helpers.pictures import gray_pixels, pixels
from tests.helpers.tables import rows_of


def moved(face, x):
    return type(face)(*((at_x + x, at_y) for at_x, at_y in face.points))


@pytest.fixture
def folder(tmp_path, monkeypatch, astronaut):
    """A photo of the astronaut, one of her twice, and one of nobody, with landmarks of all."""
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "photos"
    (photos / "s1").mkdir(parents=True)
    two = np.hstack([astronaut, astronaut])
    nobody = np.full((300, 300, 3), 90, np.uint8)
    for name, photo in (("one", astronaut), ("two", two), ("nobody", nobody)):
        Image.fromarray(photo).save(photos / "s1" / f"{name}.png")
    second = moved(ASTRONAUT, astronaut.shape[1])
    faces = [("s1/one", ASTRONAUT), ("s1/two", ASTRONAUT), ("s1/two", second)]
    landmarks_csv(tmp_path / "landmarks.csv", faces)
    return tmp_path


OPTIONS = ("--landmarks", "landmarks.csv", "--all-faces")
BUILD = ("build-weak", "photos", "weak", "--parser", "mesh", "--align", *OPTIONS)
NAMES = ["s1/one.face1", "s1/two.face1", "s1/two.face2"]


def names_in(folder):
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob("*/*.*")
    )


def test_results_are_those_of_align_and_build_weak_one_after_the_other(folder):
    by_products = {
        "--save-aligned": "faces", "--save-face-masks": "skin", "--save-view": "views",
        "--save-labels": "labels", "--save-masked-images": "masked",
    }  # fmt: skip
    result = run(*BUILD, *(text for option in by_products.items() for text in option))
    assert result.exit_code == 1
    assert result.output.startswith("2 weak masks written, 0 existed already, 1 failed")
    assert rows_of(folder / "weak" / "failures.csv")[0]["step"] == "align"
    assert run("align", "photos", "aligned", *OPTIONS).exit_code == 1
    assert run("build-weak", "aligned", "weak2", "--parser", "mesh").exit_code == 0
    for name in NAMES:
        assert_array_equal(
            pixels(folder / "faces" / f"{name}.png"), pixels(folder / "aligned" / f"{name}.png")
        )
        mask = gray_pixels(folder / "weak" / f"{name}.png")
        assert mask.shape == (1024, 1024)
        assert_array_equal(mask, gray_pixels(folder / "weak2" / f"{name}.png"))
        assert not mask[gray_pixels(folder / "skin" / f"{name}.png") == 0].any()
    assert (folder / "weak" / "faces.csv").read_text() == (
        folder / "aligned" / "faces.csv"
    ).read_text()
    for kind in by_products.values():
        assert names_in(folder / kind) == NAMES
    settings = json.loads((folder / "weak" / "build.json").read_text())["settings"]
    assert (settings["all_faces"], settings["aligned_size"]) == (True, 1024)
    assert settings["align"].startswith("landmarks ")


def test_a_run_is_resumed_and_makes_only_the_faces_that_are_missing(folder):
    run(*BUILD, "--save-face-masks", "skin")
    before = files_of(folder / "weak"), files_of(folder / "skin")
    (folder / "weak" / "s1" / "two.face2.png").unlink()
    (folder / "skin" / "s1" / "one.face1.png").unlink()
    result = run(*BUILD, "--save-face-masks", "skin")
    assert result.output.startswith("2 weak masks written, 0 existed already, 1 failed")
    assert (files_of(folder / "weak"), files_of(folder / "skin")) == before
    assert run(*BUILD).output.startswith("0 weak masks written, 2 existed already, 1 failed")


@pytest.mark.parametrize("missing", ["", "s1/two.face1.png"], ids=["whole", "first face missing"])
def test_all_faces_of_a_replaced_photo_are_made_again(folder, missing):
    run(*BUILD)
    if missing:  # as after a run that was killed
        (folder / "weak" / missing).unlink()
    old = gray_pixels(folder / "weak" / "s1" / "two.face2.png")
    photo = pixels(folder / "photos" / "s1" / "two.png")
    Image.fromarray(photo // 2).save(folder / "photos" / "s1" / "two.png")
    assert run(*BUILD).output.startswith("1 weak mask written, 1 existed already, 1 failed")
    assert (gray_pixels(folder / "weak" / "s1" / "two.face2.png") != old).any()


def test_overwrite_removes_faces_that_a_photo_has_no_more(folder):
    run(*BUILD, "--save-face-masks", "skin")
    landmarks_csv(folder / "landmarks.csv", [("s1/one", ASTRONAUT), ("s1/two", ASTRONAUT)])
    refused = run(*BUILD, "--save-face-masks", "skin")
    assert "different settings" in refused.output
    run(*BUILD, "--save-face-masks", "skin", "--overwrite")
    assert names_in(folder / "weak") == names_in(folder / "skin") == NAMES[:2]
    assert [row["name"] for row in rows_of(folder / "weak" / "faces.csv")] == NAMES[:2]


def test_without_all_faces_a_mask_has_the_id_of_its_photo(folder):
    result = run("build-weak", "photos", "weak", "--parser", "mesh", "--align", "--ids", "s1/one")
    assert result.exit_code == 0, result.output
    (row,) = rows_of(folder / "weak" / "faces.csv")
    assert (row["name"], row["photo"], row["faces_in_photo"]) == ("s1/one", "s1/one.png", "1")
    assert gray_pixels(folder / "weak" / "s1" / "one.png").any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--all-faces",), "--landmarks, --all-faces and --save-aligned require --align"),
        (("--save-aligned", "faces"), "--save-aligned require --align"),
        (("--align", "--parser", "labels"), "cannot be combined with --align"),
        (("--align", "--parser", "mesh", "--save-aligned", "weak"), "overlap"),
    ],
)
def test_options_that_do_not_fit_are_refused(folder, options, message):
    result = run("build-weak", "photos", "weak", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (folder / "weak").exists()
