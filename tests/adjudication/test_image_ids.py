"""Ids that are paths, not ASCII, or no text at all, from the file to the page and back."""

import json
import os
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from tests.helpers.browsers import Window
from tests.helpers.pictures import gray_pixels
from tests.helpers.reviews import A, B, C, Served

IDS = [
    "visit 1", "Müller", "李", "50%41", "a#b", "what?", "a&image=b", "a+b", "subject01/visit1/left",
    "Ordner mit Ä/b#c d",
]  # fmt: skip
NOT_TEXT = os.fsdecode(b"caf\xe9")


def write(root, image_id):
    """Write masks of three annotators and a photograph, and return the annotators' folders."""
    folders = []
    for name, drawn in [("A", A), ("B", B), ("C", C), ("photos", A * np.uint8(1))]:
        path = root / name / f"{image_id}.png"
        path.parent.mkdir(parents=True)
        pixels = np.repeat(drawn[..., None], 3, axis=2) if name == "photos" else drawn
        with path.open("wb") as file:
            Image.fromarray(pixels * np.uint8(255)).save(file, "PNG")
        folders.append(root / name)
    return folders[:3]


@pytest.mark.parametrize("image_id", [
    *IDS,
    pytest.param(NOT_TEXT, marks=pytest.mark.skipif(
        sys.platform != "linux", reason="file names are text on this system"
    )),
])  # fmt: skip
def test_an_image_is_decided_whatever_its_name(browser, tmp_path, image_id):
    folders, out = write(tmp_path, image_id), tmp_path / "out"
    with Served(folders, out, "--images", tmp_path / "photos", "--blind") as server:
        with Window(browser, server.address) as window:
            window.page.wait_for_selector("body[data-photo]")
            window.decide("u")
            window.press("x", state="done")
            window.press("z")
            window.press("y")
            window.wait_for_message("restored")
        _, printed, logged = server.interrupt()
    assert server.process.returncode == 0, logged
    assert printed.startswith("1 of 1 image done")
    expected = C.copy()
    expected[0] = A[0]
    with (out / f"{image_id}.png").open("rb") as file:
        assert_array_equal(gray_pixels(file), expected * 255)
    lines = (out / "decisions" / "ann.jsonl").read_bytes().splitlines()
    assert {json.loads(line)["image"] for line in lines} == {image_id}
    table = (out / "review.csv").read_bytes()
    assert table.count(os.fsencode(image_id)) == 4  # the image and its three parts
    assert json.loads((out / "review.json").read_bytes())["images"][0]["image_id"] == image_id


def test_a_subfolder_is_no_stranger_when_the_review_is_resumed(tmp_path):
    folders, out = write(tmp_path, "subject01/visit1"), tmp_path / "out"
    for choice in ("union", "nothing"):
        with Served(folders, out) as server:
            assert server.decide("subject01/visit1", 0, choice).status_code == 200
            server.decide("subject01/visit1", 1, choice)
            _, printed, _ = server.interrupt()
        assert printed.startswith("1 of 1 image done")
        assert "left alone" not in printed
    assert_array_equal(gray_pixels(out / "subject01" / "visit1.png"), C * 255)
