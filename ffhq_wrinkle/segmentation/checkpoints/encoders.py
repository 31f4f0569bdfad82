"""Encoders: the tensors of torchvision's classifiers as those of our networks' encoders.

`CLASSIFIERS` has an entry for each classifier: the source of its weights, how it is made, how its
tensors are named and how its first layer becomes ours. Its other tensors are copied. `imagenet`
explains the choices and loads the weights.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt

import torch
from torch import nn
from torch.nn import functional

from ...inference.devices import IMAGENET_MEAN, IMAGENET_STD
from .weight_transfer import WeightTransfer

RGB = 3
Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class FirstLayer:
    """The first layer of an encoder, derived from that of a classifier.

    Attributes
    ----------
    tensors : dict of str to torch.Tensor
        By their names in the encoder.
    how : str
        How they were derived, for people.
    origins : set of str
        Names of the classifier's tensors that they were derived from.
    """

    tensors: dict[str, torch.Tensor]
    how: str
    origins: set[str]


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A classifier of torchvision whose weights fit the encoder of one of our networks.

    Attributes
    ----------
    source : str
        Name of its ImageNet weights in the table of sources.
    make : callable
        Makes it with random weights, for a network with the given number of features.
    name_of : callable
        Returns the classifier's name for a tensor of our network, or None if it has none.
    first_layer : callable
        Derives the first layer from the network's tensors and the classifier's.
    """

    source: str
    make: Callable[[int | None], nn.Module]
    name_of: Callable[[str], str | None]
    first_layer: Callable[[Tensors, Tensors], FirstLayer]


def encoder_weights(
    classifier: Classifier, own: Tensors, state: Tensors
) -> tuple[WeightTransfer, dict[str, torch.Tensor]]:
    """Derive a network's encoder from a classifier.

    It does what `imagenet.transfer_imagenet` describes, for any depth and window size. A tensor
    whose origin the classifier lacks is left out.

    Parameters
    ----------
    classifier : Classifier
        Entry of the table.
    own, state : mapping
        Named tensors of our network and of the classifier.

    Returns
    -------
    tuple
        The transfer of every tensor, and the values of those that change.
    """
    transfer = WeightTransfer()
    values: dict[str, torch.Tensor] = {}
    used: set[str] = set()
    for name, before in own.items():
        origin = classifier.name_of(name)
        if origin is None or origin not in state:
            transfer.unchanged.append(name)
            continue
        used.add(origin)
        value = state[origin]
        if name.endswith("relative_position_bias_table") and value.shape != before.shape:
            value = resized_table(value, isqrt(len(before)))
            transfer.derived[name] = "resized to another window by bicubic interpolation"
        values[name] = value
    first = classifier.first_layer(own, state)
    values |= first.tensors
    transfer.derived |= dict.fromkeys(first.tensors, first.how)
    transfer.copied = [name for name in values if name not in transfer.derived]
    transfer.unused = [name for name in state if name not in used | first.origins]
    return transfer, values


def resized_table(table: torch.Tensor, side: int) -> torch.Tensor:
    """Resize a relative position bias table to windows of another size.

    A window of w has offsets from -(w - 1) to w - 1 in rows and columns. The table is resized as
    an image of 2 w - 1 pixels a side for each head, by bicubic interpolation, as the authors of
    Swin Transformer do.

    Parameters
    ----------
    table : torch.Tensor
        float, (offsets in rows x offsets in columns, heads).
    side : int
        Wanted number of offsets in rows, and in columns.

    Returns
    -------
    torch.Tensor
        float, (side x side, heads).
    """
    before = isqrt(len(table))
    image = table.T.reshape(1, -1, before, before)
    resized = functional.interpolate(image, (side, side), mode="bicubic", align_corners=False)
    return resized.reshape(-1, side * side).T.contiguous()


def _resnet50(features: int | None) -> nn.Module:
    from torchvision import models

    network: nn.Module = models.resnet50(weights=None)
    return network


def _swin_t(features: int | None) -> nn.Module:
    """Make torchvision's ``swin_t``, with other features than its 96 if the network has others."""
    from torchvision.models.swin_transformer import SwinTransformer

    network: nn.Module = SwinTransformer(
        patch_size=[4, 4],
        embed_dim=features,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=[7, 7],
        stochastic_depth_prob=0.2,
    )
    return network


def _resnet50_name(name: str) -> str | None:
    return name.removeprefix("encoder.") if name.startswith("encoder.") else None


def _swin_t_name(name: str) -> str | None:
    """Return torchvision's name for a tensor of MONAI's transformer; each has its own buffers.

    Torchvision numbers the patch embedding, the stages and the patch mergings between them
    consecutively: patch embedding 0, stage 1, merging 2, ..., stage 7.
    """
    if match := re.fullmatch(r"swinViT\.patch_embed\.proj\.(weight|bias)", name):
        return f"features.0.0.{match[1]}"
    if match := re.fullmatch(r"swinViT\.layers(\d)\.0\.downsample\.(.+)", name):
        return f"features.{2 * int(match[1])}.{match[2]}"
    match = re.fullmatch(r"swinViT\.layers(\d)\.0\.blocks\.(\d+)\.(.+)", name)
    if not match or match[3].endswith("relative_position_index"):
        return None
    part = match[3].replace("mlp.linear1", "mlp.0").replace("mlp.linear2", "mlp.3")
    return f"features.{2 * int(match[1]) - 1}.{match[2]}.{part}"


def _resnet50_first_layer(own: Tensors, state: Tensors) -> FirstLayer:
    """Derive the first convolution, and the mean that is subtracted from it."""
    weight, shift = _for_our_inputs(state["conv1.weight"], own["encoder.conv1.weight"].shape[1])
    mean = state["bn1.running_mean"].double() - shift
    return FirstLayer(
        {"encoder.conv1.weight": weight.float(), "encoder.bn1.running_mean": mean.float()},
        "made for inputs of -1..1, with 0 for further channels",
        {"conv1.weight", "bn1.running_mean"},
    )


def _swin_t_first_layer(own: Tensors, state: Tensors) -> FirstLayer:
    """Derive the patch embedding, with the linear part of the normalisation that follows it."""
    names = [f"features.0.{part}" for part in ("0.weight", "0.bias", "2.weight", "2.bias")]
    convolution, bias, gain, offset = (state[name].double() for name in names)
    layer = "swinViT.patch_embed.proj"
    weight, shift = _for_our_inputs(convolution, own[f"{layer}.weight"].shape[1])
    weight = gain[:, None, None, None] * (weight - weight.mean(dim=0))
    bias = bias + shift
    bias = gain * (bias - bias.mean()) + offset
    return FirstLayer(
        {f"{layer}.weight": weight.float(), f"{layer}.bias": bias.float()},
        "made for inputs of -1..1, centred and weighted, with 0 for further channels",
        set(names),
    )


def _for_our_inputs(weight: torch.Tensor, in_channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a convolution of normalised images as one of x in -1..1, and the constant it adds.

    (x / 2 + 1 / 2 - mean) / std is x / (2 std) + (1 / 2 - mean) / std.
    """
    mean, std = (
        torch.tensor(values, dtype=torch.float64).view(1, RGB, 1, 1)
        for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    exact = weight.double()
    ours = exact.new_zeros(len(exact), in_channels, *exact.shape[2:])
    ours[:, :RGB] = exact / (2 * std)
    return ours, (exact * (0.5 - mean) / std).sum(dim=(1, 2, 3))


# By the names that `catalogue.NetworkSpec.classifier` has.
CLASSIFIERS = {
    "resnet50": Classifier(
        source="imagenet-resnet50",
        make=_resnet50,
        name_of=_resnet50_name,
        first_layer=_resnet50_first_layer,
    ),
    "swin_t": Classifier(
        source="imagenet-swin-t",
        make=_swin_t,
        name_of=_swin_t_name,
        first_layer=_swin_t_first_layer,
    ),
}
