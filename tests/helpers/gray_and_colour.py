"""Pictures of gray levels as drawing programs save them, and pictures in colour."""

import numpy as np
from PIL import Image


def gray_pictures(levels):
    """Pictures of these levels, uint8 (H, W), by name of a file."""
    rgb = Image.fromarray(np.dstack([levels] * 3))
    backwards = Image.fromarray(255 - levels).convert("P")
    backwards.putpalette([level for index in range(256) for level in [255 - index] * 3])
    return {
        "gray.png": Image.fromarray(levels),
        "rgb.png": rgb,
        "rgba.png": rgb.convert("RGBA"),
        "la.png": Image.fromarray(levels).convert("LA"),
        "palette.png": backwards,
        "16.png": Image.fromarray(levels.astype(np.uint16) * 257),
        "gray.tif": Image.fromarray(levels),
        "rgb.bmp": rgb,
    }


def coloured_pictures(levels):
    """Pictures of which only one channel has these levels, by name of a file."""
    red = np.dstack([levels, levels * 0, levels * 0])
    palette = Image.fromarray(levels).convert("P")
    palette.putpalette([level for index in range(256) for level in (index, 0, 0)])
    return {
        "red.png": Image.fromarray(red),
        "red with alpha.png": Image.fromarray(red).convert("RGBA"),
        "blue.png": Image.fromarray(red[:, :, ::-1].copy()),
        "palette.png": palette,
        "red.tif": Image.fromarray(red),
        "red.bmp": Image.fromarray(red),
    }
