"""Composition report: a `Composition` as a folder of tables and a figure, with totals only."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..reports.figures import FigureForm
from ..reports.report_folder import ReportFolder
from ..results.failures import FAILURES, update_failures
from ..storage.places import Place
from ..storage.writing import text_bytes
from .bars import bars
from .composition import Composition
from .composition_tables import markdown, record, shares_csv
from .race import LOCK, UNDER_WAY
from .race_table import RACE_TABLE, inputs_path

_RECORD = "demographics.json"
_FILES = ("demographics.csv", "demographics.md")
_FIGURE = "demographics"
# Files that `race.estimate_race` writes to the same folder.
_ESTIMATES = (
    FAILURES, RACE_TABLE, UNDER_WAY, LOCK,
    *(inputs_path(Path(table)).name for table in (RACE_TABLE, UNDER_WAY)),
)  # fmt: skip


def _folder(out: Place) -> ReportFolder:
    return ReportFolder(out, _FILES, record=_RECORD, figures=[_FIGURE], beside=_ESTIMATES)


def require_report(
    out: Place, read: Sequence[Place | None] = (), *, overwrite: bool = False
) -> None:
    """Raise an error, before the work starts, if `write_report` could not use a folder.

    The arguments and errors are those of `report_folder.ReportFolder.require`.
    """
    _folder(out).require(read, overwrite=overwrite)


def write_report(
    composition: Composition,
    out: Place,
    *,
    estimated: bool = False,
    figures: Sequence[FigureForm] = ("png",),
) -> None:
    """Write the tables and the figure; an earlier report is replaced.

    Parameters
    ----------
    composition : Composition
        The content of the report.
    out : Place
        A folder for this report only; see `require_report`.
    estimated : bool
        Whether `race.estimate_race` has just run into this folder. If not, the failures that are
        listed there belong to an earlier report and are removed.
    figures : sequence of {"png", "pdf", "svg"}
        Forms of the figure.

    Raises
    ------
    OutputError
        A file cannot be written, or the folder contains other files.
    """
    folder = _folder(out)
    folder.require()
    record_text = json.dumps(record(composition), indent=2, allow_nan=False) + "\n"
    folder.write(
        {
            **{f"{_FIGURE}.{form}": bars(composition, form) for form in figures},
            "demographics.csv": shares_csv(composition),
            "demographics.md": text_bytes(markdown(composition)),
            _RECORD: record_text.encode(),
        }
    )
    if not estimated:
        update_failures(out, [], about=None)
