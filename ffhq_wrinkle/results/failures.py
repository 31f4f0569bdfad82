"""Failures: the table of images that could not be processed, `failures.csv` in the results."""

import csv
from collections.abc import Callable, Iterable
from io import StringIO
from typing import NamedTuple

from ..errors import OutputError
from ..storage.places import Place, delete, get
from ..storage.writing import csv_bytes, output_error, write_bytes

FAILURES = "failures.csv"
_COLUMNS = ("path", "step", "reason")


class Failure(NamedTuple):
    """A row of the table: the file, the step that failed, and the reason."""

    path: str
    step: str
    reason: str


def read_failures(folder: Place) -> list[Failure]:
    """Return the rows of a folder's table; an empty list if there is no table.

    Raises
    ------
    OutputError
        The file cannot be read as such a table.
    """
    path = folder / FAILURES
    try:
        text = get(path).decode("utf-8", "surrogateescape")
        rows = csv.reader(StringIO(text, newline=""))
        return [Failure(*row) for row in rows if len(row) == 3][1:]
    except FileNotFoundError:
        return []
    except (OSError, csv.Error) as error:
        raise OutputError(f"{path} cannot be read: {error}") from error


def update_failures(
    folder: Place, failures: Iterable[Failure], *, about: Callable[[str], bool] | None
) -> None:
    """Update a folder's table; the file is removed if there are no failures.

    Parameters
    ----------
    folder : Place
        The folder of results.
    failures : iterable of Failure
        The failures of this run.
    about : callable or None
        Returns whether a path in the table is of an image that this run processed; None if it
        processed all. Rows that earlier runs wrote about other images are kept.

    Raises
    ------
    OutputError
        The table cannot be read or written.
    """
    path = folder / FAILURES
    rows = [row for row in read_failures(folder) if about and not about(row.path)]
    rows = sorted([*rows, *failures])
    if not rows:
        try:
            delete(path)
        except OSError as error:
            raise output_error(path, error) from error
        return
    write_bytes(path, csv_bytes(_COLUMNS, rows))
