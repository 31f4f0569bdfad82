"""Centrelines: whether thin lines are found along their length, however wide they are drawn.

clDice [Shit et al. 2021] asks how much of each mask's skeleton lies in the other mask. Arrays only.
"""

import numpy as np
from skimage.morphology import skeletonize

from ...metrics import NearOverlap


def skeleton(mask: np.ndarray) -> np.ndarray:
    """The centrelines of a mask, one pixel wide; bool (H, W), as scikit-image's `skeletonize`."""
    found = np.zeros_like(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows):
        # Thinning looks at drawn pixels and their neighbours, and takes what is beyond for empty.
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        found[box] = skeletonize(np.ascontiguousarray(mask[box]))
    return found


def centreline_overlap(reference: np.ndarray, predicted: np.ndarray) -> NearOverlap:
    """Pixels of each mask's skeleton, and of them those in the other mask.

    clDice is the `metrics.near_dice` of these counts: of the topology sensitivity, the share of the
    reference's skeleton in the prediction, and the topology precision, the reverse.

    Parameters
    ----------
    reference, predicted : np.ndarray
        bool (H, W).

    References
    ----------
    S. Shit et al. clDice - a Novel Topology-Preserving Loss Function for Tubular Structure
    Segmentation. CVPR 2021. Equations 1 and 2.

    >>> line = np.ones((1, 9), bool)
    >>> [int(count) for count in centreline_overlap(line, line & (np.arange(9) < 6))]
    [6, 9, 6, 6]
    """
    of_reference, of_predicted = skeleton(reference), skeleton(predicted)
    counts = (of_reference & predicted, of_reference, of_predicted & reference, of_predicted)
    return NearOverlap(*(np.asarray(np.count_nonzero(one)) for one in counts))
