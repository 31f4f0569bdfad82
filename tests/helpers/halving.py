"""Images that are hard to halve, and what Pillow makes of them."""

import numpy as np
from PIL import Image


def by_pillow(image, side):
    return np.array(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))


def hard_images(side):
    """Squares of twice that side, the last one as it lies turned round in memory."""
    rng = np.random.default_rng(side)
    noise = rng.integers(0, 256, (2 * side, 2 * side, 3), dtype=np.uint8)
    extremes = rng.choice(np.array([0, 255], np.uint8), noise.shape)
    # Sums that end in a half, which rounding to even would have down every other time.
    ties = rng.integers(0, 64, noise.shape, dtype=np.uint8) * 4
    return [noise, extremes, ties, noise[::-1, ::-1]]
