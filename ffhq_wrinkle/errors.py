"""Errors that a user can cause, whether they concern one image or the whole run."""

from collections.abc import Sequence
from typing import ClassVar


class FfhqWrinkleError(Exception):
    """Base class of the package's errors; the command line prints them as one line."""


class ArgumentError(FfhqWrinkleError, ValueError):
    """A function or command was given a value that it cannot use."""


class SourceError(FfhqWrinkleError):
    """A file that the package fetches, such as weights, is missing, damaged or the wrong one."""


class OutputError(FfhqWrinkleError):
    """Results cannot be written, or would be mixed with other results; the run stops."""


class ClusterError(FfhqWrinkleError):
    """The workers of a cluster cannot do the work, or are gone; the run stops."""


class EvaluationError(FfhqWrinkleError):
    """Predictions cannot be scored: some are missing or damaged, or do not fit their references."""


class TrainingError(FfhqWrinkleError):
    """A network cannot be trained, or its training cannot be resumed; the run stops."""


class TrainingDataError(FfhqWrinkleError):
    """A network cannot be trained on these files; one line for each type of problem."""


class ImageFailure(FfhqWrinkleError):
    """One image cannot be processed; a run lists it in `failures.csv` and continues.

    `step` is the part of the work that failed, a column of that table.
    """

    step: ClassVar[str] = "image"


class ImageError(ImageFailure):
    """An image file is damaged, not an image, or of a type that is not supported."""

    step = "read"


class ManyValuesError(ImageError):
    """A mask has more than two values, as probabilities do; `fault` lists some of them."""

    def __init__(self, fault: str, advice: str) -> None:
        super().__init__(f"{fault}; {advice}")
        self.fault = fault


class SizeError(ImageError):
    """A file that belongs to an image differs from it in size."""


class ParsingError(ImageFailure):
    """There is no label map for an image, or none can be computed."""

    step = "parse"


class AlignmentError(ImageFailure):
    """A photo has no face, several instead of one, or none at the given landmarks."""

    step = "align"


class AnnotationError(ImageFailure):
    """The masks of an image do not match, or give no trustworthy fused mask."""

    step = "fuse"


class EstimationError(ImageFailure):
    """A model returns no usable result for an image."""

    step = "estimate"


# Causes that the code compares; all others are only counted.
WRONG_CONTENT, DAMAGED_ARCHIVE = "wrong content", "damaged archive"


class TransferFailure(ImageFailure):
    """One file cannot be fetched.

    `cause` is one or two words under which failures are counted. `lasting` means that a further
    attempt in this run would not help.
    """

    step = "fetch"

    def __init__(self, cause: str, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.cause = cause
        self.lasting = lasting


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C during a run; `summary` is one line on what the run completed."""

    def __init__(self, summary: str) -> None:
        super().__init__(summary)
        self.summary = summary


_NAMED = 5  # things of a kind in a message


def first_few(texts: Sequence[str], *, separator: str = ", ") -> str:
    """Return the first five texts, as messages name them.

    >>> first_few("abcde"), first_few("abcdef", separator="; ")
    ('a, b, c, d, e', 'a; b; c; d; e; ...')
    """
    more = ["..."] if len(texts) > _NAMED else []
    return separator.join([*texts[:_NAMED], *more])


def plural(count: int, one: str, several: str) -> str:
    """Return the word that goes with a number, such as "has" or "have".

    >>> plural(1, "has", "have"), plural(0, "image", "images")
    ('has', 'images')
    """
    return one if count == 1 else several


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, to which several add an "s".

    >>> counted(1, "image"), counted(2, "weak mask")
    ('1 image', '2 weak masks')
    """
    return f"{count} {plural(count, noun, f'{noun}s')}"


def some_images(image_ids: Sequence[str]) -> str:
    """Return how many images there are, and the ids of the first five, as messages name them.

    >>> some_images(["00003"]), some_images([f"{number:05d}" for number in range(9)])
    ('1 image (00003)', '9 images (00000, 00001, 00002, 00003, 00004, ...)')
    """
    return f"{counted(len(image_ids), 'image')} ({first_few(image_ids)})"
