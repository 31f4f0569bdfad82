"""A small recipe, and what a run of it leaves."""

import torch

RECIPE = """
[pretrain]
network = "unet"
input = "rgb"
loss = "mse"
epochs = 1
batch_size = 4
peak_rate = 1e-3
first_period = 2

[finetune]
network = "unet"
input = "rgb+texture"
loss = "soft_dice"
epochs = 2
batch_size = 4
peak_rate = 1e-3
first_period = 3
"""


def weights(path):
    return torch.load(path, weights_only=True)["model"]
