"""Variants: texture maps by arithmetic other than that of the formulas.

The paper and the authors leave details open: which gray, which border, how levels are rounded.
`Variant` names one choice of each, so that masks of unknown origin can be compared with all of
them. `formulas` has the two that the package offers.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np

from .texture import SNAP

_BT_601, _BT_709 = (0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722)
_BT_709_SCIKIT = (0.2125, 0.7154, 0.0721)  # skimage.color.rgb2gray


def _opencv(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)


def _opencv_swapped(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64)


def _weighted(
    weights: tuple[float, float, float], *, rounded: bool
) -> Callable[[np.ndarray], np.ndarray]:
    def gray(image: np.ndarray) -> np.ndarray:
        levels = image @ np.array(weights)
        return np.asarray(np.rint(levels) if rounded else levels)

    return gray


# From RGB uint8 (H, W, 3) to gray levels, float64 (H, W).
GRAYS = MappingProxyType(
    {
        "BT.601 gray": _opencv,
        "BT.601 gray, not rounded": _weighted(_BT_601, rounded=False),
        "BT.601 gray of B, G, R": _opencv_swapped,
        "BT.709 gray": _weighted(_BT_709, rounded=True),
        "BT.709 gray, not rounded": _weighted(_BT_709, rounded=False),
        "BT.709 gray of scikit-image": _weighted(_BT_709_SCIKIT, rounded=False),
        "mean of R, G, B": _weighted((1 / 3, 1 / 3, 1 / 3), rounded=False),
    }
)
# Texture maps of R, G and B, float64 (H, W, 3), to one: float64 (H, W), before rounding.
CHANNELS = MappingProxyType(
    {
        "each of R, G, B, mean": _weighted((1 / 3, 1 / 3, 1 / 3), rounded=False),
        "each of R, G, B, BT.601": _weighted(_BT_601, rounded=False),
        "each of R, G, B, BT.709": _weighted(_BT_709, rounded=False),
    }
)


def _clipped(numerator: np.ndarray, filtered_plus_1: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip((1 - numerator / filtered_plus_1) * 255, 0, 255))


def _scaled(numerator: np.ndarray, filtered_plus_1: np.ndarray) -> np.ndarray:
    return np.asarray(np.minimum(255 * numerator / filtered_plus_1, 255))


# From the numerator and 1 + I_G to levels, whole numbers of 0..255 as float.
OUTPUTS: MappingProxyType[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "rounded": lambda top, bottom: np.rint(_clipped(top, bottom)),
        "truncated": lambda top, bottom: np.trunc(_clipped(top, bottom)),
        "1 - d, wrapped": lambda top, bottom: (257 - np.trunc(_scaled(top, bottom))) % 256,
        "1 - d, wrapped, d rounded": lambda top, bottom: (
            (257 - np.rint(_scaled(top, bottom))) % 256
        ),
        "1 - d, wrapped, d not clipped": lambda top, bottom: (
            (1 - np.trunc(255 * top / bottom)) % 256
        ),
        "255 - d": lambda top, bottom: 255 - np.trunc(_scaled(top, bottom)),
    }
)
BORDERS = MappingProxyType(
    {
        "reflected, edge once": cv2.BORDER_REFLECT_101,
        "reflected": cv2.BORDER_REFLECT,
        "edge repeated": cv2.BORDER_REPLICATE,
        "black": cv2.BORDER_CONSTANT,
    }
)
FILTERS = ("float64", "float32", "8 bits")
# Kernel size and sigma; OpenCV computes a sigma of 3.5 for a kernel of 21 if it is given none.
KERNELS = ((21, 5.0), (21, 3.5), (15, 5.0), (31, 5.0), (41, 5.0), (11, 2.5), (41, 10.0))
LARGEST_REACH = max(size for size, _ in KERNELS) // 2


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to compute texture maps; the default is Eq. 1 as the formula ``paper`` computes it.

    Attributes
    ----------
    gray : str
        A key of `GRAYS`, or of `CHANNELS` for a texture map of each channel.
    filter : str
        Type in which the Gaussian filter computes: one of `FILTERS`.
    kernel_size : int
        Side of the Gaussian kernel in pixels, odd.
    sigma : float
        Standard deviation of the Gaussian in pixels.
    border : str
        A key of `BORDERS`.
    lesser : bool
        Whether the numerator is min(I, I_G) instead of I.
    output : str
        A key of `OUTPUTS`.
    """

    gray: str = "BT.601 gray"
    filter: str = "float64"
    kernel_size: int = 21
    sigma: float = 5.0
    border: str = "reflected, edge once"
    lesser: bool = False
    output: str = "rounded"

    def texture_map(self, image: np.ndarray) -> np.ndarray:
        """Return the texture map of RGB uint8 (H, W, 3): uint8 (H, W)."""
        gray = self.gray_levels(image)
        return self.levels(gray, self.filtered(gray))

    def gray_levels(self, image: np.ndarray) -> np.ndarray:
        """Return I: float64 (H, W), or (H, W, 3) if each channel has a texture map."""
        if self.gray in CHANNELS:
            return image.astype(np.float64)
        return np.asarray(GRAYS[self.gray](image))

    def filtered(self, gray: np.ndarray) -> np.ndarray:
        """Return I_G of I, in the type of the filter; of 8 bits as float64."""
        source = gray
        if self.filter == "8 bits":
            source = np.rint(gray).astype(np.uint8)
        elif self.filter == "float32":
            source = gray.astype(np.float32)
        filtered = cv2.GaussianBlur(
            source,
            (self.kernel_size, self.kernel_size),
            self.sigma,
            borderType=BORDERS[self.border],
        )
        if self.filter == "float64":
            filtered = filtered + SNAP - SNAP  # as `texture` does
        return np.asarray(filtered, np.float64 if self.filter == "8 bits" else None)

    def levels(self, gray: np.ndarray, filtered: np.ndarray) -> np.ndarray:
        """Return the levels of I and I_G: uint8 (H, W)."""
        numerator = np.minimum(gray, filtered) if self.lesser else gray.astype(filtered.dtype)
        levels = OUTPUTS[self.output](numerator, filtered + 1)
        if self.gray in CHANNELS:
            levels = np.rint(CHANNELS[self.gray](levels))
        return np.asarray(levels.astype(np.uint8))

    def __str__(self) -> str:
        """Return the choices in one line."""
        numerator = "min(I, I_G)" if self.lesser else "I"
        return (
            f"{self.gray}, {numerator}, {self.output}, kernel {self.kernel_size}, sigma "
            f"{self.sigma:g}, filter in {self.filter}, border {self.border}"
        )


def variants() -> Iterator[Variant]:
    """Yield every combination of the choices, except of the border, which matters at edges only.

    Variants that differ in `lesser` and `output` alone come one after another, so that the filtered
    image can be reused.
    """
    for gray, (kernel_size, sigma), kind in itertools.product(
        (*GRAYS, *CHANNELS), KERNELS, FILTERS
    ):
        base = Variant(gray=gray, filter=kind, kernel_size=kernel_size, sigma=sigma)
        for lesser, output in itertools.product((False, True), OUTPUTS):
            yield replace(base, lesser=lesser, output=output)
