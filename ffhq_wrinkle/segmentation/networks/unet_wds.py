"""U-Net WDS: the U-Net with side outputs, to be trained by weighted deep supervision."""

import torch
from torch import nn
from torch.nn import functional

from .unet import OutConv, UNet


class UNetWDS(UNet):
    """The U-Net of Kim et al. [1]_, each of whose steps up has an output while it is trained.

    `unet.UNet`, and a 1x1 convolution for each of the steps up at a half, a quarter and an eighth
    of the sides: `outc_2`, `outc_3` and `outc_4`, as the authors call them [2]_. What these give is
    enlarged to the full size (bilinear, corners not aligned), for
    `weighted_supervision.weighted_deep_supervision_loss`. The authors enlarge before the 1x1
    convolution, which gives the same with up to 128 times the memory. Evaluated, it is a U-Net.

    The 3x3 convolutions have biases, as theirs. The batch normalisation behind each takes its bias
    out again, so they change nothing but the number of parameters, and begin as 0. That is
    17,268,936 for 4 -> 2 channels, the 17.269M of the paper that compares with it [3]_, whose
    network then saw RGB and texture map as that of Kim et al. does; 17,268,360 for 3 -> 2. Without
    the biases, which are 4,416, it would be 17,264,520.

    Parameters
    ----------
    in_channels : int
        4 for RGB and texture map, 3 for RGB.
    out_channels : int
        2 for background and wrinkle.

    References
    ----------
    .. [1] Kim, Yoon, Lee, Yoo. Facial wrinkle segmentation using weighted deep supervision and
       semi-automatic labeling. Artificial Intelligence in Medicine, 2023, 102679.
    .. [2] github.com/resemin/WeightedDeepSupervision, the first author's.
    .. [3] Moon, Chung, Jang. Facial Wrinkle Segmentation for Cosmetic Dermatology: Pretraining
       with Texture Map-Based Weak Supervision. ICPR 2024, arXiv:2408.10060.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is None:
                module.bias = nn.Parameter(torch.zeros(module.out_channels))
        self.outc_2 = OutConv(self.width, out_channels)
        self.outc_3 = OutConv(2 * self.width, out_channels)
        self.outc_4 = OutConv(4 * self.width, out_channels)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """The final output, or in training mode all four, one behind the other.

        One tensor rather than four, so that whoever pads, crops or shares a batch among devices
        need not know of them.

        Parameters
        ----------
        x : torch.Tensor
            float, (B, in_channels, H, W), for sides that divide by 16.

        Returns
        -------
        torch.Tensor
            float, (B, out_channels, H, W); in training mode (B, 4 * out_channels, H, W): the final
            output, and those of a half, a quarter and an eighth of the sides, enlarged.
        """
        eighth, quarter, half, whole = self.decoded(x)
        final = torch.as_tensor(self.outc(whole))
        if not self.training:
            return final
        sides = [self.outc_2(half), self.outc_3(quarter), self.outc_4(eighth)]
        return torch.cat([final, *(_enlarged(side, final) for side in sides)], dim=1)


def _enlarged(side: torch.Tensor, final: torch.Tensor) -> torch.Tensor:
    """A side output at the size of the final one."""
    return functional.interpolate(side, size=final.shape[-2:], mode="bilinear", align_corners=False)
