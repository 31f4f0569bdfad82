"""Local cluster: a Dask scheduler and its workers on this machine, each with its own GPU."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError

if TYPE_CHECKING:
    from distributed import SpecCluster

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"


class LocalCluster:
    """A scheduler and workers on this machine; see `started`.

    Dask restarts a worker that dies, but gives it up for good if it dies again while it starts.
    `replace_lost` starts another one in its place.

    Parameters
    ----------
    cluster : distributed.SpecCluster
    size : int
        Number of workers.
    """

    def __init__(self, cluster: "SpecCluster", size: int) -> None:
        self._cluster = cluster
        self._names = count(size)
        self.size = size
        self.address: str = cluster.scheduler_address

    def replace_lost(self) -> None:
        """Start a worker in place of each that Dask has given up."""
        if self._cluster.loop:  # the thread of the scheduler and the nannies
            self._cluster.loop.add_callback(self._replace_lost)

    def _replace_lost(self) -> None:
        from distributed import Status

        given_up = [
            name
            for name, nanny in self._cluster.workers.items()
            if nanny.status in (Status.closed, Status.failed)
        ]
        for name in given_up:
            log.warning("a worker could not be restarted; another one is started in its place")
            settings = self._cluster.worker_spec.pop(name)
            self._cluster.worker_spec[next(self._names)] = settings
        if given_up:
            self._cluster.scale(self.size)  # which starts the workers that are missing


@contextmanager
def started(workers: int) -> Iterator[LocalCluster]:
    """Start a scheduler and workers on this machine, which stop at the end of the `with` block.

    Raises
    ------
    ClusterError
        The workers cannot be started.
    """
    import dask
    from distributed import Nanny, Scheduler, SpecCluster

    level = logging.WARNING if log.isEnabledFor(logging.DEBUG) else logging.CRITICAL
    with ExitStack() as stack:
        scratch = stack.enter_context(TemporaryDirectory(prefix="ffhq-wrinkle-dask-"))
        changed = {
            # Otherwise Dask would also set OMP_NUM_THREADS of this process.
            "distributed.nanny.pre-spawn-environ": {},
            # After this time Dask gives up a worker that is just being restarted.
            "distributed.deploy.lost-worker-timeout": "1000 days",
        }
        stack.enter_context(dask.config.set(changed))
        common: dict[str, Any] = {"host": _HOST, "dashboard_address": f"{_HOST}:0"}
        gpus = _gpus()
        with _ctrl_c_ignored():  # inherited by the workers, which the run's own process stops
            try:
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
                                "silence_logs": level,
                                "env": _own_gpu(gpus, number),
                            },
                        }
                        for number in range(workers)
                    },
                    silence_logs=level,
                )
            except Exception as error:  # whatever a worker raises while it starts
                raise ClusterError(
                    f"the workers died while they started ({type(error).__name__}: {error}); "
                    "-v shows what they wrote"
                ) from error
        yield LocalCluster(stack.enter_context(cluster), workers)


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
