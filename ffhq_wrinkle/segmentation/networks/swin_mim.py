"""Swin MIM: the transformer of Swin UNETR with a head that fills in masked patches."""

import torch
from torch import nn
from torch.nn import functional

from .sized import SizedNetwork
from .swin_unetr import SwinUnetr


class SwinMim(SizedNetwork):
    """The encoder of `SwinUnetr` for masked image modelling, after SimMIM [1]_.

    Where the image is masked, a learned token replaces each patch's embedding. The head is one 1x1
    convolution of the deepest features, which have 1/64 of the sides; its channels are the pixels
    of 64x64. The encoder's parameters have the names that they have in `SwinUnetr`, for which it is
    pretrained. Without a mask it reconstructs the whole image that it sees.

    Parameters
    ----------
    in_channels, out_channels : int
        3 for RGB; both are channels of the same image.
    features : int
        Channels of the first level, a multiple of 12.

    References
    ----------
    .. [1] Xie et al. SimMIM: A Simple Framework for Masked Image Modeling. CVPR 2022,
       arXiv:2111.09886.
    """

    input_layers = ("swinViT.patch_embed.proj",)
    output_layer = "head"
    channels_last = False
    divisor = SwinUnetr.divisor
    least_side = SwinUnetr.least_side

    def __init__(self, in_channels: int, out_channels: int, *, features: int = 48) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.swinViT = SwinUnetr(in_channels, 1, features=features).swinViT
        self.mask_token = nn.Parameter(torch.zeros(features))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.head = nn.Conv2d(features * 2**4, out_channels * self.divisor**2, 1)

    def forward(self, x: torch.Tensor, masked: torch.Tensor | None = None) -> torch.Tensor:
        """Reconstruct images.

        Parameters
        ----------
        x : torch.Tensor
            float, (B, in_channels, H, W), -1..1, of any size.
        masked : torch.Tensor, optional
            bool, (B, H, W): pixels that are hidden, in whole patches of 4x4; none if not given.

        Returns
        -------
        torch.Tensor
            float, (B, out_channels, H, W).
        """
        if masked is None:
            return super().forward(x)
        # The mask is one more channel, so that it is padded as the image is.
        return self.padded_logits(torch.cat([x, masked[:, None].to(x.dtype)], dim=1))

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Reconstruct (B, in_channels, H, W), or with a mask channel; sides multiples of 64."""
        tokens = self.swinViT.patch_embed(x[:, : self.in_channels])
        if x.shape[1] > self.in_channels:
            patch = x.shape[-1] // tokens.shape[-1]
            hidden = functional.max_pool2d(x[:, self.in_channels :], patch)
            tokens = tokens * (1 - hidden) + self.mask_token.view(1, -1, 1, 1) * hidden
        for number in range(1, self.swinViT.num_layers + 1):
            tokens = getattr(self.swinViT, f"layers{number}")[0](tokens.contiguous())
        deepest = self.swinViT.proj_out(tokens, normalize=True)  # type: ignore[no-untyped-call]
        return functional.pixel_shuffle(self.head(deepest), self.divisor)
