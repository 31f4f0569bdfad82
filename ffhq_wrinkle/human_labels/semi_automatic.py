"""Semi-automatic: a wrinkle mask from a roughly drawn mask and a texture map; arrays only.

Somebody draws roughly where the wrinkles are, and the texture decides which pixels they are. Rough
masks of several annotators are first combined in `fusion`.
"""

import cv2
import numpy as np

from ..errors import ArgumentError

WINDOW, OFFSET = 11, 1  # the authors' values, for a texture map of 640x640
_TOP = 255


def semi_automatic_mask(texture: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Return which pixels of a roughly drawn mask are wrinkle by their texture, after [1]_.

    The texture map T is multiplied by the rough mask and thresholded: a pixel is wrinkle where T is
    above the mean of its surroundings, T >= G(T) + 1, with G a Gaussian filter of 11x11 pixels and
    sigma 2, its border repeated, rounded to whole levels. [1]_ describes multiplication and
    thresholding; the threshold is that of the first author's `gen_groudtruth.py` [2]_.

    T is 0 outside the rough mask, so the mean is low along its edge, and pixels there are kept more
    readily than pixels within: most of a tight mask, and, on skin whose level is not 0 (it is 2
    with the formula ``released``), a rim of one pixel of a generous mask.

    Parameters
    ----------
    texture : np.ndarray
        As `texture.texture_map` returns it, or a weak mask: uint8, (H, W), 0..255.
    rough : np.ndarray
        bool, (H, W).

    Returns
    -------
    np.ndarray
        bool, (H, W); False outside the rough mask.

    Raises
    ------
    ArgumentError
        An array has another dtype or shape, or their shapes differ.

    References
    ----------
    .. [1] Kim, Yoon, Lee, Yoo. Semi-automatic Labeling and Training Strategy for Deep
       Learning-based Facial Wrinkle Detection. CBMS 2022.
    .. [2] github.com/resemin/WeightedDeepSupervision.

    Examples
    --------
    >>> texture = np.full((9, 9), 5, np.uint8)
    >>> texture[4] = 80
    >>> rough = np.zeros((9, 9), bool)
    >>> rough[2:7, 1:8] = True
    >>> semi_automatic_mask(texture, rough)[:, 4].astype(int)
    array([0, 0, 0, 0, 1, 0, 0, 0, 0])
    """
    if texture.dtype != np.uint8 or texture.ndim != 2 or not texture.size:
        raise ArgumentError(f"texture should be uint8 (H, W), is {texture.dtype} {texture.shape}")
    if rough.dtype != np.bool_ or rough.shape != texture.shape:
        raise ArgumentError(
            f"rough should be bool {texture.shape}, as the texture map, is {rough.dtype} "
            f"{rough.shape}"
        )
    # OpenCV's threshold keeps pixels above the mean less an offset. The texture is inverted, so
    # that its bright lines are dark, and the pixels that are not kept are wrinkle.
    dark = _TOP - texture * rough
    skin = cv2.adaptiveThreshold(
        dark, _TOP, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, WINDOW, OFFSET
    )
    return skin == 0
