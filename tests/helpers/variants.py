"""Literal references of variants of the texture map, in NumPy alone."""

import numpy as np

from tests.helpers.formulas import filtered_of, gray_of

BT_709 = (0.2126, 0.7152, 0.0722)


def eq_1(gray, *, lesser=False, kernel_size=21, sigma=5.0):
    """(1 - n / (1 + I_G)) * 255, clipped; n is I or min(I, I_G)."""
    filtered = filtered_of(gray, kernel_size, sigma)
    numerator = np.minimum(gray, filtered) if lesser else gray
    return np.clip((1 - numerator / (1 + filtered)) * 255, 0, 255)


def bt_709(image):
    """BT.709's weights, rounded to whole levels."""
    red, green, blue = np.moveaxis(image.astype(float), 2, 0)
    return np.rint(BT_709[0] * red + BT_709[1] * green + BT_709[2] * blue)


def of_channels(image, *, lesser=False):
    """The mean of Eq. 1 of R, of G and of B, each rounded, rounded."""
    maps = [np.rint(eq_1(image[..., n].astype(float), lesser=lesser)) for n in range(3)]
    return np.rint((maps[0] + maps[1] + maps[2]) / 3)


# By the method's name: from RGB to levels.
METHODS = {
    "Eq. 1": lambda image: np.rint(eq_1(gray_of(image).astype(float))),
    "Eq. 1 of R, G and B": of_channels,
    "Eq. 1 of R, G and B, min(I, I_G)": lambda image: of_channels(image, lesser=True),
    "BT.709 gray, min(I, I_G)": lambda image: np.rint(eq_1(bt_709(image), lesser=True)),
}
