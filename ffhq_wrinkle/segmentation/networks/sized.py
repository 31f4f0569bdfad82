"""Sized: networks that take images of any size; the only place where inputs are padded."""

from abc import abstractmethod

import torch
from torch import nn
from torch.nn import functional

from ...errors import ArgumentError


class SizedNetwork(nn.Module):
    """A network that takes images of any size, although its layers need certain multiples.

    Attributes
    ----------
    divisor : int
        Each side of the input of `logits` must be a multiple of this.
    least_side : int
        Shortest side that `logits` can work with.
    channels_last : bool
        Whether it is faster with channels last in memory.
    in_channels, out_channels : int
        Channels of the input and of the logits.
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
        """Memory layout in which weights and inputs are processed fastest."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def scaled(self, seen: torch.Tensor) -> torch.Tensor:
        """Scale bytes to the network's input, x / 255 * 2 - 1, on its device and in its type.

        Parameters
        ----------
        seen : torch.Tensor
            uint8, (B, in_channels, H, W), on any device; bytes move there in a quarter of the time.

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
        """Compute (B, out_channels, H, W) from (B, in_channels, H, W).

        Sides need no padding. In training mode further outputs may follow the first, along the
        channels.
        """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the logits of images of any size.

        An input is padded on the right and at the bottom by repeating its last pixels, and the
        logits are cropped to its size.

        Parameters
        ----------
        x : torch.Tensor
            float, (B, in_channels, H, W), -1..1.

        Returns
        -------
        torch.Tensor
            float, (B, out_channels, H, W); in training mode there may be further channels, as
            `logits` returns them.

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
        """Pad an input with any channels that `logits` takes, and crop the logits."""
        height, width = x.shape[-2:]
        return self.logits(self.padded(x))[..., :height, :width]

    def padded(self, x: torch.Tensor) -> torch.Tensor:
        """Pad an input (B, C, H, W) on the right and at the bottom, as `forward` does."""
        bottom, right = (padded_side(self, side) - side for side in x.shape[-2:])
        # Padded even by nothing: an exported graph repeats the steps that one example took.
        return functional.pad(x, (0, right, 0, bottom), mode="replicate")

    def open_sizes(self) -> int:
        """Remove decisions that depend on the image's size, which an exported graph cannot make.

        The network is changed in place and computes the same. Most networks decide nothing.

        Returns
        -------
        int
            Shortest side, in pixels, of images for which it is then right.
        """
        return 1


def padded_side(network: SizedNetwork | type[SizedNetwork], side: int) -> int:
    """Return the length that a side has after a network's padding."""
    divisor = network.divisor
    return max((side + divisor - 1) // divisor * divisor, network.least_side)
