"""Wanted: the files that a source of images has, and what is known of them there."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..dataset.layout import IMAGES_FOLDER, released_path
from ..errors import TransferFailure
from .metadata import ImageFacts
from .verification import Expected

PART_SIZE = 10_000  # images of a part, as some hosts have them


class Wanted(NamedTuple):
    """A file to have: its place in the data set, where it is, and what it should be.

    Either `url` is its address, or `copy` puts it under any name; or `failure` says that the source
    does not have it.
    """

    file: str
    source: str
    expected: Expected
    url: str = ""
    headers: Mapping[str, str] = {}
    copy: Callable[[Path], None] | None = None
    failure: TransferFailure | None = None


def place_of(image_id: str) -> str:
    """Where a photograph lies in a data set."""
    return f"{IMAGES_FOLDER}/{released_path(image_id, '.png')}"


class ImageSource(ABC):
    """Knows where the photographs of some place are.

    Attributes
    ----------
    name : str
        What the ledger calls it.
    """

    name: str

    @abstractmethod
    def wanted(self, image_ids: Sequence[str]) -> Iterator[Wanted]:
        """What is to be had for each of these ids; may ask the source, some ids at a time.

        Raises
        ------
        SourceError
            The source can not be asked.
        """


def expected_image(image_id: str, facts: Mapping[str, ImageFacts], side: int) -> Expected:
    """What FFHQ says of an image; without that, that it decodes whole at its size."""
    fact = facts.get(image_id)
    if fact is None:
        return Expected(side=side)
    return Expected(md5=fact.md5, pixel_md5=fact.pixel_md5, side=side)
