"""Boxed U-Net: the same logits as the whole network's, within the box of a face."""

import numpy as np
import pytest
import torch
from torch import nn

from ffhq_wrinkle.segmentation.networks.boxed_unet import BoxedUNet
from ffhq_wrinkle.segmentation.networks.catalogue import create_model

SIDES = [(299, 333), (160, 400)]
# Rows and columns of the pixels that are not black, as shares of the sides.
BOXES = {
    "inside": (0.3, 0.7, 0.25, 0.6),
    "at the upper left": (0, 0.5, 0, 0.4),
    "at the lower right": (0.6, 1, 0.5, 1),
    "from top to bottom": (0, 1, 0.4, 0.7),
    "near the border": (0.02, 0.6, 0.03, 0.9),
    "a few pixels": (0.5, 0.51, 0.5, 0.51),
    "everything": (0, 1, 0, 1),
}


@pytest.fixture(scope="module", params=["unet", "unet_wds"])
def network(request):
    """A network whose logits depend on pixels that are far away, in double precision."""
    torch.manual_seed(0)
    network = create_model(request.param, 4, 2, features=4).double().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network


def photograph(sides, box):
    """Noise in a box of a black image, uint8 (1, 4, H, W), and the box as slices."""
    height, width = sides
    top, bottom, left, right = box
    rows = slice(int(top * height), max(int(bottom * height), int(top * height) + 1))
    columns = slice(int(left * width), max(int(right * width), int(left * width) + 1))
    seen = np.zeros((1, 4, height, width), np.uint8)
    inside = seen[:, :, rows, columns]
    inside[:] = np.random.default_rng(0).integers(0, 256, inside.shape)
    inside[:, :, [0, -1]] = inside[:, :, :, [0, -1]] = 200  # so that no row of the box is black
    return torch.from_numpy(seen), (..., rows, columns)


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES.keys())
@torch.inference_mode()
def test_logits_in_the_box_are_those_of_the_whole_image(network, sides, box):
    seen, inside = photograph(sides, box)
    whole = network(network.scaled(seen))
    logits = BoxedUNet(network).logits(seen)
    assert logits.shape == whole.shape
    assert whole[inside].std() > 0.05, "a network that answers everything alike proves nothing"
    torch.testing.assert_close(logits[inside], whole[inside], atol=1e-12, rtol=0)


@torch.inference_mode()
def test_logits_outside_the_box_are_those_of_black(network):
    seen, inside = photograph((400, 400), BOXES["inside"])
    middle = network(network.scaled(torch.zeros_like(seen)))[:, :, 200:201, 200:201]
    logits = BoxedUNet(network).logits(seen)
    outside = torch.ones((400, 400), dtype=torch.bool)
    outside[inside[1:]] = False
    black = logits[..., outside]
    torch.testing.assert_close(black, middle.flatten(2).expand(black.shape))
    empty = BoxedUNet(network).logits(torch.zeros_like(seen))
    torch.testing.assert_close(empty, middle.expand(empty.shape))


@pytest.mark.parametrize("side", [16, 144])
@torch.inference_mode()
def test_small_images_are_computed_as_a_whole(network, side):
    seen = torch.zeros((1, 4, side, side), dtype=torch.uint8)
    seen[..., 3:9, 4:12] = 99
    whole = network(network.scaled(seen))
    torch.testing.assert_close(BoxedUNet(network).logits(seen), whole, atol=0, rtol=0)
