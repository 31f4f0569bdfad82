"""Shards: parts of a run that can be done anywhere, and done again.

`Work` is what is done to each image; it can be sent to another process. `LocalExecution` does it
here; `do_shard` does it for some images of a run, wherever it is called, and returns an `Outcome`.
`cluster` hands shards out.
"""

import platform
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from types import TracebackType
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from ..dataset.layout import ImageFile
from ..errors import OutputError
from ..results.failures import Failure
from ..storage.places import Place, is_folder
from .pipeline import Pipeline

LARGEST_SHARD = 256
_SHARDS_A_WORKER = 8  # so that the last ones end at about the same time

Loaded = TypeVar("Loaded")
Result = TypeVar("Result")


class Results(Protocol):
    """The folders that a run fills."""

    def complete(self, file: ImageFile) -> bool:
        """Whether everything asked for of this image is there."""

    def begin(self) -> None:
        """Note that work is under way."""

    def require_shared(self) -> None:
        """Refuse, in a worker's copy, folders that are not those of the run.

        Raises
        ------
        OutputError
            This machine does not share them.
        """

    def remove_partials(self) -> None:
        """Remove what workers that were killed left half written."""

    def finish(self) -> None:
        """Note that all is done."""


class Work(ABC, Generic[Loaded, Result]):
    """What is done to each image, in the three steps of `pipeline.Pipeline`.

    A copy made by `pickle` works in another process, with what that has: it makes parsers and
    networks anew, on its own GPU. It may be told to do again what another copy was killed at.

    Parameters
    ----------
    read : sequence of Place
        Folders of images.
    results : Results
        Where results go.

    Attributes
    ----------
    counts : Counter of str
        What the run wants to say of all images in the end.
    """

    def __init__(self, read: Sequence[Place], results: Results) -> None:
        self.read = read
        self.results = results
        self.counts = Counter[str]()

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """How many images `infer` would like at once."""

    @abstractmethod
    def load(self, file: ImageFile) -> Loaded:
        """Read an image, on any thread."""

    @abstractmethod
    def infer(self, batch: list[Loaded]) -> list[Result]:
        """Do what is done to a batch, on one thread."""

    @abstractmethod
    def write(self, one: Loaded, result: Result) -> None:
        """Write what came of an image, on any thread."""

    def gathered(self) -> list[Any]:
        """Hand over, in a worker's copy, what the run is to have in memory since the last call."""
        return []

    def take(self, gathered: list[Any]) -> None:  # most results are files
        """Have, in the run's own process, what a copy has `gathered`."""


class Outcome(NamedTuple):
    """What came of a shard: results that are there now, failures, and the work's counts.

    `gathered` is for `Work.take`, once.
    """

    made: int
    failures: list[Failure]
    counts: Counter[str]
    gathered: list[Any]


class Execution(ABC):
    """The work of a run while it is done, in this process or on a cluster.

    Iterate over it once, inside its `with` block: it yields for each image whether it failed.

    Attributes
    ----------
    failures : list of Failure
        Of the images that failed.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    @property
    @abstractmethod
    def made(self) -> int:
        """Number of images done: true at any moment, also after Ctrl-C."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    @abstractmethod
    def __iter__(self) -> Iterator[bool]: ...


class LocalExecution(Execution):
    """The work of a run done by threads of this process.

    Parameters
    ----------
    files : sequence of ImageFile
        The images, none of which is done.
    work : Work
        What to do; its results have begun.
    jobs : int
        Threads.
    """

    def __init__(
        self, files: Iterable[ImageFile], work: Work[Loaded, Result], *, jobs: int
    ) -> None:
        super().__init__()
        self._pipeline = Pipeline(
            files,
            load=work.load,
            infer=work.infer,
            write=work.write,
            batch_size=work.batch_size,
            jobs=jobs,
        )

    @property
    def made(self) -> int:
        """Number of images done."""
        return self._pipeline.written

    def __enter__(self) -> Self:
        self._pipeline.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pipeline.__exit__(kind, error, traceback)

    def __iter__(self) -> Iterator[bool]:
        for file, failure in self._pipeline:
            if failure:
                self.failures.append(Failure(file.path, failure.step, str(failure)))
            yield failure is not None


def shards_of(files: Sequence[ImageFile], workers: int) -> Iterator[list[ImageFile]]:
    """Cut a run into shards, several for each worker and none too large.

    >>> files = [ImageFile(name, f"{name}.png") for name in "abcdefghij"]
    >>> [len(shard) for shard in shards_of(files, workers=1)]
    [2, 2, 2, 2, 2]
    """
    fair = -(-len(files) // (_SHARDS_A_WORKER * max(workers, 1)))
    size = max(1, min(LARGEST_SHARD, fair))
    for first in range(0, len(files), size):
        yield list(files[first : first + size])


def do_shard(
    work: Work[Loaded, Result],
    files: Sequence[ImageFile],
    *,
    jobs: int,
    wanted: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Do what is not done yet of some images.

    Parameters
    ----------
    work : Work
        What to do.
    files : sequence of ImageFile
        The images, none of which was done when the run began: what is there was made by an
        earlier try at this shard, and counts.
    jobs : int
        Threads.
    wanted : callable
        Asked before each image; no more are begun once it says no.

    Raises
    ------
    OutputError
        This machine does not share the folders, or results can not be written.
    """
    _require_shared(work)
    todo = [file for file in files if not work.results.complete(file)]
    work.counts.clear()
    work.gathered()  # drop what a shard gathered that failed half-way and was never reported
    with LocalExecution(takewhile(lambda _: wanted(), todo), work, jobs=jobs) as execution:
        for _ in execution:
            pass
    made = len(files) - len(todo) + execution.made
    return Outcome(made, execution.failures, Counter(work.counts), work.gathered())


def _require_shared(work: Work[Loaded, Result]) -> None:
    for folder in work.read:
        if not is_folder(folder):
            raise OutputError(
                f"{folder.absolute()} is not on {platform.node()}; images and results have to lie "
                "where all workers see them under the same names"
            )
    work.results.require_shared()
