"""Interruption: Ctrl-C, held back until a run has recorded how far it came."""

from types import TracebackType
from typing import Self

from ..errors import RunInterrupted


class Interruption:
    """A `with` block that Ctrl-C ends without an exception.

    >>> with Interruption() as interruption:
    ...     raise KeyboardInterrupt
    >>> interruption.came
    True
    """

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self.came = isinstance(error, KeyboardInterrupt)
        return self.came

    def raise_with(self, summary: str) -> None:
        """Raise what the block held back, if anything.

        Raises
        ------
        RunInterrupted
            Ctrl-C ended the block; the error carries `summary`.
        """
        if self.came:
            raise RunInterrupted(summary)
