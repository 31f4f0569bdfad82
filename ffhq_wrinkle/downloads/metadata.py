"""Metadata: FFHQ's own table of its images, read once from 268 MB of JSON into two small tables.

`image_facts.csv` has the addresses, sizes and hashes by which downloads are verified.
`attribution.csv` has the author, licence and page of each photograph, which the licences ask to be
passed on.
"""

import csv
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..dataset.licences import ATTRIBUTION, ATTRIBUTION_COLUMNS
from ..errors import SourceError
from ..storage.writing import csv_bytes, write_bytes

log = logging.getLogger(__name__)

METADATA = "ffhq-dataset-v2.json"
FACTS = "image_facts.csv"


class ImageFacts(NamedTuple):
    """FFHQ's metadata of one image: its file, and the md5 of its RGB pixels."""

    image_id: str
    url: str
    size: int
    md5: str
    pixel_md5: str


def read_facts(data: Path) -> dict[str, ImageFacts]:
    """Return the facts of each image, by id; none if the metadata is not present.

    Raises
    ------
    SourceError
        The metadata cannot be read.
    """
    metadata, facts = data / METADATA, data / FACTS
    if not facts.exists():
        if not metadata.exists():
            return {}
        write_tables(data)
    try:
        with facts.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows, None)
            return {row[0]: ImageFacts(row[0], row[1], int(row[2]), row[3], row[4]) for row in rows}
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise SourceError(
            f"{facts} cannot be read: {error}; delete it to have it made again"
        ) from error


def write_tables(data: Path) -> None:
    """Write both tables from the metadata.

    Raises
    ------
    SourceError
        The metadata is not in the form that FFHQ publishes.
    OutputError
        A table cannot be written.
    """
    log.info("reading %s", data / METADATA)
    facts: list[ImageFacts] = []
    attribution: list[list[str]] = []
    for image_id, entry in _entries(data / METADATA):
        try:
            image, photo = entry["image"], entry["metadata"]
            row = ImageFacts(
                image_id,
                image["file_url"],
                int(image["file_size"]),
                image["file_md5"],
                image["pixel_md5"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{data / METADATA}: image {image_id} lacks {error}") from error
        facts.append(row)
        attribution.append([image_id, *(photo.get(name, "") for name in ATTRIBUTION_COLUMNS[1:])])
    if not facts:
        raise SourceError(f"{data / METADATA} has no images; delete it and download it again")
    write_bytes(data / ATTRIBUTION, csv_bytes(ATTRIBUTION_COLUMNS, attribution))
    write_bytes(data / FACTS, csv_bytes(ImageFacts._fields, facts))


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the id and entry of each image, one at a time: the whole takes gigabytes of memory."""
    import ijson

    try:
        with path.open("rb") as file:
            for number, entry in ijson.kvitems(file, ""):
                yield f"{int(number):05d}", entry
    except (OSError, ValueError, ijson.JSONError) as error:
        reason = str(error).split("\n")[0]  # ijson's next lines point into the text
        raise SourceError(f"{path} cannot be read as FFHQ's metadata: {reason}") from error
