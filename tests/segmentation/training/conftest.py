import subprocess
import sys

import pytest

from tests.helpers.processes import NARROW
from tests.helpers.training import RECIPE
from tests.helpers.training_data import with_human_masks

COMMAND = (sys.executable, NARROW)


@pytest.fixture
def arguments(data, tmp_path):
    """Return the arguments of the command that trains a small recipe in a folder."""

    def of(folder, *options, recipe=RECIPE):
        (tmp_path / "small.toml").write_text(recipe)
        fixed = ["--parser", "labels", "--accelerator", "cpu", "--workers", "0"]
        command = ["train", tmp_path / "small.toml", data.root, folder, *fixed, *options]
        return [str(part) for part in command]

    return of


@pytest.fixture
def start(arguments):
    def begin(folder, *options, command=COMMAND, recipe=RECIPE):
        return subprocess.Popen(
            [*command, *arguments(folder, *options, recipe=recipe)],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    return begin


@pytest.fixture
def data(make_dataset):
    """Twelve drawn faces of 32x32 with their forehead lines as masks."""
    dataset = make_dataset(range(12), side=32)
    return with_human_masks(dataset, dataset.ids)


@pytest.fixture
def narrow_transformers(monkeypatch):
    """A quarter of the transformers' features, and of those of the Swin-T that one begins with."""
    from torchvision import models
    from torchvision.models.swin_transformer import SwinTransformer

    from ffhq_wrinkle.segmentation.networks import catalogue
    from ffhq_wrinkle.segmentation.networks.swin_unetr import SwinUnetr

    for name, features in (("swin_unetr", 12), ("swin_unetr_96", 24)):
        monkeypatch.setitem(catalogue._FEATURE_SIZES, name, features)
    monkeypatch.setitem(SwinUnetr.__init__.__kwdefaults__, "feature_size", 12)

    def swin_t(weights):
        assert weights is None
        return SwinTransformer(
            patch_size=[4, 4], embed_dim=24, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24],
            window_size=[7, 7], stochastic_depth_prob=0.2,
        )  # fmt: skip

    monkeypatch.setattr(models, "swin_t", swin_t)
