"""Split file: a split as `split.csv`, which a run writes once and reads when it is resumed."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import ArgumentError, counted, first_few, plural
from ...storage.writing import csv_bytes, write_bytes
from .sample_files import PARTS, Part
from .samples import Sample
from .split import Split, require_parts

_COLUMNS = ("image_id", "part", "used")
_USED = {"yes": True, "no": False}
_PARTS: dict[str, Part] = {part: part for part in PARTS}


def write_split(path: Path, split: Split) -> None:
    """Write a split as CSV: image_id, part, and whether the image is used, yes or no.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    rows = (
        (image_id, part, "no" if image_id in split.unused else "yes")
        for image_id, part in sorted(split.parts.items())
    )
    write_bytes(path, csv_bytes(_COLUMNS, rows))


def read_split_of(
    path: Path, samples: Iterable[Sample], *, needed: Sequence[Part] = PARTS
) -> Split:
    """Read the split of the given images.

    Parameters
    ----------
    path : Path
        The file.
    samples : iterable of Sample
        The images.
    needed : sequence of Part
        Parts that must not be empty.

    Returns
    -------
    Split

    Raises
    ------
    ArgumentError
        The file cannot be read, a line is wrong, or its images are not those of `samples`.
    """
    split = read_split(path)
    listed = {sample.image_id for sample in samples}
    for ids, problem in (
        (split.parts.keys() - listed, "not in the data any more"),
        (listed - split.parts.keys(), "not in it"),
    ):
        if ids:
            raise ArgumentError(
                f"{path} is the split of different data: {counted(len(ids), 'image')} "
                f"{plural(len(ids), 'is', 'are')} {problem}, such as "
                f"{first_few(sorted(ids))}; use the data of that run, or choose another folder for "
                "this one"
            )
    require_parts(split.parts, needed=needed)
    return split


def read_split(path: Path) -> Split:
    """Read a split that `write_split` wrote, of any images.

    Raises
    ------
    ArgumentError
        The file cannot be read, or a line is wrong.
    """
    parts: dict[str, Part] = {}
    unused = set()
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.reader(file, strict=True)
            if tuple(next(table, ())) != _COLUMNS:
                raise ArgumentError(f"{path}:1: the columns should be {', '.join(_COLUMNS)}")
            for row in table:
                fits = len(row) == 3 and row[1] in _PARTS and row[2] in _USED
                if not fits or row[0] in parts or (row[2] == "no" and row[1] != "train"):
                    raise ArgumentError(
                        f"{path}:{table.line_num}: {','.join(row)!r} should be an image id that "
                        "occurs once; train, val or test; and yes, or for images of train no"
                    )
                parts[row[0]] = _PARTS[row[1]]
                if not _USED[row[2]]:
                    unused.add(row[0])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ArgumentError(f"{path} cannot be read as a split: {error}") from error
    return Split(parts, frozenset(unused))
