"""Loader: batches of a training set, made by processes of their own or by none."""

from collections.abc import Iterable, Iterator, Sequence

from torch.utils.data import DataLoader, Dataset, default_collate

from ...errors import FfhqWrinkleError
from ...runs.opencv_threads import use_one_opencv_thread
from .training_set import Example, Place, TrainingSet


class _Tried(Dataset[Example | FfhqWrinkleError]):
    """A training set that gives errors rather than raises them.

    PyTorch would raise those of a process that loads as text with a traceback.
    """

    def __init__(self, samples: TrainingSet) -> None:
        self.samples = samples

    def __getitem__(self, place: Place) -> Example | FfhqWrinkleError:
        try:
            return self.samples[place]
        except FfhqWrinkleError as error:
            return error


def batches(
    samples: TrainingSet,
    *,
    workers: int,
    pinned: bool,
    sampler: Iterable[Place] | None = None,
    batch_sampler: Iterable[list[Place]] | None = None,
) -> Iterator[Example]:
    """Examples in batches, each field with a first axis for them.

    Parameters
    ----------
    samples : TrainingSet
        What is loaded.
    workers : int
        Processes that load; 0 for this one.
    pinned : bool
        Whether batches are to lie in memory that a GPU can read.
    sampler, batch_sampler
        Which samples, one at a time or batch by batch.

    Raises
    ------
    FfhqWrinkleError
        As the training set.
    """
    loader = DataLoader(
        _Tried(samples),
        num_workers=workers,
        pin_memory=pinned,
        persistent_workers=workers > 0,
        worker_init_fn=_begin,
        collate_fn=_collated,
        sampler=sampler,
        batch_sampler=batch_sampler,
    )
    for batch in loader:
        if isinstance(batch, FfhqWrinkleError):
            raise batch
        yield batch


def _begin(_: int) -> None:
    """Limit OpenCV in a loading process, which inherits no limit if it was not forked."""
    use_one_opencv_thread()


def _collated(examples: Sequence[Example | FfhqWrinkleError]) -> Example | FfhqWrinkleError:
    for one in examples:
        if isinstance(one, FfhqWrinkleError):
            return one
    return Example(*default_collate(list(examples)))
