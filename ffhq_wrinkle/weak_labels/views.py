"""Views: weak masks made visible; most of their levels are too dark to see.

Masks stay as they are. A view shows the photograph, the mask stretched to white, and the stretched
mask over the photograph.
"""

import cv2
import numpy as np

from ..reports.contact_sheets import fitted

_WHITE_ABOVE = 99.5  # percentile of the levels above 0
_COLOUR = (0, 255, 130)  # as wrinkles in overlays
_HEIGHT = 1024


def stretched(weak_mask: np.ndarray) -> np.ndarray:
    """Return a weak mask, uint8 (H, W), multiplied so that its brightest lines are white.

    The 99.5th percentile of the levels above 0 becomes 255; an empty mask stays black.

    >>> stretched(np.array([[0, 5, 10]], np.uint8))
    array([[  0, 128, 255]], dtype=uint8)
    """
    drawn = weak_mask[weak_mask > 0]
    if not drawn.size:
        return weak_mask.copy()
    white = np.percentile(drawn, _WHITE_ABOVE, method="nearest")
    brightened = np.rint(np.minimum(weak_mask * (255 / white), 255))
    return np.asarray(brightened, np.uint8)


def weak_view(image: np.ndarray, weak_mask: np.ndarray) -> np.ndarray:
    """Draw an image, RGB uint8 (H, W, 3), its stretched weak mask, and the mask over the image.

    Returns
    -------
    np.ndarray
        RGB uint8, the three side by side, at most 1024 pixels high.
    """
    small = fitted(image, _HEIGHT)
    levels = stretched(weak_mask)
    if small is not image:
        levels = np.asarray(
            cv2.resize(levels, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)
        )
    share = levels[:, :, None] / 255
    over = np.rint(small * (1 - share) + np.array(_COLOUR) * share).astype(np.uint8)
    return np.hstack([small, np.repeat(levels[:, :, None], 3, axis=2), over])
