"""Label maps: face parsing as numbers, the face mask taken from them, and who makes them.

A label map says for each cell of a 512x512 grid laid over the image which part of the face is
there. `FaceParser` is what the three parsers have in common; `parsing` chooses one.
"""

import struct
import tokenize
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import ArgumentError, ParsingError
from ..images.sizes import resized_nearest
from ..storage.places import Place, get

if TYPE_CHECKING:
    from ..inference.gpu_images import GpuBatch

LABEL_SIZE = 512
_MOST_BYTES = 16 << 20  # of a file; of 64-bit integers a label map has 2 MiB

# The order of zllrunning/face-parsing.PyTorch, which is BiSeNet's here. CelebAMask-HQ and
# facexlib's other network, ParseNet, number the same parts differently.
CLASSES = (
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r",
    "nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat",
)  # fmt: skip
# What NumPy and Pillow raise on files that are cut short, altered or made to hurt.
READER_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, MemoryError,
    RecursionError, OverflowError, tokenize.TokenError, struct.error, zlib.error,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
SKIN, NOSE = CLASSES.index("skin"), CLASSES.index("nose")


def face_mask(label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where the face's skin is: skin and nose, at the size of the image.

    The label map is enlarged by nearest neighbour between pixel centres; at 1024x1024 each cell
    becomes 2x2 pixels.

    Parameters
    ----------
    label_map : np.ndarray
        Face-parsing classes, uint8, (512, 512), 0..18 as in `CLASSES`.
    shape : tuple of int
        Rows and columns of the image.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ArgumentError
        The label map has another dtype or shape.
    """
    if label_map.shape != (LABEL_SIZE, LABEL_SIZE) or label_map.dtype != np.uint8:
        raise ArgumentError(
            f"a label map is uint8 (512, 512), not {label_map.dtype} {label_map.shape}"
        )
    face = (label_map == SKIN) | (label_map == NOSE)
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
        The file can not be read, or holds something else.
    """
    if isinstance(path, Path) and not path.is_file():  # a FIFO or a device would block for ever
        raise ParsingError(f"{path} is not a regular file")
    try:
        file = BytesIO(_content(path))
        labels = _read_npy(file) if path.suffix == ".npy" else _read_png(file)
    except FileNotFoundError as error:
        raise ParsingError(f"{path} is not there") from error
    except UnidentifiedImageError as error:
        raise ParsingError(f"{path} is not a PNG") from error
    except READER_ERRORS as error:
        raise ParsingError(f"{path} can not be read: {error}") from error
    if labels.shape != (LABEL_SIZE, LABEL_SIZE):
        raise ParsingError(f"{path} is {labels.shape}; a label map is (512, 512)")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ParsingError(f"{path} holds {labels.dtype}; a label map holds integers")
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise ParsingError(f"{path} has labels {labels.min()}..{labels.max()}; classes are 0..18")
    return labels.astype(np.uint8)


def _content(path: Place) -> bytes:
    """The file's bytes, of which a label map has not too many."""
    content = get(path, most=_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes; no label map needs so many")
    return content


def _read_npy(file: BytesIO) -> np.ndarray:
    array = np.lib.format.read_array(file, allow_pickle=False)  # np.load would open archives too
    return np.asarray(array)


def _read_png(file: BytesIO) -> np.ndarray:
    """Read gray levels, or the indices of a palette, as they are stored."""
    with Image.open(file, formats=("PNG",)) as image:
        if image.mode not in ("L", "P"):
            raise ValueError(f"pixels are of mode {image.mode}, wanted 8-bit gray or palette")
        if image.size != (LABEL_SIZE, LABEL_SIZE):
            raise ValueError(f"{image.width}x{image.height}; a label map is 512x512")
        return np.array(image)


class FaceParser(ABC):
    """What makes label maps of images, in two steps, so that a run can share the work out.

    `prepare` works on one image and is called from many threads at once; `label_maps` works on a
    batch and is called from one thread; so is `on_gpu`, for who wants a batch where it was parsed.
    Calling the parser does the first two.

    Attributes
    ----------
    name : str
        What ``--parser`` calls it.
    note : str
        One line on where its label maps come from, kept with every result.
    batch_size : int
        How many images `label_maps` would like at once.
    weights_sha256 : str or None
        SHA-256 of the weights' file, if it has weights.
    folder : Place or None
        The folder it reads from, if it does; no result may be written there.
    """

    name: str
    note: str
    batch_size: int = 1
    weights_sha256: str | None = None
    folder: Place | None = None

    @abstractmethod
    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Do what one image needs before its batch: RGB uint8 (H, W, 3) in.

        Raises
        ------
        ParsingError
            This image can not be parsed.
        """

    def settings(self) -> dict[str, str | None]:
        """What its label maps depend on, for the record of a run."""
        return {
            "parser": self.name,
            "parser_note": self.note,
            "weights_sha256": self.weights_sha256,
        }

    def face(self, label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Where the face is, bool (H, W), by one of its label maps: skin and nose."""
        return face_mask(label_map, shape)

    def label_maps(self, prepared: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Turn what `prepare` gave for each image into label maps, uint8 (512, 512)."""
        return list(prepared)

    def on_gpu(self, prepared: Sequence[np.ndarray]) -> "GpuBatch | None":
        """The batch and its label maps on a GPU, for who goes on there; None if it is not there.

        It is gone with the next call of this or of `label_maps`.
        """
        return None

    def __call__(self, images: Sequence[np.ndarray], image_ids: Sequence[str]) -> list[np.ndarray]:
        """Label maps, uint8 (512, 512) each, of RGB images, uint8 (H, W, 3), of any sizes.

        Raises
        ------
        ParsingError
            One of the images can not be parsed.
        """
        pairs = zip(images, image_ids, strict=True)
        return self.label_maps([self.prepare(image, image_id) for image, image_id in pairs])
