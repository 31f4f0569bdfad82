"""Annotation: all that one person drew on one image in one submission, as every reader yields it.

Coordinates follow one rule, whatever the tool's: points are (x, y) in pixels, and (0, 0) is the
upper left corner of the image, so that whole numbers lie between pixels. Readers convert to it.
Nothing is decoded before `pixels.area_mask` asks for it, so an export can be listed quickly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np


@dataclass(frozen=True)
class Pixels:
    """A mask as a tool stores it, in a box.

    Attributes
    ----------
    decode : callable
        Returns the box's content, (h, w): bool, or uint8 as levels of alpha, where a level of at
        least the option `--alpha` counts as drawn. Raises `ExportError` if it is damaged.
    left, top : int
        Column and row of the box in the image.
    may_leave : bool
        Whether the box may reach out of the image, as a mask that was dragged does; otherwise such
        a box is an error.
    """

    decode: Callable[[], np.ndarray]
    left: int = 0
    top: int = 0
    may_leave: bool = False


@dataclass(frozen=True)
class Polygon:
    """Rings of corners, (N, 2) each; every further ring cuts a hole, by the even-odd rule."""

    rings: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Line:
    """An open line, or a closed one that is not filled; no tool stores its width."""

    points: np.ndarray
    closed: bool = False


@dataclass(frozen=True)
class Ellipse:
    """An ellipse: centre (x, y), half axes along x and y, and a clockwise rotation."""

    centre: tuple[float, float]
    radii: tuple[float, float]
    rotation_deg: float = 0


Area = Pixels | Polygon | Line | Ellipse


@dataclass(frozen=True)
class Shape:
    """One thing that somebody drew.

    Attributes
    ----------
    kind : str
        The tool's own word, such as "polyline" or "brush".
    label : str or None
        The name of its class; "" if it was given none, and None if the tool has no classes.
    areas : tuple
        The areas that it covers, as a union; empty for kinds that cover no pixels, such as points
        and tags.
    place : str
        Its place in the file, such as "shape 3", for errors and the table.
    remark : str
        A warning about this shape.
    """

    kind: str
    label: str | None
    areas: tuple[Area, ...]
    place: str = ""
    remark: str = ""

    @property
    def needs_width(self) -> bool:
        """Whether a width must be given to turn it into pixels."""
        return any(isinstance(area, Line) for area in self.areas)


class State(Enum):
    """The state of an annotation, as far as its tool tells."""

    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    DRAFT = "draft"
    PREDICTION = "prediction"


@dataclass(frozen=True)
class Annotation:
    """All that one person drew on one image in one submission.

    Attributes
    ----------
    image_name : str
        The image as the tool names it: a file name, perhaps with folders or an address.
    shapes : tuple of Shape
        The things that were drawn; empty if nothing was.
    size : tuple of int or None
        Rows and columns of the image, if the export has them.
    people : tuple of str
        The names that the tool knows the annotator by, such as a user name, a number and an e-mail
        address, the most readable one first; empty if the tool does not say who drew. The file's
        or folder's name then takes their place.
    state : State
    submission : str
        Its identity in the file, such as "task 6, annotation 3".
    submitted : str
        When it was last saved, as ISO 8601 text that sorts by time; "" if not known.
    looked : bool
        An annotation without shapes means that somebody looked and drew nothing. False if the tool
        writes the same for images that nobody opened.
    remarks : tuple of str
        Warnings, such as that it was begun from somebody else's.
    """

    image_name: str
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None = None
    people: tuple[str, ...] = ()
    state: State = State.SUBMITTED
    submission: str = ""
    submitted: str = ""
    looked: bool = True
    remarks: tuple[str, ...] = ()
