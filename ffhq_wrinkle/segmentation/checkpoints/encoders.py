"""Encoders: the tensors of torchvision's classifiers as those of our networks' encoders.

Names, patch embeddings and tables differ, and what the images are normalised by; the rest is the
same. `imagenet` fetches the weights and says what is made of them and why.
"""

import re
from collections.abc import Mapping
from math import isqrt

import torch
from torch.nn import functional

from ...inference.devices import IMAGENET_MEAN, IMAGENET_STD
from ..networks.catalogue import NetworkName
from .pretrained import Carried

RGB = 3


def fitted(
    network: NetworkName, own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]
) -> tuple[Carried, dict[str, torch.Tensor]]:
    """What of a network's tensors comes from the classifier's, and their values.

    As `carry_imagenet`, for any depth and size of windows. A tensor that should come from one that
    is not there is left out.
    """
    name_there = _resnet50_name if network == "unet_resnet50" else _swin_t_name
    carried = Carried()
    fitting: dict[str, torch.Tensor] = {}
    used: set[str] = set()
    for name, there in own.items():
        origin = name_there(name)
        if origin is None or origin not in state:
            carried.left.append(name)
            continue
        used.add(origin)
        value = state[origin]
        if name.endswith("relative_position_bias_table") and value.shape != there.shape:
            value = resized_table(value, isqrt(len(there)))
            carried.made[name] = "resized to another window by bicubic interpolation"
        fitting[name] = value
    first = _resnet50_start if network == "unet_resnet50" else _swin_t_start
    start, how, sources = first(own, state)
    fitting |= start
    carried.made |= dict.fromkeys(start, how)
    carried.copied = [name for name in fitting if name not in carried.made]
    carried.unused = [name for name in state if name not in used | sources]
    return carried, fitting


def resized_table(table: torch.Tensor, side: int) -> torch.Tensor:
    """A relative position bias table for windows of another size.

    A window of w has offsets from -(w - 1) to w - 1 in rows and columns. The table is taken as an
    image of 2 w - 1 pixels a side for each head, and stretched: bicubic interpolation, as Swin
    Transformer's authors do it.

    Parameters
    ----------
    table : torch.Tensor
        float, (offsets in rows x offsets in columns, heads).
    side : int
        Offsets in rows, and in columns, to be.

    Returns
    -------
    torch.Tensor
        float, (side x side, heads).
    """
    before = isqrt(len(table))
    image = table.T.reshape(1, -1, before, before)
    larger = functional.interpolate(image, (side, side), mode="bicubic", align_corners=False)
    return larger.reshape(-1, side * side).T.contiguous()


def _resnet50_name(name: str) -> str | None:
    """What torchvision calls a tensor of the U-Net's encoder."""
    return name.removeprefix("encoder.") if name.startswith("encoder.") else None


def _swin_t_name(name: str) -> str | None:
    """What torchvision calls a tensor of MONAI's transformer; buffers are each one's own.

    Torchvision counts stages and the mergings between them in one row: patch embedding 0, stage 1,
    merging 2, ..., stage 7.
    """
    if found := re.fullmatch(r"swinViT\.patch_embed\.proj\.(weight|bias)", name):
        return f"features.0.0.{found[1]}"
    if found := re.fullmatch(r"swinViT\.layers(\d)\.0\.downsample\.(.+)", name):
        return f"features.{2 * int(found[1])}.{found[2]}"
    found = re.fullmatch(r"swinViT\.layers(\d)\.0\.blocks\.(\d+)\.(.+)", name)
    if not found or found[3].endswith("relative_position_index"):
        return None
    part = found[3].replace("mlp.linear1", "mlp.0").replace("mlp.linear2", "mlp.3")
    return f"features.{2 * int(found[1]) - 1}.{found[2]}.{part}"


def _resnet50_start(
    own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], str, set[str]]:
    """The first convolution, and the mean that is subtracted from it."""
    weight, shift = _for_our_inputs(state["conv1.weight"], own["encoder.conv1.weight"].shape[1])
    mean = state["bn1.running_mean"].double() - shift
    start = {"encoder.conv1.weight": weight, "encoder.bn1.running_mean": mean}
    how = "made for inputs of -1..1 and 0 for further channels"
    return _as_single(start), how, {"conv1.weight", "bn1.running_mean"}


def _swin_t_start(
    own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], str, set[str]]:
    """The patch embedding, with what is linear in the normalisation that follows it there."""
    names = [f"features.0.{part}" for part in ("0.weight", "0.bias", "2.weight", "2.bias")]
    convolution, bias, gain, moved = (state[name].double() for name in names)
    layer = "swinViT.patch_embed.proj"
    weight, shift = _for_our_inputs(convolution, own[f"{layer}.weight"].shape[1])
    bias = bias + shift
    start = {
        f"{layer}.weight": gain[:, None, None, None] * (weight - weight.mean(dim=0)),
        f"{layer}.bias": gain * (bias - bias.mean()) + moved,
    }
    how = "made for inputs of -1..1, centred and weighted, and 0 for further channels"
    return _as_single(start), how, set(names)


def _for_our_inputs(weight: torch.Tensor, in_channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A convolution of normalised images as one of x in -1..1, and the constant that this adds.

    (x / 2 + 1 / 2 - mean) / std is x / (2 std) and (1 / 2 - mean) / std.
    """
    mean, std = (
        torch.tensor(values, dtype=torch.float64).view(1, RGB, 1, 1)
        for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    exact = weight.double()
    ours = exact.new_zeros(len(exact), in_channels, *exact.shape[2:])
    ours[:, :RGB] = exact / (2 * std)
    return ours, (exact * (0.5 - mean) / std).sum(dim=(1, 2, 3))


def _as_single(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.float() for name, value in tensors.items()}
