"""Bars: a `Composition` as one figure: the shares of its groups as bars with intervals."""

from typing import TYPE_CHECKING

import numpy as np

from ..reports.figures import COLUMN, FigureForm, column_style, figure_bytes
from .groups import Variable, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .composition import Composition

# Okabe, Ito 2008: distinguishable with any form of colour blindness.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
_INCHES_PER_BAR, _MIN_INCHES_PER_GROUP = 0.12, 0.2
_LEGEND_LETTERS = 50  # in one line of the legend


def bars(composition: "Composition", form: FigureForm = "png") -> bytes:
    """Return a figure of the share of each group in each set, with 95 % Wilson intervals.

    Each variable has a panel, in which the groups are ordered from top to bottom. Each group has a
    bar for each set.
    """
    with column_style():
        return figure_bytes(_figure(composition), form)


def _figure(composition: "Composition") -> "Figure":
    from matplotlib.figure import Figure

    names, variables = list(composition.faces), composition.variables
    groups = [len(composition.shares_of(variable, names[0])) for variable in variables]
    inches = max(_MIN_INCHES_PER_GROUP, _INCHES_PER_BAR * (len(names) + 0.5))
    figure = Figure(
        figsize=(COLUMN, 1.4 + inches * sum(groups) + 0.75 * len(groups)), layout="constrained"
    )
    panels = figure.subplots(len(variables), 1, squeeze=False, height_ratios=groups)[:, 0]
    for axes, variable in zip(panels, variables, strict=True):
        _draw(axes, composition, variable)
    panels[-1].set_xlabel("share of the labelled faces, %")
    handles, labels = panels[0].get_legend_handles_labels()
    columns = max(1, min(len(names), _LEGEND_LETTERS // (max(map(len, labels)) + 6)))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)
    return figure


def _draw(axes: "Axes", composition: "Composition", variable: Variable) -> None:
    """Draw the bars of one variable."""
    names = list(composition.faces)
    height = 0.8 / len(names)
    for number, name in enumerate(names):
        shares = composition.shares_of(variable, name)
        positions = np.arange(len(shares)) + height * (number - (len(names) - 1) / 2)
        part, low, high = (
            100 * np.nan_to_num([getattr(share, key) for share in shares])
            for key in ("share", "low", "high")
        )
        axes.barh(
            positions,
            part,
            height,
            # Rounding errors can put a limit on the wrong side of its share.
            xerr=np.maximum([part - low, high - part], 0),
            color=_COLOURS[number % len(_COLOURS)],
            error_kw={"elinewidth": 1, "capsize": 2, "ecolor": "#333333"},
            label=f"{name} ({composition.faces[name]:,})",
        )
    groups = [share.group for share in composition.shares_of(variable, names[0])]
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.4, -0.6)  # first group at the top
    axes.set_xlim(left=0)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_title(title_of(variable), loc="left")
