"""Pretrained: weights of stage 1 carried into a network of stage 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from ...inference.weights import load_strictly
from ..networks.catalogue import described
from ..networks.sized import SizedNetwork

ENCODER = "swinViT."


@dataclass
class Carried:
    """What was done to give a network weights: its tensors by name.

    Attributes
    ----------
    copied : list of str
        As they were.
    made : dict of str to str
        Made of others, and how.
    left : list of str
        Not touched, since the weights have nothing for them.
    unused : list of str
        Not the network's: what the weights have besides.
    """

    copied: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One line for people."""
        parts = [f"{len(self.copied)} tensors copied"]
        for how in dict.fromkeys(self.made.values()):
            parts.append(f"{_some([name for name in self.made if self.made[name] == how])} {how}")
        if self.left:
            parts.append(f"{_some(self.left)} left as they were")
        if self.unused:
            parts.append(f"{_some(self.unused)} of the weights not used")
        return "; ".join(parts)


def _some(names: Sequence[str]) -> str:
    """The first of several names, and how many there are."""
    return names[0] if len(names) == 1 else f"{len(names)} tensors ({names[0]}, ...)"


def load_pretrained(
    model: SizedNetwork,
    state: Mapping[str, torch.Tensor],
    *,
    source: str = "the pretrained checkpoint",
) -> Carried:
    """Carry pretrained weights into a network that is to be finetuned.

    All tensors are copied, but for these kinds:

    - Weights of further input channels (the texture map's) are 0. So the network begins with what
      it made of the first three, and learns from the texture map as soon as that helps.
    - Of one output channel (the texture map t) two are made: wrinkle is a copy of it and
      background its negative. So the logit of wrinkle against background begins as 2 t, which is
      large where the texture is strong.
    - Of three output channels (noise of R, G and B) nothing is taken: the output layer of two
      is left as it was.
    - Of `SwinMim` only the encoder is a part of the network; its mask token and head are not used,
      and the network's other tensors are left as they were.

    Parameters
    ----------
    model : SizedNetwork
        Changed in place.
    state : mapping
        Weights of the same kind of network, as `weights.named_tensors` gives them.
    source : str
        What errors call them.

    Returns
    -------
    Carried
        Every tensor of the model by name.

    Raises
    ------
    SourceError
        The weights are of another network, or of channels that no rule is for; nothing was changed.
    """
    own = model.state_dict()
    inputs = {f"{layer}.weight" for layer in model.input_layers}
    outputs = {f"{model.output_layer}.{part}" for part in ("weight", "bias")}
    carried = Carried()
    fitting: dict[str, torch.Tensor] = {}
    of_encoder = described(state)[0] == "swin_mim"
    for name, value in state.items():
        if of_encoder and not name.startswith(ENCODER):
            carried.unused.append(name)
            continue
        wanted = own[name].shape if name in own else value.shape
        if name in inputs and _gains(value.shape, wanted, axis=1):
            fitting[name] = value.new_zeros(wanted)
            fitting[name][:, : value.shape[1]] = value
            more = wanted[1] - value.shape[1]
            carried.made[name] = f"filled with 0 for {more} further input channel(s)"
        elif name in outputs and (value.shape[0], wanted[0]) == (1, 2):
            fitting[name] = torch.cat([-value, value])
            carried.made[name] = "copied for wrinkle, negated for background"
        elif name in outputs and (value.shape[0], wanted[0]) == (3, 2):
            carried.left.append(name)
        else:
            fitting[name] = value
            carried.copied.append(name)
    if of_encoder:
        carried.left += [name for name in own if not name.startswith(ENCODER)]
    left = {name: own[name] for name in carried.left}
    load_strictly(model, {**left, **fitting}, source=source, title="of this network")
    return carried


def _gains(there: torch.Size, wanted: torch.Size, *, axis: int) -> bool:
    """Whether a shape is another that only lacks some of an axis."""
    same = [first == second for at, (first, second) in enumerate(zip(there, wanted, strict=False))]
    return (
        len(there) == len(wanted)
        and there[axis] < wanted[axis]
        and all(equal for at, equal in enumerate(same) if at != axis)
    )
