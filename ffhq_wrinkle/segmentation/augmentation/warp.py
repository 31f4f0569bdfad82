"""Warp: pixels taken from elsewhere in an image, as a sampling grid says.

What is warped by one grid stays together, whether on the CPU (`warp_image`, `warp_levels`,
`warp_mask`) or, a batch at a time, where its tensors are (`warp_tensor`). Beyond the border all is
0: training images are black outside the face anyway. `augmentation` makes random grids.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
import torch
from torch.nn import functional

from ...errors import ArgumentError


class SamplingGrid(NamedTuple):
    """Where each pixel of the output is taken from: two float32 maps (h, w).

    Coordinates are OpenCV's: x to the right, y down, (0, 0) the centre of the first pixel.
    """

    x: np.ndarray
    y: np.ndarray


def warp_image(image: np.ndarray, grid: SamplingGrid) -> np.ndarray:
    """An image as a grid takes it, bilinear.

    Parameters
    ----------
    image : np.ndarray
        uint8 (H, W, C) of 1 to 4 channels: RGB, or what a network sees. Four are quicker than
        three.
    grid : SamplingGrid
        Maps (h, w).

    Returns
    -------
    np.ndarray
        uint8 (h, w, C), 0 beyond the border, which is blended with over one pixel.

    Raises
    ------
    ArgumentError
        The image has another dtype or shape or no pixels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or not 1 <= image.shape[2] <= 4:
        raise ArgumentError(f"image should be uint8 (H, W, 1..4), is {image.dtype} {image.shape}")
    # OpenCV drops the last axis where that is 1.
    return _remapped(image, grid, cv2.INTER_LINEAR).reshape(*grid.x.shape, image.shape[2])


def warp_levels(levels: np.ndarray, grid: SamplingGrid) -> np.ndarray:
    """A map of levels as a grid takes it, bilinear: a texture map, or a soft label.

    Parameters
    ----------
    levels : np.ndarray
        uint8 (H, W), 0..255.
    grid : SamplingGrid
        Maps (h, w).

    Returns
    -------
    np.ndarray
        uint8 (h, w), 0 beyond the border.

    Raises
    ------
    ArgumentError
        The map has another dtype or shape or no pixels.
    """
    if levels.dtype != np.uint8 or levels.ndim != 2:
        raise ArgumentError(f"levels should be uint8 (H, W), are {levels.dtype} {levels.shape}")
    return _remapped(levels, grid, cv2.INTER_LINEAR)


def warp_mask(mask: np.ndarray, grid: SamplingGrid) -> np.ndarray:
    """A mask or label map as a grid takes it: each pixel whole, the nearest one.

    Parameters
    ----------
    mask : np.ndarray
        bool or uint8, (H, W).
    grid : SamplingGrid
        Maps (h, w).

    Returns
    -------
    np.ndarray
        Of the mask's dtype, (h, w), False or 0 beyond the border; no value that the mask has not.

    Raises
    ------
    ArgumentError
        The mask has another dtype or shape or no pixels.
    """
    if mask.dtype not in (np.bool_, np.uint8) or mask.ndim != 2:
        raise ArgumentError(f"mask should be bool or uint8 (H, W), is {mask.dtype} {mask.shape}")
    return _remapped(mask.view(np.uint8), grid, cv2.INTER_NEAREST).view(mask.dtype)


def grid_tensor(grids: Sequence[SamplingGrid], shape: tuple[int, int]) -> torch.Tensor:
    """Grids for `warp_tensor`.

    Parameters
    ----------
    grids : sequence of SamplingGrid
        One for each image of the batch, of one size (h, w).
    shape : tuple of int
        Rows and columns (H, W) of the images to be warped.

    Returns
    -------
    torch.Tensor
        float32 (B, h, w, 2) of x and y, where -1 and 1 are the outer edges of the border pixels,
        as `grid_sample` has them with `align_corners=False`.

    Raises
    ------
    ArgumentError
        There is no grid, or they differ in size.
    """
    if len({grid.x.shape for grid in grids}) != 1:
        raise ArgumentError(f"a batch needs grids of one size: {[g.x.shape for g in grids]}")
    places = torch.from_numpy(np.stack([np.stack(grid, axis=-1) for grid in grids]))
    height, width = shape
    return (2 * places + 1) / torch.tensor([width, height]) - 1


def warp_tensor(
    batch: torch.Tensor, grids: torch.Tensor, mode: Literal["bilinear", "nearest"] = "bilinear"
) -> torch.Tensor:
    """A batch as its grids take it, where its tensors are, such as on the GPU.

    Parameters
    ----------
    batch : torch.Tensor
        Floating point (B, C, H, W). Beyond the border all is 0, so black has to be 0 as well: what
        networks see as x / 255 * 2 - 1 is warped before it is scaled.
    grids : torch.Tensor
        float32 (B, h, w, 2), of `grid_tensor`, on the same device.
    mode : {"bilinear", "nearest"}
        For images and levels, or for masks.

    Returns
    -------
    torch.Tensor
        (B, C, h, w), of the batch's dtype.

    Raises
    ------
    ArgumentError
        The batch is not of floating point, or the grids are not as many.
    """
    if not batch.is_floating_point() or batch.ndim != 4 or len(batch) != len(grids):
        raise ArgumentError(
            f"a batch is floating point (B, C, H, W) with as many grids, not {batch.dtype} "
            f"{tuple(batch.shape)} with {len(grids)}"
        )
    # In half precision a coordinate would be off by up to a quarter of a pixel.
    warped = functional.grid_sample(
        batch.float(), grids, mode=mode, padding_mode="zeros", align_corners=False
    )
    return warped.to(batch.dtype)


def _remapped(array: np.ndarray, grid: SamplingGrid, interpolation: int) -> np.ndarray:
    if not array.size:
        raise ArgumentError(f"there are no pixels in an array of shape {array.shape}")
    return np.asarray(
        cv2.remap(
            array, grid.x, grid.y, interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=0
        )
    )
