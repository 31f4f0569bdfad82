"""Picture files: gray levels, sizes and face masks of the files that training reads."""

from pathlib import Path

import numpy as np
from PIL import ExifTags, TiffImagePlugin

from ...errors import ImageError, ParsingError
from ...faces.labels import face_mask, read_label_map
from ...images.masks import read_mask
from ...images.photographs import decode_gray, opened, read_content, require_regular
from ...images.png import has_png_end, may_be_turned
from ...images.sizes import require_size

_HEAD_BYTES = 16_384  # within which a PNG says how it is turned
_TIFF_SIDES = (TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH)


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


def read_size(path: Path) -> tuple[int, int]:
    """Read the rows and columns of an image as `photographs.read_image` would turn it.

    The pixels are not decoded.

    Raises
    ------
    ImageError
        As `photographs.read_image`, as far as the file's header and end tell.
    """
    require_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            file.seek(0)
            with opened(file) as image:
                if image.format == "PNG" and not has_png_end(path):
                    raise ImageError("damaged or cut short: the PNG has no end")
                # Pillow would decode a PNG without Exif as a whole to look for some.
                may_have_exif = image.format != "PNG" or may_be_turned(image, head)
                turned = may_have_exif and image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
                width, height = image.size
                if isinstance(image, TiffImagePlugin.TiffImageFile):
                    # Pillow's versions differ in whether the size is that of the turned image.
                    width, height = (image.tag_v2[tag] for tag in _TIFF_SIDES)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    return (width, height) if turned else (height, width)


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
        if path.suffix == ".npy":
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
