"""Mesh parser: label maps drawn from the points of the face mesh, without a download.

Nose, brows, eyes, lips and mouth are outlines through points of the mesh. The skin is its outer
outline, stretched at the forehead and the chin, where the mesh ends inside the face. Above the
brows, hair and hats are recognised by their colour.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import ParsingError
from .labels import CLASSES, LABEL_SIZE, SKIN, FaceParser
from .mesh import LEAST_SCORE, MeshFace, MeshFinder
from .outlines import CHIN, FOREHEAD, OUTLINE, filled, mapped, stretched_outline, to_cells
from .squares import Square

# Drawn in this order, later ones over earlier ones. Left is the viewer's.
_PARTS = (
    (
        "nose",
        (168, 122, 174, 217, 126, 129, 64, 98, 97, 2, 326, 327, 294, 358, 355, 437, 399, 351),
    ),
    ("l_brow", (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)),
    ("r_brow", (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)),
    (
        "l_eye",
        (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    ),
    (
        "r_eye",
        (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    ),
    (
        "u_lip",
        (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291,
         308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78),
    ),
    (
        "l_lip",
        (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291,
         308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78),
    ),
    (
        "mouth",
        (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
    ),
)  # fmt: skip
# Eyes, brows, lips and mouth are widened by this share of the face's size: about as far as their
# points differ between two looks at a face.
_MARGIN = 0.011
_NOSE_TIP = 1

# Other faces are labelled if they are at least this share of the largest one's size.
_LEAST_SIZE = 0.5

# Hair and hats are looked for in a view of the face, upright and this many pixels wide.
_VIEW_SIZE = 192
_VIEW_SCALE = 1.7  # sides of the box around the points
_VIEW_RAISED = 0.1  # by this share of its side
_BROW_LINE = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300)
_HAIR = CLASSES.index("hair")
_LEAST_DEVIATION = (14, 5, 5)  # of L, a, b in OpenCV's 8 bits: no skin is more uniform than that
_DIFFERENT = 3.0  # deviations from the skin's colour
_SHINE = 1.2  # skin that reflects light is brighter than this, times the median of L
# Hair is darker than skin, and uneven; a shadow on the forehead is darker and even.
_DARK, _LEAST_TEXTURE = 0.7, 0.1
_TEXTURE_SIGMA = 2.0
_LEAST_INNER = 20  # pixels in which texture can be measured


class MeshParser(FaceParser):
    """Face parsing by MediaPipe's face mesh, which ships with the package."""

    name = "mesh"
    note = "outlines of MediaPipe's face mesh, without hair, hats and glasses as pixels"
    labelled = (SKIN, _HAIR, *(CLASSES.index(name) for name, _ in _PARTS))

    def __init__(self) -> None:
        self._finder = MeshFinder()
        self.weights_sha256 = self._finder.weights_sha256

    def __reduce__(self) -> tuple[object, ...]:
        """Load the networks again in another process."""
        return MeshParser, (), {"parts": self.parts}

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Return the label map, uint8 (512, 512), of RGB uint8 (H, W, 3).

        It has the largest face, and others of at least half its size.

        Raises
        ------
        ParsingError
            No face is found, or its points are not to be trusted.
        """
        candidates = self._finder.find(image, least_score=0)
        faces = [face for face in candidates if face.score >= LEAST_SCORE]
        if not faces:
            raise ParsingError(_reason(candidates))
        if _is_profile(faces[0]):
            raise ParsingError(
                "the head is turned too far: the nose lies outside the outline of the face mesh"
            )
        return faces_labels(trusted_faces(faces), image)


def trusted_faces(faces: Sequence[MeshFace]) -> list[MeshFace]:
    """Return the faces of an image whose outlines are drawn, in the given order.

    Their scores are at least `LEAST_SCORE`, they have at least half the size of the largest face,
    and they are not seen in profile. None is returned if the largest face is.
    """
    scored = [face for face in faces if face.score >= LEAST_SCORE]
    if not scored or _is_profile(scored[0]):
        return []
    sizes = [max(face.box[2:]) for face in scored]
    return [
        face
        for face, size in zip(scored, sizes, strict=True)
        if size >= _LEAST_SIZE * max(sizes) and not _is_profile(face)
    ]


def faces_labels(faces: Sequence[MeshFace], image: np.ndarray) -> np.ndarray:
    """Return the label map of faces, uint8 (512, 512), the first drawn over the others."""
    label_map = np.zeros((LABEL_SIZE, LABEL_SIZE), np.uint8)
    for face in reversed(faces):
        own = face_labels(face, image)
        label_map[own > 0] = own[own > 0]
    return label_map


def _is_profile(face: MeshFace) -> bool:
    """Return whether the nose reaches beyond the outline of the mesh."""
    outline = face.points[list(OUTLINE)].astype(np.float32)
    x, y = face.points[_NOSE_TIP].tolist()
    return cv2.pointPolygonTest(outline, (x, y), False) < 0


def _reason(candidates: list[MeshFace]) -> str:
    """Return the message for an image without a face that can be trusted."""
    if not candidates:
        return "no face found"
    best = max(candidates, key=lambda face: face.score)
    x, y = best.points.mean(axis=0)
    return (
        f"no face found; the likeliest, around x {x:.0f}, y {y:.0f}, has a score of "
        f"{best.score:.2f}, and a face has at least {LEAST_SCORE}"
    )


def face_labels(face: MeshFace, image: np.ndarray, *, margin: float = _MARGIN) -> np.ndarray:
    """Return the label map of a face.

    Parameters
    ----------
    face : MeshFace
        A face of the image.
    image : np.ndarray
        RGB uint8, (H, W, 3), on which the label map is laid.
    margin : float
        Distance by which eyes, brows, lips and mouth are widened, as a share of the face's size.

    Returns
    -------
    np.ndarray
        Face-parsing classes, uint8, (512, 512); 0 outside the face.
    """
    cells = to_cells(image.shape)
    points = mapped(face.points, cells)
    skin = filled(mapped(stretched_outline(face.points), cells), LABEL_SIZE)
    labels = np.where(skin, SKIN, 0).astype(np.uint8)
    view = _view_of(face)
    to_view = np.vstack([view.to_photo(_VIEW_SIZE), (0, 0, 1)])
    cells_of_view = np.vstack([cells, (0, 0, 1)]) @ to_view
    hair = cv2.warpAffine(
        _hair(face, view, image).astype(np.float32),
        cells_of_view[:2],
        (LABEL_SIZE, LABEL_SIZE),
        flags=cv2.INTER_LINEAR,
    )
    labels[skin & (hair > 0.5)] = _HAIR
    reach = margin * float(np.ptp(points, axis=0).max())
    for name, numbers in _PARTS:
        outline = points[list(numbers)]
        part = filled(outline, LABEL_SIZE, 0 if name == "nose" else reach)
        labels[part] = CLASSES.index(name)
    return labels


def _hair(face: MeshFace, view: Square, image: np.ndarray) -> np.ndarray:
    """Return the parts of the forehead under hair or a hat, bool, in the view of the face.

    They differ from the colour of the face's other skin, reach in from outside the outline, and are
    neither shine nor an even shadow.
    """
    pixels = view.image(image, _VIEW_SIZE)
    from_photo = np.linalg.inv(np.vstack([view.to_photo(_VIEW_SIZE), (0, 0, 1)]))[:2]
    points = mapped(face.points, from_photo)
    outline = filled(mapped(stretched_outline(face.points), from_photo), _VIEW_SIZE)
    brows = points[list(_BROW_LINE)]
    brow_rows = np.interp(np.arange(_VIEW_SIZE), brows[:, 0], brows[:, 1])
    above = np.arange(_VIEW_SIZE)[:, None] < brow_rows - 1
    certain = filled(points[list(OUTLINE)], _VIEW_SIZE) & ~above
    for name, numbers in _PARTS:
        if name != "nose":
            certain &= ~_grown(filled(points[list(numbers)], _VIEW_SIZE), 3)
    certain = ~_grown(~certain, 9)
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), 1), cv2.COLOR_RGB2LAB).astype(np.float32)
    if not certain.any():
        return np.zeros_like(outline)
    skin = np.median(lab[certain], axis=0)
    deviation = 1.4826 * np.median(np.abs(lab[certain] - skin), axis=0)
    difference = lab - skin
    difference[:, :, 0] *= np.where(difference[:, :, 0] > 0, 0.5, 1)  # skin varies towards white
    distance = np.linalg.norm(difference / np.maximum(deviation, _LEAST_DEVIATION), axis=2)
    different = above & (distance > _DIFFERENT) & (lab[:, :, 0] <= _SHINE * skin[0])
    opened = cv2.morphologyEx(different.astype(np.uint8), cv2.MORPH_OPEN, _disc(5))
    texture = _texture(pixels)
    covered = np.zeros_like(outline)
    count, components = cv2.connectedComponents(opened)
    for number in range(1, count):
        component = components == number
        if (component & ~outline).any() and not _is_shadow(
            component & outline, lab[:, :, 0] / max(float(skin[0]), 1), texture
        ):
            covered |= component
    closed = cv2.morphologyEx(
        ((covered & outline) | ~outline).astype(np.uint8), cv2.MORPH_CLOSE, _disc(7)
    )
    hair = (closed > 0) & outline & above
    hair |= outline & ~_connected(outline & ~hair, outline & ~above)
    return np.asarray(hair | (~outline & _grown(hair, 3)))  # up to the last cell of the outline


def _connected(skin: np.ndarray, certain: np.ndarray) -> np.ndarray:
    """Return the parts of skin that are joined, by more than a thin bridge, with certain skin."""
    opened = cv2.morphologyEx(skin.astype(np.uint8), cv2.MORPH_OPEN, _disc(5)) | certain
    _, components = cv2.connectedComponents(opened.astype(np.uint8))
    joined = np.isin(components, np.unique(components[certain])) & (components > 0)
    return np.asarray(skin & (_grown(joined, 5) | certain))


def _is_shadow(part: np.ndarray, brightness: np.ndarray, texture: np.ndarray) -> bool:
    """Return whether a part is dark and even; brightness is relative to the median of the skin."""
    inner = ~_grown(~part, 5)
    if inner.sum() < _LEAST_INNER:
        return False
    return bool(np.median(brightness[inner]) < _DARK and texture[inner].std() < _LEAST_TEXTURE)


def _texture(pixels: np.ndarray) -> np.ndarray:
    """Return how far each pixel differs from its surroundings, as a share of its brightness."""
    brightness = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[:, :, 0].astype(np.float32)
    smooth = cv2.GaussianBlur(brightness, (0, 0), _TEXTURE_SIGMA)
    return np.asarray((brightness - smooth) / np.maximum(brightness, 16))


def _view_of(face: MeshFace) -> Square:
    """Return the upright square around a face that has its stretched outline and some hair."""
    up = face.points[FOREHEAD] - face.points[CHIN]
    up = up / max(float(np.hypot(*up)), 1e-6)
    axes = np.stack([np.array([-up[1], up[0]]), -up])
    in_face = face.points @ axes.T
    low, high = in_face.min(axis=0), in_face.max(axis=0)
    side = max(float((high - low).max()) * _VIEW_SCALE, 1e-3)
    x, y = ((low + high) / 2 - (0, _VIEW_RAISED * side)) @ axes
    right_x, right_y = axes[0] * side / 2
    return Square((float(x), float(y)), (float(right_x), float(right_y)))


def _grown(mask: np.ndarray, size: int) -> np.ndarray:
    """Return a mask dilated by a square of pixels."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0)


def _disc(size: int) -> np.ndarray:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
