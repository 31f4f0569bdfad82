"""Images as files."""

import numpy as np
from PIL import Image


def pixels(path):
    """Levels of an image file, as Pillow reads them."""
    with Image.open(path) as image:
        return np.array(image)


def gray_pixels(path):
    """Levels of a file that has to be a PNG of 8-bit gray, as masks are."""
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.array(image)
