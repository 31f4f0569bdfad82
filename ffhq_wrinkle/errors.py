"""Errors: what a user can cause, and whether it concerns one image or the whole run."""

from collections.abc import Sequence
from typing import ClassVar


class FfhqWrinkleError(Exception):
    """Base of the package's own errors; the command line prints them as one line."""


class ArgumentError(FfhqWrinkleError, ValueError):
    """A function or command was given a value that it can not work with."""


class SourceError(FfhqWrinkleError):
    """A file the package fetches, such as weights, is absent, damaged or not what it should be."""


class OutputError(FfhqWrinkleError):
    """Results can not be written, or would mix with others; the run stops."""


class ClusterError(FfhqWrinkleError):
    """A cluster's workers can not do the work, or are not there any more; the run stops."""


class EvaluationError(FfhqWrinkleError):
    """Predictions can not be scored: some are missing, damaged, or do not fit their references."""


class TrainingError(FfhqWrinkleError):
    """A network can not be trained, or not as it was begun; the run stops."""


class TrainingDataError(FfhqWrinkleError):
    """A network can not be trained on these files: all that was found, a line for each kind."""


class ImageFailure(FfhqWrinkleError):
    """One image can not be done; a run notes it in `failures.csv` and goes on with the rest.

    `step` is the part of the work that failed, a column of that table.
    """

    step: ClassVar[str] = "image"


class ImageError(ImageFailure):
    """An image file is damaged, not an image, or of a kind that is not read."""

    step = "read"


class ManyValuesError(ImageError):
    """A mask has more than two values, as probabilities do; `found` says which."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}; {advice}")
        self.found = found


class SizeError(ImageError):
    """A file that belongs to an image has other sides than it."""


class ParsingError(ImageFailure):
    """No label map could be had for an image."""

    step = "parse"


class AlignmentError(ImageFailure):
    """A photo has no face, or several where one is wanted, or none where it is said to be."""

    step = "align"


class AnnotationError(ImageFailure):
    """The masks of an image do not go together, or make no fused mask that could be trusted."""

    step = "fuse"


class EstimationError(ImageFailure):
    """A model gives no usable answer for an image."""

    step = "estimate"


# Causes that code compares, and not only counts.
WRONG_CONTENT, DAMAGED_ARCHIVE = "wrong content", "damaged archive"


class TransferFailure(ImageFailure):
    """One file can not be fetched.

    `cause` is a word or two by which failures are summed up; `lasting` says that asking again, in
    this run, would not help.
    """

    step = "fetch"

    def __init__(self, cause: str, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.cause = cause
        self.lasting = lasting


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C during a run; `summary` says in one line how far it came."""

    def __init__(self, summary: str) -> None:
        super().__init__(summary)
        self.summary = summary


_NAMED = 5  # images in a message


def some_images(image_ids: Sequence[str]) -> str:
    """Return how many images there are, and the ids of the first five, as messages name them.

    >>> some_images(["00003"]), some_images([f"{number:05d}" for number in range(9)])
    ('1 image (00003)', '9 images (00000, 00001, 00002, 00003, 00004, ...)')
    """
    more = ", ..." if len(image_ids) > _NAMED else ""
    plural = "s" * (len(image_ids) != 1)
    return f"{len(image_ids)} image{plural} ({', '.join(image_ids[:_NAMED])}{more})"
