"""Interruption: Ctrl-C, held back until a run has recorded its progress."""

from types import TracebackType
from typing import Self

from ..errors import RunInterrupted


class Interruption:
    """A `with` block that Ctrl-C ends without an exception.

    >>> with Interruption() as interruption:
    ...     raise KeyboardInterrupt
    >>> interruption.occurred
    True
    """

    def __init__(self) -> None:
        self.occurred = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self.occurred = isinstance(error, KeyboardInterrupt)
        return self.occurred

    def raise_with(self, summary: str) -> None:
        """Raise the interruption that the block held back, if any.

        Raises
        ------
        RunInterrupted
            Ctrl-C ended the block; the error carries `summary`.
        """
        if self.occurred:
            raise RunInterrupted(summary)
