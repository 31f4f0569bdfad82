"""The command `train`: usage and data that it refuses, and its messages."""

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from tests.helpers.training_data import with_human_masks


@pytest.fixture
def data(make_dataset):
    """Twelve drawn faces of 32x32 with their forehead lines as masks."""
    dataset = make_dataset(range(12), side=32)
    return with_human_masks(dataset, dataset.ids)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fraction", "0"], "fraction is 0.0"),
        (["--epochs", "0"], "is not in the range"),
        (["--stage", "finetune", "--loss", "mse"], "should be soft_dice"),
        (["--network", "vnet"], "choose one of unet"),
        (["--init", "none.pt"], "does not exist"),
    ],
)
def test_invalid_values_are_found_before_anything_is_written(data, tmp_path, options, message):
    command = ["train", "unet_texture", str(data.root), str(tmp_path / "run"), *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_does_not_exist_suggests_one(data, tmp_path):
    result = CliRunner().invoke(main, ["train", "unet_textur", str(data.root), str(tmp_path / "r")])
    assert result.exit_code == 2
    assert "did you mean 'unet_texture'" in result.output


def test_problems_of_the_data_are_found_before_the_first_epoch(data, tmp_path):
    Image.new("L", (30, 32)).save(data.root / "manual_wrinkle_masks" / "00003.png")
    data.image_path("00005").write_bytes(b"no image")
    command = [
        "train",
        "unet_texture",
        str(data.root),
        str(tmp_path / "run"),
        "--stage",
        "finetune",
    ]
    result = CliRunner().invoke(main, [*command, "--parser", "labels", "--accelerator", "cpu"])
    assert result.exit_code == 1
    assert "00003" in result.output
    assert "00005" in result.output
    assert not list((tmp_path / "run").glob("finetune/*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "9" * 23], "is not in the range 0<=x<=9223372036854775807"),
        (["--stage", "pretrain", "--input", "rgb+texture"], "it should be rgb"),
    ],
)
def test_invalid_options_are_wrong_usage(data, tmp_path, options, message):
    command = ["train", "unet_texture", str(data.root), str(tmp_path / "run"), *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2, result.output
    assert message in result.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_accelerator_that_does_not_exist_is_refused_in_the_same_words(data, tmp_path):
    run = tmp_path / "run"
    command = ["train", "unet_texture", str(data.root), str(run), "--accelerator", "cuda"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "device 'cuda' does not exist on this machine" in result.output
    assert not run.exists()


def test_data_that_cannot_be_written_to_names_the_option_for_another_folder(data, tmp_path):
    (data.root / ".ffhq-wrinkle-cache").write_text("in the way, as a read-only folder would be")
    options = ["--parser", "mesh", "--size", "32", "--batch-size", "2"]
    command = ["train", "unet_texture", str(data.root), str(tmp_path / "run"), *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "can be kept elsewhere with --cache DIR" in result.output
    assert result.output.strip().count("\n") == 0
