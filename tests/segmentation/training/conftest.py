import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def data(make_dataset):
    """Twelve drawn faces of 32x32 with their forehead lines as masks."""
    dataset = make_dataset(range(12), side=32)
    folder = dataset.root / "manual_wrinkle_masks"
    folder.mkdir()
    for image_id in dataset.ids:
        drawn = np.zeros((32, 32), np.uint8)
        drawn[8:11, 12:20] = 255
        Image.fromarray(drawn).save(folder / f"{image_id}.png")
    return dataset


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
