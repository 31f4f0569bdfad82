"""Alignment: the crop of a photo that FFHQ would have made of a face, and its inverse.

The `Landmarks` of a face determine an `Alignment`: a square in the photo that is rotated and scaled
with the face. An alignment crops the aligned image from the photo, and maps a mask of that image
back onto the photo. `landmarks` finds the face. Coordinates are OpenCV's: x to the right, y down,
(0, 0) the centre of the first pixel.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from ..errors import AlignmentError, ArgumentError
from .landmarks import Landmarks

FFHQ_SIZE = 1024

# As in FFHQ, the photo is mirrored at its border, and the mirror image is blurred gradually: the
# standard deviation of the blur (NVIDIA's) and the distance at which the image is fully blurred,
# both as fractions of the crop's side.
_BLUR, _FADE = 0.02, 0.1
_SAMPLES = 4  # of the photo for each aligned pixel, along each axis
_MARGIN = 4  # pixels around the square that interpolation may read


@dataclass(frozen=True)
class Alignment:
    """The square of a photo that becomes an aligned image; see `ffhq_alignment`.

    Parameters
    ----------
    centre : tuple of float
        Centre of the square, (x, y) in pixels of the photo.
    half_axis : tuple of float
        Vector (x, y) from the centre to the middle of the right side. Right is the viewer's, with
        the face upright.
    size : int
        Rows and columns of the aligned image.
    """

    centre: tuple[float, float]
    half_axis: tuple[float, float]
    size: int = FFHQ_SIZE

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ArgumentError(
                f"the side of an aligned image is {self.size} pixels; it must be at least 1"
            )
        if not 0 < self.side < math.inf or not all(map(math.isfinite, self.centre)):
            raise ArgumentError(
                f"no square has the centre {self.centre} and the half axis {self.half_axis}"
            )

    @property
    def side(self) -> float:
        """Length of the square's side, in pixels of the photo."""
        return 2 * math.hypot(*self.half_axis)

    @property
    def scale(self) -> float:
        """Width of a pixel of the aligned image, in pixels of the photo."""
        return self.side / self.size

    @property
    def quad(self) -> np.ndarray:
        """The square's corners (x, y), counterclockwise from the upper left one: float64 (4, 2)."""
        x, y = self._axes()
        return np.stack([-x - y, -x + y, x + y, x - y]) + self.centre

    @property
    def to_photo(self) -> np.ndarray:
        """Affine matrix from pixel centres of the aligned image to the photo: float64 (2, 3).

        The corners of the square are the corners of the aligned image's area, half a pixel outside
        the centres of its corner pixels.
        """
        x, y = self._axes()
        first = np.array(self.centre) - (x + y) * (1 - 1 / self.size)
        return np.column_stack([2 * x / self.size, 2 * y / self.size, first])

    @property
    def to_aligned(self) -> np.ndarray:
        """Affine matrix from pixel centres of the photo to the aligned image: float64 (2, 3)."""
        return np.asarray(np.linalg.inv(_square(self.to_photo))[:2])

    def aligned(self, photo: np.ndarray) -> np.ndarray:
        """Crop the aligned image from the photo.

        This follows how FFHQ was made: the photo is interpolated (bilinear) at four times the size
        of the aligned image, more densely than its own pixels, and the result is downsampled by
        a Lanczos filter. Beyond its border the photo is mirrored and blurred.

        Parameters
        ----------
        photo : np.ndarray
            RGB uint8, (H, W, 3), upright.

        Returns
        -------
        np.ndarray
            RGB uint8, (size, size, 3).

        Raises
        ------
        AlignmentError
            The face is not in the photo.
        ArgumentError
            The photo has a different dtype or shape.
        """
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise ArgumentError(f"a photo is uint8 (H, W, 3), not {photo.dtype} {photo.shape}")
        shape = photo.shape[:2]
        self._require_face_in(shape)
        fine = self._fine(
            photo, _resized, interpolation=cv2.INTER_LINEAR, border=cv2.BORDER_REFLECT_101
        )
        return self._softened(_resized(fine, (self.size, self.size)), shape)

    def aligned_levels(self, levels: np.ndarray) -> np.ndarray:
        """Crop from a mask of the photo what the aligned image shows.

        Each aligned pixel has the mean level of 16 points in its area, four along each axis, which
        take the levels of the photo's pixels that they are in. Beyond the photo the mask is 0. In a
        mask of 0 and 255, a level of at least 128 therefore means that at least half of the points
        are drawn.

        Parameters
        ----------
        levels : np.ndarray
            uint8, (H, W).

        Returns
        -------
        np.ndarray
            uint8, (size, size).

        Raises
        ------
        AlignmentError
            The face is not in the photo.
        ArgumentError
            The mask has a different dtype or shape.
        """
        if levels.dtype != np.uint8 or levels.ndim != 2 or not levels.size:
            raise ArgumentError(f"levels are uint8 (H, W), not {levels.dtype} {levels.shape}")
        self._require_face_in((levels.shape[0], levels.shape[1]))
        fine = self._fine(
            levels, _averaged, interpolation=cv2.INTER_NEAREST, border=cv2.BORDER_CONSTANT
        )
        return _averaged(fine, (self.size, self.size))

    def _fine(
        self,
        photo: np.ndarray,
        resize: Callable[[np.ndarray, tuple[int, int]], np.ndarray],
        *,
        interpolation: int,
        border: int,
    ) -> np.ndarray:
        """Return the square's content, uint8, at `_SAMPLES` times the size of the aligned image."""
        # Afterwards an aligned pixel is less than `_SAMPLES` pixels of the photo wide.
        shrink = max(1, math.floor(self.scale / 2))
        rows, columns = self._extent((photo.shape[0], photo.shape[1]), margin=_MARGIN * shrink)
        part = photo[rows, columns]
        size_wh = (max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink))
        small = resize(part, size_wh)
        matrix = (
            _resizing(small.shape[1] / part.shape[1], small.shape[0] / part.shape[0])
            @ _shift(-columns.start, -rows.start)
            @ _square(self.to_photo)
            @ _resizing(1 / _SAMPLES, 1 / _SAMPLES)
        )
        fine = cv2.warpAffine(
            small,
            matrix[:2],
            (self.size * _SAMPLES, self.size * _SAMPLES),
            flags=interpolation | cv2.WARP_INVERSE_MAP,
            borderMode=border,
        )
        return np.asarray(fine)

    def onto_photo(self, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Map a mask of the aligned image onto the photo.

        Each pixel of the photo takes the value of the aligned pixel that contains its centre.

        Parameters
        ----------
        mask : np.ndarray
            bool, uint8 or float32, (size, size).
        shape : tuple of int
            Rows and columns of the photo.

        Returns
        -------
        np.ndarray
            (H, W), with the dtype of the mask; False or 0 outside the square.

        Raises
        ------
        AlignmentError
            The face is not in the photo.
        ArgumentError
            The mask has a different dtype or shape.
        """
        if mask.dtype not in (np.bool_, np.uint8, np.float32):
            raise ArgumentError(f"a mask is bool, uint8 or float32, not {mask.dtype}")
        if mask.shape != (self.size, self.size):
            raise ArgumentError(
                f"a mask of this aligned image is {(self.size, self.size)}, not {mask.shape}"
            )
        self._require_face_in(shape)
        rows, columns = self._extent(shape, margin=1)
        matrix = _square(self.to_aligned) @ _shift(columns.start, rows.start)
        photo_mask = np.zeros(shape, mask.dtype)
        photo_mask[rows, columns] = cv2.warpAffine(
            np.ascontiguousarray(mask, np.uint8 if mask.dtype == np.bool_ else mask.dtype),
            matrix[:2],
            (columns.stop - columns.start, rows.stop - rows.start),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        return photo_mask

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the half axes to the right and down."""
        x, y = self.half_axis
        return np.array([x, y]), np.array([-y, x])

    def _require_face_in(self, shape: tuple[int, int]) -> None:
        """Reject landmarks of another photo, or of this one at another size."""
        (x, y), (height, width) = self.centre, shape
        # The landmarks of a face lie within the photo, so its square cannot be larger than this.
        largest = 4 * math.hypot(height, width)
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5 and self.side <= largest):
            raise AlignmentError(
                f"a face around x {x:.6g}, y {y:.6g} with a square {self.side:.6g} pixels wide is "
                f"not in a photo of {width}x{height}; landmarks must be those of this photo, "
                "upright and at this size"
            )

    def _extent(self, shape: tuple[int, int], *, margin: int) -> tuple[slice, slice]:
        """Return the rows and columns of the photo that the square may touch."""
        low = np.floor(self.quad.min(axis=0)).astype(int) - margin
        high = np.ceil(self.quad.max(axis=0)).astype(int) + margin + 1
        columns, rows = (
            slice(max(0, first), min(length, last))
            for first, last, length in zip(low.tolist(), high.tolist(), shape[::-1], strict=True)
        )
        return rows, columns

    def _softened(self, image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return an aligned image, blurred where it lies outside the photo."""
        indices = np.arange(self.size)
        outside = np.zeros((self.size, self.size))
        for (along_row, along_column, first), length in zip(
            self.to_photo, shape[::-1], strict=True
        ):
            positions = along_row * indices + along_column * indices[:, None] + first
            np.maximum(outside, np.maximum(-positions, positions - (length - 1)), out=outside)
        if not outside.any():
            return image
        share = np.clip(outside / (_FADE * self.side), 0, 1)[:, :, None]
        blurred = cv2.GaussianBlur(image, (0, 0), _BLUR * self.size)
        return np.rint(image + share * (blurred - image.astype(np.float64))).astype(np.uint8)


def ffhq_alignment(landmarks: Landmarks, size: int = FFHQ_SIZE) -> Alignment:
    """Return the square that FFHQ's alignment crops around a face.

    Let e be the vector from the left eye to the right eye, and m the vector from the midpoint of
    the eyes to the midpoint of the mouth's corners. The horizontal axis of the square points along
    e + (m_y, -m_x), the mean of the directions given by the eyes and by the mouth. The side of the
    square is the larger of 4 |e| and 3.6 |m|. Its centre is a tenth of m below the eyes.

    Parameters
    ----------
    landmarks : Landmarks
        Eyes and mouth of the face.
    size : int
        Rows and columns of the aligned image.

    Returns
    -------
    Alignment

    References
    ----------
    T. Karras, S. Laine, T. Aila. A Style-Based Generator Architecture for Generative Adversarial
    Networks. CVPR 2019. The formula is that of `recreate_aligned_images` in NVlabs/ffhq-dataset.

    Examples
    --------
    >>> face = Landmarks((40, 50), (60, 50), (43, 70), (57, 70))
    >>> ffhq_alignment(face)
    Alignment(centre=(50.0, 52.0), half_axis=(40.0, 0.0), size=1024)
    """
    left_eye, right_eye, mouth_left, mouth_right = (np.array(point) for point in landmarks.points)
    eyes, mouth = (left_eye + right_eye) / 2, (mouth_left + mouth_right) / 2
    eye_to_eye, eye_to_mouth = right_eye - left_eye, mouth - eyes
    direction = eye_to_eye + eye_to_mouth[::-1] * (1, -1)
    length = max(2 * math.hypot(*eye_to_eye), 1.8 * math.hypot(*eye_to_mouth))
    half_axis = direction / math.hypot(*direction) * length
    centre = eyes + 0.1 * eye_to_mouth
    return Alignment(tuple(centre.tolist()), tuple(half_axis.tolist()), size)


def _resized(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return an image resized by a Lanczos filter, which averages in downsampling; contiguous."""
    return np.array(Image.fromarray(image).resize(size_wh, Image.Resampling.LANCZOS))


def _averaged(levels: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return a mask downsampled by averaging over areas; contiguous."""
    return np.array(cv2.resize(levels, size_wh, interpolation=cv2.INTER_AREA))


def _square(matrix: np.ndarray) -> np.ndarray:
    """Return an affine matrix (2, 3) as (3, 3), which can be multiplied and inverted."""
    return np.vstack([matrix, (0, 0, 1)])


def _shift(x: float, y: float) -> np.ndarray:
    """Return the matrix of a translation: float64 (3, 3)."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _resizing(x: float, y: float) -> np.ndarray:
    """Return the matrix from pixel centres to those of an image x and y times as large, (3, 3)."""
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]], np.float64)
