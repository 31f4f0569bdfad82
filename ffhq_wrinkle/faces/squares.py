"""Squares: parts of a photo, of any size and rotation, as the small inputs of networks."""

import math
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Square:
    """A square of a photo, which may reach beyond it.

    Parameters
    ----------
    centre : tuple of float
        Centre, (x, y) in pixels of the photo.
    half_axis : tuple of float
        Vector (x, y) from the centre to the middle of the right side.
    """

    centre: tuple[float, float]
    half_axis: tuple[float, float]

    @property
    def side(self) -> float:
        """Length of a side, in pixels of the photo."""
        return 2 * math.hypot(*self.half_axis)

    def to_photo(self, size: int) -> np.ndarray:
        """Return the matrix from pixel centres of the square, as an image, to the photo, (2, 3)."""
        x, y = self.half_axis
        columns, rows = np.array([x, y]) * 2 / size, np.array([-y, x]) * 2 / size
        first = np.array(self.centre) - (columns + rows) * (size - 1) / 2
        return np.column_stack([columns, rows, first])

    def points_in_photo(self, points: np.ndarray, size: int) -> np.ndarray:
        """Return points in the photo, (..., 2), of points in the square's image.

        Networks count from the corner of the image: 0.5 is the centre of the first pixel.
        """
        matrix = self.to_photo(size)
        return np.asarray((points - 0.5) @ matrix[:, :2].T + matrix[:, 2])

    def image(self, photo: np.ndarray, size: int, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
        """Return the square's content, RGB uint8 (size, size, 3).

        A photo with several pixels to a pixel of the image is averaged over them first. Beyond the
        photo the image is black, or its border is repeated.
        """
        matrix = self.to_photo(size)
        corners = np.array([[x, y, 1] for x in (-1, size) for y in (-1, size)]) @ matrix.T
        shrink = max(1, int(self.side / size))
        low = np.floor(corners.min(axis=0)).astype(int) - shrink
        high = np.ceil(corners.max(axis=0)).astype(int) + shrink + 1
        height, width = photo.shape[:2]
        left, right = np.clip([low[0], high[0]], 0, width)
        top, bottom = np.clip([low[1], high[1]], 0, height)
        # Whole blocks only, counted from the upper left corner of the part.
        right -= (right - left) % shrink if right - left >= shrink else 0
        bottom -= (bottom - top) % shrink if bottom - top >= shrink else 0
        part = photo[top:bottom, left:right]
        if not part.size:
            return np.zeros((size, size, 3), np.uint8)
        size_wh = max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink)
        if shrink > 1:
            part = cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA)
        scale = np.array([size_wh[0] / (right - left), size_wh[1] / (bottom - top)])
        in_part = np.column_stack([
            matrix[:, :2] * scale[:, None],
            (matrix[:, 2] - (left, top) + 0.5) * scale - 0.5,
        ])  # fmt: skip
        return np.asarray(
            cv2.warpAffine(
                part,
                in_part,
                (size, size),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=border,
            )
        )
