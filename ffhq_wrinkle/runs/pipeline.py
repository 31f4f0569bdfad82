"""Pipeline: work on many images at once, with few of them in memory.

`run_pipeline` loads, infers and writes; `run_each` does what needs no inference. Both use threads,
since Pillow, OpenCV and NumPy let go of the interpreter while they work; inference sees batches on
the calling thread, where a network belongs.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import cv2

from ..errors import ImageFailure
from .memory import keep_freed_memory

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Result = TypeVar("Result")


def run_pipeline(
    items: Iterable[Item],
    *,
    load: Callable[[Item], Loaded],
    infer: Callable[[list[Loaded]], list[Result]],
    write: Callable[[Loaded, Result], None],
    done: Callable[[], None],
    failed: Callable[[Item, ImageFailure], None],
    batch_size: int,
    jobs: int,
) -> None:
    """Carry every item through load, infer and write.

    Parameters
    ----------
    items
        What to work on, taken in order.
    load, write
        Called on any of `jobs` threads, several at a time. An `ImageFailure` concerns that item
        alone; any other error ends the run.
    infer
        Called on this thread with `batch_size` loaded items, fewer at the end.
    done, failed
        Called on this thread, once for each item written or failed.
    batch_size, jobs
        How many items are inferred at once, and how many loaded or written. No more than three
        times their sum are in memory, however many items there are.

    Raises
    ------
    Exception
        What `infer` or `write` raised, or `KeyboardInterrupt`. What had begun on the threads by
        then is finished, and the rest left undone.
    """
    ahead = batch_size + jobs
    writing: deque[tuple[Item, Future[None]]] = deque()

    def settle(*, leaving: int) -> None:
        while len(writing) > leaving:
            item, task = writing.popleft()
            try:
                task.result()
            except ImageFailure as failure:
                failed(item, failure)
            else:
                done()

    with _pool(jobs) as pool:
        loaded = _successes(_ahead(pool, load, items, ahead), failed)
        while batch := list(islice(loaded, batch_size)):
            results = infer([one for _, one in batch])
            for (item, one), result in zip(batch, results, strict=True):
                writing.append((item, pool.submit(write, one, result)))
            settle(leaving=ahead)
        settle(leaving=0)


def run_each(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    *,
    done: Callable[[Item, Result], None],
    failed: Callable[[Item, ImageFailure], None],
    jobs: int,
    abandon: Callable[[], None] = lambda: None,
) -> None:
    """Have the same work done on every item, where no step needs a batch.

    Parameters
    ----------
    items
        What to work on.
    work
        Called on any of `jobs` threads. An `ImageFailure` concerns that item alone; any other
        error ends the run.
    done, failed
        Called on this thread, once for each item, in the items' order.
    jobs
        How many are worked on at once. No more than three times as many are in memory.
    abandon
        Called on this thread if an error or Ctrl-C ends the run, before what has begun is waited
        for; it may tell that to hurry.

    Raises
    ------
    Exception
        As `run_pipeline`.
    """
    with _pool(jobs) as pool:
        try:
            for item, result in _successes(_ahead(pool, work, items, 2 * jobs), failed):
                done(item, result)
        except BaseException:
            abandon()
            raise


@contextmanager
def _pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that, when the block is left, finish what they do and leave the rest undone."""
    keep_freed_memory()
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="pipeline")
    threads = cv2.getNumThreads()
    if jobs > 1:
        cv2.setNumThreads(1)  # our threads are enough; OpenCV's own would crowd them
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(threads)


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[Item], Loaded], items: Iterable[Item], count: int
) -> Iterator[tuple[Item, Future[Loaded]]]:
    """Have work done on items, in order, at most `count` of them ahead of who takes the results."""
    begun: deque[tuple[Item, Future[Loaded]]] = deque()
    for item in items:
        begun.append((item, pool.submit(work, item)))
        if len(begun) > count:
            yield begun.popleft()
    while begun:
        yield begun.popleft()


def _successes(
    tasks: Iterable[tuple[Item, Future[Loaded]]], failed: Callable[[Item, ImageFailure], None]
) -> Iterator[tuple[Item, Loaded]]:
    """Items and results of the tasks that succeeded; the others are reported."""
    for item, task in tasks:
        try:
            loaded = task.result()
        except ImageFailure as failure:
            failed(item, failure)
        else:
            yield item, loaded
