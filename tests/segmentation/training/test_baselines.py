"""Each shipped recipe, in small: it learns its task, passes its weights on, and is resumed."""

import csv
from dataclasses import replace

import pytest
import torch

from ffhq_wrinkle.errors import RunInterrupted
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint
from ffhq_wrinkle.segmentation.networks.catalogue import network_spec
from ffhq_wrinkle.segmentation.training.objectives import objective_of
from ffhq_wrinkle.segmentation.training.recipes import read_recipe, shipped_recipes
from ffhq_wrinkle.segmentation.training.settings import TrainSettings
from ffhq_wrinkle.segmentation.training.training import train
from ffhq_wrinkle.segmentation.training.training_set import Example
from tests.helpers.networks import FEATURES, small_model
from tests.helpers.tables import rows_of
from tests.helpers.training import stop_after, weights

RECIPES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(not spec.is_installed, reason=f"needs {spec.library}"),
    )
    for name in shipped_recipes()
    for spec in [network_spec(read_recipe(name).finetune.network)]
]


def small(name, epochs):
    """Return a shipped recipe with few epochs and features, for batches of two images."""
    options = {"epochs": epochs, "batch_size": 2, "first_period": 100, "augment": False}
    recipe = read_recipe(name)
    if network_spec(recipe.finetune.network).features:
        options["features"] = FEATURES
    recipe = recipe.changed(options)
    if recipe.finetune and recipe.finetune.initial == "imagenet":
        recipe = replace(recipe, finetune=replace(recipe.finetune, initial="random-stand-in"))
    return recipe


def run(recipe, dataset, folder, **options):
    return train(
        recipe,
        dataset.root,
        folder,
        parser=lambda: ReadyLabels(dataset.labels),
        settings=TrainSettings(limit=4),
        accelerator="cpu",
        **options,
    )


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_two_epochs_stops_and_is_resumed(name, data, tmp_path):
    with pytest.raises(RunInterrupted):
        run(small(name, 2), data, tmp_path / "run", stopped=stop_after(2))
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


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_draws_from_the_generator_whose_state_no_checkpoint_keeps(name):
    """The random numbers of a step depend on each sample's seed, and a resumed run has the same."""
    recipe = read_recipe(name)
    for config in filter(None, (recipe.pretrain, recipe.finetune)):
        model = small_model(config.network, config.in_channels, config.out_channels).train()
        levels = torch.full((2, config.in_channels, 64, 64), 100, dtype=torch.uint8)
        batch = Example(torch.arange(2), levels, levels[:, 0], seed=torch.tensor([3, 4]))
        before = torch.get_rng_state()
        objective_of(config.loss, model).loss(model, batch).backward()
        assert torch.equal(torch.get_rng_state(), before)
