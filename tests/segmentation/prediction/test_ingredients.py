"""Inputs of a network beside the photograph: faces and texture maps, computed or read."""

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
