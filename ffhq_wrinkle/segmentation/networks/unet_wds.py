"""U-Net WDS: the U-Net with side outputs, trained by weighted deep supervision."""

import torch
from torch import nn
from torch.nn import functional

from .unet import OutConv, UNet


class UNetWDS(UNet):
    """The U-Net of Kim et al. [1]_, whose decoder levels have outputs of their own in training.

    It is `unet.UNet` with a 1x1 convolution at each decoder level of a half, a quarter and an
    eighth of the sides: `outc_2`, `outc_3` and `outc_4`, as the authors call them [2]_. Their
    outputs are upsampled to the full size (bilinear, corners not aligned), for
    `weighted_supervision.weighted_deep_supervision_loss`. The authors upsample before the 1x1
    convolution, which computes the same with up to 128 times the memory. In evaluation mode it is a
    U-Net.

    The 3x3 convolutions have biases, as in the authors' code. The batch normalisation that follows
    each removes its bias again, so they start at 0 and change nothing but the number of parameters:
    17,268,936 for 4 -> 2 channels, the 17.269M of the paper that compares with it [3]_, whose
    network then saw RGB and texture map as that of Kim et al. does; 17,268,360 for 3 -> 2. Without
    the 4,416 biases it would be 17,264,520.

    Parameters
    ----------
    in_channels : int
        4 for RGB and texture map, 3 for RGB.
    out_channels : int
        2 for background and wrinkle.
    features : int
        Channels of the first level; the others have multiples of it.

    References
    ----------
    .. [1] Kim, Yoon, Lee, Yoo. Facial wrinkle segmentation using weighted deep supervision and
       semi-automatic labeling. Artificial Intelligence in Medicine, 2023, 102679.
    .. [2] github.com/resemin/WeightedDeepSupervision, the first author's.
    .. [3] Moon, Chung, Jang. Facial Wrinkle Segmentation for Cosmetic Dermatology: Pretraining
       with Texture Map-Based Weak Supervision. ICPR 2024, arXiv:2408.10060.
    """

    def __init__(self, in_channels: int, out_channels: int, *, features: int = 64) -> None:
        super().__init__(in_channels, out_channels, features=features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is None:
                module.bias = nn.Parameter(torch.zeros(module.out_channels))
        self.outc_2 = OutConv(features, out_channels)
        self.outc_3 = OutConv(2 * features, out_channels)
        self.outc_4 = OutConv(4 * features, out_channels)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the final output, or in training mode all four, concatenated.

        They are one tensor rather than four, so that code that pads, crops or shares a batch among
        devices need not know about them.

        Parameters
        ----------
        x : torch.Tensor
            float, (B, in_channels, H, W), with sides that are multiples of 16.

        Returns
        -------
        torch.Tensor
            float, (B, out_channels, H, W); in training mode (B, 4 * out_channels, H, W): the final
            output, and those of a half, a quarter and an eighth of the sides, upsampled.
        """
        eighth, quarter, half, whole = self.decoded(x)
        final = torch.as_tensor(self.outc(whole))
        if not self.training:
            return final
        sides = [self.outc_2(half), self.outc_3(quarter), self.outc_4(eighth)]
        return torch.cat([final, *(_upsampled(side, final) for side in sides)], dim=1)


def _upsampled(side: torch.Tensor, final: torch.Tensor) -> torch.Tensor:
    """Return a side output at the size of the final one."""
    return functional.interpolate(side, size=final.shape[-2:], mode="bilinear", align_corners=False)
