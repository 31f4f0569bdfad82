"""A recipe for a small network and few steps, runs of it, and their weights."""

import torch

from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe
from ffhq_wrinkle.segmentation.training.settings import TrainSettings
from ffhq_wrinkle.segmentation.training.training import train

RECIPE = """
[pretrain]
network = "unet"
input = "rgb"
loss = "mse"
epochs = 1
batch_size = 4
peak_rate = 1e-3
first_period = 2
features = 12

[finetune]
network = "unet"
input = "rgb+texture"
loss = "soft_dice"
epochs = 2
batch_size = 4
peak_rate = 1e-3
first_period = 3
features = 12
"""


def weights(path):
    return torch.load(path, weights_only=True)["model"]


def run(data, folder, recipe=RECIPE, **options):
    settings = TrainSettings(**options.pop("settings", {}))
    return train(
        parse_recipe(recipe, "small.toml"),
        data.root,
        folder,
        parser=lambda: ReadyLabels(data.labels),
        settings=settings,
        accelerator="cpu",
        **options,
    )


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def stop_after(calls):
    """Return a `stopped` for `train` that is false for a number of calls, and then true."""
    left = iter([False] * calls)
    return lambda: next(left, True)
