"""Sheets: labelled pictures of what a network in training predicts for some validation images."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...reports.overlays import error_overlay, with_legend

SHOWN = 6  # validation images on a sheet
_SHEETS = 10  # of a stage, approximately
_GAIN = 5  # of texture maps, most of which are dark
_GAP = 4  # pixels between pictures
_WIDTH = 400  # at least, of each picture, so that its label is legible


def is_sheet_due(epoch: int, epochs: int) -> bool:
    """Return whether a sheet is drawn after an epoch, counted from 1.

    The first and the last epoch have one, and some in between.

    >>> [epoch for epoch in range(1, 31) if is_sheet_due(epoch, 30)]
    [1, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    """
    return epoch in (1, epochs) or epoch % max(1, epochs // _SHEETS) == 0


def finetune_row(image: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Draw one image of finetuning: the network's input, and its hits, false alarms and misses.

    Parameters
    ----------
    image : np.ndarray
        RGB uint8 (H, W, 3).
    truth, predicted : np.ndarray
        bool (H, W).

    Returns
    -------
    np.ndarray
        RGB uint8: both side by side, with a legend above the second.
    """
    overlay = error_overlay(truth, predicted, image)
    enlarged = _enlarged(image, overlay.shape[1])
    return _side_by_side([with_legend(enlarged, "input of the network", []), overlay])


def pretrain_row(image: np.ndarray, target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Draw one image of pretraining: the network's input, the target, and the prediction.

    Parameters
    ----------
    image : np.ndarray
        RGB uint8 (H, W, 3).
    target, predicted : np.ndarray
        uint8 (H, W).

    Returns
    -------
    np.ndarray
        RGB uint8: the three side by side, labelled.
    """
    shown, guessed = (
        np.repeat(_brightened(levels)[:, :, None], 3, axis=2) for levels in (target, predicted)
    )
    return image_row(
        {
            "image": image,
            f"target, {_GAIN} times brighter": shown,
            f"prediction, {_GAIN} times brighter": guessed,
        }
    )


def image_row(images: Mapping[str, np.ndarray]) -> np.ndarray:
    """Put images of one size side by side, RGB uint8 (H, W, 3) each, below their labels."""
    return _side_by_side(
        [
            with_legend(_enlarged(image, max(image.shape[1], _WIDTH)), label, [])
            for label, image in images.items()
        ]
    )


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Put the rows of a sheet below each other, RGB uint8; narrower ones are padded with black."""
    width = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0))) for row in rows])


def _brightened(levels: np.ndarray) -> np.ndarray:
    return levels.clip(0, 255 // _GAIN) * np.uint8(_GAIN)


def _enlarged(image: np.ndarray, width: int) -> np.ndarray:
    """Enlarge an image by the whole number that brings it nearest to a width."""
    times = max(1, round(width / image.shape[1]))
    return np.repeat(np.repeat(image, times, axis=0), times, axis=1)


def _side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Put pictures side by side, their lower edges aligned."""
    height = max(picture.shape[0] for picture in pictures)
    return np.hstack(
        [np.pad(image, ((height - image.shape[0], 0), (0, _GAP), (0, 0))) for image in pictures]
    )
