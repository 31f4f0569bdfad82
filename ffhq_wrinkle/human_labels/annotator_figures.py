"""Annotator figures: pictures of how far annotators agree, as PNG.

`overlay` draws the masks of one image over each other; the other functions draw an `Agreement`.
"""

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import counted
from ..measures.estimates import MEAN
from ..reports.figures import figure_png
from ..reports.overlays import dark_canvas, with_legend
from .tallies import pairs

if TYPE_CHECKING:
    from .agreement import Agreement

_MAX_ROWS = 15
_ALL_DREW = (255, 255, 255)
_SEVERAL_DREW = (150, 150, 150)
_SUMMED = 3  # sums of more colours cannot be told apart


def annotator_colours(annotators: int) -> np.ndarray:
    """Return a colour for each annotator, RGB uint8 (A, 3); sums of up to three are distinct."""
    if annotators == 2:
        return np.array([(255, 80, 0), (0, 160, 255)], np.uint8)
    if annotators == 3:
        return np.array([(255, 40, 0), (0, 190, 40), (40, 90, 255)], np.uint8)
    hues = (number / annotators for number in range(annotators))
    colours = [colorsys.hsv_to_rgb(hue, 1.0, 1.0) for hue in hues]
    return np.round(np.array(colours) * 255).astype(np.uint8)


def overlay(
    masks: Sequence[np.ndarray],
    names: Sequence[str],
    photo: np.ndarray | None = None,
    title: str = "",
) -> np.ndarray:
    """Draw the masks of one image over each other, and over the photograph.

    Each annotator has a colour; pixels that all of them drew are white. Pixels that several but not
    all drew have the sum of their colours if there are three annotators, and are gray if there are
    more. A legend above names the annotators and how many pixels they drew.

    Parameters
    ----------
    masks : sequence of np.ndarray
        bool (H, W), one for each annotator.
    names : sequence of str
        The annotators' names.
    photo : np.ndarray, optional
        RGB uint8 of any size, drawn dark beneath; black if not given.
    title : str
        Text before the names.

    Returns
    -------
    np.ndarray
        RGB uint8; small images are upsampled by a whole number.
    """
    height, width = masks[0].shape
    colours = annotator_colours(len(masks))
    canvas = dark_canvas((height, width), photo)
    votes = np.sum(masks, axis=0, dtype=np.uint8)
    drawn, everyone = votes > 0, votes == len(masks)
    votes_each = np.stack([mask[drawn] for mask in masks], axis=1)
    canvas[drawn] = np.minimum(votes_each @ colours.astype(np.int64), 255)
    several = (votes > 1) & ~everyone
    if len(masks) > _SUMMED:
        canvas[several] = _SEVERAL_DREW
    canvas[everyone] = _ALL_DREW
    entries: list[tuple[str, tuple[int, ...]]] = [
        (f"{name} {np.count_nonzero(mask)} px", tuple(map(int, colour)))
        for name, mask, colour in zip(names, masks, colours, strict=True)
    ]
    if len(masks) > _SUMMED:
        entries.append((f"several {np.count_nonzero(several)} px", _SEVERAL_DREW))
    entries.append((f"all {np.count_nonzero(everyone)} px", _ALL_DREW))
    return with_legend(canvas, title, entries)


def pair_matrix(agreement: "Agreement") -> bytes:
    """Draw the mean Jaccard index of every pair of annotators as a coloured table; PNG."""
    from matplotlib.figure import Figure

    names = agreement.names
    index = np.full((len(names), len(names)), np.nan)
    for (first, second), value in zip(pairs(len(names)), _jaccard_means(agreement), strict=True):
        index[first, second] = index[second, first] = value
    side = 2.5 + 0.62 * len(names)
    figure = Figure(figsize=(side + 1.2, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(index, cmap="viridis", vmin=0)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    middle = np.nanmax(index) / 2 if np.isfinite(index).any() else 0
    for (row, column), value in np.ndenumerate(index):
        text = "" if row == column else "-" if np.isnan(value) else f"{value:.2f}"
        colour = "black" if value > middle else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    figure.colorbar(image, ax=axes, label="Jaccard index, mean over images")
    axes.set_title(counted(len(agreement.images), "image"))
    return figure_png(figure)


def distribution(agreement: "Agreement") -> bytes:
    """Draw how the Jaccard index of every pair varies over the images; PNG.

    Where there are too many pairs, each annotator's index with the majority is drawn instead.
    """
    from matplotlib.figure import Figure

    kind = "pair" if len(pairs(len(agreement.names))) <= _MAX_ROWS else "others"
    labels, values = [], []
    for number, column in enumerate(agreement.columns):
        if (column.kind, column.measure, column.tolerance_px) == (kind, "jaccard", None):
            of_images = agreement.per_image[:, number]
            labels.append(column.subject)
            values.append(of_images[~np.isnan(of_images)])
    figure = Figure(figsize=(8, 1.6 + 0.42 * len(labels)), layout="constrained")
    axes = figure.subplots()
    places = list(range(len(labels), 0, -1))
    axes.boxplot(values, positions=places, orientation="horizontal", widths=0.5, showfliers=False)
    jitter = np.random.default_rng(0)
    for place, of_images in zip(places, values, strict=True):
        heights = place + jitter.uniform(-0.18, 0.18, len(of_images))
        axes.plot(of_images, heights, ".", color="tab:blue", alpha=0.4, markersize=4)
    axes.set_yticks(
        places, [f"{label} ({len(defined)})" for label, defined in zip(labels, values, strict=True)]
    )
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("Jaccard index of an image (in brackets: images that have one)")
    whom = "pairs of annotators agree" if kind == "pair" else "each agrees with most of the others"
    axes.set_title(f"How far {whom}")
    return figure_png(figure)


def _jaccard_means(agreement: "Agreement") -> list[float]:
    """Return the mean over images of each pair, in the order of `tallies.pairs`."""
    return [
        figure.value
        for figure in agreement.estimates
        if figure.column.kind == "pair"
        and (figure.column.measure, figure.column.tolerance_px) == ("jaccard", None)
        and figure.aggregate == MEAN
    ]
