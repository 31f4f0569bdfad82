"""Failures: the table of images that could not be done, `failures.csv` in a folder of results."""

import csv
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .errors import OutputError
from .files import csv_bytes, write_bytes

FAILURES = "failures.csv"
_COLUMNS = ("path", "step", "reason")


class Failure(NamedTuple):
    """A row: which file, in which step, and why."""

    path: str
    step: str
    reason: str


def read_failures(folder: Path) -> list[Failure]:
    """Rows of a folder's table; none where there is none.

    Raises
    ------
    OutputError
        There is something else of this name.
    """
    path = folder / FAILURES
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return [Failure(*row) for row in csv.reader(file) if len(row) == 3][1:]
    except (OSError, csv.Error) as error:
        raise OutputError(f"{path} can not be read: {error}") from error


def update_failures(folder: Path, failures: Iterable[Failure], *, about: set[str] | None) -> None:
    """Bring a folder's table up to date; without any failure there is no such file.

    Parameters
    ----------
    folder : Path
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
        path.unlink(missing_ok=True)
        return
    write_bytes(path, csv_bytes(_COLUMNS, rows))
