"""Worker: the part of a run in a process of a cluster, which receives a job and its shards."""

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from pickle import loads
from typing import Any

from .. import __version__
from ..dataset.layout import ImageFile
from ..errors import ClusterError
from .opencv_threads import use_one_opencv_thread
from .shards import Outcome, Work, do_shard

_SECONDS_BETWEEN_CHECKS = 1.0
# A worker that Dask has started with several threads also does one shard at a time.
_one_shard = threading.Lock()


@dataclass(frozen=True)
class Job:
    """Everything that a worker needs for a run, except the images.

    Attributes
    ----------
    run : str
        Unique name of the run.
    work : bytes
        A pickled `shards.Work`.
    jobs : int
        Number of threads; 0 for as many as there are cores.
    folder : Path
        Folder in which the run was started, to which relative paths refer.
    version : str
        Version of this package.
    """

    run: str
    work: bytes
    jobs: int
    folder: Path
    version: str = __version__


def stop_name(run: str) -> str:
    """Return the name of the event by which a run stops its workers."""
    return f"ffhq-wrinkle-stop-{run}"


def do_job(job: Job, files: Sequence[ImageFile]) -> Outcome:
    """Do a shard of a run, as a task of Dask.

    Raises
    ------
    ClusterError
        This worker has another version of this package, or does not see the folder of the run.
    Exception
        As for `shards.do_shard`.
    """
    from dask.system import CPU_COUNT
    from distributed import Event, get_worker

    worker = get_worker()
    if job.version != __version__:
        raise ClusterError(
            f"worker {worker.address} has ffhq-wrinkle {__version__}, but this command has "
            f"{job.version}; install the same version on all workers"
        )
    if not job.folder.is_dir():
        raise ClusterError(
            f"worker {worker.address} does not see {job.folder}, in which the run was started"
        )
    jobs = job.jobs or CPU_COUNT
    wanted = _Wanted(worker, Event(stop_name(job.run)))
    with _one_shard, chdir(job.folder):
        if not wanted():
            return Outcome(0, [], Counter(), [])
        use_one_opencv_thread()
        # Dask sets 1, for tasks of one thread. PyTorch reads the value when it is first imported.
        os.environ["OMP_NUM_THREADS"] = str(jobs)
        return do_shard(_work(job.run, job.work), files, jobs=jobs, wanted=wanted)


@lru_cache(maxsize=1)
def _work(run: str, work: bytes) -> Work[Any, Any]:
    """Return the run's work, with its parser or network, which this process creates once."""
    restored: Work[Any, Any] = loads(work)
    return restored


def forget() -> None:
    """Release the last run's parser or network, and its memory."""
    _work.cache_clear()


class _Wanted:
    """A check that a shard is still wanted, that is, its run has neither stopped nor died."""

    def __init__(self, worker: Any, stop: Any) -> None:  # noqa: ANN401  # Dask has no types
        self._stop = stop
        self._tasks = worker.state.tasks
        self._key = worker.get_current_task()
        self._wanted = True
        self._last_check = -_SECONDS_BETWEEN_CHECKS

    def __call__(self) -> bool:
        now = time.monotonic()
        if self._wanted and now - self._last_check >= _SECONDS_BETWEEN_CHECKS:
            self._last_check = now
            task = self._tasks.get(self._key)
            # The scheduler cancels tasks for which no client waits any more.
            cancelled = task is None or task.state == "cancelled"
            self._wanted = not cancelled and not self._stop.is_set()
        return self._wanted
