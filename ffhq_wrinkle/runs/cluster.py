"""Cluster: the shards of a run done by Dask's workers, each a process with its own GPU.

Shards are futures of `distributed`, not calls of joblib's backend for it, for these reasons:

- Dask gives the future of a dead worker to another worker.
- The images over which several workers died are known.
- Few futures wait at a time, even in a long run.
- Futures under way can be stopped, and their results counted.

Every shard carries everything that a worker needs, since data sent to a worker once would be lost
if the worker died.
"""

import logging
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..dataset.layout import ImageFile
from ..errors import ArgumentError, ClusterError
from ..storage.writing import valid_text
from . import worker
from .local_cluster import LocalCluster, started
from .shards import Execution, Loaded, Outcome, Result, Work, shards_of
from .worker import Job, do_job, forget, stop_name

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

_LOCAL = "local:"
_ADDRESSES = ("tcp://", "tls://")
_WAITING = 64  # shards that wait besides those under way, so that an adaptive cluster grows
_SECONDS_TO_STOP = 60
_SECONDS_BETWEEN_CHECKS = 1.0
_SECONDS_BETWEEN_WARNINGS = 10.0
_ANSWER_S = 10.0  # after which the scheduler counts as not answering
# How long a run waits for workers after it has lost them all. A batch system may queue new ones.
_PATIENCE_S = {"local": 25.0, "remote": 600.0}


def local_workers(scheduler: str) -> int | None:
    """Return the number of workers N of `local:N`, or None for the address of a scheduler.

    Raises
    ------
    ArgumentError
        The text is neither.

    >>> local_workers("local:4"), local_workers("tcp://10.0.0.7:8786")
    (4, None)
    """
    if scheduler.startswith(_ADDRESSES):
        return None
    count = scheduler.removeprefix(_LOCAL)
    if scheduler.startswith(_LOCAL) and count.isascii() and count.isdigit() and int(count) > 0:
        return int(count)
    raise ArgumentError(f"scheduler is {scheduler!r}; it should be tcp://HOST:PORT or local:N")


class Cluster:
    """A cluster whose workers wait for shards; see `connected`."""

    def __init__(self, client: "Client", local: LocalCluster | None) -> None:
        self._client = client
        self._local = local

    def workers(self) -> int:
        """Return the current number of workers."""
        return self._local.size if self._local else len(self._client.nthreads())

    def execution(
        self, files: Sequence[ImageFile], work: Work[Loaded, Result], *, jobs: int
    ) -> "ClusterExecution":
        """Return the execution of a run by the workers of this cluster; see `ClusterExecution`."""
        return ClusterExecution(
            self._client, self.workers(), files, work, jobs=jobs, local=self._local
        )


class ClusterExecution(Execution):
    """The execution of a run by the workers of a cluster.

    If a worker dies, only the images under way are lost; another worker does the rest of its shard.
    Each worker process does one shard at a time and keeps its parser or network for the whole run.
    If an exception ends the block, the shards under way are stopped and their results are counted.

    Parameters
    ----------
    client : distributed.Client
    workers : int
        Current number of workers.
    files : sequence of ImageFile
        Images without results.
    work : Work
        Work to do, after `begin` of its results.
    jobs : int
        Threads of each worker; 0 for as many as it has cores.
    local : LocalCluster, optional
        The cluster, if this process started it; lost workers are then replaced.

    Raises
    ------
    ArgumentError
        `work` cannot be sent to other processes.
    ClusterError
        Several workers died over a shard, no worker is left, a worker lacks what the run needs, or
        the scheduler is gone.
    Exception
        The error that a shard raised.
    """

    def __init__(
        self,
        client: "Client",
        workers: int,
        files: Sequence[ImageFile],
        work: Work[Loaded, Result],
        *,
        jobs: int,
        local: LocalCluster | None = None,
    ) -> None:
        super().__init__()
        self._client = client
        self._attendance = _Attendance(client, local)
        self._workers = workers
        self._work: Work[Any, Any] = work
        self._job = Job(uuid.uuid4().hex, _pickled(work), jobs, Path.cwd())
        self._shards = enumerate(shards_of(files, workers))
        self._under_way: dict[Any, list[ImageFile]] = {}
        self._done: SimpleQueue[Any] = SimpleQueue()  # futures
        self._made = 0

    @property
    def made(self) -> int:
        """Number of images done in the shards counted so far."""
        return self._made

    def __enter__(self) -> Self:
        from distributed import Event

        if not self._workers:
            log.info("the scheduler has no workers yet; waiting for one")
        self._stop = Event(stop_name(self._job.run), client=self._client)
        return self

    def __iter__(self) -> Iterator[bool]:
        self._submit(_WAITING + 2 * self._workers)
        while self._under_way:
            future = self._next_done()
            outcome = _outcome(future, self._under_way.pop(future))
            self._count(outcome)
            yield from (False for _ in range(outcome.made))
            yield from (True for _ in outcome.failures)
            self._submit(1)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            with suppress(Exception):
                self._stop_shards()
        with suppress(Exception):
            self._client.run(forget, on_error="ignore")

    def _next_done(self) -> Any:  # noqa: ANN401  # Dask's future
        """Wait for a shard, as long as there may be a worker that does it."""
        while True:
            try:
                return self._done.get(timeout=_SECONDS_BETWEEN_CHECKS)
            except Empty:
                self._attendance.check()

    def _stop_shards(self) -> None:
        """Stop the shards under way, and count their results."""
        self._stop.set()
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while self._under_way and time.monotonic() < deadline:
            try:
                future = self._done.get(timeout=_SECONDS_BETWEEN_CHECKS)
            except Empty:
                if not self._attendance.anyone():
                    return
            else:
                if self._under_way.pop(future, None) and future.status == "finished":
                    self._count(future.result())

    def _submit(self, count: int) -> None:
        for number, shard in islice(self._shards, count):
            key = _key(self._job.run, number, shard)
            future = self._client.submit(do_job, self._job, shard, key=key)
            self._under_way[future] = shard
            future.add_done_callback(self._done.put)

    def _count(self, outcome: Outcome) -> None:
        self._work.take(outcome.gathered)  # before it counts as made
        self._made += outcome.made
        self.failures += outcome.failures
        self._work.counts.update(outcome.counts)


@contextmanager
def connected(scheduler: str, *, connect_s: float = 10.0) -> Iterator[Cluster]:
    """Connect to a cluster, or start one that stops at the end of the `with` block.

    Parameters
    ----------
    scheduler : str
        ``local:N`` for N workers on this machine, or the address of a Dask scheduler,
        ``tcp://HOST:PORT``. The workers must see the same folders under the same paths.
    connect_s : float
        Seconds to wait for the scheduler's answer.

    Raises
    ------
    ArgumentError
        Dask is not installed, or no scheduler answers.
    ClusterError
        A worker lacks this package.
    """
    size = local_workers(scheduler)
    # Dask sets its log level when it is imported, here and in workers. It logs the tracebacks of
    # workers that die and of lost connections; what they mean for the run is said in one line.
    level = "info" if log.isEnabledFor(logging.DEBUG) else "critical"
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", level)
    try:
        from distributed import Client
    except ImportError as error:
        raise ArgumentError("a scheduler needs Dask: pip install 'ffhq-wrinkle[dask]'") from error
    with started(size) if size else nullcontext() as local:
        try:
            client = Client(local.address if local else scheduler, timeout=connect_s)
        except (OSError, ValueError) as error:
            raise ArgumentError(f"no Dask scheduler answers at {scheduler}") from error
        with client:
            _require_package(client)
            yield Cluster(client, local)


def _require_package(client: "Client") -> None:
    """Refuse workers that would die at the first shard, with a reason only in their logs."""
    answers = client.run(find_spec, worker.__name__, on_error="return")
    lacking = [address for address, spec in answers.items() if not isinstance(spec, ModuleSpec)]
    if lacking:
        raise ClusterError(
            f"{len(lacking)} of {len(answers)} workers, such as {lacking[0]}, lack this package; "
            "install the same ffhq-wrinkle and extras on all workers"
        )


def _key(run: str, number: int, shard: Sequence[ImageFile]) -> str:
    """Return the name of a shard in Dask's dashboard and logs.

    Without its number, the shards from ``b`` to ``b!-c`` and from ``b-b!`` to ``c`` would have the
    same name, and Dask would do only one of them.
    """
    return valid_text(f"ffhq-wrinkle-{shard[0].image_id}-{shard[-1].image_id}-{number}-{run}")


def _pickled(work: Work[Loaded, Result]) -> bytes:
    """Return the work as bytes, with the code of classes that a user's script defines."""
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(work))
    except (TypeError, AttributeError, cloudpickle.pickle.PicklingError) as error:
        raise ArgumentError(f"the work cannot be sent to other processes: {error}") from error


class _Attendance:
    """Whether a worker is left to wait for.

    Raises nothing while workers may still come: at the start of a run on a scheduler that others
    started, however long it takes, and for a while after the last worker was lost.
    """

    def __init__(self, client: "Client", local: LocalCluster | None) -> None:
        self._client = client
        self._local = local
        self._patience_s = _PATIENCE_S["remote" if local is None else "local"]
        self._seen = local is not None
        self._last_seen = self._last_said = time.monotonic()

    def check(self) -> None:
        """Start local workers in place of lost ones, and require that workers are left or coming.

        Raises
        ------
        ClusterError
            There has been no worker for too long.
        """
        if self._local:
            self._local.replace_lost()
        now = time.monotonic()
        if self.anyone():
            self._seen = True
            self._last_seen = self._last_said = now
            return
        if self._seen and now - self._last_seen > self._patience_s:
            raise ClusterError(
                f"all workers have been gone for {now - self._last_seen:.0f} s, perhaps for lack "
                "of memory; completed results are kept, and the same command does the rest"
            )
        if now - self._last_said > _SECONDS_BETWEEN_WARNINGS:
            self._last_said = now
            log.warning("no worker for %.0f s; waiting for one", now - self._last_seen)

    def anyone(self) -> bool:
        """Return whether the scheduler answers and has a worker."""
        try:
            return bool(self._client.sync(self._nthreads, callback_timeout=_ANSWER_S))
        except (OSError, TimeoutError):
            return False

    async def _nthreads(self) -> dict[str, int]:
        scheduler = self._client.scheduler
        return await scheduler.ncores() if scheduler else {}


def _outcome(future: Any, shard: Sequence[ImageFile]) -> Outcome:  # noqa: ANN401  # Dask's
    """Return the outcome of a finished future.

    Raises
    ------
    ClusterError, Exception
        As for `ClusterExecution`.
    """
    from distributed import CancelledError, KilledWorker

    try:
        outcome: Outcome = future.result()
    except KilledWorker as error:
        raise ClusterError(
            f"{error.allowed_failures + 1} workers died over images {shard[0].image_id} to "
            f"{shard[-1].image_id}, perhaps for lack of memory; completed results are kept"
        ) from error
    except CancelledError as error:
        raise ClusterError(
            "the scheduler is gone; start it and run the same command again. Completed results are "
            "kept"
        ) from error
    except ImportError as error:
        raise ClusterError(
            f"a worker cannot import what it needs: {error}; install the same ffhq-wrinkle on all "
            "workers"
        ) from error
    return outcome
