"""OpenCV threads: how many threads OpenCV uses, said in one place.

Runs have threads or processes of their own, which OpenCV's would only crowd.
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

    Processes that are forked inside the block inherit the limit. They must not be forked while
    OpenCV keeps threads: these are missing in the child, which waits for them for ever.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
