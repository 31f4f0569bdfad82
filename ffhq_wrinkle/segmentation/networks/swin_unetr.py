"""Swin UNETR: the paper's transformer, which is MONAI's with a different last upsampling."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from monai.networks.blocks.unetr_block import UnetrUpBlock
from monai.networks.nets.swin_unetr import SwinUNETR

from ...errors import ArgumentError
from .sized import SizedNetwork
from .window_attention import LEAST_SIDE, WINDOW, OpenLayer

# From 1.6.1 on MONAI offers PyTorch's own attention, which gives the same numbers.
_OFFERED = inspect.signature(SwinUNETR.__init__).parameters
_FLASH: dict[str, Any] = {"use_flash_attention": True} if "use_flash_attention" in _OFFERED else {}

_PATCH = 4
_DEPTHS = (2, 2, 2, 2)
_HEADS = (3, 6, 12, 24)


class SwinUnetr(SizedNetwork, SwinUNETR):
    """Swin UNETR [1]_ in two dimensions, with patches of 4 and windows of 16.

    It differs from MONAI's network in two things. The transposed convolution of `decoder1` has
    kernel and stride 4 rather than 2, because patches of 4 must be upsampled to pixels. And sides
    need to be multiples of 64 only, not of 4**5: of the patch, and of 2 for each of the four patch
    mergings, which the decoder undoes. 25,239,980 parameters for 3 -> 2 channels and 48 features,
    25,241,228 for 4 -> 2; 100,643,708 for 3 -> 2 and 96 features, with which the transformer is as
    wide as Swin-T. The paper leaves out the 86,490 of the relative position bias tables, whose
    sizes do not depend on the features.

    Without gradients, attention is computed by PyTorch's scaled_dot_product_attention if MONAI
    offers it; the numbers are the same.

    Parameters
    ----------
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    out_channels : int
        1 for a texture map, 2 for background and wrinkle.
    features : int
        Channels of the first level, a multiple of 12.
    gradient_checkpointing : bool
        Recompute the transformer's activations in the backward pass rather than keep them, which
        takes less memory and more time.

    References
    ----------
    .. [1] Hatamizadeh et al. Swin UNETR: Swin Transformers for Semantic Segmentation of Brain
       Tumors in MRI Images. BrainLes 2021, arXiv:2201.01266.
    """

    input_layers = (
        "swinViT.patch_embed.proj", "encoder1.layer.conv1.conv", "encoder1.layer.conv3.conv",
    )  # fmt: skip
    output_layer = "out.conv.conv"
    channels_last = False  # most of its time is spent on matrix products
    divisor = _PATCH * 2 ** len(_DEPTHS)
    # Instance normalisation needs a variance, which a single position does not have.
    least_side = 2 * divisor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        features: int = 48,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            out_channels=out_channels,
            patch_size=_PATCH,
            depths=_DEPTHS,
            num_heads=_HEADS,
            window_size=WINDOW,
            feature_size=features,
            spatial_dims=2,
            use_checkpoint=gradient_checkpointing,
            **_FLASH,
        )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.decoder1 = UnetrUpBlock(
            spatial_dims=2,
            in_channels=features,
            out_channels=features,
            kernel_size=3,
            upsample_kernel_size=_PATCH,
            norm_name="instance",
            res_block=True,
        )

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, out_channels, H, W) from (B, in_channels, H, W), sides multiples of 64."""
        return torch.as_tensor(SwinUNETR.forward(self, x))  # type: ignore[no-untyped-call]

    def open_sizes(self) -> int:
        """Replace the transformer's layers by some that compute their windows from the size."""
        least_side: int = LEAST_SIDE - self.divisor + 1  # which is padded to LEAST_SIDE
        self.least_side = LEAST_SIDE
        transformer: Any = self.swinViT
        for level in range(1, len(_DEPTHS) + 1):
            layers = getattr(transformer, f"layers{level}")
            layers[0] = OpenLayer(layers[0])
        return least_side

    def _check_input_size(self, spatial_shape: Sequence[int]) -> None:
        """Replace MONAI's check, which requires multiples of the patch to the fifth power."""
        if any(side % self.divisor for side in spatial_shape):
            raise ArgumentError(
                f"sides are {tuple(spatial_shape)}; the logits of Swin UNETR need multiples of "
                f"{self.divisor}. Call the network itself, which pads and crops."
            )
