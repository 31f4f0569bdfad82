"""The networks: their parameters, their parameters' names, and what they compute."""

import re
import warnings

import numpy as np
import pytest
import torch
from monai.networks.nets.swin_unetr import SwinUNETR
from torch.nn import functional

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.inference.devices import fold_batch_norm
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from tests.helpers.networks import EACH, FEATURES, NEEDS_SMP, filled, picture, small_model


@pytest.mark.parametrize(
    ("name", "channels", "parameters"),
    [  # the specification's; 3 -> 1 of Swin UNETR is 49 fewer, a 1x1 convolution of 48 channels;
        # an input channel of Striped WriNet adds 24 3x3 kernels, an output channel 24 + 1
        ("unet", (3, 2), 17_263_042),
        ("unet", (4, 2), 17_263_618),
        ("unet", (3, 1), 17_262_977),
        ("swin_unetr", (3, 2), 25_239_980),
        ("swin_unetr", (4, 2), 25_241_228),
        ("swin_unetr", (3, 1), 25_239_980 - 49),
        ("striped_wrinet", (3, 2), 6_222_530),
        ("striped_wrinet", (4, 2), 6_222_530 + 24 * 9),
        ("striped_wrinet", (3, 1), 6_222_530 - 25),
        # The U-Net's, 4,416 biases, and 2 for each of 256, 128 and 64 channels, with 2 biases each;
        # 17.269M with 4 channels, as in Kim et al.
        ("unet_wds", (4, 2), 17_263_618 + 4_416 + 2 * (256 + 128 + 64 + 3)),
        ("unet_wds", (3, 2), 17_263_042 + 4_416 + 2 * (256 + 128 + 64 + 3)),
        ("swin_unetr_96", (3, 2), 100_643_708),
        pytest.param("unet_resnet50", (3, 2), 32_521_250, marks=NEEDS_SMP),
    ],
)
def test_the_numbers_of_parameters_are_those_of_the_paper(name, channels, parameters):
    network = create_model(name, *channels)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_the_unet_s_parameters_have_the_published_names():
    parts = r"\.double_conv\.([03]\.weight|[14]\.(weight|bias))"
    shape = rf"(inc|down[1-4]\.maxpool_conv\.1|up[1-4]\.conv){parts}|outc\.conv\.(weight|bias)"
    names = [name for name, _ in create_model("unet", 4, 2).named_parameters()]
    assert all(re.fullmatch(shape, name) for name in names)
    assert len(names) == 9 * 6 + 2


def test_swin_unetr_s_parameters_are_monai_s_except_for_a_larger_last_upsampling():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        monai_s = SwinUNETR(
            in_channels=4, out_channels=2, patch_size=4, window_size=16, feature_size=48,
            spatial_dims=2, depths=(2, 2, 2, 2), num_heads=(3, 6, 12, 24),
        ).state_dict()  # fmt: skip
    ours = create_model("swin_unetr", 4, 2).state_dict()
    assert ours.keys() == monai_s.keys()
    differ = [name for name in ours if ours[name].shape != monai_s[name].shape]
    assert differ == ["decoder1.transp_conv.conv.weight"]
    assert ours[differ[0]].shape == (48, 48, 4, 4)


def unet_by_hand(state, x):
    """Compute the U-Net of the specification from functions and a table of weights."""

    def double(x, name):
        for convolution, norm in ((0, 1), (3, 4)):
            x = functional.conv2d(x, state[f"{name}.double_conv.{convolution}.weight"], padding=1)
            parts = ("running_mean", "running_var", "weight", "bias")
            x = functional.batch_norm(
                x, *(state[f"{name}.double_conv.{norm}.{part}"] for part in parts), eps=1e-5
            ).relu()
        return x

    levels = [double(x, "inc")]
    for level in range(1, 5):
        pooled = functional.max_pool2d(levels[-1], 2)
        levels.append(double(pooled, f"down{level}.maxpool_conv.1"))
    x = levels.pop()
    for level in range(1, 5):
        skipped = levels.pop()
        larger = functional.interpolate(x, skipped.shape[-2:], mode="bilinear", align_corners=True)
        x = double(torch.cat([skipped, larger], 1), f"up{level}.conv")
    return functional.conv2d(x, state["outc.conv.weight"], state["outc.conv.bias"])


@torch.inference_mode()
def test_the_unet_computes_the_specification():
    network = filled(create_model("unet", 4, 2))
    x = picture(4, 96, 64)
    expected = unet_by_hand(network.state_dict(), x)
    assert expected.std() > 0.01
    torch.testing.assert_close(network(x), expected, atol=1e-5, rtol=1e-5)


def test_swin_unetr_computes_the_same_with_and_without_pytorch_s_attention():
    network = filled(create_model("swin_unetr", 4, 2))
    x = picture(4, 192, 128)
    with torch.inference_mode():
        fast = network(x)
    explicit = network(x)  # with gradients MONAI multiplies matrices itself
    assert explicit.requires_grad
    assert fast.std() > 0.01
    torch.testing.assert_close(fast, explicit.detach(), atol=2e-5, rtol=1e-5)


def test_gradient_checkpointing_changes_neither_logits_nor_gradients():
    plain = filled(create_model("swin_unetr", 3, 1, features=FEATURES)).train()
    sparing = create_model(
        "swin_unetr", 3, 1, features=FEATURES, gradient_checkpointing=True
    ).train()
    sparing.load_state_dict(plain.state_dict())
    x = picture(3, 128, 128)
    gradients = []
    for network in (plain, sparing):
        network(x).square().mean().backward()
        gradients.append(network.swinViT.patch_embed.proj.weight.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("name", "unit", "least"),
    [
        ("unet", 16, 16),
        ("swin_unetr", 64, 128),
        ("striped_wrinet", 16, 16),
        pytest.param("unet_resnet50", 32, 32, marks=NEEDS_SMP),
    ],
)
@pytest.mark.parametrize(("height", "width"), [(250, 250), (385, 257), (40, 33), (1, 7)])
@torch.inference_mode()
def test_other_sides_are_padded_with_their_last_pixels_and_cropped(
    name, unit, least, height, width
):
    network = filled(small_model(name, 3, 2))
    padded = [max(least, -(-side // unit) * unit) for side in (height, width)]
    x = picture(3, height, width)
    continued = np.pad(
        x.numpy(),
        [(0, 0), (0, 0), (0, padded[0] - height), (0, padded[1] - width)],
        mode="edge",
    )
    logits = network(x)
    assert logits.shape == (1, 2, height, width)
    whole = network.logits(torch.from_numpy(continued))
    torch.testing.assert_close(logits, whole[:, :, :height, :width], rtol=0, atol=0)


@pytest.mark.parametrize("name", EACH)
@torch.inference_mode()
def test_sides_that_are_multiples_are_not_padded(name):
    network = filled(small_model(name, 3, 2))
    x = picture(3, 128, 192)
    torch.testing.assert_close(network(x), network.logits(x), rtol=0, atol=0)


def test_the_logits_of_swin_unetr_require_multiples_of_64():
    network = create_model("swin_unetr", 3, 2)
    with pytest.raises(ArgumentError, match=r"\(500, 512\).*multiples of 64"):
        network.logits(picture(3, 500, 512))


@NEEDS_SMP
@torch.inference_mode()
def test_the_unet_on_resnet_50_computes_the_same_as_its_library():
    from segmentation_models_pytorch import Unet

    network = filled(create_model("unet_resnet50", 4, 2))
    reference = Unet("resnet50", encoder_weights=None, in_channels=4, classes=2)
    reference.load_state_dict(network.state_dict())  # so it has the same names
    x = picture(4, 64, 96)
    expected = reference.eval()(x)
    assert expected.std() > 0.01
    torch.testing.assert_close(network(x), expected, rtol=0, atol=0)
    fold_batch_norm(network)  # as `predict` does
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(x), expected, atol=1e-4, rtol=1e-4)


def test_an_input_with_other_channels_is_refused():
    network = create_model("unet", 4, 2, features=FEATURES)
    with pytest.raises(ArgumentError, match=r"takes \(B, 4, H, W\), not \(1, 3, 32, 32\)"):
        network(picture(3, 32, 32))
