"""Strata: how many of each part of a population to draw, and which; arrays only."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import ArgumentError


def proportional(sizes: Sequence[int], draws: int) -> list[int]:
    """Deal out draws in proportion to sizes, by the largest remainder.

    Of equal remainders the larger part comes first, then the earlier one.

    Parameters
    ----------
    sizes : sequence of int
        Of each part, together at least `draws`.
    draws : int
        How many to deal out.

    Returns
    -------
    list of int
        For each part, no more than its size.

    Raises
    ------
    ArgumentError
        There are fewer than `draws`.

    >>> proportional([50, 30, 21], 10)
    [5, 3, 2]
    """
    total = sum(sizes)
    if not 0 < draws <= total:
        raise ArgumentError(f"{draws} can not be drawn of {total}")
    quotas = [divmod(size * draws, total) for size in sizes]
    dealt = [whole for whole, _ in quotas]
    order = sorted(range(len(sizes)), key=lambda part: (-quotas[part][1], -sizes[part], part))
    for part in order[: draws - sum(dealt)]:
        dealt[part] += 1
    return dealt


def draw(
    strata: Mapping[tuple[str, ...], Sequence[str]], draws: int, random: np.random.Generator
) -> dict[tuple[str, ...], list[str]]:
    """Draw from each stratum in proportion to its size, without replacement.

    Parameters
    ----------
    strata : mapping
        Ids of each stratum, by the names of its groups.
    draws : int
        How many ids to draw in all.
    random : np.random.Generator
        Which ones; the same again gives the same, in whatever order strata and ids come.

    Returns
    -------
    dict
        The drawn ids of each stratum, sorted.

    Raises
    ------
    ArgumentError
        There are fewer ids.
    """
    names = sorted(strata)
    counts = proportional([len(strata[name]) for name in names], draws)
    drawn = {}
    for name, count in zip(names, counts, strict=True):
        ids = sorted(strata[name])
        chosen = random.choice(len(ids), count, replace=False)
        drawn[name] = [ids[number] for number in sorted(chosen)]
    return drawn
