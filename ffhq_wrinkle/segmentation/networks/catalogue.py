"""Networks: making one by its name, or by the names in its weights."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch

from ...errors import ArgumentError, SourceError
from .sized import SizedNetwork, fitting_side

NetworkName = Literal[
    "unet", "swin_unetr", "striped_wrinet", "unet_wds", "unet_resnet50", "swin_unetr_96", "swin_mim"
]
NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)
# Two parameters that no other network has together: the second axis of one are the input channels,
# the first axis of the other the output channels. A network that has all of another's comes before.
_TELLTALES: dict[NetworkName, tuple[str, str]] = {
    "unet_wds": ("inc.double_conv.0.weight", "outc_4.conv.weight"),
    "unet": ("inc.double_conv.0.weight", "outc.conv.weight"),
    "swin_unetr": ("swinViT.patch_embed.proj.weight", "out.conv.conv.weight"),
    "striped_wrinet": ("levels.0.double_conv.0.weight", "last.weight"),
    "unet_resnet50": ("encoder.conv1.weight", "segmentation_head.0.weight"),
    "swin_unetr_96": ("swinViT.patch_embed.proj.weight", "out.conv.conv.weight"),
    "swin_mim": ("swinViT.patch_embed.proj.weight", "head.weight"),
}
# How many channels of the second there are for each output channel, where it is not one.
_PIXELS: dict[NetworkName, int] = {"swin_mim": 64**2}
# Of Swin UNETR; the first axis of its first telltale too.
_FEATURE_SIZES: dict[NetworkName, int] = {"swin_unetr": 48, "swin_unetr_96": 96}


def create_model(
    name: NetworkName,
    in_channels: int,
    out_channels: int,
    *,
    gradient_checkpointing: bool = False,
) -> SizedNetwork:
    """Make a network with random weights.

    Parameters
    ----------
    name : str
        "unet", "swin_unetr", "striped_wrinet", "unet_wds", "unet_resnet50" or "swin_mim": see
        `unet.UNet`, `swin_unetr.SwinUnetr`, `striped_wrinet.StripedWriNet`, `unet_wds.UNetWDS`,
        `unet_resnet50.UnetResnet50` and `swin_mim.SwinMim`. "swin_unetr_96" is Swin UNETR with
        twice the features. All weights are random: `imagenet.load_imagenet` brings ImageNet's.
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    out_channels : int
        1 for a texture map, 2 for background and wrinkle.
    gradient_checkpointing : bool
        Swin UNETR alone: train in less memory, and slower.

    Returns
    -------
    SizedNetwork
        Takes float (B, in_channels, H, W) in -1..1 of any size, and gives logits.

    Raises
    ------
    ArgumentError
        There is no such network, a number of channels is not positive, the network has no
        gradient checkpointing, or it needs a library that is not installed.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in create_model("unet", 4, 2).parameters())
    17263618
    """
    network: Any = _class_of(name)
    if in_channels < 1 or out_channels < 1:
        raise ArgumentError(f"channels are {in_channels} -> {out_channels}; 1 is the least")
    options: dict[str, Any] = {}
    if name in _FEATURE_SIZES:
        options["feature_size"] = _FEATURE_SIZES[name]
        options["gradient_checkpointing"] = gradient_checkpointing
    elif gradient_checkpointing:
        raise ArgumentError(f"{name} has no gradient checkpointing; swin_unetr has")
    model: SizedNetwork = network(in_channels, out_channels, **options)
    return model


def _class_of(name: NetworkName) -> type[SizedNetwork]:
    """The class of a network; its library is loaded here, so only if it is needed."""
    if name not in NETWORKS:
        raise ArgumentError(f"network is {name!r}; choose one of {', '.join(NETWORKS)}")
    if name in _FEATURE_SIZES:
        from .swin_unetr import SwinUnetr

        return SwinUnetr
    if name == "striped_wrinet":
        from .striped_wrinet import StripedWriNet

        return StripedWriNet
    if name == "unet_wds":
        from .unet_wds import UNetWDS

        return UNetWDS
    if name == "swin_mim":
        from .swin_mim import SwinMim

        return SwinMim
    if name == "unet_resnet50":
        from .unet_resnet50 import UnetResnet50

        return UnetResnet50
    from .unet import UNet

    return UNet


def fitting_crop(name: NetworkName, side: int) -> int:
    """The side nearest to one, at least as long, to which a network adds no margin.

    Parameters
    ----------
    name : str
        As `create_model`.
    side : int
        Of a crop, in pixels.

    Raises
    ------
    ArgumentError
        There is no such network.

    Examples
    --------
    >>> fitting_crop("unet", 250), fitting_crop("unet", 96), fitting_crop("swin_unetr", 96)
    (256, 96, 128)
    """
    return fitting_side(_class_of(name), side)


def described(state: Mapping[str, torch.Tensor]) -> tuple[NetworkName, int, int]:
    """Tell from named weights which network they are of, and its input and output channels.

    Raises
    ------
    SourceError
        Of none; the first few names are given.
    """
    for name, (first, last) in _TELLTALES.items():
        if first in state and last in state and state[first].ndim == state[last].ndim == 4:
            features, in_channels = state[first].shape[:2]
            if features == _FEATURE_SIZES.get(name, features):
                return name, in_channels, state[last].shape[0] // _PIXELS.get(name, 1)
    some = ", ".join(list(state)[:3])
    raise SourceError(
        f"the weights are of none of the networks {', '.join(NETWORKS)}: "
        + (f"they are called {some}, ..." if state else "there are no tensors with names")
    )
