"""Colours as colour-blind people see them."""

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

# Machado, Oliveira, Fernandes 2009: what protanopes, deuteranopes and tritanopes see, linear RGB.
DICHROMATS = [
    [
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ],
    [
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ],
    [
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ],
]


def least_difference(colours):
    """The least CIEDE2000 difference of two colours, RGB 0..255 (N, 3), to anybody."""
    shares = colours / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    least = np.inf
    for seen in (np.eye(3), *map(np.array, DICHROMATS)):
        as_seen = np.clip(linear @ seen.T, 0, 1)
        as_seen = np.where(
            as_seen <= 0.0031308, 12.92 * as_seen, 1.055 * as_seen ** (1 / 2.4) - 0.055
        )
        lab = rgb2lab(as_seen[None])[0]
        for number in range(len(lab)):
            for other in range(number):
                least = min(least, deltaE_ciede2000(lab[number], lab[other]))
    return least
