"""Worker: what a process of a cluster does, which is told of a run and given its shards."""

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

_SECONDS_BETWEEN_QUESTIONS = 1.0
# Workers that Dask has begun with several threads do one shard at a time all the same.
_alone = threading.Lock()


@dataclass(frozen=True)
class Job:
    """What a worker has to know of a run besides its images.

    Attributes
    ----------
    run : str
        A name that no other run has.
    work : bytes
        A pickled `shards.Work`.
    jobs : int
        Threads; 0 for as many as there are cores.
    folder : Path
        Where the run was begun, so that relative paths mean the same.
    version : str
        Of this package.
    """

    run: str
    work: bytes
    jobs: int
    folder: Path
    version: str = __version__


def stop_name(run: str) -> str:
    """Name of the event by which a run has its workers stop."""
    return f"ffhq-wrinkle-stop-{run}"


def do_job(job: Job, files: Sequence[ImageFile]) -> Outcome:
    """Do a shard of a run, as a task of Dask.

    Raises
    ------
    ClusterError
        This worker is not as the run needs it.
    Exception
        As `shards.do_shard`.
    """
    from dask.system import CPU_COUNT
    from distributed import Event, get_worker

    here = get_worker()
    if job.version != __version__:
        raise ClusterError(
            f"worker {here.address} has ffhq-wrinkle {__version__}, and this command is "
            f"{job.version}; install the same on all"
        )
    if not job.folder.is_dir():
        raise ClusterError(
            f"worker {here.address} does not see {job.folder}, where the run was begun"
        )
    jobs = job.jobs or CPU_COUNT
    wanted = _Wanted(here, Event(stop_name(job.run)))
    with _alone, chdir(job.folder):
        if not wanted():
            return Outcome(0, [], Counter(), [])
        use_one_opencv_thread()
        # Dask says 1, for tasks of one thread. PyTorch reads it when it is first imported.
        os.environ["OMP_NUM_THREADS"] = str(jobs)
        return do_shard(_work(job.run, job.work), files, jobs=jobs, wanted=wanted)


@lru_cache(maxsize=1)
def _work(run: str, work: bytes) -> Work[Any, Any]:
    """The run's work, with its parser or network, which this process makes once."""
    made: Work[Any, Any] = loads(work)
    return made


def forget() -> None:
    """Let go of the last run's parser or network, and of its memory."""
    _work.cache_clear()


class _Wanted:
    """Whether a shard is still wanted: not once its run has been stopped, or has died."""

    def __init__(self, here: Any, stop: Any) -> None:  # noqa: ANN401  # Dask has no types
        self._stop = stop
        self._tasks = here.state.tasks
        self._key = here.get_current_task()
        self._answer = True
        self._asked = -_SECONDS_BETWEEN_QUESTIONS

    def __call__(self) -> bool:
        now = time.monotonic()
        if self._answer and now - self._asked >= _SECONDS_BETWEEN_QUESTIONS:
            self._asked = now
            task = self._tasks.get(self._key)
            # The scheduler cancels what nobody waits for any more.
            cancelled = task is None or task.state == "cancelled"
            self._answer = not cancelled and not self._stop.is_set()
        return self._answer
