"""Failures: the table of images that could not be done, `failures.csv` in a folder of results."""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import PurePosixPath
from typing import NamedTuple

from ..errors import OutputError
from ..storage.places import Place, delete, get
from ..storage.writing import csv_bytes, output_error, write_bytes

FAILURES = "failures.csv"
_COLUMNS = ("path", "step", "reason")


class Failure(NamedTuple):
    """A row: which file, in which step, and why."""

    path: str
    step: str
    reason: str


def read_failures(folder: Place) -> list[Failure]:
    """Rows of a folder's table; none where there is none.

    Raises
    ------
    OutputError
        There is something else of this name.
    """
    path = folder / FAILURES
    try:
        text = get(path).decode("utf-8", "surrogateescape")
        rows = csv.reader(StringIO(text, newline=""))
        return [Failure(*row) for row in rows if len(row) == 3][1:]
    except FileNotFoundError:
        return []
    except (OSError, csv.Error) as error:
        raise OutputError(f"{path} can not be read: {error}") from error


def update_failures(folder: Place, failures: Iterable[Failure], *, about: set[str] | None) -> None:
    """Bring a folder's table up to date; without any failure there is no such file.

    Parameters
    ----------
    folder : Place
        The folder of results.
    failures : iterable of Failure
        Those of this run.
    about : set of str or None
        Ids of the images that this run was about, None for all. Rows of earlier runs on other
        images stay.

    Raises
    ------
    OutputError
        The table can not be read or written.
    """
    path = folder / FAILURES
    rows = [
        row
        for row in read_failures(folder)
        if about is not None and PurePosixPath(row.path).stem not in about
    ]
    rows = sorted([*rows, *failures])
    if not rows:
        try:
            delete(path)
        except OSError as error:
            raise output_error(path, error) from error
        return
    write_bytes(path, csv_bytes(_COLUMNS, rows))
