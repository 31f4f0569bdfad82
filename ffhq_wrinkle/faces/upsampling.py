"""Upsampling: the classes of upsampled logits, interpolated only where the class changes."""

import numpy as np


def upsampled_classes(logits: np.ndarray, side: int) -> np.ndarray:
    """Return the class of the largest logit after bilinear upsampling with aligned corners.

    If the four corners of a cell have the same class, so has the whole cell, since the weights of
    the corners are the same for all classes. Only cells whose corners differ are interpolated.

    Parameters
    ----------
    logits : np.ndarray
        float32, (C, H, W), with at most 256 classes; H and W at least 2.
    side : int
        Rows and columns of the result, at least H and W.

    Returns
    -------
    np.ndarray
        uint8, (side, side). The first class wins a tie.

    Examples
    --------
    >>> upsampled_classes(np.array([[[0, 4], [0, 4]], [[2, 2], [2, 2]]], np.float32), 4)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [1, 1, 0, 0],
           [1, 1, 0, 0]], dtype=uint8)
    """
    classes = logits.argmax(axis=0).astype(np.uint8)
    row_of, down = _positions(logits.shape[1], side)
    column_of, right = _positions(logits.shape[2], side)
    upper_left = classes[:-1, :-1]
    labels: np.ndarray = upper_left.take(row_of, axis=0).take(column_of, axis=1)
    differ = (
        (upper_left != classes[:-1, 1:])
        | (upper_left != classes[1:, :-1])
        | (upper_left != classes[1:, 1:])
    )
    rows, columns = np.nonzero(differ)
    if not len(rows):
        return labels
    corners = np.stack(
        [logits[:, rows + below, columns + beside] for below in (0, 1) for beside in (0, 1)]
    )
    # A class can only win in a cell if its maximum over the corners reaches the largest of all
    # classes' minima over the corners.
    contenders = corners.max(axis=0) >= corners.min(axis=0).max(axis=0)
    # Rows and columns of each cell: (M, K); in cells with fewer than K the last one is repeated.
    pixel_rows, pixel_columns = _pixels(row_of)[rows], _pixels(column_of)[columns]
    down, right = down[pixel_rows][:, :, None], right[pixel_columns]
    best = np.full((*pixel_rows.shape, pixel_columns.shape[1]), -np.inf, np.float32)
    winners = np.zeros(best.shape, np.uint8)
    for label in range(len(logits)):
        cells = np.flatnonzero(contenders[label])
        ul, ur, ll, lr = corners[:, label, cells, None]
        beside, below = right[cells], down[cells]
        top, bottom = (1 - beside) * ul + beside * ur, (1 - beside) * ll + beside * lr
        upsampled = (1 - below) * top[:, None] + below * bottom[:, None]
        larger = upsampled > best[cells]
        winners[cells] = np.where(larger, np.uint8(label), winners[cells])
        best[cells] = np.where(larger, upsampled, best[cells])
    labels[pixel_rows[:, :, None], pixel_columns[:, None]] = winners
    return labels


def _positions(length: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the grid point before each of `side` pixels, and the distance from it, 0 to 1."""
    positions = np.arange(side, dtype=np.float32) * np.float32((length - 1) / (side - 1))
    before = np.minimum(positions.astype(np.int64), length - 2)
    return before, (positions - before).astype(np.float32)


def _pixels(cell_of: np.ndarray) -> np.ndarray:
    """Return the pixels in each cell: (cells, K), with the last one repeated."""
    counts = np.bincount(cell_of)
    first = np.cumsum(counts) - counts
    numbers = np.arange(counts.max())
    pixels: np.ndarray = first[:, None] + np.minimum(numbers, counts[:, None] - 1)
    return pixels
