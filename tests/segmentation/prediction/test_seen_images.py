"""Seen images: predictions for images that a network was trained on, and scores of these, warn."""

import pytest

from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.segmentation.checkpoints.trained_on import id_hashes
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.commands import run
from tests.helpers.networks import threshold_unet
from tests.helpers.training_data import with_human_masks


@pytest.fixture
def made(make_dataset, tmp_path):
    """A data set of three images, and a network that was trained on one of them."""
    dataset = with_human_masks(make_dataset([0, 1, 2], 32), ["00000", "00001", "00002"])
    more = {"trained_on": id_hashes(["00001"])}
    path = tmp_path / "best.pt"
    save_checkpoint(path, threshold_unet(), "unet", texture=TextureSettings(), side=32, more=more)
    return dataset, path


def predict(made, out, *options):
    dataset, checkpoint = made
    result = run(
        "predict", dataset.root, out, "--checkpoint", checkpoint, "--parser", "labels",
        "--labels", dataset.labels, *options,
    )  # fmt: skip
    assert result.exit_code == 0, result.output


def test_predictions_of_images_trained_on_warn_and_are_listed(made, tmp_path, caplog):
    predict(made, tmp_path / "out")
    assert "the network was trained on 1 image of 3, such as 00001" in caplog.text
    assert (tmp_path / "out/trained_on.txt").read_text() == "00001\n"


def test_predict_says_nothing_if_that_is_meant(made, tmp_path, caplog):
    predict(made, tmp_path / "out", "--allow-trained-on")
    assert "trained on" not in caplog.text


def test_scores_of_images_trained_on_warn(made, tmp_path, caplog):
    predict(made, tmp_path / "out", "--allow-trained-on")
    references = made[0].root / "manual_wrinkle_masks"
    options = ("--resamples", "0", "--exact-only")
    for folder in (tmp_path / "out", tmp_path / "out/masks"):
        assert run("evaluate", folder, references, *options).exit_code == 0
        assert "was trained on 1 image of the 3 that are scored, such as 00001" in caplog.text
        caplog.clear()
    for quiet in (["--ids", "0,2"], ["--allow-trained-on"]):
        assert run("evaluate", tmp_path / "out", references, *options, *quiet).exit_code == 0
        assert "was trained on" not in caplog.text


def test_texture_maps_by_another_formula_warn(made, tmp_path, caplog):
    predict(made, tmp_path / "out", "--recipe", "released")
    assert "texture maps by the formula paper, and gets those by released" in caplog.text
    caplog.clear()
    predict(made, tmp_path / "same", "--recipe", "paper")
    assert "formula" not in caplog.text
