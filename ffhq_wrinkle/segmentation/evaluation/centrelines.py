"""Centrelines: how well thin lines are found along their length, whatever their width.

clDice [Shit et al. 2021] measures how much of each mask's skeleton lies in the other mask. Arrays
only.
"""

import cv2
import numpy as np
from skimage.morphology import skeletonize

from ...measures.metrics import NearOverlap

_CALL_PIXELS = 2_000  # thinning one more piece takes as long as thinning this many pixels


def skeleton(mask: np.ndarray) -> np.ndarray:
    """Return the centrelines of a mask, one pixel wide, bool (H, W).

    The result is that of scikit-image's `skeletonize`.
    """
    thinned = np.zeros_like(mask)
    drawn = np.ascontiguousarray(mask).view(np.uint8)
    outlines, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return thinned
    # Thinning looks only at drawn pixels and their neighbours, so pieces that are not connected
    # can be thinned separately, without the empty space between them.
    boxes = np.array([cv2.boundingRect(outline) for outline in outlines])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    apart = (boxes[:, 2] * boxes[:, 3] + _CALL_PIXELS).sum()
    if apart >= (right - left) * (bottom - top):
        box = np.s_[top:bottom, left:right]
        thinned[box] = skeletonize(np.array(mask[box], order="C"))  # which must be writeable
        return thinned
    for outline, (x, y, width, height) in zip(outlines, boxes.tolist(), strict=True):
        box = np.s_[y : y + height, x : x + width]
        inside = np.zeros((height, width), np.uint8)
        cv2.drawContours(inside, [outline], -1, 1, cv2.FILLED, offset=(-x, -y))
        inside &= drawn[box]  # with whatever is drawn in its holes
        thinned[box] |= skeletonize(inside.view(bool))
    return thinned


def centreline_overlap(reference: np.ndarray, predicted: np.ndarray) -> NearOverlap:
    """Count the pixels of each mask's skeleton, and those of them in the other mask.

    clDice is `metrics.near_dice` of these counts: the harmonic mean of topology sensitivity, which
    is the share of the reference's skeleton in the prediction, and topology precision, the reverse.

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
    masks = (of_reference & predicted, of_reference, of_predicted & reference, of_predicted)
    return NearOverlap(*(np.asarray(np.count_nonzero(mask)) for mask in masks))
