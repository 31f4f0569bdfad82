"""Schedule: the learning rate, epoch by epoch."""

import math


def sgdr_rate(
    epoch: int, *, peak_rate: float, first_period: int, factor: int = 2, decay: float = 1.0
) -> float:
    """Learning rate of an epoch: cosine to 0 with warm restarts.

    Each period is `factor` times as long as the last, and its peak `decay` times as high. The rate
    stays the same within an epoch, since the periods are given in epochs: so it depends neither on
    the batch size nor on the number of images.

    Parameters
    ----------
    epoch : int
        From 0 on.
    peak_rate : float
        Of the first period.
    first_period : int
        Its epochs.
    factor, decay
        See above.

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
