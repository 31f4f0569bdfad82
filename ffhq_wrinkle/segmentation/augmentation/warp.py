"""Warp: images, levels and masks resampled at the places of a sampling grid.

Arrays that are warped by the same grid stay aligned. Beyond the border everything is 0: training
images are black outside the face anyway. `augmentation` draws random grids.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ...errors import ArgumentError


class SamplingGrid(NamedTuple):
    """Source of each pixel of the output: two float32 maps (h, w).

    Coordinates are OpenCV's: x to the right, y down, (0, 0) the centre of the first pixel.
    """

    x: np.ndarray
    y: np.ndarray


def warp_image(image: np.ndarray, grid: SamplingGrid) -> np.ndarray:
    """Resample an image by a grid, bilinearly.

    Parameters
    ----------
    image : np.ndarray
        uint8 (H, W, C) with 1 to 4 channels: RGB, or a network's input. Four are faster than
        three.
    grid : SamplingGrid
        Maps (h, w).

    Returns
    -------
    np.ndarray
        uint8 (h, w, C), 0 beyond the border, with a transition of one pixel.

    Raises
    ------
    ArgumentError
        The image has another dtype or shape, or no pixels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or not 1 <= image.shape[2] <= 4:
        raise ArgumentError(f"image should be uint8 (H, W, 1..4), is {image.dtype} {image.shape}")
    # OpenCV drops the last axis where that is 1.
    return _remapped(image, grid, cv2.INTER_LINEAR).reshape(*grid.x.shape, image.shape[2])


def warp_levels(levels: np.ndarray, grid: SamplingGrid) -> np.ndarray:
    """Resample levels by a grid, bilinearly: a texture map, or a soft label.

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
        The levels have another dtype or shape, or no pixels.
    """
    if levels.dtype != np.uint8 or levels.ndim != 2:
        raise ArgumentError(f"levels should be uint8 (H, W), are {levels.dtype} {levels.shape}")
    return _remapped(levels, grid, cv2.INTER_LINEAR)


def warp_mask(mask: np.ndarray, grid: SamplingGrid) -> np.ndarray:
    """Resample a mask or label map by a grid, by nearest neighbour.

    Parameters
    ----------
    mask : np.ndarray
        bool or uint8, (H, W).
    grid : SamplingGrid
        Maps (h, w).

    Returns
    -------
    np.ndarray
        (h, w), with the mask's dtype; False or 0 beyond the border. It has no values that the mask
        lacks.

    Raises
    ------
    ArgumentError
        The mask has another dtype or shape, or no pixels.
    """
    if mask.dtype not in (np.bool_, np.uint8) or mask.ndim != 2:
        raise ArgumentError(f"mask should be bool or uint8 (H, W), is {mask.dtype} {mask.shape}")
    return _remapped(mask.view(np.uint8), grid, cv2.INTER_NEAREST).view(mask.dtype)


def _remapped(array: np.ndarray, grid: SamplingGrid, interpolation: int) -> np.ndarray:
    if not array.size:
        raise ArgumentError(f"there are no pixels in an array of shape {array.shape}")
    return cv2.remap(
        array, grid.x, grid.y, interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
