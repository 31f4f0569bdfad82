"""Recognition: which settings weak masks of unknown origin were made with, by their pixels.

The texture map of the photograph is computed by each formula, and held against the mask. Formulas
differ by at least two levels nearly everywhere; masks made by other libraries or versions differ
from ours by at most one.
"""

import logging
from collections.abc import Sequence

import numpy as np

from ..errors import ArgumentError, ImageError
from ..images.opening import read_content
from ..images.photographs import decode_gray, read_image
from ..storage.places import Place
from .formulas import FORMULAS
from .texture import REFERENCE_SIDE, TextureSettings

log = logging.getLogger(__name__)

_LEAST_PIXELS = 64  # in a mask with fewer, chance decides
_CLOSE_SHARE, _EXACT_SHARE = 0.9, 0.99
# On even skin, kernel and sigma hardly matter. They do on lines, which have at least this level.
_LINE_LEVEL, _LEAST_LINE_PIXELS = 16, 16
_MASKS, _MOST_TRIED = 3, 12


def recognised(mask: np.ndarray, image: np.ndarray) -> TextureSettings | None:
    """Return the settings that a weak mask or texture map was made with.

    Kernel size and sigma are recognised only if they are the published ones.

    Parameters
    ----------
    mask : np.ndarray
        The mask, uint8 (H, W), 0 outside the face.
    image : np.ndarray
        Its photograph, RGB uint8 (H, W, 3).

    Returns
    -------
    TextureSettings or None
        None if no settings fit, or those of several formulas do.
    """
    inside = mask > 0
    fitting: dict[TextureSettings, float] = {}
    for settings in _candidates(max(mask.shape)):
        texture = settings.weak_mask(image, inside)[inside]
        apart = np.abs(texture.astype(np.int16) - mask[inside])
        close, lines = apart <= 1, texture >= _LINE_LEVEL
        fits_lines = lines.sum() < _LEAST_LINE_PIXELS or close[lines].mean() >= _CLOSE_SHARE
        if close.mean() >= _CLOSE_SHARE and fits_lines:
            fitting[settings] = float((apart == 0).mean())
    if len({settings.recipe for settings in fitting}) > 1:
        fitting = {settings: exact for settings, exact in fitting.items() if exact >= _EXACT_SHARE}
    if len({settings.recipe for settings in fitting}) != 1:
        return None
    return max(fitting, key=lambda settings: fitting[settings])


def _candidates(side: int) -> list[TextureSettings]:
    scales = (False,) if side == REFERENCE_SIDE else (False, True)
    return [
        TextureSettings(recipe=recipe, scale_to_image=scale)
        for recipe in FORMULAS
        for scale in scales
    ]


def recognised_files(files: Sequence[tuple[Place, Place]]) -> TextureSettings | None:
    """Return the settings that weak masks or texture maps were made with, by a few of them.

    Parameters
    ----------
    files : sequence of tuple of Place
        Each a mask and its photograph. Files that cannot be read and nearly empty masks are passed
        over.

    Returns
    -------
    TextureSettings or None
        None if they are not known.

    Raises
    ------
    ArgumentError
        The masks were made with different settings.
    """
    numbers = np.unique(np.linspace(0, len(files) - 1, min(len(files), _MOST_TRIED)).astype(int))
    of_masks: dict[TextureSettings | None, Place] = {}
    masks = 0
    for mask_path, image_path in (files[number] for number in numbers):
        try:
            mask, image = decode_gray(read_content(mask_path)), read_image(image_path)
        except ImageError as error:
            log.debug("%s or its photograph: %s", mask_path, error)
            continue
        if np.count_nonzero(mask) < _LEAST_PIXELS:
            continue
        same_size = mask.shape == image.shape[:2]
        of_masks.setdefault(recognised(mask, image) if same_size else None, mask_path)
        masks += 1
        if masks == _MASKS:
            break
    if None in of_masks or not of_masks:
        return None
    if len(of_masks) > 1:
        named = "; ".join(f"{path}: {settings}" for settings, path in of_masks.items())
        raise ArgumentError(
            f"the pixels of weak masks show that they were made with different settings: {named}; "
            "use masks of one kind"
        )
    return next(iter(of_masks))
