"""Curves: loss, JSI and F1 of a stage over its epochs, as a figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...reports.figures import COLUMN, column_style, figure_bytes
from ..training_data.samples import Stage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = "curves.png"
# Okabe, Ito 2008: distinguishable with any form of colour blindness. The marker and the line style
# distinguish them in print.
_LOSSES = {
    "train_loss": ("training", "#0072B2", "o-"),
    "val_loss": ("validation", "#D55E00", "s--"),
}
_SCORES = {"val_jsi": ("JSI", "#009E73", "o-"), "val_f1": ("F1", "#CC79A7", "s--")}


def curves(history: Sequence[Mapping[str, float]], stage: Stage) -> bytes:
    """Draw the loss and, in finetuning, JSI and F1 of each epoch.

    Parameters
    ----------
    history : sequence of mapping
        The rows of `metrics.csv`; columns that were not measured in an epoch may be missing.
    stage : {"pretrain", "finetune"}
        Pretraining has no scores.

    Returns
    -------
    bytes
        A PNG.
    """
    from matplotlib.figure import Figure

    panels = 1 if stage == "pretrain" else 2
    with column_style():
        figure = Figure(figsize=(COLUMN * panels, 2.8), layout="constrained")
        first, *rest = figure.subplots(1, panels, squeeze=False)[0]
        _draw(first, history, _LOSSES, title=f"{stage}: loss")
        for axes in rest:
            _draw(axes, history, _SCORES, title="validation, mean over images")
            axes.set_ylim(0, 1)
        return figure_bytes(figure)


def _draw(
    axes: "Axes",
    history: Sequence[Mapping[str, float]],
    columns: Mapping[str, tuple[str, str, str]],
    *,
    title: str,
) -> None:
    from matplotlib.ticker import MaxNLocator

    for column, (label, colour, style) in columns.items():
        points = [(row["epoch"], row[column]) for row in history if column in row]
        epochs, values = [x for x, _ in points], [y for _, y in points]
        axes.plot(epochs, values, style, color=colour, markersize=3, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
