"""The U-Net with side outputs, and the loss that trains them."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from ffhq_wrinkle.segmentation.training.losses import soft_dice_loss
from ffhq_wrinkle.segmentation.training.weighted_supervision import (
    weighted_deep_supervision_loss,
    weighted_wrinkle_map,
)
from tests.helpers.faces import drawn_lines
from tests.helpers.networks import filled, picture

SIDES = {"outc_2": 64, "outc_3": 128, "outc_4": 256}


def levels(*arts):
    """Masks as a batch of floats: (B, H, W)."""
    return torch.from_numpy(np.stack(arts).astype(np.float32))


def test_its_parameters_are_the_unet_s_with_biases_and_three_outputs():
    plain, own = (
        {name: value.shape for name, value in create_model(name, 4, 2).named_parameters()}
        for name in ("unet", "unet_wds")
    )
    assert {name: own[name] for name in plain} == plain
    more = own.keys() - plain.keys()
    outputs = {f"{side}.conv.weight": (2, width, 1, 1) for side, width in SIDES.items()}
    outputs |= {f"{side}.conv.bias": (2,) for side in SIDES}
    assert {name: own[name] for name in more if name.startswith("outc")} == outputs
    convolutions = {name.removesuffix("weight") + "bias" for name in plain if plain[name][2:]}
    assert more - outputs.keys() == convolutions - {"outc.conv.bias"}


@torch.inference_mode()
def test_in_evaluation_mode_it_is_the_unet():
    plain = filled(create_model("unet", 4, 2))
    network = create_model("unet_wds", 4, 2).eval()
    lacking, unknown = network.load_state_dict(plain.state_dict(), strict=False)
    assert not unknown
    assert all(name.endswith(".bias") or name.startswith("outc_") for name in lacking)
    x = picture(4, 70, 50)
    logits = network(x)
    assert logits.std() > 0.01
    torch.testing.assert_close(logits, plain(x))


@torch.inference_mode()
def test_in_training_mode_it_returns_four_outputs_of_the_full_size():
    network = filled(create_model("unet_wds", 4, 2)).train()
    x = picture(4, 64, 96)
    outputs = network(x)
    assert outputs.shape == (1, 8, 64, 96)
    eighth, quarter, half, whole = network.decoded(x)
    torch.testing.assert_close(outputs[:, :2], network.outc(whole))
    # As in the authors' code: features are upsampled, then the logits computed.
    for step, (features, name) in enumerate(zip((half, quarter, eighth), SIDES, strict=True), 1):
        assert features.shape[-2:] == (64 >> step, 96 >> step)
        large = functional.interpolate(features, (64, 96), mode="bilinear")
        expected = network.get_submodule(name)(large)
        assert expected.std() > 0.01
        torch.testing.assert_close(outputs[:, 2 * step : 2 * step + 2], expected)


def test_the_padding_is_cropped_from_all_outputs():
    network = create_model("unet_wds", 3, 2).train()
    assert network(picture(3, 41, 50)).shape == (1, 8, 41, 50)


def test_the_loss_reaches_every_output_and_the_layers_before_it():
    network = create_model("unet_wds", 3, 2).train()
    wrinkle = levels(drawn_lines((48, 48), 1), drawn_lines((48, 48), 2))
    x = torch.cat([picture(3, 48, 48, seed=seed) for seed in (1, 2)])
    loss = weighted_deep_supervision_loss(network(x), wrinkle)
    loss.backward()
    for name in ("outc.conv.weight", *(f"{side}.conv.weight" for side in SIDES)):
        assert network.get_parameter(name).grad.abs().max() > 0, name
    network.zero_grad()
    outputs = network(x)
    outputs[:, 6:].sum().backward()  # the coarsest alone
    assert network.up1.conv.double_conv[0].weight.grad.abs().max() > 0
    assert not network.up2.conv.double_conv[0].weight.grad.any()


def test_training_steps_lower_the_loss_of_each_output():
    torch.manual_seed(0)
    network = create_model("unet_wds", 3, 2).train()
    wrinkle = levels(drawn_lines((32, 32), 3))
    x = picture(3, 32, 32) - wrinkle[:, None]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    seen = []
    for _ in range(8):
        outputs = network(x)
        seen.append(
            [float(soft_dice_loss(output, wrinkle)) for output in outputs.detach().chunk(4, 1)]
        )
        optimizer.zero_grad()
        weighted_deep_supervision_loss(outputs, wrinkle).backward()
        optimizer.step()
    assert (np.array(seen[-1]) < np.array(seen[0]) - 0.02).all()


def wrinkle_map_by_definition(wrinkle, scale):
    """Pixel by pixel: the share of wrinkle in the pixel's block, or the mean share."""
    height, width = wrinkle.shape
    shares = {}
    for top in range(0, height, scale):
        for left in range(0, width, scale):
            shares[top, left] = wrinkle[top : top + scale, left : left + scale].mean()
    some = [share for share in shares.values() if share > 0]
    weight = np.ones((height, width))
    for row, column in np.argwhere(wrinkle == 0):
        share = shares[row // scale * scale, column // scale * scale]
        weight[row, column] = share if share > 0 else np.mean(some)
    return weight


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("shape", [(32, 24), (29, 21)])
def test_the_weights_are_the_shares_of_wrinkle_in_blocks(shape, scale):
    drawn = drawn_lines(shape, [scale, shape[0]], lines=2)
    weights = weighted_wrinkle_map(levels(drawn), scale)[0]
    expected = wrinkle_map_by_definition(drawn.astype(float), scale)
    assert len(np.unique(expected.round(6))) > 3
    assert_allclose(weights, expected, rtol=1e-6)


def test_weights_of_an_image_do_not_depend_on_the_others_and_are_1_without_wrinkle():
    thin, broad = drawn_lines((32, 32), 1, thickness=1), drawn_lines((32, 32), 2, thickness=5)
    empty, full = np.zeros((32, 32), bool), np.ones((32, 32), bool)
    together = weighted_wrinkle_map(levels(thin, broad, empty, full), 4)
    for weights, drawn in zip(together, (thin, broad, empty, full), strict=True):
        torch.testing.assert_close(weights, weighted_wrinkle_map(levels(drawn), 4)[0])
    assert (together[2:] == 1).all()
    # Pixels far from any wrinkle weigh more if the wrinkles are broader.
    corner = [float(weights[0, -1]) for weights in together[:2]]
    assert corner[0] < corner[1]


def test_a_pixel_that_is_wrinkle_in_part_weighs_between():
    wrinkle = torch.tensor([[[0.0, 0.5], [0.5, 0.0]]])  # a quarter of the block
    torch.testing.assert_close(
        weighted_wrinkle_map(wrinkle, 2), torch.tensor([[[0.25, 0.625], [0.625, 0.25]]])
    )


def test_the_loss_of_two_outputs_equals_the_one_computed_by_hand():
    # Both outputs are undecided: each class has the probability 1/2 in each of 8 pixels.
    wrinkle = torch.tensor([[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]])
    final = 1 - (2 * 0.5 / (4 + 1) + 2 * 3.5 / (4 + 7)) / 2
    # Weights at a half: 1 for the wrinkle, and 1/4 for the 7 others; 11/4 in all.
    of_wrinkle = 2 * 0.5 / (11 / 8 + 1)
    of_background = 2 * 7 / 8 / (11 / 8 + 7 / 4)
    half = 1 - (of_wrinkle + of_background) / 2
    loss = weighted_deep_supervision_loss(torch.zeros(1, 4, 2, 4), wrinkle)
    assert float(loss) == pytest.approx(final + half)


def test_the_loss_of_one_output_is_soft_dice():
    torch.manual_seed(0)
    logits, wrinkle = torch.randn(2, 2, 8, 8), torch.rand(2, 8, 8)
    torch.testing.assert_close(
        weighted_deep_supervision_loss(logits, wrinkle), soft_dice_loss(logits, wrinkle)
    )


def test_half_precision_changes_little():
    torch.manual_seed(0)
    logits, wrinkle = torch.randn(2, 8, 64, 64), levels(*[drawn_lines((64, 64), 1)] * 2)
    exact = weighted_deep_supervision_loss(logits, wrinkle)
    rough = weighted_deep_supervision_loss(logits.bfloat16(), wrinkle)
    assert rough.dtype == torch.float32
    assert float(rough) == pytest.approx(float(exact), abs=1e-3)


def test_logits_that_are_not_of_two_classes_each_are_refused():
    for channels in (0, 3):
        with pytest.raises(ArgumentError, match=f"logits have {channels} channels"):
            weighted_deep_supervision_loss(torch.zeros(1, channels, 4, 4), torch.zeros(1, 4, 4))
