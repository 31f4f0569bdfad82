"""Masks: black-and-white drawings on disk, read as True where something is drawn.

`read_mask` reads annotators' masks, fused masks, face masks and predictions alike. It accepts what
drawing programs write, and refuses files that could be read in two ways.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import ArgumentError, ImageError, ManyValuesError, some_images
from ..storage.places import Place
from .opening import opened, read_content
from .photographs import stored_pixels
from .png_decoding import decode_plain_gray

_SHOWN_VALUES = 6


def read_mask(path: Place, *, threshold: int | None = None) -> np.ndarray:
    """Read a mask.

    Parameters
    ----------
    path : Place
        A PNG, BMP, TIFF, WebP or JPEG file; see `decode_mask`.
    threshold : int, optional
        The lowest level that counts as drawn; see `decode_mask`.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ImageError
        The file cannot be read, or is not a mask.
    """
    return decode_mask(read_content(path), threshold=threshold)


def decode_mask(content: bytes, *, threshold: int | None = None) -> np.ndarray:
    """Decode a mask: a picture of two values, one of which is 0; the other value means drawn.

    Pixels may have 1, 8 or 16 bits, be gray, of a palette or in colour. In colour, black is 0 and
    one colour is the other value; a threshold applies to the brightest channel. Transparent pixels
    are 0. EXIF orientation is applied, as for photographs.

    Parameters
    ----------
    content : bytes
        The file: PNG, BMP, TIFF, WebP or JPEG.
    threshold : int, optional
        Levels from this one up are drawn, on the file's own scale: 0..255, or 0..65535 for 16
        bits. Without it, a file of more than two values is refused.

    Returns
    -------
    np.ndarray
        bool, (H, W).

    Raises
    ------
    ImageError
        The file is damaged, of a kind that is not read, not of two values, or its drawing would be
        lost: black on transparent, all transparent, or nowhere as high as the threshold.
    ArgumentError
        The threshold is less than 1.
    """
    if threshold is not None and threshold < 1:
        raise ArgumentError(f"threshold is {threshold}; the lowest level that means drawn is 1")
    pixels = decode_plain_gray(content)
    if pixels is None:
        with opened(content, also=("I",)) as image:
            pixels = stored_pixels(image, content)
            if pixels.dtype == np.int32 and pixels.min() < 0:
                raise ImageError("a 32-bit mask with numbers below 0 or above 2147483647")
            levels = _levels(pixels)
            if image.mode == "P" and not levels.any() and np.asarray(image).any():
                raise ImageError("its palette has no colour but black; draw in white")
    else:
        levels = pixels
    if threshold is not None:
        _require_reachable(levels, threshold)
        return levels >= threshold
    drawn = _drawn(levels)
    if pixels.ndim == 3:
        colours = np.unique(pixels[drawn][:, :3], axis=0)
        if len(colours) > 1 and pixels.shape[2] > 2:
            named = ["black", *(f"RGB {tuple(map(int, colour))}" for colour in colours)]
            raise _other_values(named, int(levels.max()))
    return drawn


def looks_inverted(drawn_px: np.ndarray | int, pixels: np.ndarray | int) -> np.ndarray | bool:
    """Tell whether masks cover more than half of an image, as wrinkles never do.

    Parameters
    ----------
    drawn_px, pixels : np.ndarray or int
        Pixels that are drawn, and those of the image or face, of shapes that broadcast.
    """
    return 2 * drawn_px > pixels


def inverted_remark(masks: str, image_ids: Sequence[str]) -> str:
    """Return a warning about images whose masks, such as "predictions", look inverted."""
    return (
        f"{masks} cover more than half of {some_images(image_ids)}; are they black on white? "
        "Then invert them"
    )


def _drawn(levels: np.ndarray) -> np.ndarray:
    """Return where levels are not 0, bool; in their own memory where possible, for speed.

    Raises
    ------
    ManyValuesError
        There is more than one level besides 0.
    """
    if levels.dtype == np.int32:  # whose sums OpenCV's integers cannot hold
        values = np.unique(levels)
        if np.count_nonzero(values) > 1:
            raise _other_values(values.tolist(), int(values[-1]))
        return levels != 0
    drawn_px, total = cv2.countNonZero(levels), int(cv2.sumElems(levels)[0])
    # All drawn pixels have one level if their mean is the lowest or the highest possible level.
    if total not in (drawn_px, drawn_px * _top_of(levels)) and total != drawn_px * int(
        levels.max()
    ):
        raise _other_values(np.unique(levels).tolist(), int(levels.max()))
    own = levels.dtype == np.uint8 and levels.flags.writeable
    return np.not_equal(levels, 0, out=levels.view(bool) if own else None)


def _top_of(levels: np.ndarray) -> int:
    """Return the highest level that the dtype allows."""
    return int(np.iinfo(levels.dtype).max)


def _levels(pixels: np.ndarray) -> np.ndarray:
    """Return each pixel's brightest channel, (H, W), blended with black where transparent."""
    if pixels.ndim == 2:
        return pixels
    has_alpha = pixels.shape[2] in (2, 4)
    colours = pixels[:, :, :-1] if has_alpha else pixels
    levels: np.ndarray = colours.max(axis=2)
    if not has_alpha:
        return levels
    alpha = pixels[:, :, -1]
    opaque = np.iinfo(alpha.dtype).max
    if alpha.min() == opaque:
        return levels
    seen = (levels.astype(np.uint64) * alpha + opaque // 2) // opaque
    if not seen.any() and alpha.any():
        if not levels.any() and 0 < 2 * np.count_nonzero(alpha) <= alpha.size:
            return np.ascontiguousarray(alpha)  # as Label Studio's bitmasks
        raise ImageError("drawn in black on transparent, which would read as empty; draw in white")
    if not seen.any() and levels.any():
        raise ImageError("all transparent, although something is drawn; save it without alpha")
    return seen.astype(levels.dtype)


def _require_reachable(levels: np.ndarray, threshold: int) -> None:
    """Refuse a threshold that would empty this mask, or that is above its scale."""
    largest = int(levels.max())
    if threshold > _top_of(levels) or 0 < largest < threshold:
        raise ImageError(
            f"no level reaches the threshold {threshold}: the largest is {largest}; leave the "
            f"threshold out for masks of two values, or try {_half(largest)}, half of the largest"
        )


def _half(largest: int) -> int:
    """Return half of the largest level, rounded up, which keeps something of any mask."""
    return max(1, (largest + 1) // 2)


def _other_values(values: Sequence[object], largest: int) -> ManyValuesError:
    """Return an error that lists the values of a picture that should have two."""
    shown = ", ".join(str(value) for value in values[:_SHOWN_VALUES])
    more = f", ... {values[-1]} ({len(values)} in all)" if len(values) > _SHOWN_VALUES else ""
    return ManyValuesError(
        f"not a mask of two values, of which one is 0: it has {shown}{more}",
        f"a threshold (--threshold {_half(largest)}) sets the lowest level that counts as drawn; "
        "half of the largest takes the rims off antialiased lines and breaks lines of 1 pixel, a "
        "lower one keeps more",
    )
