"""Composition report: a `Composition` as a folder of tables and a figure: totals, and no person."""

import json
from collections.abc import Sequence

from ..reports.report_folder import ReportFolder
from ..results.failures import FAILURES, update_failures
from ..storage.places import Place
from .bars import bars
from .composition import Composition
from .composition_tables import markdown, record, shares_csv
from .race import LOCK, UNDER_WAY
from .race_table import RACE_TABLE

_RECORD = "demographics.json"
_FILES = ("demographics.csv", "demographics.md", "demographics.png")
# What estimating leaves in the same folder.
_ESTIMATES = (FAILURES, RACE_TABLE, UNDER_WAY, LOCK)


def _folder(out: Place) -> ReportFolder:
    return ReportFolder(out, (*_FILES, *_ESTIMATES), record=_RECORD)


def require_report(out: Place, read: Sequence[Place | None] = ()) -> None:
    """Refuse, before the work begins, what `write_report` could not work with.

    As `report_folder.ReportFolder.require`.
    """
    _folder(out).require(read)


def write_report(composition: Composition, out: Place, *, estimated: bool = False) -> None:
    """Write tables and a figure; those of an earlier report are replaced.

    Parameters
    ----------
    composition : Composition
        What to write about.
    out : Place
        A folder of its own; see `require_report`.
    estimated : bool
        Whether something was estimated for it, so that failures that are listed there are its own.

    Raises
    ------
    OutputError
        A file can not be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require()
    record_text = json.dumps(record(composition), indent=2, allow_nan=False) + "\n"
    folder.write(
        {
            "demographics.png": bars(composition),
            "demographics.csv": shares_csv(composition),
            "demographics.md": markdown(composition).encode("utf-8", "surrogateescape"),
            _RECORD: record_text.encode(),
        }
    )
    if not estimated:
        update_failures(out, [], about=None)
