"""Each shipped recipe, in small: it learns its task, transfers weights, and can be resumed."""

import csv
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from ffhq_wrinkle.errors import RunInterrupted
from ffhq_wrinkle.faces.parsing import ReadyLabels
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint
from ffhq_wrinkle.segmentation.networks.catalogue import network_spec
from ffhq_wrinkle.segmentation.training import training
from ffhq_wrinkle.segmentation.training.recipes import read_recipe, shipped_recipes
from ffhq_wrinkle.segmentation.training.training import TrainSettings, train
from tests.helpers.networks import FEATURES, small_model
from tests.helpers.tables import rows_of
from tests.helpers.training import weights

RECIPES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(not spec.is_installed, reason=f"needs {spec.library}"),
    )
    for name in shipped_recipes()
    for spec in [network_spec(read_recipe(name).finetune.network)]
]


def small(name, epochs):
    """A shipped recipe for four images in two batches and a network with few features."""
    options = {"epochs": epochs, "batch_size": 2, "first_period": 100, "augment": False}
    recipe = read_recipe(name)
    if network_spec(recipe.finetune.network).features:
        options["features"] = FEATURES
    recipe = recipe.changed(options)
    if recipe.finetune and recipe.finetune.initial == "imagenet":
        recipe = replace(recipe, finetune=replace(recipe.finetune, initial="random-stand-in"))
    return recipe


def run(recipe, dataset, folder):
    return train(
        recipe,
        dataset.root,
        folder,
        parser=lambda: ReadyLabels(dataset.labels),
        settings=TrainSettings(limit=4),
        accelerator="cpu",
    )


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_two_epochs_and_resumes_after_a_stop(name, data, tmp_path, monkeypatch):
    asked = iter([False] * 2 + [True] * 1000)

    @contextmanager
    def told_after_two_steps():
        yield lambda: next(asked)

    with monkeypatch.context() as patch:
        patch.setattr(training, "stop_asked_for", told_after_two_steps)
        with pytest.raises(RunInterrupted):
            run(small(name, 2), data, tmp_path / "run")
    report = run(small(name, 2), data, tmp_path / "run")
    config = read_recipe(name).finetune
    best = load_checkpoint(report.checkpoints["finetune"])
    assert (best.network, best.model.in_channels) == (config.network, config.in_channels)
    assert best.model.out_channels == 2
    for stage in report.checkpoints:
        rows = rows_of(tmp_path / "run" / stage / "metrics.csv")
        assert [row["epoch"] for row in rows] == ["1", "2"]
    assert (tmp_path / "run" / "test.json").exists()


@pytest.mark.parametrize("name", ["unet_denoising", "swin_unetr_mim"])
def test_pretraining_lowers_its_own_loss_without_weak_masks(name, data, tmp_path):
    recipe = small(name, 12).only("pretrain")
    data.labels.rename(tmp_path / "away")  # so that a parser would fail
    run(recipe, data, tmp_path / "run")
    with (tmp_path / "run" / "pretrain" / "metrics.csv").open() as file:
        losses = [float(row["train_loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.9 * losses[0]
    trained = weights(tmp_path / "run" / "pretrain" / "best.pt")
    initial = small_model(recipe.pretrain.network, 3, 3).state_dict()
    assert trained.keys() == initial.keys()
    assert all(torch.isfinite(tensor).all() for tensor in trained.values())
