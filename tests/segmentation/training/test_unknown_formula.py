"""Training on weak masks that were made nobody knows how, and prediction with such a network."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint
from ffhq_wrinkle.weak_labels.texture import TextureSettings

FINETUNE = """
[finetune]
network = "unet"
input = "{seen}"
loss = "soft_dice"
epochs = 1
batch_size = 4
peak_rate = 1e-3
first_period = 1
features = 12
"""
UNKNOWN = "it is not known with which formula the weak masks of"


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def noisy(data):
    """The data with weak masks that no formula makes."""
    folder = data.root / "weak_wrinkle_masks"
    folder.mkdir()
    for number, image_id in enumerate(data.ids):
        levels = np.random.default_rng(number).integers(1, 256, (32, 32)).astype(np.uint8)
        Image.fromarray(levels).save(folder / f"{image_id}.png")
    return data


@pytest.fixture
def train(arguments, tmp_path):
    def begin(name, *options, seen="rgb+texture"):
        recipe = FINETUNE.format(seen=seen)
        command = arguments(tmp_path / name, *options, recipe=recipe)
        return run(*command), tmp_path / name / "finetune" / "best.pt"

    return begin


def test_the_network_says_that_its_formula_is_unknown_and_predict_asks(
    noisy, train, tmp_path, caplog
):
    result, best = train("run")
    assert result.exit_code == 0, result.output
    assert caplog.text.count(UNKNOWN) == 1
    assert load_checkpoint(best).texture is None
    predict = ["predict", noisy.images, tmp_path / "out", "--checkpoint", best]
    predict += ["--parser", "mesh"]
    refused = run(*predict)
    assert refused.exit_code == 2
    assert "does not record with which formula its texture maps were made" in refused.output
    assert "--recipe: paper or released" in refused.output
    assert "Traceback" not in refused.output
    asked = run(*predict, "--recipe", "released")
    assert asked.exit_code == 0, asked.output
    settings = json.loads((tmp_path / "out" / "predict.json").read_text())["settings"]
    assert settings["texture"]["recipe"] == "released"


def test_a_formula_that_is_named_is_recorded(noisy, train, caplog):
    result, best = train("run", "--recipe", "released")
    assert result.exit_code == 0, result.output
    assert UNKNOWN not in caplog.text
    assert load_checkpoint(best).texture == TextureSettings(recipe="released")


def test_a_run_is_resumed_when_the_formula_is_named_later(noisy, train):
    assert train("run")[0].exit_code == 0
    assert train("run", "--recipe", "released")[0].exit_code == 0


def test_a_network_that_sees_no_texture_map_needs_no_formula(noisy, train, tmp_path, caplog):
    result, best = train("run", seen="rgb")
    assert result.exit_code == 0, result.output
    assert UNKNOWN not in caplog.text
    assert load_checkpoint(best).texture is None
    predict = ["predict", noisy.images, tmp_path / "out", "--checkpoint", best]
    assert run(*predict, "--parser", "mesh").exit_code == 0


def test_a_formula_is_refused_where_no_stage_has_weak_masks(data, tmp_path):
    recipe = FINETUNE.format(seen="rgb").replace("finetune", "pretrain")
    (tmp_path / "denoise.toml").write_text(recipe.replace("soft_dice", "denoising"))
    command = ["train", tmp_path / "denoise.toml", data.root, tmp_path / "run"]
    refused = run(*command, "--recipe", "paper")
    assert refused.exit_code == 2, refused.output
    assert "no stage uses weak masks; leave --recipe out" in refused.output


def test_missing_weak_masks_are_made_by_the_formula_that_is_named(data, train):
    result, best = train("run", "--recipe", "released")
    assert result.exit_code == 0, result.output
    assert load_checkpoint(best).texture == TextureSettings(recipe="released")
    (record,) = data.root.rglob(".ffhq-wrinkle-cache/*/weak/build.json")
    assert json.loads(record.read_text())["settings"]["recipe"] == "released"


def test_missing_weak_masks_are_made_at_the_scale_of_the_image_and_this_is_recorded(data, train):
    result, best = train("run", "--scale-to-image")
    assert result.exit_code == 0, result.output
    assert load_checkpoint(best).texture == TextureSettings(scale_to_image=True)
    (record,) = data.root.rglob(".ffhq-wrinkle-cache/*/weak/build.json")
    assert json.loads(record.read_text())["settings"]["scale_to_image"] is True


def test_a_scale_needs_a_formula_where_that_of_existing_masks_is_unknown(noisy, train):
    refused, _ = train("run", "--scale-to-image")
    assert refused.exit_code == 2
    assert "--scale-to-image needs --recipe, too" in refused.output
    result, best = train("named", "--scale-to-image", "--recipe", "paper")
    assert result.exit_code == 0, result.output
    assert load_checkpoint(best).texture == TextureSettings(scale_to_image=True)


def test_a_scale_is_refused_where_no_stage_has_weak_masks(data, tmp_path):
    recipe = FINETUNE.format(seen="rgb").replace("finetune", "pretrain")
    (tmp_path / "denoise.toml").write_text(recipe.replace("soft_dice", "denoising"))
    refused = run("train", tmp_path / "denoise.toml", data.root, tmp_path / "run",
                  "--scale-to-image")  # fmt: skip
    assert refused.exit_code == 2
    assert "no stage uses weak masks; leave --scale-to-image out" in refused.output
