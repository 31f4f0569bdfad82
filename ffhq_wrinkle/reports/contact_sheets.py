"""Contact sheets: many small pictures on one large one."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..storage.writing import valid_text

_GAP = 6  # pixels between pictures
_TEXT = 14  # pixels, of the names
_COLOUR = (200, 200, 200)


def fitted(picture: np.ndarray, height: int) -> np.ndarray:
    """Return a picture, uint8 (H, W) or (H, W, 3), downsampled to a height if it is higher."""
    rows, columns = picture.shape[:2]
    if rows <= height:
        return picture
    size_wh = max(1, round(columns * height / rows)), height
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA))


def contact_sheet(
    pictures: Sequence[tuple[str, np.ndarray]], *, columns: int, height: int
) -> np.ndarray:
    """Arrange pictures in rows, each above its name.

    Parameters
    ----------
    pictures : sequence of (str, np.ndarray)
        Names, and pictures as RGB uint8 (H, W, 3), which are downsampled to `height`.
    columns : int
        Pictures in a row.
    height : int
        Height of a row in pixels, without the names.

    Returns
    -------
    np.ndarray
        RGB uint8, black between the pictures.
    """
    small = [(name, fitted(picture, height)) for name, picture in pictures]
    width = max((picture.shape[1] for _, picture in small), default=1)
    rows = -(-len(small) // columns)
    down, across = height + _TEXT + _GAP, width + _GAP
    sheet = Image.new("RGB", (columns * across, max(1, rows * down)))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=_TEXT - 3)
    for number, (name, picture) in enumerate(small):
        left, top = number % columns * across, number // columns * down
        sheet.paste(Image.fromarray(picture), (left, top))
        text = valid_text(name)
        while len(text) > 1 and font.getlength(text) > width:
            text = text[1:]  # the end of a path tells more than its beginning
        pen.text((left, top + height), text, fill=_COLOUR, font=font)
    return np.asarray(sheet)
