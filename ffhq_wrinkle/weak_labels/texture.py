"""Texture: the filter response that stands in for wrinkles in weak labels; arrays only.

Dark lines that are finer than the Gaussian come out bright. Masked by the face it is the weak
wrinkle mask that `weak` writes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from ..errors import ArgumentError

Recipe = Literal["paper", "released"]
RECIPES: tuple[Recipe, ...] = get_args(Recipe)

KERNEL_SIZE = 21
SIGMA = 5.0
MAX_KERNEL_SIZE = 4095

# A double near 2**21 has steps of 2**-31, so adding this and taking it away rounds to such steps.
# Sums made in another order differ in their last bit; on even areas, where a level may be at a tie
# or a whole number, that bit must not decide. So the filtered image is rounded a little.
SNAP = 2.0**21


def texture_map(
    image: np.ndarray,
    *,
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    recipe: Recipe = "paper",
) -> np.ndarray:
    """Texture map of a face photograph: how much darker each pixel is than its surroundings.

    With I the 8-bit gray image (OpenCV's weights) and I_G the same through a Gaussian filter in
    double precision, its border mirrored without repeating the edge (BORDER_REFLECT_101):

    ``paper``
        T = (1 - I / (1 + I_G)) * 255, clipped to 0..255 and rounded to the nearest level, ties to
        the even one; Eq. 1 of [1]_.
    ``released``
        what the published masks hold [2]_: d = 255 * I / (1 + I_G), at most 255, cut to a whole
        number, and T = 1 - d in 8 bits, which wraps around: (257 - d) mod 256.

    Parameters
    ----------
    image : np.ndarray
        RGB, uint8, (H, W, 3), 0..255.
    kernel_size : int
        Side of the Gaussian kernel in pixels, odd.
    sigma : float
        Standard deviation of the Gaussian in pixels.
    recipe : {"paper", "released"}
        Which formula.

    Returns
    -------
    np.ndarray
        uint8, (H, W), 0..255.

    Raises
    ------
    ArgumentError
        The image has another dtype or shape or no pixels, the kernel size is even or not
        positive, sigma is not a positive number, or the recipe is unknown.

    References
    ----------
    .. [1] Moon, Chung, Jang. Facial Wrinkle Segmentation for Cosmetic Dermatology: Pretraining
       with Texture Map-Based Weak Supervision. ICPR 2024, arXiv:2408.10060.
    .. [2] Issues 10 and 13 of github.com/labhai/ffhq-wrinkle-dataset.

    Examples
    --------
    A dark pixel on even skin, where the filtered image is near 200:

    >>> image = np.full((64, 64, 3), 200, np.uint8)
    >>> image[32, 32] = 100
    >>> texture_map(image)[[0, 32], [0, 32]]
    array([  1, 128], dtype=uint8)
    """
    _require_image(image)
    require_kernel(kernel_size, sigma, recipe)
    height, width = image.shape[:2]
    return _box_texture(image, slice(0, height), slice(0, width), kernel_size, sigma, recipe)


def masked_texture_map(
    image: np.ndarray,
    face_mask: np.ndarray,
    *,
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    recipe: Recipe = "paper",
) -> np.ndarray:
    """Texture map inside the face and 0 outside: the weak wrinkle mask.

    The same as masking `texture_map`, but computed only in the face's bounding box.

    Parameters
    ----------
    image : np.ndarray
        RGB, uint8, (H, W, 3), 0..255.
    face_mask : np.ndarray
        Where the face is: bool, (H, W).
    kernel_size, sigma, recipe
        As in `texture_map`.

    Returns
    -------
    np.ndarray
        uint8, (H, W), 0..255.

    Raises
    ------
    ArgumentError
        As in `texture_map`, or the mask is not boolean or not of the image's size.
    """
    _require_image(image)
    require_kernel(kernel_size, sigma, recipe)
    if face_mask.dtype != np.bool_ or face_mask.shape != image.shape[:2]:
        raise ArgumentError(
            f"face_mask should be bool {image.shape[:2]}, is {face_mask.dtype} {face_mask.shape}"
        )
    masked = np.zeros(image.shape[:2], np.uint8)
    if not face_mask.any():
        return masked
    rows, columns = (_extent(np.any(face_mask, axis=axis)) for axis in (1, 0))
    texture = _box_texture(image, rows, columns, kernel_size, sigma, recipe)
    masked[rows, columns] = texture * face_mask[rows, columns]
    return masked


def scaled_kernel(kernel_size: int, sigma: float, scale: float) -> tuple[int, float]:
    """Kernel size and sigma for an image `scale` times the size they were meant for.

    The kernel stays odd, and its half width is rounded to the nearest pixel, at least 1 (but a
    kernel of one pixel stays one).

    >>> scaled_kernel(21, 5.0, 0.5), scaled_kernel(21, 5.0, 2.0)
    ((11, 2.5), (41, 10.0))
    """
    half = kernel_size // 2
    scaled = min(max(1, math.floor(half * scale + 0.5)), MAX_KERNEL_SIZE // 2) if half else 0
    return 2 * scaled + 1, sigma * scale


def require_kernel(kernel_size: int, sigma: float, recipe: str) -> None:
    """Check the settings of a texture map.

    Raises
    ------
    ArgumentError
        The kernel size is not a positive odd integer, sigma not a positive number, or the recipe
        unknown.
    """
    whole = isinstance(kernel_size, int | np.integer) and not isinstance(kernel_size, bool)
    if not (whole and 1 <= kernel_size <= MAX_KERNEL_SIZE and kernel_size % 2 == 1):
        raise ArgumentError(
            f"kernel size is {kernel_size!r}; it should be odd, from 1 to {MAX_KERNEL_SIZE}, as 21"
        )
    number = isinstance(sigma, int | float | np.number) and not isinstance(sigma, bool)
    if not (number and 1e-6 <= sigma <= 1e6):  # NaN is not between them
        raise ArgumentError(f"sigma is {sigma!r}; it should be a positive number, as 5.0")
    if recipe not in RECIPES:
        raise ArgumentError(f"recipe is {recipe!r}; choose one of {', '.join(RECIPES)}")


# The side of the images that kernel size and sigma are meant for, the paper's.
REFERENCE_SIDE = 1024


@dataclass(frozen=True, kw_only=True)
class TextureSettings:
    """How texture maps are computed; the fields are those of `texture_map`.

    With `scale_to_image`, kernel size and sigma are for an image whose longer side is 1024 pixels,
    and are scaled with it.

    Raises
    ------
    ArgumentError
        As `texture_map`.
    """

    recipe: Recipe = "paper"
    kernel_size: int = KERNEL_SIZE
    sigma: float = SIGMA
    scale_to_image: bool = False

    def __post_init__(self) -> None:
        require_kernel(self.kernel_size, self.sigma, self.recipe)

    def kernel(self, shape: Sequence[int]) -> tuple[int, float]:
        """Kernel size and sigma for an image of (H, W)."""
        if not self.scale_to_image:
            return self.kernel_size, self.sigma
        return scaled_kernel(self.kernel_size, self.sigma, max(shape) / REFERENCE_SIDE)

    def weak_mask(self, image: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Masked texture map, uint8 (H, W), of RGB uint8 (H, W, 3) inside bool (H, W)."""
        kernel_size, sigma = self.kernel(face.shape)
        return masked_texture_map(
            image, face, kernel_size=kernel_size, sigma=sigma, recipe=self.recipe
        )

    def __str__(self) -> str:
        """One line for people."""
        scaled = " at 1024 pixels, scaled to the image" if self.scale_to_image else ""
        return f"recipe {self.recipe}, kernel {self.kernel_size}, sigma {self.sigma}{scaled}"


# How the texture maps were made that are published; the published networks learned from them.
RELEASED = TextureSettings(recipe="released")


def _require_image(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ArgumentError(f"image should be uint8 (H, W, 3), is {image.dtype} {image.shape}")


def _box_texture(
    image: np.ndarray, rows: slice, columns: slice, kernel_size: int, sigma: float, recipe: Recipe
) -> np.ndarray:
    """Texture map of a box of the image: uint8, of the box's shape.

    Computed in bands of rows, whose arrays fit the cache and are not fetched anew from the system.
    """
    # The filter looks this far beyond the box; where the image ends sooner, so does what is cut
    # out, and the border is mirrored there as in the whole image.
    margin = kernel_size // 2
    left = max(0, columns.start - margin)
    texture = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    band = max(128, 4 * margin)
    for start in range(rows.start, rows.stop, band):
        stop = min(start + band, rows.stop)
        top = max(0, start - margin)
        around = image[top : stop + margin, left : columns.stop + margin]
        gray = cv2.cvtColor(around, cv2.COLOR_RGB2GRAY).astype(np.float64)
        filtered = cv2.GaussianBlur(
            gray, (int(kernel_size), int(kernel_size)), sigma, borderType=cv2.BORDER_REFLECT_101
        )
        inside = (
            slice(start - top, stop - top),
            slice(columns.start - left, columns.stop - left),
        )
        texture[start - rows.start : stop - rows.start] = _levels(
            gray[inside], filtered[inside], recipe
        )
    return texture


def _levels(gray: np.ndarray, filtered: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The formulas of `texture_map`: float64 gray I and filtered gray I_G, used up, to uint8."""
    denominator = np.add(filtered, SNAP, out=filtered)
    denominator -= SNAP - 1  # as exact as taking away and then adding
    if recipe == "paper":
        response = np.divide(gray, denominator, out=denominator)
        np.subtract(1, response, out=response)
        # OpenCV rounds ties to the even level and stops at 0, in the same pass.
        levels = cv2.addWeighted(response, 255.0, response, 0.0, 0.0, dtype=cv2.CV_8U)
        return np.asarray(levels)
    quotient = np.divide(255 * gray, denominator, out=denominator)
    np.minimum(quotient, 255, out=quotient)
    wrapped: np.ndarray = np.uint8(1) - quotient.astype(np.uint8)  # as published
    return wrapped


def _extent(occupied: np.ndarray) -> slice:
    """From the first to the last true entry."""
    indices = np.flatnonzero(occupied)
    return slice(int(indices[0]), int(indices[-1]) + 1)
