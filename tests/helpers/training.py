"""A recipe for a small network and few steps, and the weights that a run of it leaves."""

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
