"""OpenCV threads: the number of threads that OpenCV uses, set in one place.

Runs have their own threads or processes, with which those of OpenCV would only compete.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2


def use_one_opencv_thread() -> None:
    """Limit OpenCV to one thread for the rest of this process."""
    cv2.setNumThreads(1)


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Limit OpenCV to one thread inside the `with` block.

    Processes that are forked inside the block inherit the limit. A process must not be forked while
    OpenCV has threads: they are missing in the child, which waits for them forever.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
