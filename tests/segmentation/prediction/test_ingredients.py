"""Inputs of a network beside the photograph: faces and texture maps, computed or read."""

import json
import pickle

import cv2
import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, ImageError
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.formulas import reference_map
from tests.helpers.gray_and_colour import coloured_pictures, gray_pictures
from tests.helpers.pictures import pixels
from tests.helpers.predictions import predict

PAPER = TextureSettings()


def test_texture_maps_of_another_recipe_are_refused(dataset, tmp_path):
    (tmp_path / "weak").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "weak" / "00001.png")
    noted = {"settings": {"recipe": "paper", "kernel_size": 21, "sigma": 5.0}}
    (tmp_path / "weak" / "build.json").write_text(json.dumps(noted))
    parser = ReadyLabels(dataset.labels)
    released = TextureSettings(recipe="released")
    with pytest.raises(ArgumentError, match="recipe is paper in the folder and released for the"):
        Ingredients(parser, released, textures=tmp_path / "weak")
    Ingredients(parser, PAPER, textures=tmp_path / "weak")


def test_ingredients_are_made_again_in_another_process(tmp_path):
    image, _ = drawn_face(128)
    Image.fromarray(np.full((128, 128), 9, np.uint8)).save(tmp_path / "1.png")
    made = Ingredients(MeshParser(), PAPER, textures=tmp_path)
    again = pickle.loads(pickle.dumps(made))
    assert again.settings() == made.settings()
    first, second = again.prepare(image, "1"), made.prepare(image, "1")
    for one, other in zip(first[:3], second[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first.meshes[0].points, second.meshes[0].points)


LEVELS = np.arange(128 * 128).reshape(128, 128).astype(np.uint8)


def test_a_texture_map_is_read_from_any_kind_of_gray_picture(tmp_path):
    image, _ = drawn_face(128)
    for name, picture in gray_pictures(LEVELS).items():
        folder = tmp_path / name
        folder.mkdir()
        picture.save(folder / f"x{name[-4:]}")
        prepared = Ingredients(MeshParser(), PAPER, textures=folder).prepare(image, "x")
        np.testing.assert_array_equal(prepared.texture, LEVELS)


def test_a_texture_map_in_colour_is_refused_and_named(tmp_path):
    image, _ = drawn_face(128)
    for name, picture in coloured_pictures(LEVELS).items():
        folder = tmp_path / name
        folder.mkdir()
        picture.save(folder / f"x{name[-4:]}")
        ingredients = Ingredients(MeshParser(), PAPER, textures=folder)
        with pytest.raises(ImageError, match=r"its texture map .*x\....: it is in colour"):
            ingredients.prepare(image, "x")


def test_a_face_mask_of_many_levels_or_colours_is_refused_and_named(tmp_path):
    image, _ = drawn_face(128)
    face = drawn_lines((128, 128), 1) * np.uint8(255)
    two_colours = np.dstack([face, face.T, face * 0])
    for picture in (cv2.GaussianBlur(face, (0, 0), 2), two_colours):
        Image.fromarray(picture).save(tmp_path / "x.png")
        ingredients = Ingredients(None, PAPER, face_masks=tmp_path)
        with pytest.raises(
            ImageError, match=r"its face mask .*x\.png: not a mask of two"
        ) as caught:
            ingredients.prepare(image, "x")
        assert "--threshold" not in str(caught.value)  # which `predict` does not have


@pytest.mark.parametrize("recipe", ["paper", "released"])
def test_texture_maps_without_a_record_are_held_against_their_photos(
    dataset, tmp_path, network, recipe, caplog
):
    textures = tmp_path / "textures"
    textures.mkdir()
    for image_id in dataset.ids:
        levels = reference_map(pixels(dataset.image_path(image_id)), recipe).astype(np.uint8)
        Image.fromarray(levels).save(textures / f"{image_id}.png")

    def run():
        ingredients = Ingredients(ReadyLabels(dataset.labels), PAPER, textures=textures)
        return predict(dataset, tmp_path / "out", network, ingredients=ingredients)

    if recipe == "paper":
        assert run().made == 6
        assert "not known" not in caplog.text
    else:
        with pytest.raises(ArgumentError, match=r"made with recipe released.*as their pixels show"):
            run()


def test_texture_maps_that_no_formula_makes_are_used_with_a_message(
    dataset, tmp_path, network, caplog
):
    textures = tmp_path / "textures"
    textures.mkdir()
    for image_id in dataset.ids:
        Image.new("L", (128, 128), 77).save(textures / f"{image_id}.png")
    ingredients = Ingredients(ReadyLabels(dataset.labels), PAPER, textures=textures)
    assert predict(dataset, tmp_path / "out", network, ingredients=ingredients).made == 6
    assert "it is not known with which formula the texture maps in" in caplog.text
