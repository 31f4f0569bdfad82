"""Experiment report: `Experiments` as a folder of tables, and a plot beside the paper's figures."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...reports.figures import figure_png
from ...reports.report_folder import ReportFolder
from .experiment_tables import markdown, percent, record, table_csv
from .experiments import Cell, Experiments
from .paper_tables import ROWS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_RECORD = "compare.json"
_FILES = ("compare.md", "compare.csv", "compare.png")


def _folder(out: Path) -> ReportFolder:
    return ReportFolder(out, _FILES, record=_RECORD)


def require_report(out: Path, read: Sequence[Path] = ()) -> None:
    """Refuse, before the work begins, what `write_report` could not work with.

    As `report_folder.ReportFolder.require`.
    """
    _folder(out).require(read)


def write_report(experiments: Experiments, out: Path) -> None:
    """Write tables and a plot; those of an earlier report are replaced.

    Parameters
    ----------
    experiments : Experiments
        What to write about.
    out : Path
        A folder of its own; see `require_report`.

    Raises
    ------
    OutputError
        A file can not be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require()
    record_text = json.dumps(record(experiments), indent=2, allow_nan=False) + "\n"
    files = {
        "compare.png": plot(experiments),
        "compare.csv": table_csv(experiments),
        "compare.md": markdown(experiments).encode("utf-8", "surrogateescape"),
        _RECORD: record_text.encode(),
    }
    folder.write(files)


def plot(experiments: Experiments) -> bytes:
    """The JSI of each recipe with its interval and its seeds, beside the paper's; PNG.

    A panel for each fraction of the training images, recipes in the paper's order.
    """
    from matplotlib.figure import Figure

    fractions = sorted({cell.fraction for cell in experiments.cells}, reverse=True)
    there = [cell.recipe for cell in experiments.cells]
    recipes = [name for name in ROWS if name in there]
    recipes += [name for name in dict.fromkeys(there) if name not in ROWS]
    size = (3.5 + 3.8 * max(1, len(fractions)), 2.0 + 0.34 * len(recipes))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, max(1, len(fractions)), sharey=True, squeeze=False)[0]
    places = {name: -number for number, name in enumerate(recipes)}
    for axes, fraction in zip(panels, fractions, strict=False):
        for cell in experiments.cells:
            if cell.fraction == fraction:
                _draw(axes, cell, places[cell.recipe])
        axes.set_title(f"{percent(fraction)} of the training images")
        axes.set_xlabel("JSI, mean over images")
        axes.set_ylim(0.6 - len(recipes), 0.4)
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(list(places.values()), list(places))
    handles: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(str(label), handle)
    if handles:
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=3)
    return figure_png(figure)


def _draw(axes: "Axes", cell: Cell, place: float) -> None:
    """One recipe in one panel: ours and its interval, each seed, and the paper's."""
    jsi = cell.figure("jsi")
    if not math.isnan(jsi.value):
        axes.plot(jsi.value, place, "o", color="tab:blue", label="ours, 95 % over images")
        if not math.isnan(jsi.low):
            axes.hlines(place, jsi.low, jsi.high, color="tab:blue")
        axes.hlines(place - 0.18, jsi.least, jsi.most, color="tab:gray", label="range over seeds")
    if cell.paper:
        axes.plot(cell.paper.jsi, place, "D", color="tab:orange", label="the paper's")
