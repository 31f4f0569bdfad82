"""Claims: which reviewer is looking at which part, so that two do not decide the same one."""

import time
from collections.abc import Callable

from .entries import PartKey

LAPSE_S = 90.0  # pages renew their claim every 20 s


class Claims:
    """Claims of parts, at most one for each reviewer, which lapse unless they are renewed.

    Parameters
    ----------
    lapse_s : float
        Seconds after which a claim that was not renewed lapses.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(
        self, lapse_s: float = LAPSE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lapse_s = lapse_s
        self._clock = clock
        self._claims: dict[str, tuple[PartKey, float]] = {}

    def holder(self, key: PartKey, *, besides: str = "") -> str | None:
        """Return who holds a part, if it is not the reviewer `besides`."""
        now = self._clock()
        for reviewer, (claimed, since) in self._claims.items():
            if claimed == key and reviewer != besides and now - since < self._lapse_s:
                return reviewer
        return None

    def claim(self, key: PartKey, reviewer: str) -> str | None:
        """Claim a part, in place of the part that the reviewer held before, or renew the claim.

        Returns
        -------
        str or None
            The other reviewer who holds the part already; None if the claim succeeded.
        """
        holder = self.holder(key, besides=reviewer)
        if holder is None:
            self._claims[reviewer] = (key, self._clock())
        return holder

    def release(self, reviewer: str) -> None:
        """Give up what a reviewer holds."""
        self._claims.pop(reviewer, None)
