"""Experiment plot: the JSI of each recipe beside the paper's."""

import math
from typing import TYPE_CHECKING

from ...reports.figures import COLUMN, FigureForm, column_style, figure_bytes
from ...reports.fonts import spelled
from .experiment_tables import percent
from .paper_tables import ROWS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .experiments import Cell, Experiments


def plot(experiments: "Experiments", form: FigureForm = "png") -> bytes:
    """Plot the JSI of each recipe, with its interval and range over seeds, and the paper's.

    There is a panel for each fraction of the training images, with recipes in the paper's order.
    """
    with column_style():
        return figure_bytes(_figure(experiments), form)


def _figure(experiments: "Experiments") -> "Figure":
    from matplotlib.figure import Figure

    fractions = sorted({cell.fraction for cell in experiments.cells}, reverse=True)
    compared = [cell.recipe for cell in experiments.cells]
    recipes = [name for name in ROWS if name in compared]
    recipes += [name for name in dict.fromkeys(compared) if name not in ROWS]
    size = (COLUMN + 2.2 * max(0, len(fractions) - 1), 1.3 + 0.26 * len(recipes))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, max(1, len(fractions)), sharey=True, squeeze=False)[0]
    places = {name: -number for number, name in enumerate(recipes)}
    for axes, fraction in zip(panels, fractions, strict=False):
        for cell in experiments.cells:
            if cell.fraction == fraction:
                _draw(axes, cell, places[cell.recipe])
        axes.set_title(f"{percent(fraction)} of the training\nimages")
        axes.set_xlabel("JSI, mean over images")
        axes.set_ylim(0.6 - len(recipes), 0.4)
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(list(places.values()), list(map(spelled, places)))
    handles: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(str(label), handle)
    if handles:
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=2)
    return figure


def _draw(axes: "Axes", cell: "Cell", place: float) -> None:
    """Draw one recipe in one panel: our JSI, its interval, its range over seeds, the paper's."""
    jsi = cell.figure("jsi")
    if not math.isnan(jsi.value):
        axes.plot(jsi.value, place, "o", color="#0072B2", label="ours, 95 % over images")
        if not math.isnan(jsi.low):
            axes.hlines(place, jsi.low, jsi.high, color="#0072B2")
        axes.hlines(place - 0.18, jsi.least, jsi.most, color="tab:gray", label="range over seeds")
    if cell.paper:
        axes.plot(cell.paper.jsi, place, "D", color="#E69F00", label="the paper's")
