"""U-Net: the paper's convolutional network."""

import torch
from torch import nn

from .sized import SizedNetwork


class UNet(SizedNetwork):
    """U-Net [1]_ with batch normalisation and bilinear upsampling.

    Five levels of 64, 128, 256, 512 and 512 channels. Each level has two 3x3 convolutions without
    bias, each followed by batch normalisation and ReLU. The encoder downsamples by 2x2 max pooling.
    In the decoder the deeper level is upsampled (bilinear, corners aligned) and concatenated after
    the skip connection, and the first convolution halves the number of channels. A 1x1 convolution
    gives the logits. 17,263,042 parameters for 3 -> 2 channels, 17,263,618 for 4 -> 2.

    The parameters have the names of the authors' checkpoints.

    Parameters
    ----------
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    out_channels : int
        1 for a texture map, 2 for background and wrinkle.
    features : int
        Channels of the first level; the others have multiples of it.

    References
    ----------
    .. [1] Ronneberger, Fischer, Brox. U-Net: Convolutional Networks for Biomedical Image
       Segmentation. MICCAI 2015.
    """

    input_layers = ("inc.double_conv.0",)
    output_layer = "outc.conv"
    divisor = 16
    least_side = 16

    def __init__(self, in_channels: int, out_channels: int, *, features: int = 64) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.inc = DoubleConv(in_channels, features, features)
        self.down1 = Down(features, 2 * features)
        self.down2 = Down(2 * features, 4 * features)
        self.down3 = Down(4 * features, 8 * features)
        self.down4 = Down(8 * features, 8 * features)
        self.up1 = Up((8 + 8) * features, 4 * features)
        self.up2 = Up((4 + 4) * features, 2 * features)
        self.up3 = Up((2 + 2) * features, features)
        self.up4 = Up((1 + 1) * features, features)
        self.outc = OutConv(features, out_channels)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, out_channels, H, W) from (B, in_channels, H, W), sides multiples of 16."""
        return torch.as_tensor(self.outc(self.decoded(x)[-1]))

    def decoded(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Compute the features of the decoder at 1/8, 1/4, 1/2 and all of the input's sides.

        They have 256, 128, 64 and 64 channels by default.
        """
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.down4(x4)
        levels = []
        for up, skipped in ((self.up1, x4), (self.up2, x3), (self.up3, x2), (self.up4, x1)):
            x = up(x, skipped)
            levels.append(x)
        return levels


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, each followed by batch normalisation and ReLU."""

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
        """Compute (B, out_channels, H, W) from (B, in_channels, H, W)."""
        return torch.as_tensor(self.double_conv(x))


class Down(nn.Module):
    """2x2 max pooling, then two convolutions."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(
            nn.MaxPool2d(2), DoubleConv(in_channels, out_channels, out_channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, out_channels, H / 2, W / 2) from (B, in_channels, H, W)."""
        return torch.as_tensor(self.maxpool_conv(x))


class Up(nn.Module):
    """Upsampling by 2, concatenation after the skip connection, then two convolutions."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = DoubleConv(in_channels, in_channels // 2, out_channels)

    def forward(self, x: torch.Tensor, skipped: torch.Tensor) -> torch.Tensor:
        """Compute (B, out_channels, H, W) from (B, C, H / 2, W / 2) and a skip (B, C, H, W)."""
        return torch.as_tensor(self.conv(torch.cat([skipped, self.up(x)], dim=1)))


class OutConv(nn.Module):
    """A 1x1 convolution that gives the logits of each pixel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, out_channels, H, W) from (B, in_channels, H, W)."""
        return torch.as_tensor(self.conv(x))
