"""GPU texture: the faces of `labels` and texture maps of `texture`, of a batch on a GPU.

The Gaussian's sums are made in another order there, which `texture` rounds away: levels are the
same.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
import torch

from ..faces.labels import NOSE, SKIN
from ..inference.devices import batch_too_large
from ..inference.gpu_images import GpuBatch, Replayed, fetched, packed_bits
from .texture import SNAP, Recipe, TextureSettings

# OpenCV's weights of R, G and B in 8-bit images, of 2**15 (its color_yuv module).
_GRAY_WEIGHTS, _GRAY_BITS = (9798, 19235, 3735), 15


class WeakOnGpu(NamedTuple):
    """What a GPU computed of an image: its weak mask, uint8 (H, W), and its face as bits."""

    weak_mask: np.ndarray
    face_bits: np.ndarray

    def face(self) -> np.ndarray:
        """The face mask, bool (H, W)."""
        shape = self.weak_mask.shape
        return np.unpackbits(self.face_bits, count=math.prod(shape)).view(bool).reshape(shape)


class GpuWeakMasks:
    """Makes the weak masks of batches that a parser left on a GPU."""

    def __init__(self, texture: TextureSettings) -> None:
        self.texture = texture
        self._computed = Replayed(self._compute)

    def __call__(self, batch: GpuBatch) -> list[WeakOnGpu]:
        """Weak masks and faces, fetched at once.

        Raises
        ------
        ArgumentError
            The device has too little memory for a batch.
        """
        shape = batch.images.shape[1:3]
        pixels = math.prod(shape)
        try:
            computed = fetched(self._computed(batch.images, batch.label_maps)[: batch.filled])
        except torch.OutOfMemoryError as error:
            raise batch_too_large(batch.images.device, len(batch.images)) from error
        return [WeakOnGpu(one[:pixels].reshape(shape), one[pixels:]) for one in computed]

    def _compute(self, images: torch.Tensor, label_maps: torch.Tensor) -> torch.Tensor:
        """Of each image the weak mask's pixels and the face's bits behind them, uint8 (B, N)."""
        height, width = images.shape[1:3]
        kernel_size, sigma = self.texture.kernel((height, width))
        faces = face_masks(label_maps, (height, width))
        weak = masked_texture_maps(
            images, faces, kernel_size=kernel_size, sigma=sigma, recipe=self.texture.recipe
        )
        return torch.cat([weak.flatten(1), packed_bits(faces)], dim=1)


def face_masks(label_maps: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Where faces are, at the size of the images, as `labels.face_mask` has it.

    Parameters
    ----------
    label_maps : torch.Tensor
        uint8, (B, 512, 512).
    shape : tuple of int
        Rows and columns of the images.

    Returns
    -------
    torch.Tensor
        bool, (B, *shape).
    """
    face = (label_maps == SKIN) | (label_maps == NOSE)
    for axis, length in enumerate(shape, start=1):
        centres = 2 * torch.arange(length, device=face.device) + 1
        face = face.index_select(axis, centres * face.shape[axis] // (2 * length))
    return face


def masked_texture_maps(
    images: torch.Tensor,
    faces: torch.Tensor,
    *,
    kernel_size: int,
    sigma: float,
    recipe: Recipe,
) -> torch.Tensor:
    """Texture maps inside faces and 0 outside, as `texture.masked_texture_map` has them.

    Parameters
    ----------
    images : torch.Tensor
        RGB, uint8, (B, H, W, 3), 0..255.
    faces : torch.Tensor
        bool, (B, H, W).
    kernel_size, sigma, recipe
        As in `texture.texture_map`.

    Returns
    -------
    torch.Tensor
        uint8, (B, H, W), 0..255.
    """
    gray = gray_levels(images).double()
    denominator = _filtered(gray, kernel_size, sigma).add_(SNAP).sub_(SNAP - 1)
    if recipe == "paper":
        response = (1 - gray.div_(denominator)).mul_(255)
        levels = response.clamp_(0, 255).round_().to(torch.uint8)
    else:
        quotient = gray.mul_(255).div_(denominator).clamp_(max=255)
        levels = 1 - quotient.to(torch.uint8)  # which wraps around, as published
    return levels * faces


def gray_levels(images: torch.Tensor) -> torch.Tensor:
    """Gray as OpenCV's, uint8 (..., 3) RGB to int32 (...)."""
    red, green, blue = (
        images[..., channel].to(torch.int32) * weight
        for channel, weight in enumerate(_GRAY_WEIGHTS)
    )
    return (red + green + blue + (1 << (_GRAY_BITS - 1))) >> _GRAY_BITS


def _filtered(gray: torch.Tensor, kernel_size: int, sigma: float) -> torch.Tensor:
    """Gaussian filter, border mirrored without repeating the edge: float64 (B, H, W)."""
    weights = cv2.getGaussianKernel(kernel_size, sigma, cv2.CV_64F).ravel().tolist()
    half = kernel_size // 2
    for axis in (1, 2):
        length = gray.shape[axis]
        # Where it is mirrored comes again after so many pixels; of one pixel there is but that.
        period = max(2 * (length - 1), 1)
        places = torch.arange(-half, length + half, device=gray.device).remainder_(period)
        padded = gray.index_select(axis, torch.minimum(places, period - places))
        gray = torch.zeros_like(gray)
        for start, weight in enumerate(weights):
            gray.add_(padded.narrow(axis, start, length), alpha=weight)
    return gray
