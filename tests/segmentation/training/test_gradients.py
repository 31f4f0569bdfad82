import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ffhq_wrinkle.errors import TrainingError
from ffhq_wrinkle.segmentation.training.gradients import non_finite, step_advice
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe
from tests.helpers.training import RECIPE

CONFIG = parse_recipe(RECIPE, "small.toml").finetune


@pytest.mark.parametrize(
    ("devices", "accumulate", "advice"),
    [
        (1, 1, "for 4 images at once; try --accumulate 2 or --precision bf16 or --size 512"),
        (2, 2, "for 1 image at once; try --precision bf16 or --size 512"),
    ],
)
def test_a_device_without_enough_memory_is_reported_with_advice(devices, accumulate, advice):
    fabric = SimpleNamespace(world_size=devices, device=torch.device("cpu"))
    limits = {"batch_size": 4, "accumulate": accumulate}
    with (
        pytest.raises(TrainingError, match=re.escape(f"cpu has too little memory {advice}, or")),
        step_advice(fabric, CONFIG, **limits),
    ):
        raise torch.OutOfMemoryError


@pytest.mark.parametrize(
    ("network", "checkpointing", "is_advised"),
    [("unet", False, False), ("swin_unetr", False, True), ("swin_unetr", True, False)],
)
def test_gradient_checkpointing_is_advised_to_networks_that_have_it_and_do_not_use_it(
    network, checkpointing, is_advised
):
    config = replace(CONFIG, network=network, gradient_checkpointing=checkpointing)
    fabric = SimpleNamespace(world_size=1, device=torch.device("cpu"))
    with (
        pytest.raises(TrainingError) as raised,
        step_advice(fabric, config, batch_size=4, accumulate=1),
    ):
        raise torch.OutOfMemoryError
    assert ("--gradient-checkpointing" in str(raised.value)) == is_advised


@pytest.mark.parametrize(
    ("size", "accumulate", "advice"),
    [
        (16, 1, "crops of 16 pixels .* try --size 32 or a larger --batch-size$"),
        (16, 4, "try --size 32 or a smaller --accumulate$"),
        (0, 1, "such images are too small .* try a larger --batch-size$"),
    ],
)
def test_batches_too_small_for_batch_normalization_are_reported_with_advice(
    size, accumulate, advice
):
    fabric = SimpleNamespace(world_size=1, device=torch.device("cpu"))
    layer = nn.BatchNorm2d(3)
    with (
        pytest.raises(TrainingError, match=advice),
        step_advice(fabric, replace(CONFIG, size=size), batch_size=4, accumulate=accumulate),
    ):
        layer(torch.zeros(1, 3, 1, 1))


def test_a_loss_or_a_gradient_that_is_not_finite_is_named():
    layer = nn.Linear(1, 1)
    layer(torch.ones(1, 1)).sum().backward()
    assert non_finite(1.0, layer) == ""
    assert non_finite(float("nan"), layer) == "the loss is nan"
    layer.weight.grad.fill_(float("inf"))
    assert non_finite(1.0, layer) == "the gradient is inf"
