"""Parameters: how many a network has, as the paper counts them and in total."""

from contextlib import nullcontext
from functools import cache
from typing import NamedTuple

import torch

from .catalogue import create_model, network_spec


class ParameterCounts(NamedTuple):
    """Numbers of parameters: as the paper counts them, and all.

    The paper leaves out the tables of relative positions of Swin UNETR.
    """

    paper: int
    whole: int


@cache
def parameter_counts(
    network: str, in_channels: int, out_channels: int, features: int | None = None
) -> ParameterCounts:
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
    spec = network_spec(network)
    # The device "meta" needs no memory for the weights.
    with torch.device("meta") if spec.made_on_meta else nullcontext():
        model = create_model(network, in_channels, out_channels, features=features)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    whole = sum(sizes.values())
    if not spec.uncounted:
        return ParameterCounts(whole, whole)
    uncounted = sum(size for name, size in sizes.items() if name.endswith(spec.uncounted))
    return ParameterCounts(whole - uncounted, whole)
