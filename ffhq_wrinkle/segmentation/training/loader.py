"""Loader: batches of a training set, loaded by this process or by others."""

from collections.abc import Iterable, Iterator, Sequence

from torch.utils.data import DataLoader, Dataset, default_collate

from ...errors import FfhqWrinkleError
from ...runs.opencv_threads import use_one_opencv_thread
from .training_set import Example, TrainingSet, Turn


class _ReturningErrors(Dataset[Example | FfhqWrinkleError]):
    """A training set that returns the package's errors instead of raising them.

    PyTorch would replace an error raised in a loading process by one with its traceback as text.
    """

    def __init__(self, samples: TrainingSet) -> None:
        self.samples = samples

    def __getitem__(self, turn: Turn) -> Example | FfhqWrinkleError:
        try:
            return self.samples[turn]
        except FfhqWrinkleError as error:
            return error


def batches(
    samples: TrainingSet,
    *,
    workers: int,
    pinned: bool,
    sampler: Iterable[Turn] | None = None,
    batch_sampler: Iterable[list[Turn]] | None = None,
) -> Iterator[Example]:
    """Yield batches of examples, in which every field has a leading batch axis.

    Parameters
    ----------
    samples : TrainingSet
        The samples to load.
    workers : int
        Processes that load; 0 to load in this one.
    pinned : bool
        Whether batches are in pinned memory, from which a GPU copies faster.
    sampler, batch_sampler
        The turns to load, one by one or batch by batch.

    Raises
    ------
    FfhqWrinkleError
        As the training set.
    """
    loader = DataLoader(
        _ReturningErrors(samples),
        num_workers=workers,
        pin_memory=pinned,
        persistent_workers=workers > 0,
        worker_init_fn=_start_worker,
        collate_fn=_collate,
        sampler=sampler,
        batch_sampler=batch_sampler,
    )
    for batch in loader:
        if isinstance(batch, FfhqWrinkleError):
            raise batch
        yield batch


def _start_worker(_: int) -> None:
    """Limit OpenCV in a loading process, which inherits no limit unless it was forked."""
    use_one_opencv_thread()


def _collate(examples: Sequence[Example | FfhqWrinkleError]) -> Example | FfhqWrinkleError:
    for example in examples:
        if isinstance(example, FfhqWrinkleError):
            return example
    return Example(*default_collate(list(examples)))
