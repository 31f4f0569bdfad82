"""Texture: the filter response that stands in for wrinkles in weak labels; arrays only.

Dark lines that are finer than the Gaussian filter become bright. Inside the face, and 0 elsewhere,
a texture map is the weak wrinkle mask that `weak` writes. `formulas` defines the levels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import ArgumentError
from ..images.arrays import plain_array
from .formulas import Formula, formula_named

KERNEL_SIZE = 21
SIGMA = 5.0
MAX_KERNEL_SIZE = 4095

# Doubles near 2**21 are 2**-31 apart, so adding this number and subtracting it again rounds to
# multiples of 2**-31. The filtered image is rounded in this way because sums in a different order
# differ in their last bit, which must not decide a level on even areas, where the exact value may
# lie at a tie or a whole number.
SNAP = 2.0**21


def texture_map(
    image: np.ndarray,
    *,
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    recipe: str = "paper",
) -> np.ndarray:
    """Return the texture map of a face photograph: how dark each pixel is beside its surroundings.

    It is a formula of I, the 8-bit gray image (OpenCV's weights), and I_G, the same image after a
    Gaussian filter in double precision, whose border is mirrored without repeating the edge
    (BORDER_REFLECT_101). Eq. 1 of [1]_, the formula ``paper``, is T = (1 - I / (1 + I_G)) * 255;
    `formulas` has all of them.

    Parameters
    ----------
    image : np.ndarray
        RGB, uint8, (H, W, 3), 0..255.
    kernel_size : int
        Side of the Gaussian kernel in pixels, odd.
    sigma : float
        Standard deviation of the Gaussian in pixels.
    recipe : str
        Name of the formula, a key of `formulas.FORMULAS`.

    Returns
    -------
    np.ndarray
        uint8, (H, W), 0..255.

    Raises
    ------
    ArgumentError
        The image has a different dtype or shape or no pixels, the kernel size is even or not
        positive, sigma is not a positive number, or no formula has the name `recipe`.

    References
    ----------
    .. [1] Moon, Chung, Jang. Facial Wrinkle Segmentation for Cosmetic Dermatology: Pretraining
       with Texture Map-Based Weak Supervision. ICPR 2024, arXiv:2408.10060.

    Examples
    --------
    A dark pixel on even skin, where the filtered image is near 200:

    >>> image = np.full((64, 64, 3), 200, np.uint8)
    >>> image[32, 32] = 100
    >>> texture_map(image)[[0, 32], [0, 32]]
    array([  1, 128], dtype=uint8)
    """
    image = plain_array(image)
    require_image(image)
    require_kernel(kernel_size, sigma)
    formula = formula_named(recipe)
    height, width = image.shape[:2]
    return _box_texture(image, slice(0, height), slice(0, width), kernel_size, sigma, formula)


def masked_texture_map(
    image: np.ndarray,
    face_mask: np.ndarray,
    *,
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    recipe: str = "paper",
) -> np.ndarray:
    """Return the texture map inside the face and 0 outside: the weak wrinkle mask.

    It equals the masked result of `texture_map`, but only the face's bounding box is computed.

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
    require_image(image)
    require_kernel(kernel_size, sigma)
    formula = formula_named(recipe)
    if face_mask.dtype != np.bool_ or face_mask.shape != image.shape[:2]:
        raise ArgumentError(
            f"face_mask should be bool {image.shape[:2]}, is {face_mask.dtype} {face_mask.shape}"
        )
    masked = np.zeros(image.shape[:2], np.uint8)
    if not face_mask.any():
        return masked
    rows, columns = (_extent(np.any(face_mask, axis=axis)) for axis in (1, 0))
    texture = _box_texture(image, rows, columns, kernel_size, sigma, formula)
    masked[rows, columns] = texture * face_mask[rows, columns]
    return masked


def scaled_kernel(kernel_size: int, sigma: float, scale: float) -> tuple[int, float]:
    """Return kernel size and sigma for an image `scale` times the size they were meant for.

    The kernel stays odd: its half width is rounded to the nearest pixel, at least 1. A kernel of
    one pixel stays one pixel.

    >>> scaled_kernel(21, 5.0, 0.5), scaled_kernel(21, 5.0, 2.0)
    ((11, 2.5), (41, 10.0))
    """
    half = kernel_size // 2
    scaled = min(max(1, math.floor(half * scale + 0.5)), MAX_KERNEL_SIZE // 2) if half else 0
    return 2 * scaled + 1, sigma * scale


def require_kernel(kernel_size: int, sigma: float) -> None:
    """Check the settings of the Gaussian filter.

    Raises
    ------
    ArgumentError
        The kernel size is not a positive odd integer, or sigma not a positive number.
    """
    whole = isinstance(kernel_size, int | np.integer) and not isinstance(kernel_size, bool)
    if not (whole and 1 <= kernel_size <= MAX_KERNEL_SIZE and kernel_size % 2 == 1):
        raise ArgumentError(
            f"kernel size is {kernel_size!r}; it should be an odd number from 1 to "
            f"{MAX_KERNEL_SIZE}, such as 21"
        )
    number = isinstance(sigma, int | float | np.number) and not isinstance(sigma, bool)
    if not (number and 1e-6 <= sigma <= 1e6):  # NaN is not between them
        raise ArgumentError(f"sigma is {sigma!r}; it should be a positive number, such as 5.0")


# Kernel size and sigma are meant for images of this side, which are the paper's.
REFERENCE_SIDE = 1024


@dataclass(frozen=True, kw_only=True)
class TextureSettings:
    """The settings of texture maps, as `texture_map` takes them.

    With `scale_to_image`, kernel size and sigma are those of an image whose longer side is 1024
    pixels, and are scaled for images of other sizes.

    The names and order of the fields are those in `build.json`, in checkpoints and in exported
    networks.

    Raises
    ------
    ArgumentError
        As `texture_map`.
    """

    recipe: str = "paper"
    kernel_size: int = KERNEL_SIZE
    sigma: float = SIGMA
    scale_to_image: bool = False

    def __post_init__(self) -> None:
        require_kernel(self.kernel_size, self.sigma)
        formula_named(self.recipe)

    @property
    def formula(self) -> Formula:
        """The formula that `recipe` names."""
        return formula_named(self.recipe)

    def kernel(self, shape: Sequence[int]) -> tuple[int, float]:
        """Return kernel size and sigma for an image of (H, W)."""
        if not self.scale_to_image:
            return self.kernel_size, self.sigma
        return scaled_kernel(self.kernel_size, self.sigma, max(shape) / REFERENCE_SIDE)

    def weak_mask(self, image: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Return the weak mask, uint8 (H, W), of RGB uint8 (H, W, 3) inside a bool (H, W) face."""
        kernel_size, sigma = self.kernel(face.shape)
        return masked_texture_map(
            image, face, kernel_size=kernel_size, sigma=sigma, recipe=self.recipe
        )

    def __str__(self) -> str:
        """Return one line for people."""
        scaled = " at 1024 pixels, scaled to the image" if self.scale_to_image else ""
        return f"recipe {self.recipe}, kernel {self.kernel_size}, sigma {self.sigma}{scaled}"


# The settings of the published texture maps, which the published networks were trained on.
RELEASED = TextureSettings(recipe="released")


def require_image(image: np.ndarray) -> None:
    """Check that an array is a photograph.

    Raises
    ------
    ArgumentError
        It is not RGB, uint8, (H, W, 3), or has no pixels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ArgumentError(f"image should be uint8 (H, W, 3), is {image.dtype} {image.shape}")


def _box_texture(
    image: np.ndarray,
    rows: slice,
    columns: slice,
    kernel_size: int,
    sigma: float,
    formula: Formula,
) -> np.ndarray:
    """Return the texture map of a box of the image: uint8, of the box's shape.

    It is computed in bands of rows, whose arrays fit the cache and whose memory is used again for
    the next band.
    """
    # The filter reaches this far beyond the box. Where the image ends before that, the part that
    # is cut out ends there too, and its border is mirrored like that of the whole image.
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
        filtered_plus_1: np.ndarray = filtered[inside]
        filtered_plus_1 += SNAP
        filtered_plus_1 -= SNAP - 1  # exact, as subtracting SNAP and adding 1 would be
        levels = formula.levels(gray[inside], filtered_plus_1)
        texture[start - rows.start : stop - rows.start] = levels
    return texture


def _extent(occupied: np.ndarray) -> slice:
    """Return the range from the first to the last true entry."""
    indices = np.flatnonzero(occupied)
    return slice(int(indices[0]), int(indices[-1]) + 1)
