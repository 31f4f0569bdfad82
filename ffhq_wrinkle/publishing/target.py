"""Target: what a format of published data sets defines, and how the work on its images is done."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

from ..errors import ArgumentError, ImageFailure, SizeError
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from .facts import Facts
from .pictures import PictureFile
from .source import Item, Source

Result = TypeVar("Result")
# Yields what `Target.write` returned for each step, in order, from files; may be called repeatedly.
Notes = Callable[[], Iterator[Mapping[str, Any]]]

_AT_ONCE_BYTES = 48 << 20  # read ahead by all threads together
_AT_ONCE = 32


class Step(NamedTuple):
    """A part of the work that is either done or not: some images, and the file they go to.

    `name` is the file's path in the published folder; empty if each image has files of its own.
    """

    items: Sequence[Item]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """Choices that only some targets have.

    Attributes
    ----------
    ignore_disputed : bool
        For nnU-Net: give pixels that annotators disagree on the label "ignore".
    folds : int
        For MONAI: number of folds of the training and validation parts; 0 for none.
    """

    ignore_disputed: bool = False
    folds: int = 0


@dataclass
class Work:
    """The work on images, on several threads, with the failures that it met.

    Attributes
    ----------
    jobs : int
        Threads.
    progress : Progress
    failures : list of ImageFailure
    """

    jobs: int
    progress: Progress
    failures: list[ImageFailure] = field(default_factory=list)

    def each(
        self, items: Sequence[Item], work: Callable[[Item], Result], *, item_bytes: int = 0
    ) -> Iterator[Result]:
        """Yield the result of each image, in order; images that fail are noted and left out.

        Parameters
        ----------
        items : sequence of Item
        work : callable
            Called on any thread.
        item_bytes : int
            About how much memory one result takes.
        """
        fitting = _AT_ONCE_BYTES // (3 * self.jobs * max(1, item_bytes))
        groups = _in_groups(items, max(1, min(_AT_ONCE, fitting)))

        def work_all(group: Sequence[Item]) -> list[Result | ImageFailure]:
            return [_attempt(work, item) for item in group]

        with run_each(groups, work_all, jobs=self.jobs) as outcomes:
            for _, outcome in outcomes:
                if isinstance(outcome, ImageFailure):
                    raise outcome
                for result in outcome:
                    failed = isinstance(result, ImageFailure)
                    self.progress.advance(failed=failed)
                    if isinstance(result, ImageFailure):
                        self.failures.append(result)
                    else:
                        yield result


def _in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    remaining = iter(items)
    while group := list(islice(remaining, size)):
        yield group


def _attempt(work: Callable[[Item], Result], item: Item) -> Result | ImageFailure:
    try:
        return work(item)
    except ImageFailure as failure:
        return failure


class Target(ABC):
    """A format, for one data set.

    Parameters
    ----------
    source : Source
        The data set.
    facts : Facts
        The figures for its card.
    options : TargetOptions
    out : Path
        The published folder, to which references to files elsewhere are relative.

    Attributes
    ----------
    name, title : str
        Its name on the command line and in texts.
    needs_mask : bool
        Whether an image must have a human mask.
    holds_weak : bool
        Whether the format can hold weak masks.
    references : bool
        Whether the format needs the names of photographs even if they are not published.
    contents : frozenset of str
        Names that a folder of this format has.

    Raises
    ------
    ArgumentError
        The data set or an option does not fit the format.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    needs_mask: ClassVar[bool] = True
    holds_weak: ClassVar[bool] = False
    references: ClassVar[bool] = False
    contents: ClassVar[frozenset[str]]

    def __init__(self, source: Source, facts: Facts, options: TargetOptions, out: Path) -> None:
        self.source = source
        self.facts = facts
        self.options = options
        self.out = out
        if self.needs_mask and source.soft:
            raise ArgumentError(
                f"the masks are shares of votes, which {self.title} cannot hold; fuse them by "
                "majority, or publish them as huggingface"
            )

    def own_contents(self) -> frozenset[str]:
        """Return the names in the folder of this data set; `contents` unless overridden."""
        return self.contents

    @abstractmethod
    def steps(self) -> list[Step]:
        """Return the steps of the work, in order."""

    @abstractmethod
    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write the files of a step, and return what `finish` needs to know of it."""

    @abstractmethod
    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write the files about all images; yield lines that the user should read."""

    @abstractmethod
    def loading(self) -> str:
        """Return the text of the card that says how the folder is loaded, as Markdown."""

    def card_data(self) -> Mapping[str, Any]:
        """Return further entries of the card's metadata."""
        return {}


def steps_of(items: Sequence[Item], size: int) -> list[Step]:
    """Return steps of some number of images, whose files are their own."""
    return [Step(items[start : start + size]) for start in range(0, len(items), size)]


def require_same_sizes(item: Item, pictures: Sequence[PictureFile | None]) -> None:
    """Refuse pictures of one image that differ in size.

    Raises
    ------
    SizeError
        Two sizes differ; the message names the image.
    """
    sizes = {picture.size for picture in pictures if picture is not None}
    if len(sizes) > 1:
        named = " and ".join(f"{width}x{height}" for height, width in sorted(sizes))
        raise SizeError(f"the pictures of {item.image_id} differ in size: {named}")


def reference(path: Path, out: Path) -> str:
    """Return the path of a file as a file in a published folder refers to it."""
    return Path(os.path.relpath(path.absolute(), out.absolute())).as_posix()
