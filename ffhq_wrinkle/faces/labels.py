"""Label maps: the classes of face parsing, the face mask derived from them, and face parsers.

A label map gives the part of the face in each cell of a 512x512 grid over the image. `FaceParser`
is the base class of the three parsers; `parsing` creates one of them.
"""

import struct
import tokenize
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import ArgumentError, ParsingError
from ..images.arrays import plain_array
from ..images.sizes import resized_nearest
from ..storage.places import Place, get

if TYPE_CHECKING:
    from ..inference.gpu_images import GpuBatch

LABEL_SIZE = 512
_MOST_BYTES = 16 << 20  # of a file; a label map of 64-bit integers has 2 MiB

# The order of zllrunning/face-parsing.PyTorch, which is BiSeNet's here. CelebAMask-HQ and
# facexlib's other network, ParseNet, number the same parts differently.
CLASSES = (
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r",
    "nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat",
)  # fmt: skip
# Errors that NumPy and Pillow raise on files that are truncated, altered or malicious.
READER_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, MemoryError,
    RecursionError, OverflowError, tokenize.TokenError, struct.error, zlib.error,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
SKIN, NOSE = CLASSES.index("skin"), CLASSES.index("nose")
FACE_PARTS = (SKIN, NOSE)  # the published face masks are of these classes


def parse_parts(text: str) -> tuple[int, ...]:
    """Return the classes that ``--parts`` names, in the order of `CLASSES`.

    Raises
    ------
    ArgumentError
        A name is not a class, or is that of the background.

    >>> parse_parts("neck, skin,nose")
    (1, 10, 14)
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in CLASSES[1:]:
            raise ArgumentError(
                f"--parts: {name!r} is not a part of the face; choose from {', '.join(CLASSES[1:])}"
            )
    return tuple(sorted({CLASSES.index(name) for name in names}))


def face_mask(
    label_map: np.ndarray, shape: tuple[int, int], parts: Collection[int] = FACE_PARTS
) -> np.ndarray:
    """Return the mask of the face, skin and nose unless given, at the size of the image.

    The label map is resized by nearest neighbour between pixel centres. At 1024x1024 each cell
    becomes 2x2 pixels.

    Parameters
    ----------
    label_map : np.ndarray
        Face-parsing classes, uint8, (512, 512), 0..18 as in `CLASSES`.
    shape : tuple of int
        Rows and columns of the image.
    parts : collection of int
        The classes that are face.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ArgumentError
        The label map has a different dtype or shape.
    """
    if label_map.shape != (LABEL_SIZE, LABEL_SIZE) or label_map.dtype != np.uint8:
        raise ArgumentError(
            f"a label map is uint8 (512, 512), not {label_map.dtype} {label_map.shape}"
        )
    is_part = np.zeros(256, bool)
    is_part[list(parts)] = True
    face = is_part[label_map]
    return resized_nearest(face, shape)


def read_label_map(path: Place) -> np.ndarray:
    """Read a label map from a ``.npy`` of integers or an 8-bit gray or palette PNG.

    Returns
    -------
    np.ndarray
        uint8, (512, 512), 0..18.

    Raises
    ------
    ParsingError
        The file cannot be read, or does not contain a label map.
    """
    if isinstance(path, Path) and not path.is_file():  # a FIFO or a device would block for ever
        raise ParsingError(f"{path} is not a regular file")
    try:
        file = BytesIO(_content(path))
        labels = _read_npy(file) if path.suffix.lower() == ".npy" else _read_png(file)
    except FileNotFoundError as error:
        raise ParsingError(f"{path} does not exist") from error
    except UnidentifiedImageError as error:
        raise ParsingError(f"{path} is not a PNG") from error
    except READER_ERRORS as error:
        raise ParsingError(f"{path} cannot be read: {error}") from error
    if labels.shape != (LABEL_SIZE, LABEL_SIZE):
        raise ParsingError(f"{path} has shape {labels.shape}; a label map has (512, 512)")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ParsingError(f"{path} contains {labels.dtype}; a label map contains integers")
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise ParsingError(f"{path} has labels {labels.min()}..{labels.max()}; classes are 0..18")
    return plain_array(labels.astype(np.uint8))


def _content(path: Place) -> bytes:
    """Return the bytes of a file, or refuse one that is too large for a label map."""
    content = get(path, most=_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes, too many for a label map")
    return content


def _read_npy(file: BytesIO) -> np.ndarray:
    array = np.lib.format.read_array(file, allow_pickle=False)  # np.load would open archives too
    return np.asarray(array)


def _read_png(file: BytesIO) -> np.ndarray:
    """Read gray levels, or the indices of a palette, as they are stored but upright."""
    with Image.open(file, formats=("PNG",)) as image:
        if image.mode not in ("L", "P"):
            raise ValueError(f"it has mode {image.mode}; a label map is 8-bit gray or palette")
        if image.size != (LABEL_SIZE, LABEL_SIZE):
            raise ValueError(f"it is {image.width}x{image.height}; a label map is 512x512")
        return np.array(ImageOps.exif_transpose(image))


class FaceParser(ABC):
    """Base class of face parsers, which compute label maps of images in two steps.

    The two steps let a run distribute the work. `prepare` works on one image and is called from
    many threads at once. `label_maps` works on a batch and is called from one thread. `on_gpu` is
    an alternative to `label_maps` that keeps the batch on the GPU. Calling the parser does both
    steps.

    Attributes
    ----------
    name : str
        Name of the parser in ``--parser``.
    note : str
        One line on the origin of the label maps, stored with every result.
    batch_size : int
        Preferred number of images in a call of `label_maps`.
    weights_sha256 : str or None
        SHA-256 of the weights file, if the parser has one.
    folder : Place or None
        Folder that the parser reads from, if any. Results must not be written to it.
    labelled : collection of int
        The classes that its label maps can have.
    parts : tuple of int
        The classes that are face.
    """

    name: str
    note: str
    batch_size: int = 1
    weights_sha256: str | None = None
    folder: Place | None = None
    labelled: Collection[int] = range(len(CLASSES))
    parts: tuple[int, ...] = FACE_PARTS

    def choose_parts(self, text: str) -> None:
        """Choose the classes that are face, such as ``skin,nose,neck``.

        Raises
        ------
        ArgumentError
            As `parse_parts`, or the parser does not label a class.
        """
        parts = parse_parts(text)
        lacking = [CLASSES[part] for part in parts if part not in self.labelled]
        if lacking:
            raise ArgumentError(
                f"--parts: the parser {self.name} does not label {', '.join(lacking)}; leave that "
                "out, or use another --parser"
            )
        self.parts = parts

    @property
    def no_face(self) -> str:
        """The fault of a label map without a face, in words."""
        if self.parts == FACE_PARTS:
            return "the label map has neither skin nor nose"
        return f"the label map has none of {self.part_names}"

    @property
    def part_names(self) -> str:
        """The names of the classes that are face, as ``--parts`` takes them."""
        return ",".join(CLASSES[part] for part in self.parts)

    @abstractmethod
    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Prepare one image, RGB uint8 (H, W, 3), for its batch.

        Raises
        ------
        ParsingError
            This image cannot be parsed.
        """

    def inputs(self, image_id: str) -> Sequence[Iterable[str]]:
        """Return the files that the parser reads for an image, besides the image.

        Each is given by the addresses at which it can be, of which the first that exists is read.
        """
        return ()

    def settings(self) -> dict[str, str | None]:
        """Return everything that face masks depend on, for the record of a run.

        Parts are left out if they are skin and nose, as in the records of earlier versions.
        """
        return {
            "parser": self.name,
            "parser_note": self.note,
            "weights_sha256": self.weights_sha256,
            **({} if self.parts == FACE_PARTS else {"parts": self.part_names}),
        }

    def face(self, label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return the face mask of a label map, bool (H, W): the classes of `parts`."""
        return face_mask(label_map, shape, self.parts)

    def label_maps(self, prepared: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return label maps, uint8 (512, 512), of images that went through `prepare`."""
        return list(prepared)

    def on_gpu(self, prepared: Sequence[np.ndarray]) -> "GpuBatch | None":
        """Return the batch and its label maps on a GPU, or None if they are not on a GPU.

        The next call of this method or of `label_maps` overwrites the batch.
        """
        return None

    def __call__(self, images: Sequence[np.ndarray], image_ids: Sequence[str]) -> list[np.ndarray]:
        """Return label maps, uint8 (512, 512), of RGB images, uint8 (H, W, 3), of any sizes.

        Raises
        ------
        ParsingError
            One of the images cannot be parsed.
        """
        pairs = zip(images, image_ids, strict=True)
        return self.label_maps([self.prepare(image, image_id) for image, image_id in pairs])
