"""Picture files: gray levels and face masks of the files that training reads."""

from pathlib import Path

import numpy as np

from ...errors import ImageError, ParsingError
from ...faces.labels import face_mask, read_label_map
from ...images.masks import read_mask
from ...images.photographs import decode_gray, read_content, require_regular
from ...images.sizes import require_size


def read_levels(path: Path) -> np.ndarray:
    """Read a gray picture, such as a weak mask or shares of votes.

    Parameters
    ----------
    path : Path
        A file that `photographs.read_image` can read, without colours; 16 bits are scaled to 8.

    Returns
    -------
    np.ndarray
        uint8, (H, W), 0..255.

    Raises
    ------
    ImageError
        As `photographs.read_image`, or the picture has colours.
    """
    return decode_gray(read_content(path))


def read_face(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read where the face is, from a face mask or a label map.

    A ``.npy`` is a label map, and so is a gray or palette PNG of 512x512 without a level above
    18. Every other file is a face mask, as `masks.read_mask` reads it. A mask of 0 and 1 gives the
    same face either way.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        Rows and columns of the image. A label map is resized to them; a face mask must have them.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ImageError
        The file cannot be read.
    SizeError
        A face mask differs in size from the image.
    """
    require_regular(path)
    try:
        return face_mask(read_label_map(path), shape)
    except ParsingError as error:
        if path.suffix.lower() == ".npy":
            raise ImageError(str(error)) from error
    face = read_mask(path)
    require_same_size(face.shape, shape)
    return face


def require_same_size(shape: tuple[int, ...], image_shape: tuple[int, ...]) -> None:
    """Require that a file has the size of its image, both as rows and columns.

    Raises
    ------
    SizeError
        The sizes differ.
    """
    require_size(shape, image_shape, name="it", of="its image")
