"""Weighted supervision: the loss of a network whose coarser levels have outputs of their own."""

import torch
from torch.nn import functional

from ...errors import ArgumentError
from .losses import soft_dice_of, soft_dice_sums
from .processes import summed_over_devices

CLASSES = 2


@torch.no_grad()
def weighted_wrinkle_map(wrinkle: torch.Tensor, scale: int) -> torch.Tensor:
    """Compute the weight of each pixel in the loss of an output with 1 / `scale` of the sides.

    A wrinkle is thinner than a pixel of a coarse output, which therefore cannot mark it without its
    surroundings. The weights are those of the authors' `gen_wwm.py` [1]_. The image is divided into
    blocks of `scale` times `scale` pixels, and s is the share of wrinkle in a block. Wrinkle weighs
    1. Any other pixel weighs s, or where s is 0 the mean s of the blocks with some wrinkle. The
    surroundings of a thin wrinkle thus weigh little, those of a broad one much.

    The authors leave some cases open, which are decided here: weights are not rounded to 256
    levels; blocks at the image's border consist of the pixels that they have; a pixel that is
    wrinkle only in part, by g, weighs g + (1 - g) s; and without any wrinkle, where the formula has
    no value, all weights are 1.

    Parameters
    ----------
    wrinkle : torch.Tensor
        float, (B, H, W): 1 where there is wrinkle, 0 where not, or a share between.
    scale : int
        Side of a block.

    Returns
    -------
    torch.Tensor
        float, (B, H, W), above 0, at most 1. It is computed on the mask's device, by pooling, so
        that nothing waits for the CPU. No sum depends on the order of threads, so the result is
        reproducible.

    References
    ----------
    .. [1] Kim, Yoon, Lee, Yoo. Facial wrinkle segmentation using weighted deep supervision and
       semi-automatic labeling. Artificial Intelligence in Medicine, 2023, 102679; the first
       author's github.com/resemin/WeightedDeepSupervision.

    Examples
    --------
    >>> weighted_wrinkle_map(torch.tensor([[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]), 2)
    tensor([[[0.2500, 1.0000, 0.2500, 0.2500],
             [0.2500, 0.2500, 0.2500, 0.2500]]])
    """
    height, width = wrinkle.shape[-2:]
    share = functional.avg_pool2d(wrinkle[:, None], scale, ceil_mode=True, count_include_pad=False)
    blocks = (share > 0).sum(dim=(2, 3), keepdim=True)
    mean = share.sum(dim=(2, 3), keepdim=True) / blocks  # 0 / 0 where there is no wrinkle
    share = torch.where(share > 0, share, torch.where(blocks > 0, mean, 1))
    beside = functional.interpolate(share, scale_factor=scale)[:, 0, :height, :width]
    return wrinkle + (1 - wrinkle) * beside


def weighted_deep_supervision_loss(logits: torch.Tensor, wrinkle: torch.Tensor) -> torch.Tensor:
    """Compute the soft Dice loss of the final output plus the weighted one of each coarser output.

    The loss is the sum over outputs of 1 - (1/C) sum_c 2 sum_i w_i p_ci g_ci / sum_i w_i (p_ci +
    g_ci), where w is the `weighted_wrinkle_map` of a coarser output, and 1 for the final one. The
    sums over i include all pixels of the batch, on all devices, as in `losses.soft_dice_loss`,
    which is the loss of a network with one output.

    Parameters
    ----------
    logits : torch.Tensor
        float, (B, outputs * 2, H, W), as `unet_wds.UNetWDS` returns them in training mode: the
        final output, then that of a half of the sides, of a quarter, and so on.
    wrinkle : torch.Tensor
        float, (B, H, W): 1 where there is wrinkle, 0 where not, or a share between.

    Returns
    -------
    torch.Tensor
        float, (), from 0 to the number of outputs.

    Raises
    ------
    ArgumentError
        The number of channels is not a multiple of two.

    Examples
    --------
    >>> certain = torch.tensor([[[[50.0, -50.0]], [[-50.0, 50.0]]]])
    >>> wrong = -certain
    >>> wrinkle = torch.tensor([[[0.0, 1.0]]])
    >>> round(float(weighted_deep_supervision_loss(torch.cat([certain, wrong], 1), wrinkle)), 6)
    1.0
    """
    if logits.shape[1] == 0 or logits.shape[1] % CLASSES:
        raise ArgumentError(
            f"logits have {logits.shape[1]} channels; each output has {CLASSES}, for background "
            "and wrinkle"
        )
    sums = []
    for level, output in enumerate(logits.chunk(logits.shape[1] // CLASSES, dim=1)):
        weight = weighted_wrinkle_map(wrinkle, 2**level) if level else None
        sums.append(soft_dice_sums(output, wrinkle, weight))
    of_outputs = summed_over_devices(torch.stack(sums))
    return torch.stack([soft_dice_of(of_one) for of_one in of_outputs]).sum()
