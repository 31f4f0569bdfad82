"""A network that is added by one entry of the table: all that the package does with networks."""

import logging

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ffhq_wrinkle.errors import ArgumentError, SourceError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.checkpoints.imagenet import load_imagenet
from ffhq_wrinkle.segmentation.checkpoints.pretrained import load_pretrained
from ffhq_wrinkle.segmentation.networks.catalogue import (
    NETWORKS,
    NetworkSpec,
    create_model,
    described,
    fitting_crop,
)
from ffhq_wrinkle.segmentation.networks.parameters import parameter_counts
from ffhq_wrinkle.segmentation.networks.sized import SizedNetwork
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe
from ffhq_wrinkle.segmentation.training.training import TrainSettings, train
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.networks import filled
from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE


class TinyNet(SizedNetwork):
    """A convolution at half the size, and a 1x1 convolution."""

    input_layers = ("stem",)
    output_layer = "head"
    divisor = 2
    least_side = 2

    def __init__(self, in_channels, out_channels, *, features=4):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.stem = nn.Conv2d(in_channels, features, 2, stride=2)
        self.norm = nn.BatchNorm2d(features)
        self.head = nn.Conv2d(features, out_channels, 1)

    def logits(self, x):
        x = self.norm(self.stem(x)).relu()
        return self.head(functional.interpolate(x, scale_factor=2))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The one entry that a new network needs."""
    spec = NetworkSpec(
        name="tiny",
        module=__name__,
        class_name="TinyNet",
        input_weight="stem.weight",
        output_weight="head.weight",
        features=4,
    )
    monkeypatch.setitem(NETWORKS, "tiny", spec)


def test_it_is_made_recognised_and_counted():
    model = create_model("tiny", 3, 2)
    assert isinstance(model, TinyNet)
    assert described(model.state_dict()) == ("tiny", 3, 2, 4)
    assert described(create_model("tiny", 4, 1, features=6).state_dict()) == ("tiny", 4, 1, 6)
    # 2x2 kernels of 3 channels and biases; weights and biases of the norm; 1x1 kernels and biases.
    assert parameter_counts("tiny", 3, 2) == (4 * (12 + 1) + 8 + 2 * (4 + 1),) * 2
    assert fitting_crop("tiny", 7) == 8
    assert model(torch.zeros(1, 3, 7, 9)).shape == (1, 2, 7, 9)
    assert model.open_sizes() == 1


@pytest.mark.parametrize("features", [4, 6])
def test_a_recipe_trains_it_in_both_stages_and_predicts_with_it(features, data, tmp_path, caplog):
    recipe = RECIPE.replace('"unet"', '"tiny"').replace("epochs = 2", "epochs = 1")
    recipe = recipe.replace("features = 12", "" if features == 4 else f"features = {features}")
    recipe = recipe.replace("batch_size = 4", "batch_size = 10")  # one step
    caplog.set_level(logging.INFO)
    report = train(
        parse_recipe(recipe, "tiny.toml"),
        data.root,
        tmp_path / "run",
        parser=lambda: ReadyLabels(data.labels),
        settings=TrainSettings(),
        accelerator="cpu",
    )
    assert "filled with 0 for 1 further input channel" in caplog.text
    for stage, channels in (("pretrain", (3, 1)), ("finetune", (4, 2))):
        checkpoint = load_checkpoint(report.checkpoints[stage])
        assert checkpoint.network == "tiny"
        assert checkpoint.model.stem.out_channels == features
        assert (checkpoint.model.in_channels, checkpoint.model.out_channels) == channels
        (row,) = rows_of(tmp_path / "run" / stage / "metrics.csv")
        assert float(row["train_loss"]) > 0
    assert "1 test image, mean over images: JSI" in report.summary()
    network = load_network(report.checkpoints["finetune"], device="cpu")
    assert network.name == "tiny"
    (logits,) = network.logits([np.zeros((9, 7, 4), np.uint8)])
    assert logits.shape == (9, 7)


def test_a_checkpoint_returns_its_weights_and_a_predictor_its_logits(tmp_path):
    model = filled(create_model("tiny", 4, 2))
    save_checkpoint(tmp_path / "w.pt", model, "tiny", texture=TextureSettings(), side=32)
    loaded = load_checkpoint(tmp_path / "w.pt").model
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    seen = np.random.default_rng(0).integers(0, 256, (8, 6, 4), np.uint8)
    with torch.inference_mode():
        background, wrinkle = model(model.scaled(torch.from_numpy(seen).permute(2, 0, 1)[None]))[0]
    (logits,) = load_network(tmp_path / "w.pt", device="cpu").logits([seen])
    np.testing.assert_allclose(logits, (wrinkle - background).numpy(), atol=1e-5)


def test_it_is_refused_by_name_where_it_lacks_something():
    with pytest.raises(ArgumentError, match="tiny has no gradient checkpointing"):
        create_model("tiny", 3, 2, gradient_checkpointing=True)
    with pytest.raises(ArgumentError, match="no ImageNet weights for tiny, only for unet_res"):
        load_imagenet(create_model("tiny", 3, 2), "tiny")
    unet, tiny = create_model("unet", 3, 1, features=4), create_model("tiny", 3, 2)
    with pytest.raises(SourceError, match="is not of this network: it lacks head"):
        load_pretrained(tiny, unet.state_dict())
    mixed = RECIPE.replace('"unet"', '"tiny"', 1)
    with pytest.raises(ArgumentError, match=r"the network tiny and \[finetune\] unet"):
        parse_recipe(mixed, "mixed.toml")
    wrong = RECIPE.replace('"unet"', '"tiny"').replace("soft_dice", "weighted_deep_supervision")
    with pytest.raises(ArgumentError, match="cannot train the network tiny"):
        parse_recipe(wrong, "wrong.toml")
    with pytest.raises(ArgumentError, match=r"choose one of unet, .*tiny"):
        create_model("tyni", 3, 2)
