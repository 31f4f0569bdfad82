"""`align` with its own detector: which photos it doubts, and which it refuses, with the reasons."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.helpers.commands import run
from tests.helpers.landmarks import ASTRONAUT
from tests.helpers.tables import rows_of


@pytest.fixture(scope="module")
def aligned(tmp_path_factory, astronaut):
    """The astronaut as she is and spoilt in several ways, and a photo without anybody."""
    folder = tmp_path_factory.mktemp("aligned")
    (folder / "photos").mkdir()
    photos = {
        "as_she_is": astronaut,
        "blurred": cv2.GaussianBlur(astronaut, (0, 0), 2),
        # As wide as a face that looks to a side.
        "narrow": cv2.resize(astronaut, (220, 512), interpolation=cv2.INTER_AREA),
        "cut_off": astronaut[60:],
        "nobody": np.full((400, 400, 3), 120, np.uint8),
        "two": np.hstack([astronaut, astronaut]),
    }
    for name, photo in photos.items():
        Image.fromarray(photo).save(folder / "photos" / f"{name}.png")
    result = run("align", folder / "photos", folder / "out", "--least-side", 150)
    assert result.exit_code == 1
    assert result.output.startswith("4 photos written, 0 existed already, 2 failed")
    return folder


def test_photos_without_exactly_one_face_fail(aligned):
    failures = {row["path"]: row for row in rows_of(aligned / "out" / "failures.csv")}
    assert failures["nobody.png"]["reason"].startswith("no face found")
    assert failures["two.png"]["reason"].startswith("2 faces found; --all-faces takes every one")
    assert {row["step"] for row in failures.values()} == {"align"}


def test_landmarks_are_those_measured_by_hand(aligned):
    faces = {row["name"]: row for row in rows_of(aligned / "out" / "faces.csv")}
    row = faces["as_she_is"]
    names = ("left_eye", "right_eye", "mouth_left", "mouth_right")
    points = np.array([[float(row[f"{name}_{axis}"]) for axis in "xy"] for name in names])
    assert np.abs(points - ASTRONAUT.points).max() < 6  # of a square of 172 pixels
    assert float(row["score"]) > 0.9


def test_doubtful_faces_are_listed_with_their_reasons(aligned):
    reasons = {row["name"]: row["reasons"] for row in rows_of(aligned / "out" / "doubtful.csv")}
    assert set(reasons) == {"blurred", "narrow", "cut_off"}
    assert reasons["blurred"].startswith("blurred: sharpness 0.0")
    assert "turned to a side: eyes to mouth 0.6" in reasons["narrow"]
    assert "too small: " in reasons["narrow"]
    assert "uncertain: score " in reasons["narrow"]
    assert reasons["cut_off"].startswith("cut off: ")


def test_all_faces_of_one_photo_that_are_too_small_are_listed(aligned, tmp_path):
    result = run(
        "align", aligned / "photos", tmp_path / "out", "--all-faces", "--ids", "two",
        "--least-side", 300,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    reasons = {row["name"]: row["reasons"] for row in rows_of(tmp_path / "out" / "doubtful.csv")}
    assert set(reasons) == {"two.face1", "two.face2"}
    assert all(reason.startswith("too small: 1") for reason in reasons.values())
