"""Semi-automatic: a roughly drawn mask and a texture map into a wrinkle mask; arrays only.

Somebody draws roughly where the wrinkles are, and the texture says which pixels they are. Rough
masks of several annotators are combined in `fusion` first.
"""

import cv2
import numpy as np

from ..errors import ArgumentError

WINDOW, OFFSET = 11, 1  # the authors'; of a texture map of 640x640
_TOP = 255


def semi_automatic_mask(texture: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Which pixels of a roughly drawn mask are wrinkle, by their texture; after Kim et al. [1]_.

    The texture map T is multiplied by the rough mask, and thresholded: wrinkle is where T is above
    the mean of its surroundings, T >= G(T) + 1, with G a Gaussian filter of 11x11 pixels and
    sigma 2, its border repeated, rounded to whole levels. Multiplication and thresholding are what
    [1]_ says; the threshold is that of the first author's `gen_groudtruth.py` [2]_.

    Since T is 0 outside the rough mask, the mean is low along its edge, and what lies there is kept
    sooner than what lies within: most of a tight mask, and on skin that is not at 0 (by the recipe
    ``released`` it is at 2) a rim of a pixel within a generous one.

    Parameters
    ----------
    texture : np.ndarray
        As `texture.texture_map` makes it, or a weak mask: uint8, (H, W), 0..255.
    rough : np.ndarray
        bool, (H, W).

    Returns
    -------
    np.ndarray
        bool, (H, W); never outside the rough mask.

    Raises
    ------
    ArgumentError
        An array is of another kind, or they differ in shape.

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
    # OpenCV's threshold keeps what is above the mean less an offset. So the bright lines of the
    # texture are made dark, and what it does not keep is wrinkle.
    dark = _TOP - texture * rough
    skin = cv2.adaptiveThreshold(
        dark, _TOP, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, WINDOW, OFFSET
    )
    return skin == 0
