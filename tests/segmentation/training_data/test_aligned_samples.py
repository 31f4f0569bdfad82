"""Training on photos that are not aligned: faces and masks cut out with the same squares."""

import csv
import logging

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, TrainingDataError
from ffhq_wrinkle.faces.alignment import ffhq_alignment
from ffhq_wrinkle.faces.landmarks import Landmarks
from ffhq_wrinkle.faces.views import AlignedFaces
from ffhq_wrinkle.segmentation.training_data.aligned_samples import align_sample_files
from ffhq_wrinkle.segmentation.training_data.listing import list_samples
from ffhq_wrinkle.segmentation.training_data.sample_files import find_sample_files
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.landmarks import landmarks_csv
from tests.helpers.pictures import gray_pixels, pixels

# Eyes 32 apart: the square has a side of 4 * 32 = 128 pixels, and its first pixel is (13, 10).
FACE = Landmarks((60.5, 70.5), (92.5, 70.5), (64.5, 100.5), (88.5, 100.5))


@pytest.fixture
def data(tmp_path):
    """Four photos of 160x150, in subjects' folders, with masks; the second has two faces."""
    root = tmp_path / "data"
    faces = []
    for number in range(4):
        name = f"s{number % 2}/{number}"
        photo = np.full((150, 160, 3), 80, np.uint8)
        photo[10:138, 12:140] = drawn_face(128, number)[0]
        for kind, array in (
            ("images", photo),
            ("masks", drawn_lines((150, 160), number, lines=9) * np.uint8(255)),
        ):
            path = root / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
        faces += [(name, FACE)] * (2 if number == 1 else 1)
    landmarks_csv(tmp_path / "landmarks.csv", faces)
    return root


@pytest.fixture
def faces(data):
    return AlignedFaces(data.parent / "landmarks.csv", size=128)


def aligned(data, faces, **options):
    files = find_sample_files(data)
    return align_sample_files(files, files.images, faces, **options)


def test_images_and_masks_are_cut_out_with_the_same_square(data, faces, caplog):
    files = aligned(data, faces)
    assert sorted(files.images) == sorted(files.masks) == ["s0/0", "s0/2", "s1/3"]
    assert "1 of 4 photos is left out because no single face was found: s1/1" in caplog.text
    square = ffhq_alignment(FACE, 128)
    for image_id in files.images:
        photo = pixels(data / "images" / f"{image_id}.png")
        assert_array_equal(pixels(files.images[image_id]), square.aligned(photo))
        mask = gray_pixels(data / "masks" / f"{image_id}.png")[10:138, 13:141]
        assert mask.any()
        assert_array_equal(gray_pixels(files.masks[image_id]), mask)
    folder = files.images["s0/0"].parents[2]
    assert folder.parent == data / ".ffhq-wrinkle-cache"
    with (folder / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], float(row["side_px"])) for row in rows] == [
        ("s0/0", 128), ("s0/2", 128), ("s1/3", 128),
    ]  # fmt: skip


def test_they_are_made_once_and_again_if_the_mask_is_replaced(data, faces, caplog):
    caplog.set_level(logging.INFO)
    files = aligned(data, faces)
    image, mask = files.images["s0/2"], files.masks["s0/2"]
    before = image.stat().st_mtime_ns
    aligned(data, faces)
    assert "faces of 3 photos aligned, 3 of them earlier" in caplog.text
    assert image.stat().st_mtime_ns == before
    drawn = np.zeros((150, 160), np.uint8)
    drawn[60:90, 60:90] = 255
    Image.fromarray(drawn).save(data / "masks" / "s0" / "2.png")
    aligned(data, faces)
    assert "faces of 3 photos aligned, 2 of them earlier" in caplog.text
    assert np.count_nonzero(gray_pixels(mask)) == 30 * 30


def test_soft_masks_stay_soft(data, faces):
    for number, image_id in enumerate(("s0/0", "s0/2", "s1/1", "s1/3")):
        levels = np.zeros((150, 160), np.uint8)
        levels[60:90, 60:90] = (85, 170, 85, 255)[number]
        levels[100:110, 60:90] = 170
        Image.fromarray(levels).save(data / "masks" / f"{image_id}.png")
    files = aligned(data, faces)
    listing = list_samples(files, sorted(files.masks), stage="finetune")
    assert all(sample.soft for sample in listing.samples)
    values, counts = np.unique(gray_pixels(files.masks["s0/0"]), return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {
        0: 128 * 128 - 900 - 300, 85: 900, 170: 300,
    }  # fmt: skip


def test_masks_that_do_not_fit_stop_the_run(data, faces):
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(data / "masks" / "s0" / "0.png")
    far = np.zeros((150, 160), np.uint8)
    far[:2, 150:] = 255
    Image.fromarray(far).save(data / "masks" / "s1" / "3.png")
    with pytest.raises(TrainingDataError, match="2 photos cannot be aligned") as caught:
        aligned(data, faces)
    assert "20x20" in str(caught.value)
    assert "nothing that is drawn is left in the aligned face" in str(caught.value)


def test_photos_without_masks_are_aligned_too_and_files_that_are_missing_keep_their_paths(
    data, faces
):
    (data / "masks" / "s0" / "0.png").unlink()
    (data / "images" / "s1" / "3.png").unlink()
    files = aligned(data, faces)
    assert sorted(files.masks) == ["s0/2", "s1/3"]
    assert files.images["s1/3"] == data / "images" / "s1" / "3.png"
    assert files.images["s0/0"].exists()


def test_data_without_a_usable_face_and_files_of_whole_photos_are_refused(data, faces, tmp_path):
    nobody = AlignedFaces(landmarks_csv(tmp_path / "other.csv", [("x", FACE)]), size=128)
    with pytest.raises(TrainingDataError, match="none of 4 photos can be aligned: s0/0: the table"):
        aligned(data, nobody)
    weak = data / "weak" / "s0"
    weak.mkdir(parents=True)
    Image.fromarray(np.zeros((150, 160), np.uint8)).save(weak / "0.png")
    with pytest.raises(ArgumentError, match="has weak masks of whole photos, such as"):
        aligned(data, faces)
