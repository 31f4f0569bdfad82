"""Progress of long work: a bar on a terminal, an occasional line in a log."""

import logging
import sys
import threading
import time

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """The progress of a run, shown while the `with` block runs.

    `done` counts all finished images, `failed` those of them that failed. A different `unit` is
    named in its plural, such as ``steps``; it cannot fail.
    """

    def __init__(self, total: int, title: str, *, unit: str = "images") -> None:
        self.total = total
        self.title = title
        self.unit = unit
        self.done = 0
        self.failed = 0
        shown = sys.stderr.isatty() and log.isEnabledFor(logging.INFO)
        short = "img" if unit == "images" else f" {unit}"
        self._bar = tqdm(total=total, desc=title, unit=short, disable=not shown)
        self._bytes = 0
        self._lock = threading.Lock()
        self._started = self._last_line = time.monotonic()

    def advance(self, *, failed: bool = False) -> None:
        """Count one more image."""
        self.done += 1
        if failed:
            self.failed += 1
        now = time.monotonic()
        notes = [f"{self.failed} failed"] if self.failed else []
        notes += [self._rate(now - self._started)] if self._bytes else []
        self._bar.set_postfix_str(", ".join(notes), refresh=False)
        self._bar.update()
        if self._bar.disable and now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            log.info("%s", self.line(now - self._started))

    def remark(self, text: str) -> None:
        """Log a line, which a bar on the terminal makes room for."""
        self._bar.clear()
        log.info("%s", text)
        self._bar.refresh()

    def received(self, count: int) -> None:
        """Count received bytes; may be called on any thread."""
        with self._lock:
            self._bytes += count

    def _rate(self, seconds: float) -> str:
        return f"{self._bytes / 1e6:.0f} MB, {self._bytes / 1e6 / seconds:.1f} MB/s"

    def line(self, seconds: float) -> str:
        """Return a line for the log, after the given number of seconds."""
        rate = self.done / seconds
        left = (self.total - self.done) / rate
        received = f"{self._rate(seconds)}, " if self._bytes else ""
        failed = f", {self.failed} failed" if self.unit == "images" else ""
        return (
            f"{self.title}: {self.done} of {self.total}, {rate:.1f} {self.unit}/s, {received}"
            f"{tqdm.format_interval(left)} left{failed}"
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()  # the bar stays visible, and the cursor moves below it


class ByteProgress:
    """The progress of the transfer of one large file, shown while the `with` block runs."""

    def __init__(self, total: int | None, title: str) -> None:
        shown = sys.stderr.isatty() and log.isEnabledFor(logging.INFO)
        self.total, self.title = total, title
        self._bar = tqdm(total=total, desc=title, unit="B", unit_scale=True, disable=not shown)
        self._bytes = 0
        self._started = self._last_line = time.monotonic()

    def received(self, count: int) -> None:
        """Count received bytes."""
        self._bytes += count
        self._bar.update(count)
        now = time.monotonic()
        if self._bar.disable and now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            of_total = f" of {self.total / 1e6:.0f}" if self.total else ""
            rate = self._bytes / 1e6 / (now - self._started)
            log.info("%s: %.0f%s MB, %.1f MB/s", self.title, self._bytes / 1e6, of_total, rate)

    def __enter__(self) -> "ByteProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
