"""Schedule: the learning rate, epoch by epoch."""

import math


def sgdr_rate(
    epoch: int, *, peak_rate: float, first_period: int, factor: int = 2, decay: float = 1.0
) -> float:
    """Return the learning rate of an epoch: a cosine to 0 with warm restarts.

    Each period is `factor` times as long as the one before, and its peak `decay` times as high.
    Periods are given in epochs and the rate is constant within an epoch, so that it depends
    neither on the batch size nor on the number of images.

    Parameters
    ----------
    epoch : int
        Number of the epoch, from 0.
    peak_rate : float
        Learning rate at the start of the first period.
    first_period : int
        Epochs of the first period.
    factor : int
        Length of a period relative to the one before.
    decay : float
        Peak of a period relative to the one before.

    Returns
    -------
    float

    References
    ----------
    I. Loshchilov, F. Hutter. SGDR: Stochastic Gradient Descent with Warm Restarts. ICLR 2017.

    Examples
    --------
    >>> [sgdr_rate(epoch, peak_rate=1.0, first_period=2, decay=0.5) for epoch in (0, 1, 2, 4, 6)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    begin, period, peak = 0, first_period, peak_rate
    while epoch >= begin + period:
        begin, period, peak = begin + period, period * factor, peak * decay
    return peak * (1 + math.cos(math.pi * (epoch - begin) / period)) / 2
