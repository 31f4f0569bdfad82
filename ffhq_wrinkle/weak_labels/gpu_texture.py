"""GPU texture: face masks and texture maps of a batch of images on a GPU.

Face masks are those of `faces.labels`, texture maps those of `texture`, pixel for pixel. A GPU adds
up the Gaussian filter in a different order, but `SNAP` rounds the difference away.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch

from ..errors import ArgumentError
from ..faces.labels import FACE_PARTS
from ..inference.devices import batch_too_large
from ..inference.gpu_images import GpuBatch, Replayed, fetched, packed_bits
from .formulas import Formula, formula_named
from .texture import SNAP, TextureSettings

# OpenCV's weights of R, G and B in 8-bit images, in units of 2**-15 (its color_yuv module).
_GRAY_WEIGHTS, _GRAY_BITS = (9798, 19235, 3735), 15


class WeakOnGpu(NamedTuple):
    """Masks that a GPU computed for an image: weak mask, uint8 (H, W), and face mask as bits."""

    weak_mask: np.ndarray
    face_bits: np.ndarray

    def face(self) -> np.ndarray:
        """Return the face mask, bool (H, W)."""
        shape = self.weak_mask.shape
        return np.unpackbits(self.face_bits, count=math.prod(shape)).view(bool).reshape(shape)


class GpuWeakMasks:
    """Computation of the weak masks of batches that a parser left on a GPU.

    Parameters
    ----------
    texture : TextureSettings
        How texture maps are computed.
    parts : sequence of int
        The classes that are face.

    Raises
    ------
    ArgumentError
        The formula has no version for a GPU.
    """

    def __init__(self, texture: TextureSettings, parts: Sequence[int] = FACE_PARTS) -> None:
        _levels_on_gpu(texture.formula)
        self.texture = texture
        self.parts = tuple(parts)
        self._computed = Replayed(self._compute)

    def __call__(self, batch: GpuBatch) -> list[WeakOnGpu]:
        """Return weak masks and faces of a batch, fetched from the GPU together.

        Raises
        ------
        ArgumentError
            The device has too little memory for a batch.
        """
        shape = batch.images.shape[1:3]
        pixels = math.prod(shape)
        try:
            rows = fetched(self._computed(batch.images, batch.label_maps)[: batch.filled])
        except torch.OutOfMemoryError as error:
            raise batch_too_large(batch.images.device, len(batch.images)) from error
        return [WeakOnGpu(row[:pixels].reshape(shape), row[pixels:]) for row in rows]

    def _compute(self, images: torch.Tensor, label_maps: torch.Tensor) -> torch.Tensor:
        """Return a row of bytes per image, the weak mask and then the face's bits: uint8 (B, N)."""
        height, width = images.shape[1:3]
        kernel_size, sigma = self.texture.kernel((height, width))
        faces = face_masks(label_maps, (height, width), self.parts)
        weak = masked_texture_maps(
            images, faces, kernel_size=kernel_size, sigma=sigma, recipe=self.texture.recipe
        )
        return torch.cat([weak.flatten(1), packed_bits(faces)], dim=1)


def face_masks(
    label_maps: torch.Tensor, shape: tuple[int, int], parts: Sequence[int] = FACE_PARTS
) -> torch.Tensor:
    """Return face masks of the size of the images, as `labels.face_mask` does.

    Parameters
    ----------
    label_maps : torch.Tensor
        uint8, (B, 512, 512).
    shape : tuple of int
        Rows and columns of the images.
    parts : sequence of int
        The classes that are face.

    Returns
    -------
    torch.Tensor
        bool, (B, *shape).
    """
    face = label_maps == parts[0]
    for part in parts[1:]:
        face |= label_maps == part
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
    recipe: str,
) -> torch.Tensor:
    """Return texture maps inside faces and 0 outside, as `texture.masked_texture_map` does.

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

    Raises
    ------
    ArgumentError
        No formula has the name `recipe`, or it has no version for a GPU.
    """
    levels = _levels_on_gpu(formula_named(recipe))
    gray = gray_levels(images).double()
    filtered_plus_1 = _filtered(gray, kernel_size, sigma).add_(SNAP).sub_(SNAP - 1)
    return levels(gray, filtered_plus_1) * faces


def _levels_on_gpu(formula: Formula) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the function that computes a formula on a GPU, or raise an `ArgumentError`."""
    if formula.levels_on_gpu is None:
        raise ArgumentError(f"recipe {formula.name!r} is computed on the CPU alone, not on a GPU")
    return formula.levels_on_gpu


def gray_levels(images: torch.Tensor) -> torch.Tensor:
    """Return the gray levels that OpenCV computes of RGB: uint8 (..., 3) to int32 (...)."""
    red, green, blue = (
        images[..., channel].to(torch.int32) * weight
        for channel, weight in enumerate(_GRAY_WEIGHTS)
    )
    return (red + green + blue + (1 << (_GRAY_BITS - 1))) >> _GRAY_BITS


def _filtered(gray: torch.Tensor, kernel_size: int, sigma: float) -> torch.Tensor:
    """Return images after a Gaussian filter, as BORDER_REFLECT_101: float64 (B, H, W)."""
    weights = cv2.getGaussianKernel(kernel_size, sigma, cv2.CV_64F).ravel().tolist()
    half = kernel_size // 2
    for axis in (1, 2):
        length = gray.shape[axis]
        # A mirrored axis repeats itself after this many pixels; one pixel is its own mirror image.
        period = max(2 * (length - 1), 1)
        indices = torch.arange(-half, length + half, device=gray.device).remainder_(period)
        padded = gray.index_select(axis, torch.minimum(indices, period - indices))
        gray = torch.zeros_like(gray)
        for start, weight in enumerate(weights):
            gray.add_(padded.narrow(axis, start, length), alpha=weight)
    return gray
