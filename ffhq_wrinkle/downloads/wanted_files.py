"""Wanted files: what a source of images offers for each image, and its known properties."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..dataset.layout import IMAGES_FOLDER, released_path
from ..errors import TransferFailure
from .metadata import ImageFacts
from .verification import Expected

PART_SIZE = 10_000  # some hosts divide FFHQ into parts of this many images


class WantedFile(NamedTuple):
    """A file to download: its path in the data set, its source, and its expected properties.

    Exactly one of the following is given: `url` is the address of the file, which is requested with
    `headers`; `copy` copies the file to any path; `failure` states that the source lacks the file.
    """

    file: str
    source: str
    expected: Expected
    url: str = ""
    headers: Mapping[str, str] = {}
    copy: Callable[[Path], None] | None = None
    failure: TransferFailure | None = None


# Photographs are PNG, or WebP where a mirror's files are kept.
PHOTO_SUFFIXES = (".png", ".webp")


def place_of(image_id: str, suffix: str = ".png") -> str:
    """Return the path of a photograph in a data set."""
    return f"{IMAGES_FOLDER}/{released_path(image_id, suffix)}"


class ImageSource(ABC):
    """A source of FFHQ's photographs.

    Attributes
    ----------
    name : str
        Name of the source in the ledger.
    """

    name: str

    @abstractmethod
    def files(self, image_ids: Sequence[str]) -> Iterator[WantedFile]:
        """Yield a file to download for each id; this can query the source, many ids at a time.

        Raises
        ------
        SourceError
            The source cannot be queried.
        """


def expected_image(image_id: str, facts: Mapping[str, ImageFacts], side: int) -> Expected:
    """Return what is expected of an image: its size in pixels and, if known, FFHQ's hashes."""
    fact = facts.get(image_id)
    if fact is None:
        return Expected(side=side)
    return Expected(md5=fact.md5, pixel_md5=fact.pixel_md5, side=side)
