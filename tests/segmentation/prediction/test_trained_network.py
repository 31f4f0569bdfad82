"""Logits of one image or several, and networks that predict no wrinkles."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch

from ffhq_wrinkle.errors import ArgumentError, SourceError
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.segmentation.prediction.torch_network import TorchNetwork
from ffhq_wrinkle.segmentation.prediction.trained_network import TrainedNetwork
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.networks import FEATURES

PAPER = TextureSettings()


def test_flipping_averages_with_the_mirror_image():
    class Columns(TrainedNetwork):
        """Logits that are the column's number, as no symmetric network would give."""

        batch_size = 1

        def batch_logits(self, batch):
            columns = np.arange(batch.shape[2], dtype=np.float32)
            return np.broadcast_to(columns, batch.shape[:3]) + batch[..., 0]

    image = np.zeros((1, 5, 4), np.uint8)
    image[0, 1, 0] = 100
    plain, flipped = Columns().logits([image]), Columns().logits([image], flip=True)
    np.testing.assert_array_equal(plain[0], [[0, 101, 2, 3, 4]])
    np.testing.assert_array_equal(flipped[0], [[2, 102, 2, 2, 2]])


def test_the_logits_are_the_model_s_for_all_its_folding(tmp_path):
    torch.manual_seed(0)
    model = create_model("unet", 4, 2, features=FEATURES).eval()
    for name, value in model.state_dict().items():
        if name.endswith(("running_mean", "running_var", "1.weight", "4.bias")):
            value.copy_(torch.rand(value.shape) * 0.3 + 0.5)
    save_checkpoint(tmp_path / "w.pt", model, "unet", texture=PAPER, side=128)
    seen = np.random.default_rng(0).integers(0, 256, (70, 90, 4), np.uint8)
    x = torch.from_numpy(seen).permute(2, 0, 1)[None].float() / 255 * 2 - 1
    with torch.inference_mode():
        background, wrinkle = model(x)[0]
    logits = load_network(tmp_path / "w.pt", device="cpu").logits([seen])[0]
    np.testing.assert_allclose(logits, (wrinkle - background).numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("channels", "message"), [((3, 1), "from stage 1"), ((4, 3), "4 -> 3 channels")]
)
def test_networks_that_do_not_predict_wrinkles_are_refused(channels, message, tmp_path):
    path = tmp_path / "w.pt"
    model = create_model("unet", *channels, features=FEATURES)
    save_checkpoint(path, model, "unet", texture=PAPER, side=128)
    with pytest.raises(SourceError, match=message):
        load_network(path)


def test_bf16_and_missing_devices_are_refused(checkpoint):
    with pytest.raises(ArgumentError, match="bf16 is for CUDA"):
        load_network(checkpoint, device="cpu", precision="bf16")
    with pytest.raises(ArgumentError, match="cuda:99"):
        load_network(checkpoint, device="cuda:99")


def test_a_predictor_is_made_again_in_another_process(tmp_path):
    path = tmp_path / "net.pt"
    save = partial(save_checkpoint, network="unet", texture=TextureSettings(sigma=4.0), side=64)
    save(path, create_model("unet", 4, 2, features=FEATURES).eval())
    network = load_network(path, device="cpu", batch_size=3)
    again = pickle.loads(pickle.dumps(network))
    assert (again.batch_size, again.texture.sigma) == (3, 4.0)
    x = np.random.default_rng(0).integers(0, 256, (32, 32, 4), np.uint8)
    np.testing.assert_array_equal(again.logits([x])[0], network.logits([x])[0])
    with pytest.raises(ArgumentError, match="load_network"):
        pickle.dumps(TorchNetwork(load_checkpoint(path), device="cpu"))


def test_other_weights_than_those_the_run_began_with_are_refused(tmp_path):
    path = tmp_path / "net.pt"
    save = partial(save_checkpoint, path, network="unet", texture=TextureSettings(), side=64)
    save(create_model("unet", 3, 2, features=FEATURES).eval())
    content = pickle.dumps(load_network(path, device="cpu"))
    other = create_model("unet", 3, 2, features=FEATURES)  # with other random weights
    save(other.eval())
    with pytest.raises(SourceError, match="all workers need the same file"):
        pickle.loads(content)
