"""Predictions whose photograph, texture map, face mask or label map has been replaced."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.results.inputs import INPUTS
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.networks import WRINKLE_LEVEL
from tests.helpers.pictures import pixels
from tests.helpers.predictions import corrected, expected_texture, predict, table_of


def replace_photo(dataset, image_id, seed=77):
    Image.fromarray(drawn_face(128, seed=seed)[0]).save(dataset.image_path(image_id))


def times(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("*.[pj][np]g")}


def test_everything_of_a_replaced_photo_is_made_again_and_nothing_else(dataset, tmp_path, network):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    predict(dataset, out, network)
    before = times(out)
    replace_photo(dataset, "00001")
    report = predict(dataset, out, network)
    assert (report.made, report.kept) == (1, 5)
    changed = {
        path.relative_to(out).as_posix() for path in before if before[path] != times(out)[path]
    }
    assert changed == {"masks/00001.png", "overlays/00001.jpg"}
    expected = expected_texture(dataset, "00001")[0] > WRINKLE_LEVEL
    assert_array_equal(pixels(out / "masks/00001.png") > 0, expected)
    assert int(table_of(out)["00001"]["wrinkle_px"]) == expected.sum()
    predict(dataset, fresh, network)
    assert files_of(out) == files_of(fresh)
    assert (out / INPUTS).read_bytes() == (fresh / INPUTS).read_bytes()
    assert predict(dataset, out, network).made == 0


@pytest.fixture
def textures(dataset, tmp_path):
    """Whole texture maps, with wrinkles in the rows 50 to 59."""
    folder = tmp_path / "textures"
    folder.mkdir()
    for image_id in dataset.ids:
        levels = np.zeros((128, 128), np.uint8)
        levels[50:60] = 200
        Image.fromarray(levels).save(folder / f"{image_id}.png")
    return folder


@pytest.fixture
def face_masks(dataset, tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for image_id in dataset.ids:
        Image.fromarray(np.full((128, 128), 255, np.uint8)).save(folder / f"{image_id}.png")
    return folder


@pytest.mark.parametrize("kind", ["texture map", "face mask"])
def test_a_replaced_texture_map_or_face_mask_counts_too(
    dataset, tmp_path, network, textures, face_masks, kind
):
    ingredients = Ingredients(None, network.texture, textures=textures, face_masks=face_masks)
    out = tmp_path / "out"
    predict(dataset, out, network, ingredients=ingredients)
    wrinkles = np.zeros((128, 128), bool)
    wrinkles[50:60] = True
    assert_array_equal(pixels(out / "masks/00001.png") > 0, wrinkles)
    folder, level = (textures, 200) if kind == "texture map" else (face_masks, 255)
    half = np.zeros((128, 128), np.uint8)
    half[:55] = level
    Image.fromarray(half).save(folder / "00001.png")
    again = Ingredients(None, network.texture, textures=textures, face_masks=face_masks)
    assert predict(dataset, out, network, ingredients=again).made == 1
    expected = np.zeros((128, 128), bool)
    expected[0 if kind == "texture map" else 50 : 55] = True
    assert_array_equal(pixels(out / "masks/00001.png") > 0, expected)
    assert_array_equal(pixels(out / "masks/00002.png") > 0, wrinkles)


def test_a_replaced_label_map_counts_too(dataset, tmp_path, network):
    out = tmp_path / "out"
    predict(dataset, out, network)
    label_map = np.load(dataset.labels / "00002.npy")
    label_map[:, :256] = 0
    np.save(dataset.labels / "00002.npy", label_map)
    assert predict(dataset, out, network).made == 1
    assert not pixels(out / "masks/00002.png")[:, :64].any()


def test_a_corrected_mask_of_a_replaced_photo_is_left_alone_with_a_message(
    dataset, tmp_path, network, caplog
):
    out = tmp_path / "out"
    predict(dataset, out, network)
    before = corrected(out)
    overlay = (out / "overlays/00001.jpg").read_bytes()
    for image_id in ("00001", "00002"):
        replace_photo(dataset, image_id)
    assert predict(dataset, out, network).made == 2
    assert (out / "masks/00001.png").read_bytes() == before
    assert (out / "overlays/00001.jpg").read_bytes() != overlay
    assert (
        "masks that somebody corrected, of photos that have been replaced since, are left"
        in caplog.text
    )
    assert "(masks/00001.png)" in caplog.text
    caplog.clear()
    assert predict(dataset, out, network).made == 0
    assert "corrected" not in caplog.text
