"""Progress of long work: a bar on a terminal, a line now and then in a log."""

import logging
import sys
import time

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """How far a run has come, shown while the `with` block runs.

    `done` counts all that is finished, `failed` those in vain.
    """

    def __init__(self, total: int, what: str) -> None:
        self.total = total
        self.what = what
        self.done = 0
        self.failed = 0
        shown = sys.stderr.isatty() and log.isEnabledFor(logging.INFO)
        self._bar = tqdm(total=total, desc=what, unit="img", disable=not shown)
        self._started = self._last_line = time.monotonic()

    def advance(self, *, failed: bool = False) -> None:
        """Count one more."""
        self.done += 1
        if failed:
            self.failed += 1
            self._bar.set_postfix(failed=self.failed, refresh=False)
        self._bar.update()
        now = time.monotonic()
        if self._bar.disable and now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            log.info("%s", self.line(now - self._started))

    def line(self, seconds: float) -> str:
        """What a log should know after so many seconds."""
        rate = self.done / seconds
        left = (self.total - self.done) / rate
        return (
            f"{self.what}: {self.done} of {self.total}, {rate:.1f} images/s, "
            f"{tqdm.format_interval(left)} left, {self.failed} failed"
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()  # the bar stays, and the cursor goes below it
