"""Colour profiles: pictures converted to sRGB, the colours that networks were trained on.

The profile is an ICC profile that a file contains. LittleCMS converts by it, with the relative
colorimetric intent and black point compensation, as programs that show photographs do.
"""

import io
import logging
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

log = logging.getLogger(__name__)

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # by ICC's names of colour spaces
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
# sRGB profiles of different programs differ by rounding, and by how black a screen is.
_SAME_LEVELS = 2
_KEPT_TRANSFORMS = 16


def in_srgb(picture: Image.Image, profile: bytes | None) -> np.ndarray:
    """Return the pixels of a picture in sRGB.

    Pixels stay exactly as they are without a profile, and with one that is sRGB: one that changes
    no colour by more than 2 of 255 levels. A profile that is damaged, or is of other channels than
    the picture, is ignored, which is logged.

    Parameters
    ----------
    picture : Image.Image
        8-bit gray, RGB or CMYK (L, RGB or CMYK in Pillow's words).
    profile : bytes, optional
        The ICC profile that defines its colours.

    Returns
    -------
    np.ndarray
        uint8, (H, W, 3), 0..255.
    """
    transform = _transform(profile, picture.mode) if profile else None
    if transform is None:
        return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))
    if picture.mode != transform.input_mode:
        picture = picture.convert(transform.input_mode)
    return np.array(transform.apply(picture))


@lru_cache(maxsize=_KEPT_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the conversion of pictures of this mode to sRGB; None if they stay as they are."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if mode == "L" and space == "RGB":  # gray levels, each of three equal channels
            mode = "RGB"
        if _MODES.get(space) != mode:
            log.info("a colour profile of %s in a picture of mode %s is ignored", space, mode)
            return None
        transform = ImageCms.ImageCmsTransform(source, _SRGB, mode, "RGB", _INTENT, flags=_FLAGS)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        log.info("a colour profile that cannot be used is ignored: %s", error)
        return None
    return None if _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tell whether a conversion keeps all colours, except for rounding."""
    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(len(levels), -1, 3)
    picture = Image.fromarray(colours if mode == "RGB" else np.ascontiguousarray(colours[..., 0]))
    before = np.asarray(picture.convert("RGB"), np.int16)
    after = np.asarray(transform.apply(picture), np.int16)
    return int(np.abs(after - before).max()) <= _SAME_LEVELS
