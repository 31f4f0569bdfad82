"""Pipeline: work on many images at once, with few of them in memory.

`Pipeline` loads, infers and writes; `run_each` is for work without inference. Both use threads,
since Pillow, OpenCV and NumPy release the interpreter's lock while they work. Inference runs on
batches, on the calling thread, where a network belongs.
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
    """Three steps, load, infer and write, applied to a sequence of items.

    Iterate over the pipeline once, inside its `with` block. It yields each item, in order, with the
    `ImageFailure` that a step raised, or None. Any other error ends the run, and so does an
    exception in the block. The threads then finish the steps under way, and the rest is not done.

    Parameters
    ----------
    items : iterable
        Items to process, in order.
    load, write : callable
        Called on any of `jobs` threads, several at a time.
    infer : callable
        Called on the iterating thread with `batch_size` loaded items, fewer at the end.
    batch_size, jobs : int
        Number of items in a call of `infer`, and number of items loaded or written at once. At most
        three times their sum are in memory, whatever the number of items.

    Attributes
    ----------
    written : int
        Number of items written, including those not yielded yet. It is correct at any moment, also
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
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[tuple[Item, ImageFailure | None]]:
        ahead = self._batch_size + self._jobs
        loading = _ahead(self._pool, self._load, self._items, ahead)
        writing: deque[tuple[Item, Future[None]]] = deque()
        while True:
            # Fill a batch with successfully loaded items; yield failures immediately.
            batch: list[tuple[Item, Loaded]] = []
            for item, task in loading:
                try:
                    batch.append((item, task.result()))
                except ImageFailure as failure:
                    yield item, failure
                if len(batch) == self._batch_size:
                    break
            if not batch:
                break
            results = self._infer([loaded for _, loaded in batch])
            for (item, loaded), result in zip(batch, results, strict=True):
                writing.append((item, self._pool.submit(self._write_and_count, loaded, result)))
            yield from _finished(writing, leaving=ahead)
        yield from _finished(writing, leaving=0)

    def _write_and_count(self, loaded: Loaded, result: Result) -> None:
        self._write(loaded, result)
        with self._lock:
            self.written += 1


def _finished(
    writing: deque[tuple[Item, Future[None]]], *, leaving: int
) -> Iterator[tuple[Item, ImageFailure | None]]:
    """Wait for the oldest writes until at most `leaving` are under way, and yield their items."""
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
    """Do the same work on every item, for work that needs no batches.

    This is a context manager. The block gets an iterator over the items, in order, each with its
    result or the `ImageFailure` that it raised. Any other error ends the run, and so does an
    exception in the block. The threads then finish the items under way, and the rest is not done.

    Parameters
    ----------
    items : iterable
        Items to process.
    work : callable
        Called on any of `jobs` threads.
    jobs : int
        Number of items processed at once. At most three times as many are in memory.

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
    """Start threads that finish their current tasks and drop the rest when the block ends."""
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
    """Submit work on items, in order, at most `count` of them ahead of the results taken."""
    submitted: deque[tuple[Item, Future[Loaded]]] = deque()
    for item in items:
        submitted.append((item, pool.submit(work, item)))
        if len(submitted) > count:
            yield submitted.popleft()
    while submitted:
        yield submitted.popleft()


def keep_freed_memory() -> None:
    """Make glibc keep freed memory, up to twice 16 MiB for each thread.

    By default glibc returns arrays of an image's size to the system when they are freed. Getting
    the memory again, page by page and filled with zeros, takes as long as a count of the values in
    it. Settings such as ``MALLOC_TRIM_THRESHOLD_`` in the environment take precedence. Other C
    libraries are not affected.
    """
    # The size of the largest mapped block that was freed becomes the size below which blocks are no
    # longer mapped, and twice that size may stay free: M_MMAP_THRESHOLD in mallopt(3).
    np.empty(_KEPT_BYTES, np.uint8)
