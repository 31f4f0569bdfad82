"""Strata: draws from the parts of a population in proportion to their sizes; arrays only."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import ArgumentError, counted


def proportional(sizes: Sequence[int], draws: int) -> list[int]:
    """Return the number of draws for each part, in proportion to its size.

    Quotas are rounded by the largest remainder. Among equal remainders, the larger part comes
    first, then the earlier one.

    Parameters
    ----------
    sizes : sequence of int
        Size of each part; their sum is at least `draws`.
    draws : int
        Number of draws in total, at least 1.

    Returns
    -------
    list of int
        Number of draws for each part, at most its size.

    Raises
    ------
    ArgumentError
        `draws` is below 1 or above the sum of sizes.

    >>> proportional([50, 30, 21], 10)
    [5, 3, 2]
    """
    total = sum(sizes)
    if not 0 < draws <= total:
        raise ArgumentError(f"{counted(draws, 'id')} cannot be drawn from {total}")
    quotas = [divmod(size * draws, total) for size in sizes]
    counts = [whole for whole, _ in quotas]
    order = sorted(range(len(sizes)), key=lambda part: (-quotas[part][1], -sizes[part], part))
    for part in order[: draws - sum(counts)]:
        counts[part] += 1
    return counts


def draw(
    strata: Mapping[tuple[str, ...], Sequence[str]], draws: int, random: np.random.Generator
) -> dict[tuple[str, ...], list[str]]:
    """Draw from each stratum in proportion to its size, without replacement.

    Parameters
    ----------
    strata : mapping
        Ids of each stratum, by the names of its groups.
    draws : int
        Number of ids to draw in total.
    random : np.random.Generator
        Source of random numbers. A generator in the same state gives the same draw, independent of
        the order of strata and ids.

    Returns
    -------
    dict
        The drawn ids of each stratum, sorted.

    Raises
    ------
    ArgumentError
        `draws` is below 1 or above the number of ids.
    """
    names = sorted(strata)
    counts = proportional([len(strata[name]) for name in names], draws)
    drawn = {}
    for name, count in zip(names, counts, strict=True):
        ids = sorted(strata[name])
        positions = random.choice(len(ids), count, replace=False)
        drawn[name] = [ids[position] for position in sorted(positions)]
    return drawn
