"""Swin MIM: the transformer of Swin UNETR with a head that fills in masked patches."""

import torch
from torch import nn
from torch.nn import functional

from .sized import SizedNetwork
from .swin_unetr import SwinUnetr


class SwinMim(SizedNetwork):
    """The encoder of `SwinUnetr` for masked image modelling, as SimMIM has it [1]_.

    Where the image is masked, one learned token takes the place of each patch's embedding. The head
    is one 1x1 convolution on the deepest features, of 1/64 of the sides, whose channels are the
    pixels of 64x64. The encoder's parameters bear the names that they have in `SwinUnetr`, for
    which it is trained. Without a mask it reconstructs the image as it sees it.

    Parameters
    ----------
    in_channels, out_channels : int
        3 for RGB; both are the same image's.

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

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.swinViT = SwinUnetr(in_channels, 1).swinViT
        width = self.swinViT.embed_dim
        self.mask_token = nn.Parameter(torch.zeros(width))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self.head = nn.Conv2d(width * 2**4, out_channels * self.divisor**2, 1)

    def forward(self, x: torch.Tensor, masked: torch.Tensor | None = None) -> torch.Tensor:
        """Images filled in.

        Parameters
        ----------
        x : torch.Tensor
            float, (B, in_channels, H, W), -1..1, of any size.
        masked : torch.Tensor, optional
            bool, (B, H, W): what is not seen, in whole patches of 4x4 pixels; nothing if not given.

        Returns
        -------
        torch.Tensor
            float, (B, out_channels, H, W).
        """
        if masked is None:
            return super().forward(x)
        # A channel more, so that it is padded as the image is.
        return self.padded_logits(torch.cat([x, masked[:, None].to(x.dtype)], dim=1))

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, H, W), or with the mask as a further channel, for sides of 64."""
        tokens = self.swinViT.patch_embed(x[:, : self.in_channels])
        if x.shape[1] > self.in_channels:
            patch = x.shape[-1] // tokens.shape[-1]
            hidden = functional.max_pool2d(x[:, self.in_channels :], patch)
            tokens = tokens * (1 - hidden) + self.mask_token.view(1, -1, 1, 1) * hidden
        for number in range(1, self.swinViT.num_layers + 1):
            tokens = getattr(self.swinViT, f"layers{number}")[0](tokens.contiguous())
        deepest = self.swinViT.proj_out(tokens, normalize=True)  # type: ignore[no-untyped-call]
        return functional.pixel_shuffle(self.head(deepest), self.divisor)
