"""Objectives: the task of each loss against its definition."""

import numpy as np
import pytest
import torch

from ffhq_wrinkle.segmentation.checkpoints.pretrained import load_pretrained
from ffhq_wrinkle.segmentation.networks.catalogue import NETWORKS, create_model
from ffhq_wrinkle.segmentation.networks.swin_mim import SwinMim
from ffhq_wrinkle.segmentation.training.loss_catalogue import LOSSES
from ffhq_wrinkle.segmentation.training.losses import masked_l1_loss
from ffhq_wrinkle.segmentation.training.objectives import NOISE, Objective, objective_of
from ffhq_wrinkle.segmentation.training.training_set import Example
from tests.helpers.networks import FEATURES


def example(side=96, images=2, seed=0):
    rng = np.random.default_rng(seed)
    return Example(
        torch.arange(images),
        torch.from_numpy(rng.integers(0, 256, (images, 3, side, side), np.uint8)),
        torch.zeros(images, side, side, dtype=torch.uint8),
        torch.tensor([10 + number for number in range(images)]),
    )


def scaled(batch):
    return batch.seen.float() / 255 * 2 - 1


class Seen:
    """A network's stand-in that keeps its input and returns zeros."""

    def __call__(self, x, masked=None):
        self.x, self.masked = x, masked
        return torch.zeros_like(x)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_trains_a_network_with_the_output_channels_of_its_entry(loss):
    spec = LOSSES[loss]
    name = next((each.name for each in NETWORKS.values() if each.own_loss == loss), "unet")
    model = create_model(name, 3, spec.out_channels, features=FEATURES).train()
    objective = objective_of(loss, model)
    assert isinstance(objective, Objective)
    value = objective.loss(model, example(side=64))
    assert value.shape == ()
    assert torch.isfinite(value)


def test_the_loss_that_alone_trains_a_network_is_in_the_table():
    own = {spec.own_loss for spec in NETWORKS.values()} - {""}
    assert own == {"masked_l1", "weighted_deep_supervision"}
    assert own <= LOSSES.keys()


def test_noise_is_normal_with_deviation_0_2_and_depends_on_each_sample_s_seed():
    batch, network = example(), Seen()
    objective = objective_of("denoising", create_model("unet", 3, 3, features=FEATURES))
    loss = objective.loss(network, batch)
    noise = (network.x - scaled(batch)) / 0.2
    assert pytest.approx(0.2) == NOISE
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 1) < 0.02
    # Nothing predicted: the mean of the noise's square.
    assert float(loss) == pytest.approx(float(noise.square().mean()), rel=1e-4)
    first = network.x.clone()
    objective.loss(network, batch)
    torch.testing.assert_close(network.x, first)
    objective.loss(network, batch._replace(seed=batch.seed + 1))
    # The first image has now the noise that the second had.
    torch.testing.assert_close((network.x - scaled(batch))[0], (first - scaled(batch))[1])


def test_the_masked_error_counts_inside_the_mask_alone():
    image = torch.tensor([[[[0.0, 1.0]], [[0.5, -1.0]], [[0.25, 0.0]]]])
    masked = torch.tensor([[[True, False]]])
    assert float(masked_l1_loss(torch.zeros_like(image), image, masked)) == pytest.approx(0.25)


def test_six_in_ten_patches_of_32_pixels_are_masked():
    batch, network = example(side=150), Seen()
    loss = objective_of("masked_l1", SwinMim(3, 3, features=FEATURES)).loss(network, batch)
    for masked in network.masked:
        patches = masked[::32, ::32]
        assert patches.shape == (5, 5)
        assert patches.sum() == 15
        whole = patches.repeat_interleave(32, 0).repeat_interleave(32, 1)[:150, :150]
        assert torch.equal(masked, whole)
    assert not torch.equal(*network.masked)
    expected = scaled(batch).abs().mean(dim=1)[network.masked].mean()
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


@torch.inference_mode()
def test_masked_pixels_are_not_seen():
    torch.manual_seed(0)
    model = SwinMim(3, 3, features=FEATURES).eval()
    x = torch.rand(1, 3, 130, 140) * 2 - 1
    masked = torch.zeros(1, 130, 140, dtype=torch.bool)
    masked[:, 32:64, 64:128] = True
    other = torch.where(masked[:, None], torch.rand_like(x), x)
    torch.testing.assert_close(model(other, masked), model(x, masked))
    assert model(x, masked).shape == x.shape
    assert (model(x, masked) - model(x)).abs().max() > 1e-4
    x[:, :, 0, 0] += 1
    assert (model(x, masked) - model(other, masked)).abs().max() > 1e-6


def test_the_encoder_is_transferred_and_the_rest_left_as_it_was():
    torch.manual_seed(0)
    pretrained, network = (
        SwinMim(3, 3, features=FEATURES),
        create_model("swin_unetr", 4, 2, features=FEATURES),
    )
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    transfer = load_pretrained(network, pretrained.state_dict())
    after = network.state_dict()
    name = "swinViT.layers3.0.blocks.1.attn.qkv.weight"
    assert torch.equal(after[name], pretrained.state_dict()[name])
    assert not torch.equal(after[name], before[name])
    embedding = "swinViT.patch_embed.proj.weight"
    assert torch.equal(after[embedding][:, :3], pretrained.state_dict()[embedding])
    assert not after[embedding][:, 3].any()
    assert torch.equal(after["out.conv.conv.weight"], before["out.conv.conv.weight"])
    assert set(transfer.unused) == {"mask_token", "head.weight", "head.bias"}
    assert {*transfer.copied, *transfer.derived, *transfer.unchanged} == set(after)


def test_after_denoising_all_but_the_output_layer_is_transferred():
    torch.manual_seed(0)
    pretrained, network = (create_model("unet", 3, out, features=FEATURES) for out in (3, 2))
    last = network.state_dict()["outc.conv.weight"].clone()
    transfer = load_pretrained(network, pretrained.state_dict())
    assert transfer.unchanged == ["outc.conv.weight", "outc.conv.bias"]
    assert torch.equal(network.state_dict()["outc.conv.weight"], last)
    name = "up4.conv.double_conv.3.weight"
    assert torch.equal(network.state_dict()[name], pretrained.state_dict()[name])
