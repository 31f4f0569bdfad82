"""Cores: how many threads a run should have by default."""

import os

from .cluster import local_workers


def available_cores() -> int:
    """Return the number of cores that this process may use: in a container, perhaps not all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_jobs(scheduler: str | None = None) -> int:
    """Return the threads of each process that works: one for each core that it has.

    Parameters
    ----------
    scheduler : str, optional
        Cluster that does the work, see `cluster.connected`.

    Returns
    -------
    int
        0 for workers on other machines, which know their own cores.

    Raises
    ------
    ArgumentError
        As in `cluster.local_workers`.
    """
    if scheduler is None:
        return available_cores()
    workers = local_workers(scheduler)
    return max(1, available_cores() // workers) if workers else 0
