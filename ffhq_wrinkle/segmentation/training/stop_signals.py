"""Stop signals: Ctrl-C and SIGTERM as a question that training asks, not as an interruption."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_asked_for() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether a run is to end after its step.

    A first Ctrl-C or SIGTERM asks for that; a second Ctrl-C interrupts at once.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told.is_set
        return

    def handle(number: int, frame: object) -> None:
        if told.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        told.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
