"""U-Net on ResNet-50: segmentation_models_pytorch's network, for weights of ImageNet."""

import torch
from segmentation_models_pytorch import Unet

from .sized import SizedNetwork


class UnetResnet50(SizedNetwork):
    """U-Net [1]_ whose encoder is a ResNet-50 [2]_, as segmentation_models_pytorch builds it.

    It is that library's ``Unet("resnet50")``. The encoder is torchvision's ResNet-50 without its
    classifier: features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size. The decoder has five levels of
    256, 128, 64, 32 and 16 channels. Each upsamples to the nearest pixel, concatenates the skip
    connection, which the last level lacks, and has two 3x3 convolutions. A 3x3 convolution gives
    the logits. 32,521,250 parameters for 3 -> 2 channels.

    The parameters have the library's names.

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
    .. [2] He, Zhang, Ren, Sun. Deep Residual Learning for Image Recognition. CVPR 2016.
    """

    input_layers = ("encoder.conv1",)
    output_layer = "segmentation_head.0"
    divisor = 32
    least_side = 32

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        network = Unet(
            "resnet50", encoder_weights=None, in_channels=in_channels, classes=out_channels
        )
        # Its parts only: the whole has methods of the Hugging Face hub.
        self.encoder = network.encoder
        self.decoder = network.decoder
        self.segmentation_head = network.segmentation_head

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, out_channels, H, W) from (B, in_channels, H, W), sides multiples of 32."""
        return torch.as_tensor(self.segmentation_head(self.decoder(self.encoder(x))))
