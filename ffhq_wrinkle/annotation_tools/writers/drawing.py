"""Drawing: the masks of one image as shapes, as every writer takes them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import cv2
import numpy as np

Per = Literal["component", "image"]


class DrawnShape(NamedTuple):
    """A part of a mask in its box.

    Attributes
    ----------
    left, top : int
        Column and row of the box in the image.
    mask : np.ndarray
        bool, (h, w).
    score : float
        Mean level of its pixels, 0 to 1; 1 for masks of two values.
    """

    left: int
    top: int
    mask: np.ndarray
    score: float

    def in_image(self, size: tuple[int, int]) -> np.ndarray:
        """Return the shape as a mask of the image, bool (H, W)."""
        whole = np.zeros(size, bool)
        height, width = self.mask.shape
        whole[self.top : self.top + height, self.left : self.left + width] = self.mask
        return whole


class Drawing(NamedTuple):
    """The shapes of one image.

    Attributes
    ----------
    number : int
        1 for the first image.
    image_id : str
    name : str
        The image as the tool knows it.
    size : tuple of int
        Rows and columns.
    shapes : sequence of DrawnShape
    """

    number: int
    image_id: str
    name: str
    size: tuple[int, int]
    shapes: Sequence[DrawnShape]


class Writer(Protocol):
    """A format of a tool, written image by image.

    Attributes
    ----------
    file_name : str
        Name of the file for all images; "" if each image has a file of its own.
    """

    file_name: str

    def begin(self) -> str:
        """Return the beginning of the file."""
        ...

    def image(self, drawing: Drawing) -> str:
        """Return the part of one image, or the file of one image."""
        ...

    def end(self) -> str:
        """Return the end of the file."""
        ...


def drawn_shapes(mask: np.ndarray, levels: np.ndarray | None, per: Per) -> list[DrawnShape]:
    """Return the shapes of a mask.

    Parameters
    ----------
    mask : np.ndarray
        bool, (H, W).
    levels : np.ndarray, optional
        uint8, (H, W), whose mean in a shape is its score.
    per : {"component", "image"}
        A shape for each connected component, with pixels that touch at corners, or one for all.

    Examples
    --------
    >>> mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], bool)
    >>> shapes = drawn_shapes(mask, None, "component")
    >>> [(shape.left, shape.top, shape.mask.shape) for shape in shapes]
    [(0, 0, (2, 2)), (3, 0, (2, 1))]
    """
    if not mask.any():
        return []
    if per == "image":
        part_of = mask.astype(np.int32)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes = np.array([[columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]])
    else:
        _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
        part_of, boxes = np.asarray(parts), np.asarray(stats)[1:, :4]
    shapes = []
    for part, (left, top, width, height) in enumerate(boxes.tolist(), start=1):
        inside = np.s_[top : top + height, left : left + width]
        drawn = part_of[inside] == part
        score = 1.0 if levels is None else float(levels[inside][drawn].mean()) / 255
        shapes.append(DrawnShape(left, top, drawn, score))
    return shapes
