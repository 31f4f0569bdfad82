"""U-Net: the paper's convolutional network."""

import torch
from torch import nn

from .sized import SizedNetwork


class UNet(SizedNetwork):
    """U-Net [1]_ with batch normalisation and bilinear up-sampling.

    Five levels of 64, 128, 256, 512 and 512 channels; two convolutions a level, each 3x3 without
    bias, batch-normalised, then ReLU; 2x2 max pooling on the way down. On the way up the deeper
    level is enlarged (bilinear, corners aligned) and put behind the skipped one, and the first
    convolution halves the number of channels. A 1x1 convolution gives the logits. 17,263,042
    parameters for 3 -> 2 channels, 17,263,618 for 4 -> 2.

    The parameters bear the names of the authors' checkpoints.

    Parameters
    ----------
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    out_channels : int
        1 for a texture map, 2 for background and wrinkle.

    References
    ----------
    .. [1] Ronneberger, Fischer, Brox. U-Net: Convolutional Networks for Biomedical Image
       Segmentation. MICCAI 2015.
    """

    width = 64  # channels of the first level; the others have multiples of it
    input_layers = ("inc.double_conv.0",)
    output_layer = "outc.conv"
    divisor = 16
    least_side = 16

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        width = self.width
        self.inc = DoubleConv(in_channels, width, width)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width)
        self.down3 = Down(4 * width, 8 * width)
        self.down4 = Down(8 * width, 8 * width)
        self.up1 = _Up((8 + 8) * width, 4 * width)
        self.up2 = _Up((4 + 4) * width, 2 * width)
        self.up3 = _Up((2 + 2) * width, width)
        self.up4 = _Up((1 + 1) * width, width)
        self.outc = OutConv(width, out_channels)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W), for sides that divide by 16."""
        return torch.as_tensor(self.outc(self.decoded(x)[-1]))

    def decoded(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What each of the four steps up gives: of 1/8, 1/4, 1/2 and all of the sides.

        They have 256, 128, 64 and 64 channels.
        """
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.down4(x4)
        steps = []
        for up, skipped in ((self.up1, x4), (self.up2, x3), (self.up3, x2), (self.up4, x1)):
            x = up(x, skipped)
            steps.append(x)
        return steps


class DoubleConv(nn.Module):
    """Convolution, batch normalisation and ReLU, twice."""

    def __init__(self, in_channels: int, between: int, out_channels: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, between, 3, padding=1, bias=False),
            nn.BatchNorm2d(between),
            nn.ReLU(inplace=True),
            nn.Conv2d(between, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W)."""
        return torch.as_tensor(self.double_conv(x))


class Down(nn.Module):
    """Half the size, then two convolutions."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(
            nn.MaxPool2d(2), DoubleConv(in_channels, out_channels, out_channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H / 2, W / 2)."""
        return torch.as_tensor(self.maxpool_conv(x))


class _Up(nn.Module):
    """Twice the size, behind what was skipped, then two convolutions."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = DoubleConv(in_channels, in_channels // 2, out_channels)

    def forward(self, x: torch.Tensor, skipped: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.conv(torch.cat([skipped, self.up(x)], dim=1)))


class OutConv(nn.Module):
    """The logits of each pixel, by a 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W)."""
        return torch.as_tensor(self.conv(x))
