"""Experiment report: `Experiments` as a folder of tables and a plot with the paper's scores."""

import json
from collections.abc import Sequence
from pathlib import Path

from ...reports.figures import FigureForm
from ...reports.report_folder import ReportFolder
from ...storage.writing import text_bytes
from .experiment_plot import plot
from .experiment_tables import markdown, record, table_csv
from .experiments import Experiments

_RECORD = "compare.json"
_FILES = ("compare.md", "compare.csv")
_FIGURE = "compare"


def _folder(out: Path) -> ReportFolder:
    return ReportFolder(out, _FILES, record=_RECORD, figures=[_FIGURE])


def require_report(out: Path, read: Sequence[Path] = (), *, overwrite: bool = False) -> None:
    """Check, before the work begins, that `write_report` can write; as `ReportFolder.require`."""
    _folder(out).require(read, overwrite=overwrite)


def write_report(
    experiments: Experiments, out: Path, *, figures: Sequence[FigureForm] = ("png",)
) -> None:
    """Write tables and a plot, in place of those of an earlier report.

    Parameters
    ----------
    experiments : Experiments
        The experiments.
    out : Path
        Folder for the report alone; see `require_report`.
    figures : sequence of {"png", "pdf", "svg"}
        Forms of the plot.

    Raises
    ------
    OutputError
        A file cannot be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require()
    record_text = json.dumps(record(experiments), indent=2, allow_nan=False) + "\n"
    files = {
        **{f"{_FIGURE}.{form}": plot(experiments, form) for form in figures},
        "compare.csv": table_csv(experiments),
        "compare.md": text_bytes(markdown(experiments)),
        _RECORD: record_text.encode(),
    }
    folder.write(files)
