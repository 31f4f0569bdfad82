"""Template: a guess at face parsing from where FFHQ's alignment puts a face; needs no weights.

The face's outline, eyes, brows, nose and mouth are drawn once, in the frame of an aligned 512x512
image. What lies inside the outline but does not look like this face's skin (hair, a hat,
background) is taken away. A photograph that is not aligned is first searched for a face with
scikit-image's frontal face cascade, and the frame is laid around what it finds.
"""

import functools
import threading
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from skimage import data
from skimage.feature import Cascade

from ..errors import ParsingError
from .labels import CLASSES, LABEL_SIZE, SKIN, FaceParser

# Right half of the outline from the forehead to the chin: distance from the middle line, row.
# Drawn on the average of aligned faces, and around where people draw wrinkles on them.
_OUTLINE = np.array([
    (0, 106), (66, 108), (104, 120), (120, 149), (124, 184), (132, 208), (152, 222), (159, 247),
    (153, 285), (144, 329), (138, 392), (124, 436), (98, 467), (55, 482), (0, 475),
])  # fmt: skip
_MIDDLE = (256, 290)
# Ellipses: class, centre, half axes, angle; columns before rows. `l_` is the viewer's left.
_PARTS = (
    ("nose", (256, 285), (34, 58), 0),
    ("l_brow", (187, 208), (42, 10), -5),
    ("r_brow", (325, 208), (42, 10), 5),
    ("l_eye", (190, 238), (32, 15), 0),
    ("r_eye", (322, 238), (32, 15), 0),
    ("mouth", (256, 380), (62, 36), 0),
)


class FaceSquare(NamedTuple):
    """A face as the cascade gives it: centre and width of a square, in pixels."""

    x: float
    y: float
    width: float


# Where the cascade finds the face of an aligned image, and how far it may stray there: over three
# standard deviations over 84 aligned faces.
_BOX = FaceSquare(256, 281, 331)
_CENTRE_TOLERANCE, _WIDTH_TOLERANCE = 40, 80

_CLOSER = 1.8  # a second look at a face shows this many times its box
_VIEW_SIZE = 128  # skin colour is judged on a face of this size
_CORE = 0.62  # the outline shrunk by this holds nothing but skin, eyes, brows and mouth
_SURROUNDINGS = 1.35  # outside the outline grown by this there is no face
_LEAST_DEVIATION = (14, 5, 5)  # of L, a, b in OpenCV's 8 bits: no skin is more even than that
# How many deviations a colour may lie from the skin's: on the outline, and more for each cell
# further inside. Chosen on wrinkle masks; docs/methods.md has what other values give.
_LIMIT_AT_OUTLINE, _LIMIT_PER_CELL, _LARGEST_LIMIT = 1.7, 0.12, 9.0


class Frame(NamedTuple):
    """The square of an image that FFHQ's alignment would cut out, in pixels."""

    left: float
    top: float
    side: float

    def view(self, image: np.ndarray, size: int = _VIEW_SIZE) -> np.ndarray:
        """What the frame shows, RGB uint8 (size, size, 3); beyond the image its border goes on."""
        samples = (np.arange(LABEL_SIZE) + 0.5) * self.side / LABEL_SIZE
        rows = np.clip((self.top + samples).astype(int), 0, image.shape[0] - 1)
        columns = np.clip((self.left + samples).astype(int), 0, image.shape[1] - 1)
        seen = np.ascontiguousarray(image[rows][:, columns])
        return np.asarray(cv2.resize(seen, (size, size), interpolation=cv2.INTER_AREA))

    def placed(self, label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Turn a label map of the frame into one of the whole image, both uint8 (512, 512)."""
        height, width = shape
        cells = (np.arange(LABEL_SIZE) + 0.5) / LABEL_SIZE
        rows = np.floor((cells * height - self.top) / self.side * LABEL_SIZE).astype(int)
        columns = np.floor((cells * width - self.left) / self.side * LABEL_SIZE).astype(int)
        inside = [(at >= 0) & (at < LABEL_SIZE) for at in (rows, columns)]
        whole = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
        whole[np.ix_(*inside)] = label_map[np.ix_(rows[inside[0]], columns[inside[1]])]
        return whole


class TemplateParser(FaceParser):
    """Face parsing by a fixed template and the image's own skin colour."""

    name = "template"
    note = "a guess by a fixed face template, not by a trained face parser"

    def __init__(self) -> None:
        self._cascades = threading.local()  # each thread its own

    def __reduce__(self) -> tuple[object, ...]:
        return TemplateParser, ()  # in another process threads are others

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Lay the template over the face: label map, uint8 (512, 512), of RGB uint8 (H, W, 3).

        Raises
        ------
        ParsingError
            No face is found.
        """
        frame = self.find_frame(image)
        return frame.placed(_fitted_template(frame.view(image)), image.shape[:2])

    def find_frame(self, image: np.ndarray) -> Frame:
        """Find where a face lies; the largest if there are several.

        A square image in which the cascade finds a face where alignment would put it is taken as
        aligned. So is one where it finds none, but skin is in the face's place and not around it:
        the cascade misses about one aligned face in ten (turned heads, dark glasses).

        Raises
        ------
        ParsingError
            No face is found.
        """
        height, width = image.shape[:2]
        whole = Frame(0, 0, width) if height == width else None
        boxes = self._boxes(image, longest=256)
        if whole and any(_is_aligned(box, whole) for box in boxes):
            return whole
        box = self._closer(image, boxes)
        if box is None and whole and _has_skin_in_place(whole.view(image)):
            return whole
        box = box or self._closer(image, self._boxes(image, longest=512))
        if box is None:
            raise ParsingError(
                "no face found; the template wants a frontal face, --parser bisenet is less choosy"
            )
        side = box.width * LABEL_SIZE / _BOX.width
        return Frame(box.x - side * _BOX.x / LABEL_SIZE, box.y - side * _BOX.y / LABEL_SIZE, side)

    def _closer(self, image: np.ndarray, boxes: Sequence[FaceSquare]) -> FaceSquare | None:
        """Look again at the largest face found at a coarse scale; None if it is none after all."""
        if not boxes:
            return None
        box = max(boxes, key=lambda box: box.width)
        side = _CLOSER * box.width
        around = Frame(box.x - side / 2, box.y - side / 2, side)
        closer = self._boxes(around.view(image, size=256), longest=256, scale_factor=1.1)
        if not closer:
            return None
        found = max(closer, key=lambda box: box.width)
        scale = side / 256
        return FaceSquare(
            around.left + found.x * scale, around.top + found.y * scale, found.width * scale
        )

    def _boxes(
        self, image: np.ndarray, longest: int, scale_factor: float = 1.15
    ) -> list[FaceSquare]:
        """Faces that the cascade finds, searched at a size of `longest` pixels or less."""
        if not hasattr(self._cascades, "own"):
            self._cascades.own = Cascade(data.lbp_frontal_face_cascade_filename())
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        scale = min(1.0, longest / max(gray.shape))
        size_wh = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
        small = cv2.resize(gray, size_wh, interpolation=cv2.INTER_AREA)
        smallest = 48
        if min(small.shape) < smallest:
            return []
        found = self._cascades.own.detect_multi_scale(
            img=small,
            scale_factor=scale_factor,
            step_ratio=1,
            min_size=(smallest, smallest),
            max_size=small.shape,
        )
        return [
            FaceSquare(
                (box["c"] + box["width"] / 2) / scale,
                (box["r"] + box["height"] / 2) / scale,
                box["width"] / scale,
            )
            for box in found
        ]


def _is_aligned(box: FaceSquare, whole: Frame) -> bool:
    """Whether a face lies where FFHQ's alignment puts it."""
    x, y, width = (length * LABEL_SIZE / whole.side for length in box)
    return (
        max(abs(x - _BOX.x), abs(y - _BOX.y)) <= _CENTRE_TOLERANCE
        and abs(width - _BOX.width) <= _WIDTH_TOLERANCE
    )


def _has_skin_in_place(view: np.ndarray) -> bool:
    """Whether the face's place is skin-coloured, and the corners above it clearly less so.

    The box in chrominance is that of Chai and Ngan (1999), moved a little from red to yellow.
    """
    chrominance = cv2.cvtColor(view, cv2.COLOR_RGB2YCrCb)
    skin = cv2.inRange(chrominance, (41, 136, 77), (255, 180, 125)) > 0
    above = ~_shrunk(_outline(_SURROUNDINGS))
    above[_VIEW_SIZE // 2 :] = False
    in_place = float(skin[_core_view()].mean())
    return in_place > 0.6 and in_place - float(skin[above].mean()) > 0.25


def _fitted_template(view: np.ndarray) -> np.ndarray:
    """Label map of the frame, uint8 (512, 512), from what it shows, RGB uint8 (128, 128, 3)."""
    lab = cv2.cvtColor(view, cv2.COLOR_RGB2LAB).astype(np.float32)
    core = lab[_core_view()]
    skin = np.median(core, axis=0)
    deviation = 1.4826 * np.median(np.abs(core - skin), axis=0)  # robust: wrinkles, a beard
    off = np.linalg.norm((lab - skin) / np.maximum(deviation, _LEAST_DEVIATION), axis=2)
    alike = (cv2.GaussianBlur(off, (0, 0), 1) < _colour_limit()).astype(np.uint8)
    # Close over wrinkles, brows, glasses and the like; drop what hangs on by a thread.
    for operation, size in ((cv2.MORPH_CLOSE, 11), (cv2.MORPH_OPEN, 5)):
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        alike = cv2.morphologyEx(alike, operation, disc)
    size_wh = (LABEL_SIZE, LABEL_SIZE)
    face = cv2.resize(alike.astype(np.float32), size_wh, interpolation=cv2.INTER_LINEAR) > 0.5
    labels = np.where(face, SKIN, 0).astype(np.uint8)
    parts = _parts()
    labels[parts > 0] = parts[parts > 0]
    return labels


@functools.cache
def _parts() -> np.ndarray:
    """Nose, brows, eyes and mouth in an otherwise empty label map, uint8 (512, 512)."""
    labels = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
    for name, centre, half_axes, angle in _PARTS:
        cv2.ellipse(labels, centre, half_axes, angle, 0, 360, CLASSES.index(name), cv2.FILLED)
    return labels


def _outline(scale: float = 1.0) -> np.ndarray:
    """The face's outline, filled, shrunk or grown around the middle: bool (512, 512)."""
    right = (_OUTLINE - (0, _MIDDLE[1])) * scale
    both = np.vstack([right, right[::-1] * (-1, 1)]) + _MIDDLE
    filled = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
    cv2.fillPoly(filled, [np.rint(both).astype(np.int32)], 1)
    return filled > 0


def _shrunk(mask: np.ndarray) -> np.ndarray:
    """A mask of the frame at the size of its view: bool (128, 128)."""
    size_wh = (_VIEW_SIZE, _VIEW_SIZE)
    return np.asarray(
        cv2.resize(mask.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA) > 0.5
    )


@functools.cache
def _core_view() -> np.ndarray:
    """Where the view shows skin for certain: bool (128, 128)."""
    return _shrunk(_outline(_CORE) & ~np.isin(_parts(), _cut_out()))


def _cut_out() -> list[int]:
    """Classes of the template that are no skin."""
    return [CLASSES.index(name) for name, *_ in _PARTS if name != "nose"]


@functools.cache
def _colour_limit() -> np.ndarray:
    """How far a colour may be from the skin's, cell by cell: float32 (128, 128)."""
    outline = _outline().astype(np.uint8)
    inside, outside = (
        cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5) for mask in (outline, 1 - outline)
    )
    limit = _LIMIT_AT_OUTLINE + _LIMIT_PER_CELL * (inside - outside)
    view = cv2.resize(limit, (_VIEW_SIZE, _VIEW_SIZE), interpolation=cv2.INTER_AREA)
    return np.clip(view, 0, _LARGEST_LIMIT)
