"""Shards: parts of a run that can be done on any machine, and repeated.

`Work` defines what is done to each image, and can be sent to another process. `LocalExecution` does
it for all images of a run in this process. `do_shard` does it for some of them, in any process, and
returns an `Outcome`. `cluster` distributes shards.
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
from ..results.inputs import Candidates, InputRows
from ..storage.places import Place, is_folder
from .pipeline import Pipeline

LARGEST_SHARD = 256
_SHARDS_PER_WORKER = 8  # so that the workers finish at about the same time

Loaded = TypeVar("Loaded")
Result = TypeVar("Result")


class Results(Protocol):
    """The folders that a run fills."""

    @property
    def input_tables(self) -> Sequence[InputRows]:
        """The tables of the files that results were made from, one for each folder."""

    @property
    def overwrite(self) -> bool:
        """Whether all existing results are replaced."""

    def complete(self, file: ImageFile) -> bool:
        """Return whether all requested results of this image exist."""

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Record that work on some images is under way."""

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Remove the results of images whose input files have been replaced."""

    def require_shared(self) -> None:
        """Refuse folders that are not those of the run, when called in a worker.

        Raises
        ------
        OutputError
            This machine does not share them.
        """

    def remove_partials(self) -> None:
        """Remove partial files of workers that were killed."""

    def finish(self, made: int) -> None:
        """Record that all work is done, and results of this many images were made."""


class Work(ABC, Generic[Loaded, Result]):
    """The work on each image, in the three steps of `pipeline.Pipeline`.

    A copy made by `pickle` works in another process. It creates parsers and networks again, on the
    GPU of that process. It may have to repeat images over which another copy was killed.

    Parameters
    ----------
    read : sequence of Place
        Folders of images.
    results : Results
        Folders of the results.

    Attributes
    ----------
    counts : Counter of str
        Counts over all images, which the run reports at the end.
    """

    def __init__(self, read: Sequence[Place], results: Results) -> None:
        self.read = read
        self.results = results
        self.counts = Counter[str]()

    def inputs(self, file: ImageFile) -> Sequence[Candidates]:
        """Return the files that the results of an image are made from, which may be a million.

        Without any, a run does not notice that a file has been replaced.
        """
        return ()

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """Preferred number of images in a call of `infer`."""

    @abstractmethod
    def load(self, file: ImageFile) -> Loaded:
        """Read an image; called on any thread."""

    @abstractmethod
    def infer(self, batch: list[Loaded]) -> list[Result]:
        """Process a batch; called on one thread."""

    @abstractmethod
    def write(self, loaded: Loaded, result: Result) -> None:
        """Write the results of an image; called on any thread."""

    def gathered(self) -> list[Any]:
        """Return, from a worker, the results since the last call that the run keeps in memory."""
        return []

    def take(self, gathered: list[Any]) -> None:  # most results are files
        """Accept, in the run's own process, the results that a worker has `gathered`."""


class Outcome(NamedTuple):
    """The outcome of a shard: number of existing results, failures, and the work's counts.

    `gathered` must be passed to `Work.take` exactly once.
    """

    made: int
    failures: list[Failure]
    counts: Counter[str]
    gathered: list[Any]


class Execution(ABC):
    """The execution of a run, in this process or on a cluster.

    Iterate over it once, inside its `with` block. It yields, for each image, whether it failed.

    Attributes
    ----------
    failures : list of Failure
        Failures of the images yielded so far.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    @property
    @abstractmethod
    def made(self) -> int:
        """Number of images done, correct at any moment, also after Ctrl-C."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    @abstractmethod
    def __iter__(self) -> Iterator[bool]: ...


class LocalExecution(Execution):
    """The execution of a run by threads of this process.

    Parameters
    ----------
    files : iterable of ImageFile
        Images without results.
    work : Work
        Work to do, after `begin` of its results.
    jobs : int
        Number of threads.
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
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pipeline.__exit__(error_type, error, traceback)

    def __iter__(self) -> Iterator[bool]:
        for file, failure in self._pipeline:
            if failure:
                self.failures.append(Failure(file.path, failure.step, str(failure)))
            yield failure is not None


def shards_of(files: Sequence[ImageFile], workers: int) -> Iterator[list[ImageFile]]:
    """Split a run into shards, several for each worker and none too large.

    >>> files = [ImageFile(name, f"{name}.png") for name in "abcdefghij"]
    >>> [len(shard) for shard in shards_of(files, workers=1)]
    [2, 2, 2, 2, 2]
    """
    even_size = -(-len(files) // (_SHARDS_PER_WORKER * max(workers, 1)))
    size = max(1, min(LARGEST_SHARD, even_size))
    for first in range(0, len(files), size):
        yield list(files[first : first + size])


def do_shard(
    work: Work[Loaded, Result],
    files: Sequence[ImageFile],
    *,
    jobs: int,
    wanted: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Do the work on some images that is not done yet.

    Parameters
    ----------
    work : Work
        Work to do.
    files : sequence of ImageFile
        Images that had no results when the run began. Results that exist now were made by an
        earlier attempt at this shard, and count.
    jobs : int
        Number of threads.
    wanted : callable
        Called before each image; once it returns False, no more images are begun.

    Raises
    ------
    OutputError
        This machine does not share the folders, or results cannot be written.
    """
    _require_shared(work)
    todo = [file for file in files if not work.results.complete(file)]
    work.counts.clear()
    work.gathered()  # discard the results of a shard that failed and was never reported
    with LocalExecution(takewhile(lambda _: wanted(), todo), work, jobs=jobs) as execution:
        for _ in execution:
            pass
    made = len(files) - len(todo) + execution.made
    return Outcome(made, execution.failures, Counter(work.counts), work.gathered())


def _require_shared(work: Work[Loaded, Result]) -> None:
    for folder in work.read:
        if not is_folder(folder):
            raise OutputError(
                f"{folder.absolute()} is not on {platform.node()}; all workers must see the images "
                "and results under the same paths"
            )
    work.results.require_shared()
