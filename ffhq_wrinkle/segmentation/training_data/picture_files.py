"""Picture files: face masks of images, and their sizes."""

from pathlib import Path

import numpy as np

from ...errors import ImageError, ParsingError
from ...faces.labels import SKIN, face_mask, read_label_map
from ...images.masks import read_mask
from ...images.opening import require_regular
from ...images.sizes import require_size


def read_face(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read where the face is, from a face mask or a label map.

    A ``.npy`` is a label map, and so is a gray or palette PNG of 512x512 without a level above
    18. Every other file is a face mask, as `masks.read_mask` reads it. A mask of 0 and 1 gives the
    same face either way, and if these are colours of a palette, the face is what is not black.

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
        label_map = read_label_map(path)
        if label_map.max() <= SKIN and path.suffix.lower() != ".npy":
            label_map = _by_colours(path, label_map)
        return face_mask(label_map, shape)
    except ParsingError as error:
        if path.suffix.lower() == ".npy":
            raise ImageError(str(error)) from error
    face = read_mask(path)
    require_same_size(face.shape, shape)
    return face


def _by_colours(path: Path, label_map: np.ndarray) -> np.ndarray:
    """Return a label map of 0 and 1 with what is not black as skin; as it is if all is black."""
    try:
        return read_mask(path) * np.uint8(SKIN)
    except ImageError:  # two colours that are not black
        return label_map


def require_same_size(shape: tuple[int, ...], image_shape: tuple[int, ...]) -> None:
    """Require that a file has the size of its image, both as rows and columns.

    Raises
    ------
    SizeError
        The sizes differ.
    """
    require_size(shape, image_shape, name="it", of="its image")
