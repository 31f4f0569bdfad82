"""Inputs: the channels that a network sees of a face; arrays only."""

import numpy as np

from ...errors import ArgumentError


def network_input(
    image: np.ndarray, face: np.ndarray, texture: np.ndarray | None = None
) -> np.ndarray:
    """Return the masked image, followed by the texture map, as the paper's networks take them.

    Networks scale each value x to x / 255 * 2 - 1 themselves, because bytes are smaller to move.

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
    if face.shape != shape:
        raise ArgumentError(f"the image is {shape}, and its face mask {face.shape}")
    if texture is not None and texture.shape != shape:
        raise ArgumentError(f"the image is {shape}, and its texture map {texture.shape}")
    channels = np.zeros((*shape, 3 if texture is None else 4), np.uint8)
    np.multiply(image, face[:, :, None], out=channels[:, :, :3])
    if texture is not None:
        channels[:, :, 3] = texture
    return channels
