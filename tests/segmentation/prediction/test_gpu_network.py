"""Logits on a GPU, of the U-Net as it is published."""

import numpy as np
import pytest
import torch

from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.weak_labels.texture import TextureSettings


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "tolerance"), [("32", 1e-3), ("bf16", 0.3)])
def test_a_gpu_gives_the_cpu_s_logits(tmp_path, precision, tolerance):
    torch.manual_seed(0)
    save_checkpoint(
        tmp_path / "w.pt", create_model("unet", 4, 2), "unet", texture=TextureSettings(), side=128
    )
    seen = [np.random.default_rng(n).integers(0, 256, (96, 80, 4), np.uint8) for n in range(5)]
    on_cpu = load_network(tmp_path / "w.pt", device="cpu").logits(seen)
    gpu = load_network(tmp_path / "w.pt", device="cuda", precision=precision)
    assert gpu.batch_size == 4
    for one, other in zip(gpu.logits(seen), on_cpu, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)
    np.testing.assert_array_equal(gpu.logits(seen[:1])[0], gpu.logits(seen)[0])
