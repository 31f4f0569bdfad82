"""What a network is shown beside the photograph: faces and texture maps, made or read."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.faces.template import TemplateParser
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.formulas import reference_map
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
    made = Ingredients(TemplateParser(), PAPER, textures=tmp_path)
    again = pickle.loads(pickle.dumps(made))
    assert again.settings() == made.settings()
    for one, other in zip(again.prepare(image, "1"), made.prepare(image, "1"), strict=True):
        np.testing.assert_array_equal(one, other)


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
