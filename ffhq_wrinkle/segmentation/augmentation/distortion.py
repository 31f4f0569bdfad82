"""Distortion: flip, scaling, affine, elastic, grid and optical distortion as one function.

A `Distortion` holds the parameters of all six and maps a place of the output to its source in the
image. It does not depend on the image's size: the same parameters distort an image alike at any
size. Coordinates are as in `warp`; `augmentation` draws the parameters.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from .warp import SamplingGrid

# Lengths in pixels are for images of this side, and scale with the longer side of other images.
REFERENCE_SIDE = 1024

_NODES_PER_SIGMA = 4  # in the elastic field
_MARGIN_SIGMAS = 4  # by which the elastic field extends beyond the image
_CELLS = 128  # along the longer side; sources of pixels are interpolated within a cell


@dataclass(frozen=True, kw_only=True)
class ElasticField:
    """Smooth random displacements.

    Parameters
    ----------
    noise : np.ndarray
        Independent normal numbers, float32, of the shape that `elastic_nodes` returns.
    alpha : float
        Standard deviation of the displacement along either axis, in pixels of `REFERENCE_SIDE`.
    sigma : float
        Standard deviation of the Gaussian that smooths the displacement, in the same pixels.
    """

    noise: np.ndarray
    alpha: float
    sigma: float

    def displacements(
        self, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the displacement along x and y, in pixels, at places of an image (H, W)."""
        # The standard deviation that the Gaussian leaves of white noise of variance 1 per node.
        left = 1 / (2 * math.sqrt(math.pi) * _NODES_PER_SIGMA)
        pixel = max(shape) / REFERENCE_SIDE
        nodes_per_pixel = _NODES_PER_SIGMA / (self.sigma * pixel)
        margin = _MARGIN_SIGMAS * _NODES_PER_SIGMA
        at_x, at_y = ((places * nodes_per_pixel + margin).astype(np.float32) for places in (x, y))
        along_x, along_y = (
            cv2.remap(
                cv2.GaussianBlur(noise, (0, 0), _NODES_PER_SIGMA) * (self.alpha * pixel / left),
                at_x,
                at_y,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for noise in self.noise
        )
        return along_x, along_y


def elastic_nodes(sigma: float, shape: tuple[int, int]) -> tuple[int, int, int]:
    """Return the shape of the noise of an `ElasticField` for images (H, W)."""
    per_pixel = _NODES_PER_SIGMA * REFERENCE_SIDE / (sigma * max(shape))
    rows, columns = (
        math.ceil(side * per_pixel) + 2 * _MARGIN_SIGMAS * _NODES_PER_SIGMA + 1 for side in shape
    )
    return 2, rows, columns


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """Distortions of one image, in the order of their application; the default changes nothing.

    Rotation, scaling and shear are about the image's centre.

    Parameters
    ----------
    flipped : bool
        Whether the image is mirrored, left to right.
    scale : float
        Factor by which things become larger.
    rotation_deg : float
        Clockwise, as the image is displayed.
    shear_deg : tuple of float
        Angle by which vertical lines lean to the left at their top, and angle by which horizontal
        lines lean down at their right.
    translation : tuple of float
        To the right and down, as fractions of the width and the height.
    elastic : ElasticField, optional
        Displacement that is added to the source of each pixel.
    steps : tuple of np.ndarray, optional
        Relative sizes, in the source, of equal parts of the output's width, and of its height.
        Places within a part follow the monotone cubic through the ends of the parts (Fritsch and
        Carlson), so that no line gets a kink. The border stays in place.
    optical : float
        k of a lens: with r the distance from the centre as a fraction of the longer side, the
        source of a pixel is 1 + k r^2 + k r^4 times as far from the centre.
    """

    flipped: bool = False
    scale: float = 1.0
    rotation_deg: float = 0.0
    shear_deg: tuple[float, float] = (0.0, 0.0)
    translation: tuple[float, float] = (0.0, 0.0)
    elastic: ElasticField | None = None
    steps: tuple[np.ndarray, np.ndarray] | None = None
    optical: float = 0.0

    def sources(
        self, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sources, in an image (H, W), of places (x, y) of the output.

        Parameters
        ----------
        x, y : np.ndarray
            Places of the output in pixels, float64, of shapes that broadcast.
        shape : tuple of int
            Rows and columns of the image, and of the output before a crop.

        Returns
        -------
        tuple of np.ndarray
            x and y in the image, float64.
        """
        height, width = shape
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        # From the output back to the image: the last distortion comes first.
        if self.optical:
            from_x, from_y = x - centre_x, y - centre_y
            squared = (from_x**2 + from_y**2) / max(shape) ** 2
            factor = 1 + self.optical * (squared + squared**2)
            x, y = centre_x + factor * from_x, centre_y + factor * from_y
        if self.steps is not None:
            x, y = (
                _stepped(places, steps, side)
                for places, steps, side in zip((x, y), self.steps, (width, height), strict=True)
            )
        x, y = np.broadcast_arrays(x, y)
        if self.elastic is not None:
            along_x, along_y = self.elastic.displacements(x, y, shape)
            x, y = x + along_x, y + along_y
        (a, b), (c, d) = self._inverse()
        from_x = x - (centre_x + self.translation[0] * width)
        from_y = y - (centre_y + self.translation[1] * height)
        return centre_x + a * from_x + b * from_y, centre_y + c * from_x + d * from_y

    def sampling_grid(self, shape: tuple[int, int], rows: slice, columns: slice) -> SamplingGrid:
        """Return the grid that distorts an image (H, W), for some rows and columns of the output.

        Sources are computed at the centres of cells of a few pixels (8 for an image of 1024) and
        interpolated linearly, by default within 0.02 pixels on average and 0.3 at worst.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns of the image.
        rows, columns : slice
            Part of the output, with start and stop.

        Returns
        -------
        SamplingGrid
            Maps of the size of that part.
        """
        cell = self._cell(shape)
        # One cell more on every side, because resizing repeats the outermost cell.
        y, x = (
            np.arange(part.start - cell, part.stop + 2 * cell - 1, cell) + (cell - 1) / 2
            for part in (rows, columns)
        )
        size_wh = (x.size * cell, y.size * cell)
        inner = (
            slice(cell, cell + rows.stop - rows.start),
            slice(cell, cell + columns.stop - columns.start),
        )
        maps = (
            cv2.resize(places.astype(np.float32), size_wh, interpolation=cv2.INTER_LINEAR)[inner]
            for places in self.sources(x[None, :], y[:, None], shape)
        )
        return SamplingGrid(*maps)

    def _cell(self, shape: tuple[int, int]) -> int:
        """Return the side of the cells: a power of 2, so that flips and shifts stay exact."""
        side = max(shape) / _CELLS
        if self.elastic is not None:
            side = min(side, self.elastic.sigma * max(shape) / REFERENCE_SIDE / _NODES_PER_SIGMA)
        return 1 << max(0, math.floor(math.log2(side)))

    def _inverse(self) -> np.ndarray:
        """Return the matrix from output to image, about the centre, without translation."""
        angle = math.radians(self.rotation_deg)
        cosine, sine = math.cos(angle), math.sin(angle)
        shear_x, shear_y = (math.tan(math.radians(each)) for each in self.shear_deg)
        to_output = (
            np.array([[cosine, -sine], [sine, cosine]])
            @ np.array([[1, shear_x], [shear_y, 1]])
            @ np.diag([-self.scale if self.flipped else self.scale, self.scale])
        )
        return np.linalg.inv(to_output)


def _stepped(places: np.ndarray, steps: np.ndarray, side: int) -> np.ndarray:
    """Return the sources of places along an axis whose equal parts differ in the source."""
    curve = PchipInterpolator(
        np.linspace(0, 1, len(steps) + 1), np.append(0, np.cumsum(steps) / np.sum(steps))
    )
    last = max(1, side - 1)
    pixels = np.arange(
        -side, 2 * side
    )  # a lens may look beyond the border, where the curve goes on straight
    parts = pixels / last
    inside = np.clip(parts, 0, 1)
    sources = last * (curve(inside) + curve.derivative()(inside) * (parts - inside))
    return np.interp(places, pixels, sources)
