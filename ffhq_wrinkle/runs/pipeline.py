"""Pipeline: work on many images at once, with few of them in memory.

`Pipeline` loads, infers and writes; `run_each` does what needs no inference. Both use threads,
because Pillow, OpenCV and NumPy release the interpreter while they work; inference sees batches on
the calling thread, where a network belongs.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import Generic, Self, TypeVar

import numpy as np

from ..errors import ImageFailure
from .opencv_threads import one_opencv_thread

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Result = TypeVar("Result")

_KEPT_BYTES = 16 << 20


class Pipeline(Generic[Item, Loaded, Result]):
    """Items carried through load, infer and write.

    Iterate over it once, inside its `with` block: it yields each item, in order, with the
    `ImageFailure` that ended its way or None. Any other error ends the run, and so does an
    exception in the block; what the threads have begun by then is finished, and the rest is left
    undone.

    Parameters
    ----------
    items : iterable
        What to work on, taken in order.
    load, write : callable
        Called on any of `jobs` threads, several at a time.
    infer : callable
        Called on the iterating thread with `batch_size` loaded items, fewer at the end.
    batch_size, jobs : int
        How many items are inferred at once, and how many are loaded or written at once. At most
        three times their sum are in memory, however many items there are.

    Attributes
    ----------
    written : int
        How many items have been written, including those not yielded yet: true at any moment, also
        after Ctrl-C.
    """

    def __init__(
        self,
        items: Iterable[Item],
        *,
        load: Callable[[Item], Loaded],
        infer: Callable[[list[Loaded]], list[Result]],
        write: Callable[[Loaded, Result], None],
        batch_size: int,
        jobs: int,
    ) -> None:
        self._items = items
        self._load, self._infer, self._write = load, infer, write
        self._batch_size, self._jobs = batch_size, jobs
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self.written = 0

    def __enter__(self) -> Self:
        self._pool = self._stack.enter_context(_pool(self._jobs))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[tuple[Item, ImageFailure | None]]:
        ahead = self._batch_size + self._jobs
        loaded = _ahead(self._pool, self._load, self._items, ahead)
        writing: deque[tuple[Item, Future[None]]] = deque()
        while True:
            # As many successes as a batch takes; failures are passed on as they come.
            batch: list[tuple[Item, Loaded]] = []
            for item, task in loaded:
                try:
                    batch.append((item, task.result()))
                except ImageFailure as failure:
                    yield item, failure
                if len(batch) == self._batch_size:
                    break
            if not batch:
                break
            results = self._infer([one for _, one in batch])
            for (item, one), result in zip(batch, results, strict=True):
                writing.append((item, self._pool.submit(self._write_one, one, result)))
            yield from _settled(writing, leaving=ahead)
        yield from _settled(writing, leaving=0)

    def _write_one(self, one: Loaded, result: Result) -> None:
        self._write(one, result)
        with self._lock:
            self.written += 1


def _settled(
    writing: deque[tuple[Item, Future[None]]], *, leaving: int
) -> Iterator[tuple[Item, ImageFailure | None]]:
    """Wait for the oldest writes until no more than `leaving` are under way."""
    while len(writing) > leaving:
        item, task = writing.popleft()
        try:
            task.result()
        except ImageFailure as failure:
            yield item, failure
        else:
            yield item, None


@contextmanager
def run_each(
    items: Iterable[Item], work: Callable[[Item], Result], *, jobs: int
) -> Iterator[Iterator[tuple[Item, Result | ImageFailure]]]:
    """Do the same work on every item, where no step needs a batch.

    A context manager; the block gets an iterator over each item, in order, with its result or the
    `ImageFailure` that it raised. Any other error ends the run, and so does an exception in the
    block; what the threads have begun by then is finished, and the rest is left undone.

    Parameters
    ----------
    items : iterable
        What to work on.
    work : callable
        Called on any of `jobs` threads.
    jobs : int
        How many items are worked on at once. At most three times as many are in memory.

    Examples
    --------
    >>> with run_each(["a", "b"], str.upper, jobs=2) as outcomes:
    ...     dict(outcomes)
    {'a': 'A', 'b': 'B'}
    """
    with _pool(jobs) as pool:
        yield _outcomes(_ahead(pool, work, items, 2 * jobs))


def _outcomes(
    tasks: Iterator[tuple[Item, Future[Result]]],
) -> Iterator[tuple[Item, Result | ImageFailure]]:
    for item, task in tasks:
        outcome: Result | ImageFailure
        try:
            outcome = task.result()
        except ImageFailure as failure:
            outcome = failure
        yield item, outcome


@contextmanager
def _pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that, when the block is left, finish what they do and leave the rest undone."""
    keep_freed_memory()
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="pipeline")
    with one_opencv_thread() if jobs > 1 else nullcontext():
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[Item], Loaded], items: Iterable[Item], count: int
) -> Iterator[tuple[Item, Future[Loaded]]]:
    """Submit work on items, in order, at most `count` of them ahead of who takes the results."""
    begun: deque[tuple[Item, Future[Loaded]]] = deque()
    for item in items:
        begun.append((item, pool.submit(work, item)))
        if len(begun) > count:
            yield begun.popleft()
    while begun:
        yield begun.popleft()


def keep_freed_memory() -> None:
    """Have glibc hold on to freed memory, up to twice 16 MiB for each thread.

    By default it gives arrays of an image's size back to the system as they are freed; to get them
    again, page by page and filled with zeros, takes as long as counting what is in them. Settings
    such as ``MALLOC_TRIM_THRESHOLD_`` in the environment take precedence; other C libraries are
    not affected.
    """
    # The largest block that was mapped and freed becomes the size below which blocks are not mapped
    # any more, and twice that may lie free: M_MMAP_THRESHOLD in mallopt(3).
    np.empty(_KEPT_BYTES, np.uint8)
