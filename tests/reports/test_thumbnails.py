"""Thumbnails in the reports of `agreement` and `evaluate`, one for each image."""

import base64
import io
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.reports.overlays import thumbnail
from tests.helpers.commands import run

RED, BLUE = (255, 0, 0), (0, 0, 255)


def opened(content):
    with Image.open(io.BytesIO(content)) as picture:
        return picture.format, np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize(
    ("shape", "expected"), [((1024, 512), (96, 48)), ((40, 60), (40, 60)), ((1, 5000), (1, 96))]
)
def test_the_longer_side_is_at_most_96_pixels(shape, expected):
    kind, picture = opened(thumbnail([(np.zeros(shape, bool), RED)], shape))
    assert kind == "PNG"
    assert picture.shape == (*expected, 3)
    assert not picture.any()


def test_a_thin_line_and_even_one_pixel_stay_visible():
    line, point = np.zeros((2, 960, 960), bool)
    line[105] = True
    point[955, 404] = True
    _, picture = opened(thumbnail([(line, RED), (point, BLUE)], (960, 960)))
    expected = np.zeros((96, 96, 3), np.uint8)
    expected[10] = RED
    expected[95, 40] = BLUE
    assert_array_equal(picture, expected)


def test_a_photo_lies_dark_beneath():
    mask = np.zeros((200, 200), bool)
    mask[:100] = True
    kind, picture = opened(
        thumbnail([(mask, BLUE)], (200, 200), np.full((400, 400, 3), 200, np.uint8))
    )
    assert kind == "JPEG"
    assert np.abs(picture[10, 10] - np.array(BLUE)).max() < 40
    assert np.abs(picture[80, 80].astype(int) - 90).max() < 6  # 45 % of 200


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Masks of 30 images by two people, who agree on all but 15, and photographs of them."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "photos"):
        (tmp_path / name).mkdir()
    for number in range(30):
        mask = np.zeros((200, 200), np.uint8)
        mask[50 + number] = 255
        Image.fromarray(mask).save(tmp_path / "a" / f"{number:05d}.png")
        mask[150, :number] = 255 * (number % 2)
        Image.fromarray(mask).save(tmp_path / "b" / f"{number:05d}.png")
        photo = np.full((400, 400, 3), 200, np.uint8)
        Image.fromarray(photo).save(tmp_path / "photos" / f"{number:05d}.png")
    return tmp_path


@pytest.mark.parametrize("command", ["agreement", "evaluate"])
@pytest.mark.parametrize("photos", [False, True])
def test_each_image_has_one_and_photographs_only_with_images(folders, command, photos):
    options = ("--images", "photos") if photos else ()
    result = run(command, "a", "b", "--out", "report", *options, "--resamples", 0)
    assert result.exit_code == 0, result.output
    page = (folders / "report" / "report.html").read_text(encoding="utf-8")
    embedded = re.findall(r'<img alt="(\d{5})" src="data:image/(\w+);base64,([^"]*)">', page)
    assert sorted(name for name, _, _ in embedded) == [f"{number:05d}" for number in range(30)]
    pictures = [opened(base64.b64decode(content)) for _, _, content in embedded]
    assert {kind for kind, _ in pictures} == {"JPEG" if photos else "PNG"}
    assert all(picture.shape == (96, 96, 3) for _, picture in pictures)
    assert all(picture.max() > 100 for _, picture in pictures)  # each has a line
    # The grayness of the photo is in the corners, which are black without it.
    assert all((picture[2, 2].min() > 60) == photos for _, picture in pictures)
    links = re.findall(r'<a href="([^"]*)"><img', page)
    assert len(links) == 10
    assert all((folders / "report" / link).is_file() for link in links)
