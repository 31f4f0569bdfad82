"""Pixels: the areas of annotations as masks of the size of the image."""

import numpy as np

from ..images.rasters import ellipse_mask, line_mask, polygon_mask
from .annotation import Area, Ellipse, Line, Pixels, Polygon
from .export_files import ExportError

ALPHA = 128  # half of an opaque pixel, which keeps the width of antialiased strokes


def area_mask(
    area: Area,
    size: tuple[int, int],
    *,
    line_width: float | None = None,
    alpha: int = ALPHA,
    scale: tuple[float, float] = (1, 1),
) -> np.ndarray:
    """Return the pixels of an area.

    Parameters
    ----------
    area : Area
        As a reader yields it.
    size : tuple of int
        Rows and columns of the mask.
    line_width : float, optional
        Width of lines, in pixels of the mask.
    alpha : int
        The lowest level that counts as drawn, where pixels have levels.
    scale : tuple of float
        Factors for y and x, by which polygons, lines and ellipses are scaled; `Pixels` are not.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ExportError
        The area is damaged, or its box reaches out of the image.
    ValueError
        It is a line, and `line_width` is not given.
    """
    by_xy = np.array([scale[1], scale[0]])
    if isinstance(area, Polygon):
        return polygon_mask([ring * by_xy for ring in area.rings], size)
    if isinstance(area, Line):
        if line_width is None:
            raise ValueError("a line without a width")
        return line_mask(area.points * by_xy, size, width=line_width, closed=area.closed)
    if isinstance(area, Ellipse):
        return _scaled_ellipse(area, size, scale)
    return _boxed(area, size, alpha)


def _scaled_ellipse(area: Ellipse, size: tuple[int, int], scale: tuple[float, float]) -> np.ndarray:
    scale_y, scale_x = scale
    centre = (area.centre[0] * scale_x, area.centre[1] * scale_y)
    if scale_x == scale_y or area.rotation_deg == 0:
        radii = (area.radii[0] * scale_x, area.radii[1] * scale_y)
        return ellipse_mask(centre, radii, size, rotation_deg=area.rotation_deg)
    # A rotated ellipse that is stretched has other axes; 720 corners are exact to 1e-5 of a radius.
    turn, angle = np.radians(area.rotation_deg), np.linspace(0, 2 * np.pi, 720, endpoint=False)
    along, across = area.radii[0] * np.cos(angle), area.radii[1] * np.sin(angle)
    x = along * np.cos(turn) - across * np.sin(turn)
    y = along * np.sin(turn) + across * np.cos(turn)
    return polygon_mask([np.stack([x * scale_x, y * scale_y], axis=1) + centre], size)


def _boxed(area: Pixels, size: tuple[int, int], alpha: int) -> np.ndarray:
    levels = area.decode()
    drawn = levels if levels.dtype == bool else levels >= alpha
    bottom, right = area.top + drawn.shape[0], area.left + drawn.shape[1]
    inside = area.top >= 0 and area.left >= 0 and bottom <= size[0] and right <= size[1]
    if inside and drawn.shape == size:
        return drawn
    if not (inside or area.may_leave):
        raise ExportError(
            f"a mask of {drawn.shape[1]}x{drawn.shape[0]} at ({area.left}, {area.top}) reaches out "
            f"of the image, which is {size[1]}x{size[0]}"
        )
    mask = np.zeros(size, bool)
    top, left = max(area.top, 0), max(area.left, 0)
    part = drawn[top - area.top : max(size[0] - area.top, 0), left - area.left :]
    part = part[:, : max(size[1] - left, 0)]
    mask[top : top + part.shape[0], left : left + part.shape[1]] = part
    return mask
