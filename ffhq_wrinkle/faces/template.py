"""Template: approximate face parsing from FFHQ's alignment, without weights.

The face's outline, eyes, brows, nose and mouth are drawn once, in the frame of an aligned 512x512
image. Pixels inside the outline that do not look like the skin of this face (hair, a hat,
background) are removed. A photograph that is not aligned is first searched for a face by
scikit-image's frontal face cascade, and the frame is placed around that face.
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

# Right half of the outline from the forehead to the chin: distance from the midline, row. Drawn on
# the average of aligned faces, around the region in which people draw wrinkles.
_OUTLINE = np.array([
    (0, 106), (66, 108), (104, 120), (120, 149), (124, 184), (132, 208), (152, 222), (159, 247),
    (153, 285), (144, 329), (138, 392), (124, 436), (98, 467), (55, 482), (0, 475),
])  # fmt: skip
_MIDDLE = (256, 290)
# Ellipses: class, centre, semi-axes, angle; columns before rows. `l_` is the viewer's left.
_PARTS = (
    ("nose", (256, 285), (34, 58), 0),
    ("l_brow", (187, 208), (42, 10), -5),
    ("r_brow", (325, 208), (42, 10), 5),
    ("l_eye", (190, 238), (32, 15), 0),
    ("r_eye", (322, 238), (32, 15), 0),
    ("mouth", (256, 380), (62, 36), 0),
)


class FaceSquare(NamedTuple):
    """A face detected by the cascade: centre and width of a square, in pixels."""

    x: float
    y: float
    width: float


# The square in which the cascade detects the face of an aligned image, and tolerances of more than
# three standard deviations over 84 aligned faces.
_ALIGNED_SQUARE = FaceSquare(256, 281, 331)
_CENTRE_TOLERANCE, _WIDTH_TOLERANCE = 40, 80

_SEARCH_SCALE = 1.8  # the second search of a face covers its square, scaled by this factor
_VIEW_SIZE = 128  # skin colour is judged on a face of this size
_CORE = 0.62  # the outline scaled by this contains only skin, eyes, brows and mouth
_SURROUNDINGS = 1.35  # outside the outline scaled by this there is no face
_LEAST_DEVIATION = (14, 5, 5)  # of L, a, b in OpenCV's 8 bits: no skin is more uniform than that
# Largest distance of a colour from the skin's, in deviations: on the outline, and the increase for
# each cell towards the inside. Chosen on wrinkle masks; docs/methods.md reports other values.
_LIMIT_AT_OUTLINE, _LIMIT_PER_CELL, _LARGEST_LIMIT = 1.7, 0.12, 9.0


class Frame(NamedTuple):
    """The square of an image that FFHQ's alignment would crop, in pixels."""

    left: float
    top: float
    side: float

    def view(self, image: np.ndarray, size: int = _VIEW_SIZE) -> np.ndarray:
        """Return the image in the frame, RGB uint8 (size, size, 3), padded by its border pixels."""
        samples = (np.arange(LABEL_SIZE) + 0.5) * self.side / LABEL_SIZE
        rows = np.clip((self.top + samples).astype(int), 0, image.shape[0] - 1)
        columns = np.clip((self.left + samples).astype(int), 0, image.shape[1] - 1)
        framed = np.ascontiguousarray(image[rows][:, columns])
        return np.asarray(cv2.resize(framed, (size, size), interpolation=cv2.INTER_AREA))

    def placed(self, label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Convert a label map of the frame to one of the whole image, both uint8 (512, 512)."""
        height, width = shape
        cells = (np.arange(LABEL_SIZE) + 0.5) / LABEL_SIZE
        rows = np.floor((cells * height - self.top) / self.side * LABEL_SIZE).astype(int)
        columns = np.floor((cells * width - self.left) / self.side * LABEL_SIZE).astype(int)
        inside = [(indices >= 0) & (indices < LABEL_SIZE) for indices in (rows, columns)]
        image_map = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
        image_map[np.ix_(*inside)] = label_map[np.ix_(rows[inside[0]], columns[inside[1]])]
        return image_map


class TemplateParser(FaceParser):
    """Face parsing by a fixed template and the image's own skin colour."""

    name = "template"
    note = "a guess by a fixed face template, not by a trained face parser"

    def __init__(self) -> None:
        self._cascades = threading.local()  # one for each thread

    def __reduce__(self) -> tuple[object, ...]:
        return TemplateParser, ()  # thread-local data cannot be pickled

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Fit the template to RGB uint8 (H, W, 3), and return a label map, uint8 (512, 512).

        Raises
        ------
        ParsingError
            No face is found.
        """
        frame = self.find_frame(image)
        return frame.placed(_fitted_template(frame.view(image)), image.shape[:2])

    def find_frame(self, image: np.ndarray) -> Frame:
        """Return the frame of a face, the largest if there are several.

        A square image counts as aligned if the cascade finds a face at its aligned position. The
        cascade misses about one aligned face in ten (turned heads, dark glasses). A square image
        therefore counts as aligned, too, if no face is found, but skin is present at the aligned
        position and not around it.

        Raises
        ------
        ParsingError
            No face is found.
        """
        height, width = image.shape[:2]
        whole = Frame(0, 0, width) if height == width else None
        faces = self._detect(image, longest=256)
        if whole and any(_is_aligned(face, whole) for face in faces):
            return whole
        face = self._refined(image, faces)
        if face is None and whole and _has_skin_in_place(whole.view(image)):
            return whole
        face = face or self._refined(image, self._detect(image, longest=512))
        if face is None:
            raise ParsingError(
                "no face found; the template needs a frontal face, --parser bisenet is less strict"
            )
        side = face.width * LABEL_SIZE / _ALIGNED_SQUARE.width
        left = face.x - side * _ALIGNED_SQUARE.x / LABEL_SIZE
        top = face.y - side * _ALIGNED_SQUARE.y / LABEL_SIZE
        return Frame(left, top, side)

    def _refined(self, image: np.ndarray, faces: Sequence[FaceSquare]) -> FaceSquare | None:
        """Detect the largest of several faces again at a finer scale; None if that fails."""
        if not faces:
            return None
        coarse = max(faces, key=lambda face: face.width)
        side = _SEARCH_SCALE * coarse.width
        around = Frame(coarse.x - side / 2, coarse.y - side / 2, side)
        finer_faces = self._detect(around.view(image, size=256), longest=256, scale_factor=1.1)
        if not finer_faces:
            return None
        fine = max(finer_faces, key=lambda face: face.width)
        scale = side / 256
        return FaceSquare(
            around.left + fine.x * scale, around.top + fine.y * scale, fine.width * scale
        )

    def _detect(
        self, image: np.ndarray, longest: int, scale_factor: float = 1.15
    ) -> list[FaceSquare]:
        """Return the faces that the cascade detects at a size of at most `longest` pixels."""
        if not hasattr(self._cascades, "own"):
            self._cascades.own = Cascade(data.lbp_frontal_face_cascade_filename())
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        scale = min(1.0, longest / max(gray.shape))
        size_wh = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
        small = cv2.resize(gray, size_wh, interpolation=cv2.INTER_AREA)
        smallest = 48
        if min(small.shape) < smallest:
            return []
        detections = self._cascades.own.detect_multi_scale(
            img=small,
            scale_factor=scale_factor,
            step_ratio=1,
            min_size=(smallest, smallest),
            max_size=small.shape,
        )
        return [
            FaceSquare(
                (detection["c"] + detection["width"] / 2) / scale,
                (detection["r"] + detection["height"] / 2) / scale,
                detection["width"] / scale,
            )
            for detection in detections
        ]


def _is_aligned(face: FaceSquare, whole: Frame) -> bool:
    """Return whether a face is at the position that FFHQ's alignment gives it."""
    x, y, width = (length * LABEL_SIZE / whole.side for length in face)
    return (
        max(abs(x - _ALIGNED_SQUARE.x), abs(y - _ALIGNED_SQUARE.y)) <= _CENTRE_TOLERANCE
        and abs(width - _ALIGNED_SQUARE.width) <= _WIDTH_TOLERANCE
    )


def _has_skin_in_place(view: np.ndarray) -> bool:
    """Return whether the aligned position is skin-coloured, and the corners above much less so.

    The range of chrominance is that of Chai and Ngan (1999), shifted slightly from red to yellow.
    """
    chrominance = cv2.cvtColor(view, cv2.COLOR_RGB2YCrCb)
    skin = cv2.inRange(chrominance, (41, 136, 77), (255, 180, 125)) > 0
    above = ~_shrunk(_outline(_SURROUNDINGS))
    above[_VIEW_SIZE // 2 :] = False
    in_place = float(skin[_core_view()].mean())
    return in_place > 0.6 and in_place - float(skin[above].mean()) > 0.25


def _fitted_template(view: np.ndarray) -> np.ndarray:
    """Return the label map of a frame, uint8 (512, 512), from its view, RGB uint8 (128, 128, 3)."""
    lab = cv2.cvtColor(view, cv2.COLOR_RGB2LAB).astype(np.float32)
    core = lab[_core_view()]
    skin = np.median(core, axis=0)
    deviation = 1.4826 * np.median(np.abs(core - skin), axis=0)  # robust to wrinkles, a beard
    distance = np.linalg.norm((lab - skin) / np.maximum(deviation, _LEAST_DEVIATION), axis=2)
    skin_like = (cv2.GaussianBlur(distance, (0, 0), 1) < _colour_limit()).astype(np.uint8)
    # Close gaps such as wrinkles, brows and glasses; drop parts connected by a thin bridge only.
    for operation, size in ((cv2.MORPH_CLOSE, 11), (cv2.MORPH_OPEN, 5)):
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        skin_like = cv2.morphologyEx(skin_like, operation, disc)
    size_wh = (LABEL_SIZE, LABEL_SIZE)
    face = cv2.resize(skin_like.astype(np.float32), size_wh, interpolation=cv2.INTER_LINEAR) > 0.5
    labels = np.where(face, SKIN, 0).astype(np.uint8)
    parts = _parts()
    labels[parts > 0] = parts[parts > 0]
    return labels


@functools.cache
def _parts() -> np.ndarray:
    """Return nose, brows, eyes and mouth in an otherwise empty label map, uint8 (512, 512)."""
    labels = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
    for name, centre, half_axes, angle in _PARTS:
        cv2.ellipse(labels, centre, half_axes, angle, 0, 360, CLASSES.index(name), cv2.FILLED)
    return labels


def _outline(scale: float = 1.0) -> np.ndarray:
    """Return the filled outline of the face, scaled around its middle: bool (512, 512)."""
    right = (_OUTLINE - (0, _MIDDLE[1])) * scale
    both = np.vstack([right, right[::-1] * (-1, 1)]) + _MIDDLE
    filled = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
    cv2.fillPoly(filled, [np.rint(both).astype(np.int32)], 1)
    return filled > 0


def _shrunk(mask: np.ndarray) -> np.ndarray:
    """Return a mask of the frame, downsampled to the size of its view: bool (128, 128)."""
    size_wh = (_VIEW_SIZE, _VIEW_SIZE)
    return np.asarray(
        cv2.resize(mask.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA) > 0.5
    )


@functools.cache
def _core_view() -> np.ndarray:
    """Return the part of the view that is certainly skin: bool (128, 128)."""
    return _shrunk(_outline(_CORE) & ~np.isin(_parts(), _cut_out()))


def _cut_out() -> list[int]:
    """Return the classes of the template that are not skin."""
    return [CLASSES.index(name) for name, *_ in _PARTS if name != "nose"]


@functools.cache
def _colour_limit() -> np.ndarray:
    """Return the largest distance of colours from the skin's, by cell: float32 (128, 128)."""
    outline = _outline().astype(np.uint8)
    inside, outside = (
        cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5) for mask in (outline, 1 - outline)
    )
    limit = _LIMIT_AT_OUTLINE + _LIMIT_PER_CELL * (inside - outside)
    view = cv2.resize(limit, (_VIEW_SIZE, _VIEW_SIZE), interpolation=cv2.INTER_AREA)
    return np.clip(view, 0, _LARGEST_LIMIT)
