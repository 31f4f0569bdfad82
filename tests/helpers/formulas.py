"""Literal references of the formulas of the texture map, and a formula that the table lacks."""

import cv2
import numpy as np

from ffhq_wrinkle.weak_labels.formulas import Formula


def gray_of(image):
    """OpenCV's 8-bit gray by its documented weights, rounded; in whole numbers."""
    red, green, blue = np.moveaxis(image.astype(np.int64), 2, 0)
    # 0.299, 0.587, 0.114 in 15 bits, as OpenCV computes for 8-bit images
    return (red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15


def filtered_of(gray, kernel_size, sigma):
    """The Gaussian filter in float64, one tap at a time over a mirrored border."""
    offsets = np.arange(kernel_size) - kernel_size // 2
    taps = np.exp(-(offsets**2) / (2 * sigma**2))
    taps /= taps.sum()
    padded = np.pad(gray, kernel_size // 2, mode="reflect")
    rows, columns = gray.shape
    across = sum(tap * padded[:, at : at + columns] for at, tap in enumerate(taps))
    return sum(tap * across[at : at + rows] for at, tap in enumerate(taps))


def paper(gray, filtered):
    """(1 - I / (1 + I_G)) * 255, clipped and rounded."""
    return np.rint(np.clip((1 - gray / (1 + filtered)) * 255, 0, 255)).astype(int)


def released(gray, filtered):
    """d = trunc(min(255 I / (1 + I_G), 255)); (257 - d) mod 256."""
    d = np.trunc(np.minimum(255 * gray / (filtered + 1), 255)).astype(int)
    return (257 - d) % 256


def difference(gray, filtered):
    """4 * (I_G - I), clipped and rounded."""
    return np.rint(np.clip(4 * (filtered - gray), 0, 255)).astype(int)


# By the formula's name: from float64 gray I and filtered gray I_G to levels.
REFERENCES = {"paper": paper, "released": released, "difference": difference}


def reference_map(image, recipe, kernel_size=21, sigma=5.0):
    """The texture map by its definition, in float64."""
    gray = gray_of(image).astype(np.float64)
    return REFERENCES[recipe](gray, filtered_of(gray, kernel_size, sigma))


# A formula for tests to add to the table, computed in other ways than its reference.
DIFFERENCE = Formula(
    name="difference",
    description="darker than its surroundings",
    levels=lambda gray, filtered_plus_1: cv2.addWeighted(
        filtered_plus_1, 4, gray, -4, -4, dtype=cv2.CV_8U
    ),
    levels_on_gpu=lambda gray, filtered_plus_1: (
        filtered_plus_1.sub_(1).sub_(gray).mul_(4).clamp_(0, 255).round_().byte()
    ),
)
