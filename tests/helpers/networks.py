"""Networks with numbers of our own, and what to show them."""

import pytest
import torch
from torch.nn import functional

from ffhq_wrinkle.segmentation.networks.catalogue import NETWORKS, create_model

NEEDS_SMP = pytest.mark.skipif(
    not NETWORKS["unet_resnet50"].is_installed, reason="needs the extra smp"
)
EACH = [
    pytest.param(
        name, marks=pytest.mark.skipif(not spec.is_installed, reason=f"needs {spec.library}")
    )
    for name, spec in NETWORKS.items()
]
# Channels of the first level in tests that do not depend on their number, of any network.
FEATURES = 12

WRINKLE_LEVEL = 40


def small_model(name, in_channels, out_channels):
    """Make a network with few features, or as it is if they are fixed."""
    features = FEATURES if NETWORKS[name].features else None
    return create_model(name, in_channels, out_channels, features=features)


def filled(network, seed=0):
    """Give a network other numbers than it has at first, batch statistics included."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            scale = 0.5 / max(1, value[0].numel()) ** 0.5 if value.ndim > 1 else 0.2
            value.copy_(scale * torch.randn(value.shape, generator=generator))
            if name.endswith(("running_var", "norm1.weight", "norm2.weight")):
                value.abs_().add_(0.5)
    return network.eval()


def picture(channels, height, width, seed=1):
    """Something smooth with some noise, -1..1: (1, channels, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, channels, 5, 5), generator=generator)
    smooth = functional.interpolate(coarse, (height, width), mode="bicubic")
    noise = torch.rand(smooth.shape, generator=generator)
    return (0.8 * smooth + 0.2 * noise).clamp(0, 1) * 2 - 1


def threshold_unet(channels: int = 4, level: int = WRINKLE_LEVEL, *, features: int = FEATURES):
    """A U-Net set by hand: wrinkle where its last input channel is above a level of 0..255."""
    network = create_model("unet", channels, 2, features=features).eval()
    state = network.state_dict()
    for name, value in state.items():
        if value.is_floating_point() and not name.endswith("running_var"):
            value.zero_()
    for block, source in (("inc", channels - 1), ("up4.conv", 0)):  # up4 sees what was skipped
        for layer, taken in ((0, source), (3, 0)):
            state[f"{block}.double_conv.{layer}.weight"][0, taken, 1, 1] = 1
            state[f"{block}.double_conv.{layer + 1}.weight"][0] = 1
    state["inc.double_conv.1.bias"][0] = 1  # from -1..1 to 0..2, which no ReLU cuts
    state["outc.conv.weight"][1, 0] = 255 / 2
    state["outc.conv.bias"][1] = -level - 0.5
    with torch.no_grad():
        network.load_state_dict(state)
    return network
