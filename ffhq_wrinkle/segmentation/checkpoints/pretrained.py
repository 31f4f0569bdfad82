"""Pretrained: weights of stage 1 as the initial weights of a network of stage 2."""

from collections.abc import Mapping

import torch

from ...inference.weights import load_strictly
from ..networks.catalogue import NETWORKS, described
from ..networks.sized import SizedNetwork
from .weight_transfer import WeightTransfer


def load_pretrained(
    model: SizedNetwork,
    state: Mapping[str, torch.Tensor],
    *,
    source: str = "the pretrained checkpoint",
) -> WeightTransfer:
    """Load pretrained weights into a network that is to be finetuned.

    All tensors are copied, except in these cases:

    - Weights of further input channels (the texture map's) are 0. The network thus starts with what
      it computed from the first three, and learns from the texture map as soon as that helps.
    - One output channel (the texture map t) becomes two: wrinkle is a copy of it and background its
      negative. The logit of wrinkle against background thus starts as 2 t, which is large where the
      texture is strong.
    - Three output channels (noise of R, G and B) are not used: the output layer of two is left as
      it was.
    - A network that only pretrains the encoder of another, `SwinMim`, has its encoder copied; its
      other tensors are not used, and those of the finetuned network are left as they were.

    Parameters
    ----------
    model : SizedNetwork
        Changed in place.
    state : mapping
        Weights of the same kind of network, as `weights.named_tensors` returns them.
    source : str
        Name of the weights in errors.

    Returns
    -------
    WeightTransfer
        Every tensor of the model by name.

    Raises
    ------
    SourceError
        The weights belong to another network, or to channels that no rule covers; nothing was
        changed.
    """
    own = model.state_dict()
    inputs = {f"{layer}.weight" for layer in model.input_layers}
    outputs = {f"{model.output_layer}.{part}" for part in ("weight", "bias")}
    transfer = WeightTransfer()
    fitting: dict[str, torch.Tensor] = {}
    encoder_of = NETWORKS[described(state).network].encoder_of
    prefix = encoder_of.prefix if encoder_of else ""
    for name, value in state.items():
        if not name.startswith(prefix):
            transfer.unused.append(name)
            continue
        wanted = own[name].shape if name in own else value.shape
        if name in inputs and _lacks_channels(value.shape, wanted, axis=1):
            fitting[name] = value.new_zeros(wanted)
            fitting[name][:, : value.shape[1]] = value
            more = wanted[1] - value.shape[1]
            transfer.derived[name] = f"filled with 0 for {more} further input channel(s)"
        elif name in outputs and (value.shape[0], wanted[0]) == (1, 2):
            fitting[name] = torch.cat([-value, value])
            transfer.derived[name] = "copied for wrinkle, negated for background"
        elif name in outputs and (value.shape[0], wanted[0]) == (3, 2):
            transfer.unchanged.append(name)
        else:
            fitting[name] = value
            transfer.copied.append(name)
    transfer.unchanged += [name for name in own if not name.startswith(prefix)]
    unchanged = {name: own[name] for name in transfer.unchanged}
    load_strictly(model, {**unchanged, **fitting}, source=source, title="of this network")
    return transfer


def _lacks_channels(shape: torch.Size, wanted: torch.Size, *, axis: int) -> bool:
    """Tell whether a shape is shorter than the wanted one along one axis, and equal elsewhere."""
    lengths = list(enumerate(zip(shape, wanted, strict=False)))
    return (
        len(shape) == len(wanted)
        and shape[axis] < wanted[axis]
        and all(length == needed for number, (length, needed) in lengths if number != axis)
    )
