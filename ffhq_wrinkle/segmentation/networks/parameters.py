"""Parameters: how many a network has, as the paper counts them and all of them."""

from contextlib import nullcontext
from functools import cache
from typing import NamedTuple

import torch

from .catalogue import NetworkName, create_model

# The paper leaves these out of its counts of Swin UNETR: 25.153M for 25,239,980.
_LEFT_OUT = "relative_position_bias_table"
_SWIN: tuple[NetworkName, ...] = ("swin_unetr", "swin_unetr_96", "swin_mim")


class ParameterCounts(NamedTuple):
    """Parameters as the paper counts them, without tables of relative positions, and all."""

    paper: int
    whole: int


@cache
def parameter_counts(network: NetworkName, in_channels: int, out_channels: int) -> ParameterCounts:
    """Count the parameters of a network that `catalogue.create_model` makes.

    Raises
    ------
    ArgumentError
        As `catalogue.create_model`.

    Examples
    --------
    >>> parameter_counts("unet", 4, 2)
    ParameterCounts(paper=17263618, whole=17263618)
    """
    # Without memory for the weights; but MONAI reads values while it makes Swin UNETR.
    with nullcontext() if network in _SWIN else torch.device("meta"):
        model = create_model(network, in_channels, out_channels)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    left_out = sum(size for name, size in sizes.items() if name.endswith(_LEFT_OUT))
    whole = sum(sizes.values())
    return ParameterCounts(whole - left_out, whole)
