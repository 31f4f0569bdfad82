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
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..dataset.layout import ImageFile
from ..errors import ArgumentError, ClusterError
from . import worker
from .shards import Execution, Loaded, Outcome, Result, Work, shards_of
from .worker import Job, do_job, forget, stop_name

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

_LOCAL, _HOST = "local:", "127.0.0.1"
_ADDRESSES = ("tcp://", "tls://")
_WAITING = 64  # shards that wait besides those under way, so that an adaptive cluster grows
_SECONDS_TO_STOP = 60


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

    def __init__(self, client: "Client", local: int | None) -> None:
        self._client = client
        self._local = local

    def workers(self) -> int:
        """Return the current number of workers."""
        return self._local or len(self._client.nthreads())

    def execution(
        self, files: Sequence[ImageFile], work: Work[Loaded, Result], *, jobs: int
    ) -> "ClusterExecution":
        """Return the execution of a run by the workers of this cluster; see `ClusterExecution`."""
        return ClusterExecution(self._client, self.workers(), files, work, jobs=jobs)


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

    Raises
    ------
    ArgumentError
        `work` cannot be sent to other processes.
    ClusterError
        Several workers died over a shard, a worker lacks what the run needs, or the scheduler is
        gone.
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
    ) -> None:
        super().__init__()
        self._client = client
        self._workers = workers
        self._work: Work[Any, Any] = work
        self._job = Job(uuid.uuid4().hex, _pickled(work), jobs, Path.cwd())
        self._shards = shards_of(files, workers)
        self._under_way: dict[Any, list[ImageFile]] = {}
        self._made = 0

    @property
    def made(self) -> int:
        """Number of images done in the shards counted so far."""
        return self._made

    def __enter__(self) -> Self:
        from distributed import Event, as_completed

        if not self._workers:
            log.info("the scheduler has no workers yet; waiting for one")
        self._stop = Event(stop_name(self._job.run), client=self._client)
        self._finished = as_completed()
        return self

    def __iter__(self) -> Iterator[bool]:
        self._submit(_WAITING + 2 * self._workers)
        for future in self._finished:
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
        from distributed import as_completed

        if error is not None:
            self._stop.set()
            with suppress(Exception):
                for future in as_completed(list(self._under_way), timeout=_SECONDS_TO_STOP):
                    if future.status == "finished":
                        self._count(future.result())
        with suppress(Exception):
            self._client.run(forget, on_error="ignore")

    def _submit(self, count: int) -> None:
        for shard in islice(self._shards, count):
            key = _key(self._job.run, shard)
            future = self._client.submit(do_job, self._job, shard, key=key)
            self._under_way[future] = shard
            self._finished.add(future)

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
    local = local_workers(scheduler)
    # Dask sets its log level when it is imported, here and in workers.
    level = "info" if log.isEnabledFor(logging.DEBUG) else "warning"
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", level)
    try:
        from distributed import Client
    except ImportError as error:
        raise ArgumentError("a scheduler needs Dask: pip install 'ffhq-wrinkle[dask]'") from error
    with _local_cluster(local) as address:
        try:
            client = Client(address or scheduler, timeout=connect_s)
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


def _key(run: str, shard: Sequence[ImageFile]) -> str:
    """Return the name of a shard in Dask's dashboard and logs."""
    return f"ffhq-wrinkle-{shard[0].image_id}-{shard[-1].image_id}-{run}"


def _pickled(work: Work[Loaded, Result]) -> bytes:
    """Return the work as bytes, with the code of classes that a user's script defines."""
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(work))
    except (TypeError, AttributeError, cloudpickle.pickle.PicklingError) as error:
        raise ArgumentError(f"the work cannot be sent to other processes: {error}") from error


@contextmanager
def _local_cluster(workers: int | None) -> Iterator[str | None]:
    """Start workers on this machine and yield their scheduler's address; None starts nothing."""
    if workers is None:
        yield None
        return
    import dask
    from distributed import Nanny, Scheduler, SpecCluster

    with ExitStack() as stack:
        scratch = stack.enter_context(TemporaryDirectory(prefix="ffhq-wrinkle-dask-"))
        # Otherwise Dask would also set OMP_NUM_THREADS of this process.
        stack.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": {}}))
        common: dict[str, Any] = {"host": _HOST, "dashboard_address": f"{_HOST}:0"}
        gpus = _gpus()
        with _ctrl_c_ignored():  # inherited by the workers, which the run's own process stops
            cluster = SpecCluster(
                scheduler={"cls": Scheduler, "options": {**common, "port": 0}},
                workers={
                    number: {
                        "cls": Nanny,
                        "options": {
                            **common,
                            "nthreads": 1,
                            "memory_limit": 0,
                            "local_directory": scratch,
                            "silence_logs": logging.WARNING,
                            "env": _own_gpu(gpus, number),
                        },
                    }
                    for number in range(workers)
                },
                silence_logs=logging.WARNING,
            )
        yield stack.enter_context(cluster).scheduler_address


def _gpus() -> list[str]:
    """Return the names of the CUDA devices that this process sees."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    if names is not None:
        return [name for name in names.split(",") if name]
    if "torch" not in sys.modules:  # no parser or network has been created that could use a GPU
        return []
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def _own_gpu(gpus: Sequence[str], worker: int) -> dict[str, str]:
    """Return the environment that shows a worker one GPU; more workers than GPUs share them."""
    return {"CUDA_VISIBLE_DEVICES": gpus[worker % len(gpus)]} if gpus else {}


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


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
