"""Striped WriNet: a slim U-Net with attention along rows and columns, the way wrinkles lie."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import torch
from torch import nn
from torch.nn import functional

from .sized import SizedNetwork
from .unet import DoubleConv, Down

_WIDTHS = (24, 48, 96, 192)
_DEEPEST = 384
# Channels that global attention passes to the decoder at every level.
_SHARED = 48
_LENGTHS = (3, 7, 11)


class StripedWriNet(SizedNetwork):
    """Striped WriNet [1]_: striped attention between the encoder and decoder of a U-Net.

    The encoder is that of `unet.UNet` with 24, 48, 96, 192 and 384 channels. The features of its
    first four levels pass through the two parts of the striped attention module. Multi-scale
    striped attention weights each position by its surroundings, seen by convolutions of lengths 3,
    7 and 11 along the row and then along the column. Global striped attention upsamples all levels
    to full size, mixes them into 48 channels, and adds to each position the attention of its column
    to all columns (horizontal) and of its row to all rows (vertical). These 48 channels,
    downsampled, replace the skip connection at every level of the decoder: each deeper level is
    upsampled (bilinear, corners aligned) and concatenated after them, then two convolutions give
    192, 96, 48 and 24 channels. A 1x1 convolution gives the logits. 6,222,530 parameters for 3 -> 2
    channels, 6,222,746 for 4 -> 2.

    Parameters
    ----------
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    out_channels : int
        1 for a texture map, 2 for background and wrinkle.

    Notes
    -----
    The article's text was not available. The layers, their widths and lengths are those of the
    authors' official code [2]_, which has no licence; no line of it is used here. Two surprising
    details come from there as well: columns are summarised by their mean but rows by their maximum,
    and the keys have biases, which the softmax cancels. The code has neither weights nor training.
    It downsamples the shared channels by a function of torchvision that used to interpolate between
    the nearest positions and now averages; this network interpolates, as in the version that the
    authors name. Sides that are not multiples of 16, at which their code fails, are padded.

    Features that the authors concatenate only to mix them by a 1x1 convolution are mixed part by
    part here, and before upsampling: the same numbers with less memory.

    References
    ----------
    .. [1] Yang, Shen, Xu, Sun, Wu. Striped WriNet: Automatic wrinkle segmentation based on striped
       attention module. Biomedical Signal Processing and Control, 2024.
    .. [2] https://github.com/mingyu6yang/striped-wrinet
    """

    input_layers = ("levels.0.double_conv.0",)
    output_layer = "last"
    divisor = 16
    least_side = 16

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        first, *later = _WIDTHS
        self.levels = nn.ModuleList([DoubleConv(in_channels, first, first)])
        for finer, coarser in zip(_WIDTHS, (*later, _DEEPEST), strict=True):
            self.levels.append(Down(finer, coarser))
        self.near = nn.ModuleList(MultiScaleStripes(width) for width in _WIDTHS)
        self.across = GlobalStripes(_WIDTHS, _SHARED)
        self.ups = nn.ModuleList(
            DoubleConv(_SHARED + coarser, finer, finer)
            for finer, coarser in zip(_WIDTHS, (*later, _DEEPEST), strict=True)
        )
        self.last = nn.Conv2d(first, out_channels, 1)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, out_channels, H, W) from (B, in_channels, H, W), sides multiples of 16."""
        encoded = []
        for level in self.levels:
            x = level(x)
            encoded.append(x)
        x = encoded.pop()
        weighted = [near(features) for near, features in zip(self.near, encoded, strict=True)]
        shared = self.across(weighted)
        for up, features in zip(reversed(self.ups), reversed(weighted), strict=True):
            size = features.shape[-2:]
            # Corners are not aligned here, unlike in upsampling, and nothing is averaged.
            smaller = functional.interpolate(shared, size, mode="bilinear", align_corners=False)
            x = up(torch.cat([smaller, _upsampled(x, size)], dim=1))
        return torch.as_tensor(self.last(x))


class MultiScaleStripes(nn.Module):
    """Multi-scale striped attention: each position weighted by its row and column.

    Each length has a convolution along the row and one along the column, batch normalisation and
    ReLU. A 1x1 convolution of all of them and the logistic function give one weight per position.

    Parameters
    ----------
    channels : int
        Channels of the input, of each stripe, and of the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stripes = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, (1, length), padding=(0, length // 2), bias=False),
                nn.Conv2d(channels, channels, (length, 1), padding=(length // 2, 0), bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for length in _LENGTHS
        )
        self.weigh = nn.Conv2d(channels * len(_LENGTHS), 1, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weight (B, channels, H, W)."""
        striped = (stripe(x) for stripe in self.stripes)
        weight = reduce(torch.add, _mixed(self.weigh, striped))
        return torch.sigmoid(weight) * x


class GlobalStripes(nn.Module):
    """Global striped attention: all levels mixed, with attention among columns and among rows.

    Each column is summarised by its mean, each row by its maximum. Columns attend to columns, rows
    to rows (scaled dot products, one head), and the result of a column and of a row is added to all
    of their positions.

    Parameters
    ----------
    widths : sequence of int
        Channels of each level.
    channels : int
        Channels of the output.
    """

    def __init__(self, widths: Sequence[int], channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(sum(widths), channels, 1, bias=False)
        self.columns = Attention(channels)
        self.rows = Attention(channels)

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        """Compute (B, channels, H, W) from levels (B, its width, H / 2**level, W / 2**level)."""
        size = levels[0].shape[-2:]
        # A 1x1 convolution and bilinear interpolation commute.
        upsampled = (_upsampled(part, size) for part in _mixed(self.mix, levels))
        shared = reduce(torch.add, upsampled)
        columns = self.columns(shared.mean(dim=2)).unsqueeze(2)
        rows = self.rows(shared.amax(dim=3)).unsqueeze(3)
        return torch.as_tensor(shared + columns + rows)


class Attention(nn.Module):
    """Scaled dot-product attention with one head.

    Parameters
    ----------
    channels : int
        Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, channels, N) from the same."""
        x = x.transpose(1, 2).unsqueeze(1)  # ONNX needs an axis for heads
        attended = functional.scaled_dot_product_attention(
            self.query(x), self.key(x), self.value(x)
        )
        return attended.squeeze(1).transpose(1, 2)


def _mixed(mixing: nn.Conv2d, parts: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Yield the summands of a 1x1 convolution of concatenated parts, without concatenating them."""
    first = 0
    for part in parts:
        end = first + part.shape[1]
        yield functional.conv2d(part, mixing.weight[:, first:end])
        first = end


def _upsampled(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    return functional.interpolate(x, list(size), mode="bilinear", align_corners=True)
