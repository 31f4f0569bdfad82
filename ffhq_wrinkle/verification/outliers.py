"""Outliers: what is wrong with single weak masks where a formula is exact in the others."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import ImageFailure
from ..weak_labels.formulas import FORMULAS
from ..weak_labels.texture import TextureSettings
from .data_files import DataFiles
from .weak_masks import WeakComparison, WeakImage, masks_of

_SAME = 0.99  # share of equal pixels by which a cause is recognised
_MOST = 20  # outliers that are looked at


def explained(comparison: WeakComparison, files: DataFiles) -> list[str]:
    """Return a sentence about each weak mask that the formula of the others does not give.

    Recognised are masks that belong to another photograph, that are shifted, or that are by another
    formula.
    """
    outliers = comparison.outliers[:_MOST]
    return [_explained(image, outliers, comparison.best_formula, files) for image in outliers]


def _explained(
    image: WeakImage, outliers: Sequence[WeakImage], formula: str, files: DataFiles
) -> str:
    if image.failure:
        return f"The weak mask of {image.image_id} cannot be compared: {image.failure}."
    photo, face, published = masks_of(files, image.image_id)
    for other in FORMULAS:
        if other != formula and image.is_exact(other):
            return f"The weak mask of {image.image_id} is by the formula {other}."
    ours = TextureSettings(recipe=formula).weak_mask(photo, face)
    down, across = _shift(ours, published)
    if (down, across) != (0, 0) and _agreement(ours, published, down, across) >= _SAME:
        return f"The weak mask of {image.image_id} is shifted by {down} rows and {across} columns."
    for other_image in outliers:
        if other_image is not image and _fits(published, other_image.image_id, formula, files):
            return (
                f"The weak mask of {image.image_id} belongs to the photograph of "
                f"{other_image.image_id}: the two ids are swapped, or one file is a copy."
            )
    pixels = int(np.count_nonzero(ours != published))
    return f"The weak mask of {image.image_id} differs in {pixels:,} pixels."


def _fits(published: np.ndarray, image_id: str, formula: str, files: DataFiles) -> bool:
    """Return whether a weak mask is that of another photograph."""
    try:
        parts = files.photo_and_face(image_id)
    except ImageFailure:
        return False
    if parts is None or parts[1].shape != published.shape:
        return False
    photo, face = parts
    # The label map may have been swapped with the mask, or not.
    ours = TextureSettings(recipe=formula).weak_mask(photo, np.ones_like(face))
    inside = published > 0
    return bool(inside.any()) and float((ours == published)[inside].mean()) >= _SAME


def _shift(ours: np.ndarray, published: np.ndarray) -> tuple[int, int]:
    """Return the rows and columns by which a mask is shifted, as far as correlation shows."""
    (across, down), _ = cv2.phaseCorrelate(ours.astype(np.float64), published.astype(np.float64))
    return round(down), round(across)


def _agreement(ours: np.ndarray, published: np.ndarray, down: int, across: int) -> float:
    """Return the share of equal pixels above 0 if a mask is shifted, without the edges."""
    shifted = np.roll(ours, (down, across), axis=(0, 1))
    inner = np.zeros(ours.shape, bool)
    margin_rows, margin_columns = abs(down), abs(across)
    inner[
        margin_rows : ours.shape[0] - margin_rows, margin_columns : ours.shape[1] - margin_columns
    ] = True
    drawn = inner & ((shifted > 0) | (published > 0))
    return float((shifted == published)[drawn].mean()) if drawn.any() else 0.0
