"""Inputs: what a network sees of a face; arrays only."""

import numpy as np

from ...errors import ArgumentError


def network_input(
    image: np.ndarray, face: np.ndarray, texture: np.ndarray | None = None
) -> np.ndarray:
    """The masked image, and behind it the texture map, as the paper's networks take them.

    Networks want each value x as x / 255 * 2 - 1; that is left to them, for bytes are smaller.

    Parameters
    ----------
    image : np.ndarray
        RGB uint8 (H, W, 3).
    face : np.ndarray
        bool (H, W); the image is black outside.
    texture : np.ndarray, optional
        Masked texture map, uint8 (H, W).

    Returns
    -------
    np.ndarray
        uint8 (H, W, 3), or (H, W, 4) with a texture map.

    Raises
    ------
    ArgumentError
        Sizes differ.
    """
    shape = image.shape[:2]
    if face.shape != shape or (texture is not None and texture.shape != shape):
        other = face.shape if face.shape != shape or texture is None else texture.shape
        raise ArgumentError(f"the image is {shape}, and what belongs to it {other}")
    channels = np.zeros((*shape, 3 if texture is None else 4), np.uint8)
    np.multiply(image, face[:, :, None], out=channels[:, :, :3])
    if texture is not None:
        channels[:, :, 3] = texture
    return channels
