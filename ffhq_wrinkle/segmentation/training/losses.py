"""Losses: the quantities that training minimises, as functions of logits and targets."""

import torch
from torch.nn import functional

from .processes import summed_over_devices


def soft_dice_loss(logits: torch.Tensor, wrinkle: torch.Tensor) -> torch.Tensor:
    """Compute the soft Dice loss over background and wrinkle, Eq. 3 of the paper.

    1 - (1/C) sum_c 2 sum_i p_ci g_ci / (sum_i p_ci + sum_i g_ci), with the softmax p of the logits.
    The sums over i include all pixels of the batch, on whichever devices they are. The loss of a
    batch thus does not depend on how many devices share it, and is defined for images without
    wrinkles.

    Parameters
    ----------
    logits : torch.Tensor
        float, (B, 2, H, W).
    wrinkle : torch.Tensor
        float, (B, H, W): 1 where there is wrinkle, 0 where not, or a share between.

    Returns
    -------
    torch.Tensor
        float, ().

    Examples
    --------
    >>> certain = torch.tensor([[[[50.0, -50.0]], [[-50.0, 50.0]]]])
    >>> round(float(soft_dice_loss(certain, torch.tensor([[[0.0, 1.0]]]))), 6)
    0.0
    """
    return soft_dice_of(summed_over_devices(soft_dice_sums(logits, wrinkle)))


def soft_dice_sums(
    logits: torch.Tensor, wrinkle: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Compute the sums of Eq. 3, which add up over images: float (2, C), of p g and of p + g.

    With a weight w, float (B, H, W), they are the sums of w p g and of w (p + g).
    """
    # Not in half precision: sums over millions of pixels, most of them background.
    probability = _at_least_single(logits).softmax(dim=1)
    truth = torch.stack([1 - wrinkle, wrinkle], dim=1).to(probability.dtype)
    both, either = probability * truth, probability + truth
    if weight is not None:
        both, either = (values * weight[:, None].to(values.dtype) for values in (both, either))
    axes = (0, 2, 3)
    return torch.stack([both.sum(axes), either.sum(axes)])


def soft_dice_of(sums: torch.Tensor) -> torch.Tensor:
    """Compute Eq. 3 from its sums, as `soft_dice_sums` returns them."""
    both, either = sums
    smallest = torch.finfo(sums.dtype).tiny  # for a class that occurs nowhere
    loss: torch.Tensor = 1 - (2 * both / either.clamp_min(smallest)).mean()
    return loss


def mse_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Compute the mean squared error of a network's output, such as a texture map.

    Parameters
    ----------
    logits, target : torch.Tensor
        float, both (B, C, H, W).

    Returns
    -------
    torch.Tensor
        float, ().
    """
    predicted = _at_least_single(logits)
    return functional.mse_loss(predicted, target.to(predicted.dtype))


def masked_l1_loss(logits: torch.Tensor, image: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
    """Compute the mean absolute error of an image inside a mask.

    Parameters
    ----------
    logits, image : torch.Tensor
        float, both (B, C, H, W).
    masked : torch.Tensor
        bool, (B, H, W): the pixels that count, at least one.

    Returns
    -------
    torch.Tensor
        float, ().
    """
    predicted = _at_least_single(logits)
    error = (predicted - image.to(predicted.dtype)).abs().mean(dim=1)
    return (error * masked).sum() / masked.sum()


def _at_least_single(values: torch.Tensor) -> torch.Tensor:
    """Convert half precision to single; leave single and double as they are."""
    return values.float() if values.itemsize < torch.float32.itemsize else values
