"""Striped WriNet: a slim U-Net that looks along rows and columns, as wrinkles lie."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import torch
from torch import nn
from torch.nn import functional

from .sized import SizedNetwork
from .unet import DoubleConv, Down

_WIDTHS = (24, 48, 96, 192)
_DEEPEST = 384
# Channels of what global attention hands to the decoder at every level.
_SHARED = 48
_LENGTHS = (3, 7, 11)


class StripedWriNet(SizedNetwork):
    """Striped WriNet [1]_: striped attention between the encoder and decoder of a U-Net.

    The encoder is that of `unet.UNet` with 24, 48, 96, 192 and 384 channels. What it has on each of
    the first four levels goes through the two parts of the striped attention module. Multi-scale
    striped attention weights each position by its surroundings, which convolutions of lengths 3, 7
    and 11 see along the row and then along the column. Global striped attention brings all levels
    to full size, mixes them into 48 channels, and adds what each column learns from all columns
    (horizontal) and each row from all rows (vertical). The decoder has these same 48 channels on
    every level, made smaller, in place of the skipped ones: each deeper level is enlarged
    (bilinear, corners aligned) and put behind them, then two convolutions give 192, 96, 48 and 24
    channels. A 1x1 convolution gives the logits. 6,222,530 parameters for 3 -> 2 channels,
    6,222,746 for 4 -> 2.

    Parameters
    ----------
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    out_channels : int
        1 for a texture map, 2 for background and wrinkle.

    Notes
    -----
    The article's text was not at hand. The layers, their widths and lengths are those of the code
    that its authors publish as the official one [2]_, which carries no licence; no line of it is
    here. What surprises comes from there as well: columns are summed up by their mean but rows by
    their maximum, and the keys have biases, which the softmax cancels. It has neither weights nor
    training, and by itself does not say how the shared channels are made smaller: by a function of
    torchvision that used to interpolate between the nearest positions and now averages. Chosen here
    is the former, of the version that the authors name. Sides that do not divide, at which theirs
    fails, are padded.

    What is put side by side only to be mixed by a 1x1 convolution is mixed part by part here, and
    before it is enlarged: the same numbers, in less memory.

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
        """(B, in_channels, H, W) to (B, out_channels, H, W), for sides that divide by 16."""
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        deepest = found.pop()
        weighted = [near(level) for near, level in zip(self.near, found, strict=True)]
        shared = self.across(weighted)
        x = deepest
        for up, level in zip(reversed(self.ups), reversed(weighted), strict=True):
            size = level.shape[-2:]
            # No corners aligned and no averaging here, unlike on the way up.
            smaller = functional.interpolate(shared, size, mode="bilinear", align_corners=False)
            x = up(torch.cat([smaller, _enlarged(x, size)], dim=1))
        return torch.as_tensor(self.last(x))


class MultiScaleStripes(nn.Module):
    """Multi-scale striped attention: each position weighted by what lies along row and column.

    For each length a convolution along the row and one along the column, batch normalisation and
    ReLU; a 1x1 convolution of all of them and the logistic function give one weight a position.

    Parameters
    ----------
    channels : int
        Of the input, of each stripe, and of the output.
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
        """(B, channels, H, W) to the same."""
        seen = (stripe(x) for stripe in self.stripes)
        weight = reduce(torch.add, _mixed(self.weigh, seen))
        return torch.sigmoid(weight) * x


class GlobalStripes(nn.Module):
    """Global striped attention: all levels in one, to which far columns and rows contribute.

    Each column is summed up by its mean, each row by its maximum. Columns attend to columns, rows
    to rows (scaled dot products, one head), and what a column and a row so learn is added to all
    of their positions.

    Parameters
    ----------
    widths : sequence of int
        Channels of each level.
    channels : int
        Of the output.
    """

    def __init__(self, widths: Sequence[int], channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(sum(widths), channels, 1, bias=False)
        self.columns = Attention(channels)
        self.rows = Attention(channels)

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        """Levels (B, channels of each, H / 2**level, W / 2**level) to (B, channels, H, W)."""
        size = levels[0].shape[-2:]
        # A 1x1 convolution and bilinear interpolation may change places.
        enlarged = (_enlarged(part, size) for part in _mixed(self.mix, levels))
        shared = reduce(torch.add, enlarged)
        columns = self.columns(shared.mean(dim=2)).unsqueeze(2)
        rows = self.rows(shared.amax(dim=3)).unsqueeze(3)
        return torch.as_tensor(shared + columns + rows)


class Attention(nn.Module):
    """Scaled dot-product attention with one head.

    Parameters
    ----------
    channels : int
        Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, N) to the same."""
        x = x.transpose(1, 2).unsqueeze(1)  # ONNX wants an axis for heads
        seen = functional.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
        return seen.squeeze(1).transpose(1, 2)


def _mixed(mixing: nn.Conv2d, parts: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """What sums up to a 1x1 convolution of parts put side by side, which takes memory."""
    first = 0
    for part in parts:
        end = first + part.shape[1]
        yield functional.conv2d(part, mixing.weight[:, first:end])
        first = end


def _enlarged(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    return functional.interpolate(x, list(size), mode="bilinear", align_corners=True)
