"""Annotator figures: pictures of how far annotators agree.

`overlay` draws the masks of one image over each other; the other functions draw an `Agreement`.
"""

import colorsys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import counted
from ..measures.estimates import MEAN
from ..reports.figures import COLUMN, FigureForm, column_style, figure_bytes
from ..reports.fonts import spelled
from ..reports.overlays import dark_canvas, outline, thumbnail, upsampling, with_legend
from .tallies import pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .agreement import Agreement

_MAX_ROWS = 15
_ALL_DREW = (255, 255, 255)
SEVERAL_DREW = (150, 150, 150)
_MIXED = 3  # annotators whose mixtures have colours of their own
# Okabe, Ito 2008: distinguishable with any form of colour blindness. No two annotators are red and
# green; the mixtures of three are.
_COLOURS = ((230, 159, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66), (0, 114, 178))
_MIXTURES = {(0, 1): (0, 158, 115), (0, 2): (213, 94, 0), (1, 2): (0, 114, 178)}
_GAP = 8  # pixels between photo and overlay


def annotator_colours(annotators: int) -> np.ndarray:
    """Return a colour for each annotator, RGB uint8 (A, 3).

    Up to five are told apart by colour-blind readers, too. More have orange, yellow, blue and
    purple hues in two brightnesses.
    """
    if annotators <= len(_COLOURS):
        return np.array(_COLOURS[:annotators], np.uint8)
    half = -(-annotators // 2)
    hues = np.concatenate([np.linspace(20, 65, half // 3), np.linspace(180, 320, half - half // 3)])
    colours = [
        colorsys.hsv_to_rgb(hue / 360, 1.0, brightness) for brightness in (1.0, 0.6) for hue in hues
    ]
    return np.round(np.array(colours[:annotators]) * 255).astype(np.uint8)


def mixture_colours(annotators: int) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Return the colour of what two annotators of three drew, RGB, by their numbers.

    It is empty for other numbers of annotators, whose mixtures have the colour `SEVERAL_DREW`.
    """
    return dict(_MIXTURES) if annotators == _MIXED else {}


def overlay(
    masks: Sequence[np.ndarray],
    names: Sequence[str],
    photo: np.ndarray | None = None,
    title: str = "",
    *,
    beside: bool = True,
) -> np.ndarray:
    """Draw the outlines of the masks of one image over each other, beside the photograph.

    Each annotator has a colour; the outline of what all of them drew is white. Areas that several
    but not all drew have a colour for each pair of three annotators, and are gray if there are
    more. A legend above has the names, the colours, and how many pixels each drew.

    Parameters
    ----------
    masks : sequence of np.ndarray
        bool (H, W), one for each annotator.
    names : sequence of str
        The annotators' names.
    photo : np.ndarray, optional
        RGB uint8 of any size, dark beneath the outlines. Without it, they are on black.
    title : str
        Text before the names.
    beside : bool
        Also show the photograph as it is, on the left; without it, it lies undimmed beneath.

    Returns
    -------
    np.ndarray
        RGB uint8; small images are upsampled by a whole number.
    """
    height, width = masks[0].shape
    scale = upsampling(masks[0].shape)
    large = (height * scale, width * scale)
    shown = None
    if photo is not None:
        shown = np.asarray(cv2.resize(photo, large[::-1], interpolation=cv2.INTER_AREA))
    canvas = dark_canvas(large, photo) if shown is None or beside else shown.copy()
    entries = []
    for label, area, colour in _areas(masks, names):
        canvas[outline(area.repeat(scale, axis=0).repeat(scale, axis=1))] = colour
        entries.append((f"{label} {np.count_nonzero(area)} px", colour))
    # An annotator's entry counts all that they drew, though others may have drawn it, too.
    for number, (name, mask) in enumerate(zip(names, masks, strict=True)):
        entries[number] = (f"{name} {np.count_nonzero(mask)} px", entries[number][1])
    if shown is not None and beside:
        gap = np.zeros((large[0], _GAP, 3), np.uint8)
        canvas = np.hstack([shown, gap, canvas])
    return with_legend(canvas, title, entries)


def annotators_thumbnail(masks: Sequence[np.ndarray], photo: np.ndarray | None = None) -> bytes:
    """Draw the masks of one image in the colours of `overlay`, as `overlays.thumbnail`."""
    areas = ((area, colour) for _, area, colour in _areas(masks, [""] * len(masks)))
    return thumbnail(areas, (masks[0].shape[0], masks[0].shape[1]), photo)


def _areas(
    masks: Sequence[np.ndarray], names: Sequence[str]
) -> Iterator[tuple[str, np.ndarray, tuple[int, ...]]]:
    """Yield what each annotator alone, several and all drew, with a label and a colour."""
    votes = np.asarray(np.sum(masks, axis=0, dtype=np.uint8))
    for name, mask, colour in zip(names, masks, annotator_colours(len(masks)), strict=True):
        yield name, mask & (votes == 1), tuple(map(int, colour))
    for (first, second), colour in mixture_colours(len(masks)).items():
        both = masks[first] & masks[second] & (votes == 2)
        yield f"{names[first]} + {names[second]}", both, colour
    if len(masks) > _MIXED:
        yield "several", (votes > 1) & (votes < len(masks)), SEVERAL_DREW
    yield "all", votes == len(masks), _ALL_DREW


def pair_matrix(agreement: "Agreement", form: FigureForm = "png") -> bytes:
    """Draw the mean Jaccard index of every pair of annotators as a coloured table, 0 to 1."""
    with column_style():
        return figure_bytes(_matrix(agreement), form)


def _matrix(agreement: "Agreement") -> "Figure":
    from matplotlib.figure import Figure

    names = list(map(spelled, agreement.names))  # labels of axes keep their text
    index = np.full((len(names), len(names)), np.nan)
    for (first, second), value in zip(pairs(len(names)), _jaccard_means(agreement), strict=True):
        index[first, second] = index[second, first] = value
    # Up to eight annotators fit a column; more need more room for their figures.
    side = max(COLUMN, 0.42 * len(names))
    figure = Figure(figsize=(side, 0.85 * side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(index, cmap="viridis", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(index):
        text = "" if row == column else "-" if np.isnan(value) else f"{value:.2f}"
        colour = "black" if value > 0.5 else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    figure.colorbar(image, ax=axes, label="Jaccard index, mean over images")
    axes.set_title(counted(len(agreement.images), "image"))
    return figure


def distribution(agreement: "Agreement", form: FigureForm = "png") -> bytes:
    """Draw how the Jaccard index of every pair varies over the images.

    Where there are too many pairs, each annotator's index with the majority is drawn instead.
    """
    with column_style():
        return figure_bytes(_boxes(agreement), form)


def _boxes(agreement: "Agreement") -> "Figure":
    from matplotlib.figure import Figure

    kind = "pair" if len(pairs(len(agreement.names))) <= _MAX_ROWS else "others"
    labels, values = [], []
    for number, column in enumerate(agreement.columns):
        if (column.kind, column.measure, column.tolerance_px) == (kind, "jaccard", None):
            of_images = agreement.per_image[:, number]
            labels.append(spelled(column.subject))
            values.append(of_images[~np.isnan(of_images)])
    figure = Figure(figsize=(COLUMN, 1.2 + 0.3 * len(labels)), layout="constrained")
    axes = figure.subplots()
    places = list(range(len(labels), 0, -1))
    axes.boxplot(values, positions=places, orientation="horizontal", widths=0.5, showfliers=False)
    jitter = np.random.default_rng(0)
    for place, of_images in zip(places, values, strict=True):
        heights = place + jitter.uniform(-0.18, 0.18, len(of_images))
        axes.plot(of_images, heights, ".", color="#0072B2", alpha=0.4, markersize=4)
    axes.set_yticks(
        places, [f"{label} ({len(defined)})" for label, defined in zip(labels, values, strict=True)]
    )
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("Jaccard index of an image\n(in brackets: images that have one)")
    whom = "pairs of annotators agree" if kind == "pair" else "each agrees with most of the others"
    axes.set_title(f"How far {whom}", loc="right")
    return figure


def _jaccard_means(agreement: "Agreement") -> list[float]:
    """Return the mean over images of each pair, in the order of `tallies.pairs`."""
    return [
        figure.value
        for figure in agreement.estimates
        if figure.column.kind == "pair"
        and (figure.column.measure, figure.column.tolerance_px) == ("jaccard", None)
        and figure.aggregate == MEAN
    ]
