"""`align`: the faces of photos, the table of their squares, and the list of doubtful ones."""

import csv

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from ffhq_wrinkle.dataset.layout import find_images
from ffhq_wrinkle.faces.alignment import ffhq_alignment
from ffhq_wrinkle.faces.face_table import sharpness
from ffhq_wrinkle.faces.landmarks import Landmarks
from ffhq_wrinkle.segmentation.prediction.aligned_faces import Doubts
from tests.helpers.commands import run
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.landmarks import landmarks_csv
from tests.helpers.pictures import pixels
from tests.helpers.tables import rows_of

# Of a drawn face of 256x256; eyes 66 apart, 71 above the mouth. The square has a side of
# max(4 * 66, 3.6 * 71) = 264 pixels.
FACE = Landmarks((95.0, 119.0), (161.0, 119.0), (104.0, 190.0), (152.0, 190.0))


def shifted(face, x, times=1):
    return Landmarks(*((times * at_x + x, times * at_y) for at_x, at_y in face.points))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A photo of one face in a subject's folder, one of two faces, and one of none."""
    monkeypatch.chdir(tmp_path)
    large = np.repeat(np.repeat(drawn_face(256)[0], 3, axis=0), 3, axis=1)
    two = np.hstack([large, large])
    for name, photo in (("s1/one", large), ("s1/two", two), ("s2/none", large)):
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(path)
    first, second = shifted(FACE, 0, 3), shifted(FACE, 768, 3)
    landmarks_csv(
        tmp_path / "landmarks.csv", [("s1/one", first), ("s1/two", first), ("s1/two", second)]
    )
    return tmp_path


ALIGN = ("align", "photos", "out", "--landmarks", "landmarks.csv")


def test_faces_are_those_of_the_alignment_and_photos_without_one_are_failures(folder):
    result = run(*ALIGN)
    assert result.exit_code == 1
    assert result.output.startswith("1 photo written, 0 existed already, 2 failed")
    assert [(row["path"], row["step"]) for row in rows_of(folder / "out" / "failures.csv")] == [
        ("s1/two.png", "align"),
        ("s2/none.png", "align"),
    ]
    expected = ffhq_alignment(shifted(FACE, 0, 3)).aligned(pixels(folder / "photos/s1/one.png"))
    assert_array_equal(pixels(folder / "out" / "s1" / "one.png"), expected)
    (row,) = rows_of(folder / "out" / "faces.csv")
    assert (row["name"], row["image_id"], row["photo"]) == ("s1/one", "s1/one", "s1/one.png")
    assert_allclose(float(row["side_px"]), 3 * 264, atol=0.1)
    assert_allclose(float(row["eyes_to_mouth"]), 66 / 71, atol=1e-3)
    assert float(row["left_eye_x"]) == 3 * 95
    # In the photo, the eyes lie 7.1 * 3 pixels above the centre, and 33 * 3 to its sides.
    assert_allclose([float(row["centre_x"]), float(row["centre_y"])], [384, 3 * (119 + 7.1)])
    # The square reaches from 3 * -5.9 to 3 * 258.1 down and from 3 * -4 to 3 * 260 across, beyond
    # the edges of the photo, which are at -0.5 and 767.5.
    outside = 1 - 768 * 768 / (3 * 264) ** 2
    assert_allclose(float(row["outside"]), outside, atol=0.003)


def test_every_face_of_a_photo_is_written_on_request_and_a_run_is_resumed(folder):
    assert run(*ALIGN, "--all-faces").output.startswith("2 photos written")
    names = ["s1/one.face1", "s1/two.face1", "s1/two.face2"]
    assert [row["name"] for row in rows_of(folder / "out" / "faces.csv")] == names
    before = files_of(folder / "out")
    (folder / "out" / "s1" / "two.face2.png").unlink()
    assert run(*ALIGN, "--all-faces").output.startswith("1 photo written, 1 existed already")
    assert files_of(folder / "out") == before
    with Image.open(folder / "out" / "contact_sheet.jpeg") as sheet:
        assert sheet.size[0] >= 8 * 160
    refused = run(*ALIGN)
    assert refused.exit_code == 1
    assert "different settings" in refused.output


@pytest.mark.parametrize("missing", ["", "two.face1.png"], ids=["whole", "first face missing"])
def test_faces_of_a_replaced_photo_are_removed(folder, missing):
    assert run(*ALIGN, "--all-faces").exit_code == 1
    if missing:  # as after a run that was killed
        (folder / "out" / "s1" / missing).unlink()
    Image.fromarray(np.zeros((900, 1600, 3), np.uint8)).save(folder / "photos" / "s1" / "two.png")
    rows = (folder / "landmarks.csv").read_text().splitlines()
    assert len(rows) == 4
    assert run(*ALIGN, "--all-faces").output.startswith("1 photo written, 1 existed already")
    assert not pixels(folder / "out" / "s1" / "two.face2.png").any()


def test_small_and_blurred_faces_are_listed_with_the_reason(folder):
    blurred = cv2.GaussianBlur(pixels(folder / "photos" / "s1" / "one.png"), (0, 0), 12)
    Image.fromarray(blurred).save(folder / "photos" / "s1" / "one.png")
    assert run(*ALIGN, "--least-side", 800, "--ids", "s1/one").exit_code == 0
    with (folder / "out" / "doubtful.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["name", "reasons"]
    assert rows[1][0] == "s1/one"
    assert rows[1][1].startswith(
        "too small: 792 pixels a side in the photo; blurred: sharpness 0.0"
    )
    assert run(*ALIGN, "--least-side", 700, "--ids", "s1/one").exit_code == 0
    assert "too small" not in (folder / "out" / "doubtful.csv").read_text()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"side_px": 511.9}, "too small"),
        ({"sharpness": 0.049}, "blurred"),
        ({"eyes_to_mouth": 0.69}, "turned to a side"),
        ({"eyes_to_mouth": 1.51}, "turned up or down"),
        ({"outside": 0.11}, "cut off"),
        ({"score": 0.79}, "uncertain"),
    ],
)
def test_each_limit_has_a_reason(values, reason):
    clear = {
        "side_px": 512, "sharpness": 0.05, "eyes_to_mouth": 0.7, "outside": 0.1, "score": 0.8,
    }  # fmt: skip
    assert Doubts().about(clear) == []
    assert Doubts().about({**clear, "score": ""}) == []  # as of landmarks from a table
    (reported,) = Doubts().about({**clear, **values})
    assert reported.startswith(reason)


def test_sharpness_falls_with_blur_and_not_with_brightness_or_contrast():
    face = cv2.resize(drawn_face(256)[0], (1024, 1024), interpolation=cv2.INTER_LINEAR)
    dull = (face // 4 + 40).astype(np.uint8)
    assert_allclose(sharpness(dull), sharpness(face), rtol=0.05)
    values = [sharpness(cv2.GaussianBlur(face, (0, 0), sigma)) for sigma in (2, 4, 8, 16)]
    assert sorted(values, reverse=True) == values
    assert sharpness(np.full((64, 64, 3), 90, np.uint8)) == 0


def test_other_commands_read_the_faces_and_not_the_contact_sheet(folder):
    assert run(*ALIGN, "--all-faces").exit_code == 1
    assert list(find_images(folder / "out")) == ["s1/one.face1", "s1/two.face1", "s1/two.face2"]
    (folder / "photos" / "s1" / "one.png").rename(folder / "one.png")
    landmarks_csv(folder / "landmarks.csv", [("one", shifted(FACE, 0, 3))])
    (folder / "flat").mkdir()
    (folder / "one.png").rename(folder / "flat" / "one.png")
    assert run("align", "flat", "out2", "--landmarks", "landmarks.csv").exit_code == 0
    assert (folder / "out2" / "contact_sheet.jpeg").exists()
    assert list(find_images(folder / "out2")) == ["one"]
