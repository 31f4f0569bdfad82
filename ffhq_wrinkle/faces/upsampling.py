"""Upsampling: the classes of logits that are enlarged, computed where they change; arrays only."""

import numpy as np


def upsampled_classes(logits: np.ndarray, side: int) -> np.ndarray:
    """The class of the largest logit after bilinear enlarging with aligned corners.

    Between four grid points of one class that class is the largest everywhere, since the weights of
    the four are the same for all classes; so only cells whose corners differ are interpolated.

    Parameters
    ----------
    logits : np.ndarray
        float32, (C, H, W), of at most 256 classes, H and W at least 2.
    side : int
        Rows and columns wanted, no fewer than there are.

    Returns
    -------
    np.ndarray
        uint8, (side, side). Of classes that are equal, the first.

    Examples
    --------
    >>> upsampled_classes(np.array([[[0, 4], [0, 4]], [[2, 2], [2, 2]]], np.float32), 4)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0],
           [1, 1, 0, 0],
           [1, 1, 0, 0]], dtype=uint8)
    """
    classes = logits.argmax(axis=0).astype(np.uint8)
    row_of, down = _places(logits.shape[1], side)
    column_of, right = _places(logits.shape[2], side)
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
    # Nowhere in a cell does the largest logit fall below the largest of the corners' least ones.
    contenders = corners.max(axis=0) >= corners.min(axis=0).max(axis=0)
    # Pixels of each cell: (M, K) down and right; in cells with fewer than K the last is repeated.
    pixel_rows, pixel_columns = _pixels(row_of)[rows], _pixels(column_of)[columns]
    down, right = down[pixel_rows][:, :, None], right[pixel_columns]
    best = np.full((*pixel_rows.shape, pixel_columns.shape[1]), -np.inf, np.float32)
    winners = np.zeros(best.shape, np.uint8)
    for number in range(len(logits)):
        cells = np.flatnonzero(contenders[number])
        ul, ur, ll, lr = corners[:, number, cells, None]
        beside, below = right[cells], down[cells]
        top, bottom = (1 - beside) * ul + beside * ur, (1 - beside) * ll + beside * lr
        enlarged = (1 - below) * top[:, None] + below * bottom[:, None]
        larger = enlarged > best[cells]
        winners[cells] = np.where(larger, np.uint8(number), winners[cells])
        best[cells] = np.where(larger, enlarged, best[cells])
    labels[pixel_rows[:, :, None], pixel_columns[:, None]] = winners
    return labels


def _places(length: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `side` pixels the grid point before it, and how far it is to the next, 0..1."""
    places = np.arange(side, dtype=np.float32) * np.float32((length - 1) / (side - 1))
    before = np.minimum(places.astype(np.int64), length - 2)
    return before, (places - before).astype(np.float32)


def _pixels(cell_of: np.ndarray) -> np.ndarray:
    """Which pixels lie in each cell: (cells, K), the last one repeated."""
    counts = np.bincount(cell_of)
    first = np.cumsum(counts) - counts
    numbers = np.arange(counts.max())
    pixels: np.ndarray = first[:, None] + np.minimum(numbers, counts[:, None] - 1)
    return pixels
