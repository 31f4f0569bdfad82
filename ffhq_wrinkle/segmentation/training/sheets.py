"""Sheets: pictures of what a network in training makes of some validation images; arrays only."""

from collections.abc import Sequence

import numpy as np

from ...reports.overlays import error_overlay

SHOWN = 6  # validation images on a sheet
_SHEETS = 10  # of a stage, about


def is_due(epoch: int, epochs: int) -> bool:
    """Whether a sheet is drawn after an epoch, counted from 1: the first, the last, some between.

    >>> [epoch for epoch in range(1, 31) if is_due(epoch, 30)]
    [1, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    """
    return epoch in (1, epochs) or epoch % max(1, epochs // _SHEETS) == 0


def finetune_row(image: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """One image of finetuning: what the network sees, and what it found, invented and missed.

    Parameters
    ----------
    image : np.ndarray
        RGB uint8 (H, W, 3).
    truth, predicted : np.ndarray
        bool (H, W).

    Returns
    -------
    np.ndarray
        RGB uint8, both beside each other with a legend above the second.
    """
    drawn = error_overlay(truth, predicted, image)
    return _beside([_enlarged(image, drawn.shape[1]), drawn])


def pretrain_row(image: np.ndarray, target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """One image of pretraining: what the network sees, its target, and what it predicts.

    Parameters
    ----------
    image : np.ndarray
        RGB uint8 (H, W, 3).
    target, predicted : np.ndarray
        uint8 (H, W).
    """
    grays = (np.repeat(_visible(one)[:, :, None], 3, axis=2) for one in (target, predicted))
    return _beside([image, *grays])


def image_row(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images of one size beside each other, RGB uint8 (H, W, 3) each."""
    return _beside(images)


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of a sheet below each other, RGB uint8; narrower ones are filled up with black."""
    width = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows])


def _visible(levels: np.ndarray) -> np.ndarray:
    """A texture map five times as bright: most of it is dark."""
    return np.asarray(np.clip(levels.astype(int) * 5, 0, 255).astype(np.uint8))


def _enlarged(image: np.ndarray, width: int) -> np.ndarray:
    """An image enlarged by the whole number that comes nearest to a width."""
    times = max(1, round(width / image.shape[1]))
    larger: np.ndarray = image.repeat(times, axis=0).repeat(times, axis=1)
    return larger


def _beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures beside each other, their lower edges in line."""
    height = max(picture.shape[0] for picture in pictures)
    return np.hstack(
        [np.pad(one, ((height - one.shape[0], 0), (0, 4), (0, 0))) for one in pictures]
    )
