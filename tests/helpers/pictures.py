"""Images as files."""

import numpy as np
from PIL import Image


def pixels(path):
    """Levels of an image file, as Pillow reads them."""
    with Image.open(path) as image:
        return np.array(image)
