"""Sized: networks that take images of any size; the one place where inputs are padded."""

from abc import abstractmethod

import torch
from torch import nn
from torch.nn import functional

from ...errors import ArgumentError


class SizedNetwork(nn.Module):
    """A network whose own input sizes have to divide, made to take any.

    Attributes
    ----------
    divisor : int
        What each side of the input of `logits` has to be a multiple of.
    least_side : int
        The shortest side that `logits` can work with.
    channels_last : bool
        Whether it is quicker with channels last in memory.
    in_channels, out_channels : int
        Of the input and of the logits.
    input_layers : tuple of str
        Names of the layers whose weights have a slice for each input channel, as their second
        axis.
    output_layer : str
        Name of the layer whose weights and biases have a slice for each output channel, as their
        first axis.
    """

    input_layers: tuple[str, ...]
    output_layer: str
    divisor: int
    least_side: int
    channels_last: bool = True
    in_channels: int
    out_channels: int

    @property
    def memory_format(self) -> torch.memory_format:
        """How its weights and inputs should lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def scaled(self, seen: torch.Tensor) -> torch.Tensor:
        """Bytes as the network takes them: x / 255 * 2 - 1, as its parameters are and lie.

        Parameters
        ----------
        seen : torch.Tensor
            uint8, (B, in_channels, H, W), on any device: bytes travel in a quarter of the time.

        Returns
        -------
        torch.Tensor
            Floating point of the same shape, -1..1.
        """
        parameter = next(self.parameters())
        x = seen.to(parameter.device, non_blocking=True).to(parameter.dtype)
        return x.div_(255).mul_(2).sub_(1).contiguous(memory_format=self.memory_format)

    @abstractmethod
    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """The network itself: (B, in_channels, H, W) to (B, out_channels, H, W).

        In training mode there may be further outputs behind the first, along the channels.
        """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of images of any size.

        An input whose sides do not divide is continued to the right and below by its last pixels,
        and what belongs to those is cut off the logits.

        Parameters
        ----------
        x : torch.Tensor
            float, (B, in_channels, H, W), -1..1.

        Returns
        -------
        torch.Tensor
            float, (B, out_channels, H, W), or what else `logits` gives in training mode.

        Raises
        ------
        ArgumentError
            The tensor has another number of dimensions or channels.
        """
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ArgumentError(
                f"the network takes (B, {self.in_channels}, H, W), not {tuple(x.shape)}"
            )
        return self.padded_logits(x)

    def padded_logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of an input of any size and with any channels that `logits` takes."""
        height, width = x.shape[-2:]
        bottom, right = (fitting_side(self, side) - side for side in (height, width))
        # Even if there is nothing to add: a network is exported as the way that one image took.
        padded = functional.pad(x, (0, right, 0, bottom), mode="replicate")
        return self.logits(padded)[..., :height, :width]


def fitting_side(network: SizedNetwork | type[SizedNetwork], side: int) -> int:
    """A side with the margin that a network adds to it."""
    divisor = network.divisor
    return max((side + divisor - 1) // divisor * divisor, network.least_side)
