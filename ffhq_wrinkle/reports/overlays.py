"""Overlays: masks drawn in colour over a photograph or on black.

`error_overlay` compares a prediction with its reference, `wrinkle_overlay` shows a prediction on
its photo, and `with_regions` names the parts of the face. `Photographs` finds the photo of an
image; `dark_canvas` and `with_legend` are what other overlays are made with.
"""

import io
import logging
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..dataset.layout import find_images, image_folder
from ..errors import ImageError
from ..images.photographs import read_image
from .fonts import Font, runs, spelled

log = logging.getLogger(__name__)

_SIDE = 1000  # small images are upsampled to about this, so that thin lines are visible
_TITLE_COLOUR = (200, 200, 200)
_THUMBNAIL = 96  # pixels of the longer side
# White, orange and blue: bright, and distinct to colour-blind readers too.
_FOUND, _INVENTED, _MISSED = (255, 255, 255), (255, 110, 0), (0, 150, 255)
_NAME_COLOUR, _EDGE = (255, 255, 255), (0, 0, 0)
_BLACK = (0, 0, 0)
_NAME_SIZE = 0.03  # of the width of the regions
_WRINKLE = (0, 255, 130)  # the complement of skin, light or dark, and of lips


class Photographs:
    """Photographs to draw masks on.

    Parameters
    ----------
    folder : Path, optional
        As `layout.image_folder` and `layout.find_images` take it; without it there are none.

    Raises
    ------
    ArgumentError
        The folder has no photographs.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder and image_folder(folder)
        self._files = find_images(self._folder) if self._folder else {}

    def beneath(
        self, image_id: str, shape: tuple[int, ...], *, warn: bool = True
    ) -> np.ndarray | None:
        """Return the photograph of an image, RGB of any size; None, with a warning, without one."""
        if not self._folder:
            return None
        level = logging.WARNING if warn else logging.DEBUG
        if image_id not in self._files:
            log.log(level, "no photograph beneath %s: %s has none", image_id, self._folder)
            return None
        try:
            photo = read_image(self._folder / self._files[image_id].path)
        except ImageError as error:
            log.log(level, "no photograph beneath %s: %s", image_id, error)
            return None
        if not _has_proportions(photo, shape):
            log.log(level, "no photograph beneath %s: it has other proportions", image_id)
            return None
        return photo


def _has_proportions(photo: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Tell whether a photograph can lie beneath masks of this shape without distortion."""
    return math.isclose(photo.shape[0] * shape[1], photo.shape[1] * shape[0], rel_tol=0.02)


def dark_canvas(shape: tuple[int, int], photo: np.ndarray | None = None) -> np.ndarray:
    """Return a canvas for masks, RGB uint8 (H, W, 3): the photograph, darkened, or black."""
    height, width = shape
    if photo is None:
        return np.zeros((height, width, 3), np.uint8)
    resized = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    return (resized * 0.45).astype(np.uint8)


def with_legend(
    drawn: np.ndarray, title: str, entries: Sequence[tuple[str, tuple[int, ...]]]
) -> np.ndarray:
    """Add a legend above a drawing, which is upsampled by a whole number if it is small.

    Parameters
    ----------
    drawn : np.ndarray
        RGB uint8 (H, W, 3).
    title : str
        Text before the entries; may be empty.
    entries : sequence of (str, tuple of int)
        The legend's words and their colours.
    """
    scale = upsampling(drawn.shape)
    upsampled = drawn.repeat(scale, axis=0).repeat(scale, axis=1)
    titled = [(title, _TITLE_COLOUR), *entries] if title else entries
    known = [(spelled(text), colour) for text, colour in titled]
    return np.vstack([_legend(known, upsampled.shape[1]), upsampled])


def upsampling(shape: tuple[int, ...]) -> int:
    """Return the whole number by which an image of this shape is upsampled to be legible."""
    return max(1, round(_SIDE / max(shape[:2])))


def outline(area: np.ndarray) -> np.ndarray:
    """Return the pixels of an area, bool (H, W), that have a neighbour outside it."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(area.astype(np.uint8), cross, borderValue=0)
    return area & (inner == 0)


def thumbnail(
    areas: Iterable[tuple[np.ndarray, tuple[int, ...]]],
    shape: tuple[int, int],
    photo: np.ndarray | None = None,
) -> bytes:
    """Draw masks so small that many fit a page, at most 96 pixels a side.

    A pixel has the colour of the last area that is drawn anywhere in it, so that thin lines do not
    vanish.

    Parameters
    ----------
    areas : iterable of (np.ndarray, tuple of int)
        Masks, bool (H, W), and their colours.
    shape : tuple of int
        Rows and columns of the masks.
    photo : np.ndarray, optional
        RGB uint8 of any size, drawn dark beneath; black if not given.

    Returns
    -------
    bytes
        A JPEG file if there is a photo, otherwise a PNG file.
    """
    scale = min(1.0, _THUMBNAIL / max(shape))
    rows, columns = (max(1, round(length * scale)) for length in shape)
    layers = np.zeros((rows, columns), np.uint8)
    palette: list[tuple[int, ...]] = [_BLACK]
    for number, (area, colour) in enumerate(areas, start=1):
        shares = cv2.resize(area.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        layers[shares > 0] = number
        palette.append(colour)
    file = io.BytesIO()
    if photo is None:
        drawn = Image.fromarray(layers)
        drawn.putpalette(np.array(palette, np.uint8).tobytes())
        drawn.save(file, "PNG", optimize=True)
        return file.getvalue()
    canvas = dark_canvas((rows, columns), photo)
    canvas[layers > 0] = np.array(palette, np.uint8)[layers[layers > 0]]
    Image.fromarray(canvas).save(file, "JPEG", quality=75)
    return file.getvalue()


def error_areas(
    reference: np.ndarray, predicted: np.ndarray
) -> list[tuple[str, np.ndarray, tuple[int, ...]]]:
    """Return true positives, false positives and false negatives, each with name and colour."""
    return [
        ("true positive", reference & predicted, _FOUND),
        ("false positive", predicted & ~reference, _INVENTED),
        ("false negative", reference & ~predicted, _MISSED),
    ]


def _legend(entries: Sequence[tuple[str, tuple[int, ...]]], width: int) -> np.ndarray:
    """Draw coloured words in as many lines as they need, RGB (rows, width, 3)."""
    size = max(11, width // 50)
    line = gap = round(1.5 * size)
    places, left, top = [], gap // 2, 0
    for text, _ in entries:
        length = sum(_face(font, size).getlength(run) for run, font in runs(text))
        if left > gap and left + length > width:
            left, top = gap // 2, top + line
        places.append((left, top))
        left += round(length) + gap
    strip = Image.new("RGB", (width, top + line + line // 4))
    pen = ImageDraw.Draw(strip)
    for (left, top), (text, colour) in zip(places, entries, strict=True):
        at = float(left)
        for run, font in runs(text):
            face = _face(font, size)
            pen.text((at, top + size), run, fill=colour, font=face, anchor="ls")
            at += face.getlength(run)
    return np.asarray(strip)


@lru_cache
def _face(font: Font, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font.path, size)


def error_overlay(
    reference: np.ndarray,
    predicted: np.ndarray,
    photo: np.ndarray | None = None,
    title: str = "",
) -> np.ndarray:
    """Draw a prediction against its reference, with a legend above.

    True positives are white, false positives orange and false negatives blue.

    Parameters
    ----------
    reference, predicted : np.ndarray
        bool (H, W).
    photo : np.ndarray, optional
        RGB uint8 of any size, drawn dark beneath; black if not given.
    title : str
        Text before the legend.

    Returns
    -------
    np.ndarray
        RGB uint8; small images are upsampled by a whole number.
    """
    canvas = dark_canvas((reference.shape[0], reference.shape[1]), photo)
    entries = []
    for name, mask, colour in error_areas(reference, predicted):
        canvas[mask] = colour
        entries.append((f"{name} {np.count_nonzero(mask)} px", colour))
    return with_legend(canvas, title, entries)


def wrinkle_overlay(photo: np.ndarray, wrinkles: np.ndarray) -> np.ndarray:
    """Draw wrinkles, bool (H, W), in colour on a photo, RGB uint8 (H, W, 3)."""
    drawn = photo.copy()
    drawn[wrinkles] = _WRINKLE
    # Some of the photo shines through, so that the wrinkle beneath stays visible.
    return cv2.addWeighted(drawn, 0.7, photo, 0.3, 0)


def with_regions(
    drawn: np.ndarray, regions: np.ndarray, names: Sequence[str], *, colours: bool = False
) -> np.ndarray:
    """Outline regions on a drawing and write their names.

    Parameters
    ----------
    drawn : np.ndarray
        RGB uint8 (H, W, 3).
    regions : np.ndarray
        Number of the region of each pixel, from 1, uint8 (H, W); 0 outside all.
    names : sequence of str
        Names of the regions. Those that end in ``_left`` and ``_right`` are written without it.
    colours : bool
        Also fill each region with a transparent colour.

    Returns
    -------
    np.ndarray
        RGB uint8 (H, W, 3).
    """
    result = drawn.copy()
    present = [number for number in range(1, len(names) + 1) if (regions == number).any()]
    if not present:
        return result
    if colours:
        hues = np.array([[[180 * number // len(names), 150, 255] for number in range(len(names))]])
        palette = cv2.cvtColor(hues.astype(np.uint8), cv2.COLOR_HSV2RGB)[0]
        inside = regions > 0
        colour = palette[regions[inside] - 1]
        result[inside] = (0.6 * result[inside] + 0.4 * colour).astype(np.uint8)
    edges = cv2.morphologyEx(regions, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    result[edges] = result[edges] // 2 + 127
    size = max(9.0, float(np.ptp(np.nonzero(regions)[1])) * _NAME_SIZE)
    font = ImageFont.load_default(size=size)
    picture = Image.fromarray(result)
    pen = ImageDraw.Draw(picture)
    for number in present:
        padded = np.pad((regions == number).astype(np.uint8), 1)
        middle = np.unravel_index(
            int(cv2.distanceTransform(padded, cv2.DIST_L2, 5).argmax()), padded.shape
        )
        place = (float(middle[1]) - 1, float(middle[0]) - 1)
        name = names[number - 1].removesuffix("_left").removesuffix("_right").replace("_", "\n")
        pen.multiline_text(
            place, name, _NAME_COLOUR, font, "mm", align="center", stroke_width=1, stroke_fill=_EDGE
        )
    return np.asarray(picture)
