"""Device pool: long jobs, one at a time on each device, each device with a process of its own.

A job that fails, or whose process dies, does not stop the others. Jobs can wait for another one,
and are not begun if that fails. The processes end when their parent does, however it ends.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import Queue
from typing import Any

from ..errors import FfhqWrinkleError, RunInterrupted

_SECONDS_BETWEEN_LOOKS = 0.5
_PATIENCE_S = 120.0  # for a job that was asked to stop, which writes its state
CPU = "cpu"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of a function, on any device.

    Attributes
    ----------
    name : str
        Its name, unique among all jobs.
    arguments : mapping of str to Any
        The arguments of the function, which can be pickled.
    after : str
        Name of the job that must have succeeded before; empty if none must.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """How a job ended: `failure` is empty if it succeeded."""

    job: Job
    seconds: float = 0.0
    failure: str = ""


def run_jobs(
    jobs: Sequence[Job], work: Callable[..., object], *, devices: Sequence[str]
) -> Iterator[JobOutcome]:
    """Run jobs, one at a time on each device, and yield how each ended.

    Parameters
    ----------
    jobs : sequence of Job
        The jobs, begun in this order as far as they need not wait.
    work : callable
        Called with the arguments of a job, in the process of a device. It can be pickled.
    devices : sequence of str
        For each process, the number of a CUDA device, or ``cpu``.

    Raises
    ------
    RunInterrupted
        Ctrl-C or SIGTERM. The jobs under way were asked to stop, and have stopped.
    """
    board = _Board(jobs)
    threads = [
        threading.Thread(target=_keep_busy, args=(board, work, device, len(devices)), daemon=True)
        for device in devices
    ]
    with _stop_on_signals(board):
        for thread in threads:
            thread.start()
        try:
            ended = 0
            while ended < len(jobs) and not board.stopping.is_set():
                outcome = board.next_outcome()
                if outcome:
                    ended += 1
                    yield outcome
        finally:
            board.stop()
            for thread in threads:
                thread.join(_PATIENCE_S)
    if board.interrupted:
        raise RunInterrupted(board.interrupted)


class _Board:
    """The jobs that are left, shared by the threads of all devices."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._left = list(jobs)
        self._states: dict[str, bool | None] = {job.name: None for job in jobs}
        self._lock = threading.Condition()
        self._outcomes: Queue[JobOutcome] = Queue()
        self._processes: dict[str, int] = {}
        self.stopping = threading.Event()
        self.interrupted = ""

    def take(self) -> Job | None:
        """Wait for a job that can begin, and return it; None if no further job can."""
        with self._lock:
            while not self.stopping.is_set():
                for job in list(self._left):
                    if job.after and self._states.get(job.after, True) is False:
                        self._left.remove(job)
                        self._end(JobOutcome(job=job, failure=f"not begun: {job.after} failed"))
                    elif not job.after or self._states.get(job.after, True):
                        self._left.remove(job)
                        return job
                if not self._left:
                    return None
                self._lock.wait(_SECONDS_BETWEEN_LOOKS)
        return None

    def end(self, outcome: JobOutcome) -> None:
        """Note how a job ended."""
        with self._lock:
            self._end(outcome)

    def _end(self, outcome: JobOutcome) -> None:
        self._states[outcome.job.name] = not outcome.failure
        self._outcomes.put(outcome)
        self._lock.notify_all()

    def next_outcome(self) -> JobOutcome | None:
        """Return the next outcome, or None after a while without one."""
        with contextlib.suppress(Exception):  # queue.Empty
            return self._outcomes.get(timeout=_SECONDS_BETWEEN_LOOKS)
        return None

    def began(self, device: str, pid: int) -> None:
        """Note the process of a device."""
        with self._lock:
            self._processes[device] = pid

    def stop(self) -> None:
        """Begin no further job, and ask the processes to stop what they do."""
        self.stopping.set()
        with self._lock:
            self._lock.notify_all()
            pids = list(self._processes.values())
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


@contextlib.contextmanager
def _stop_on_signals(board: _Board) -> Iterator[None]:
    """Stop all jobs on Ctrl-C and SIGTERM, if this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: object) -> None:
        board.interrupted = "the runs under way have stopped"
        board.stopping.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep_busy(board: _Board, work: Callable[..., object], device: str, processes: int) -> None:
    """Give jobs to the process of a device, one after another, and begin it again if it dies."""
    process: multiprocessing.process.BaseProcess | None = None
    connection: Connection | None = None
    key = f"{device} {threading.get_ident()}"
    while (job := board.take()) is not None:
        if process is None or connection is None or not process.is_alive():
            process, connection = _begin(work, device, processes)
            board.began(key, process.pid or 0)
        started = time.monotonic()
        try:
            connection.send(job.arguments)
            failure = connection.recv()
        except (EOFError, OSError):
            process.join()
            failure = f"its process ended with exit code {process.exitcode}"
            process = None
        if board.stopping.is_set():
            break
        board.end(JobOutcome(job=job, seconds=time.monotonic() - started, failure=failure))
    if process is not None and connection is not None:
        with contextlib.suppress(OSError):
            connection.send(None)
        process.join(_PATIENCE_S)


def _begin(
    work: Callable[..., object], device: str, processes: int
) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    """Start the process of a device."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, work, device, processes, os.getpid()), daemon=False
    )
    process.start()
    theirs.close()
    return process, ours


def _serve(
    connection: Connection,
    work: Callable[..., object],
    device: str,
    processes: int,
    parent: int,
) -> None:
    """Run jobs until the parent sends None, closes the connection or ends."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if device == CPU else device
    # Ctrl-C reaches every process of a terminal, but the parent decides what stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if device == CPU and processes > 1:
        import torch

        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    while True:
        try:
            arguments = connection.recv()
        except (EOFError, OSError):
            return
        if arguments is None:
            return
        try:
            work(**arguments)
            failure = ""
        except FfhqWrinkleError as error:
            failure = str(error) or type(error).__name__
        except RunInterrupted as interruption:
            failure = interruption.summary
        except Exception as error:  # a bug in one run must not stop the others
            failure = f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            connection.send(failure)


def _end_with(parent: int) -> None:
    """Ask this process to stop when its parent has ended, and end it after a while."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_S)
    os._exit(1)
