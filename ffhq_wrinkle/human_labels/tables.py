"""Tables: an `Agreement` as text, Markdown, CSV and JSON; `report` puts them into a folder."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import counted
from ..measures.estimates import MEAN, POOLED, Aggregate, Estimate
from ..reports.tabulation import (
    Section,
    blanked_csv,
    bootstrap_record,
    estimate_records,
    in_words,
    intervals_note,
    with_interval,
    wrapped,
)
from ..results.tabular import paragraphs_html
from .annotators import MIN_ANNOTATORS
from .tallies import MEASURES, Column, SubjectKind

if TYPE_CHECKING:
    from .agreement import Agreement

Subject = tuple[SubjectKind, str]
Figures = Mapping[tuple[Column, Aggregate], Estimate[Column]]

LISTED = 10
_MAX_PAIRS = 16


def printed(agreement: "Agreement", width: int | None = None) -> str:
    """Return the tables as text: the paper's Table 2 for these annotators, and further ones.

    Lines have at most `width` characters, if it is given.
    """
    start = (wrapped(text, width) for text in (headline(agreement), _heading(agreement)))
    tables = (section.text(width) for section in _sections(agreement))
    remarks = (wrapped(remark, width) for remark in _remarks(agreement))
    return "\n\n".join([*start, *tables, *remarks])


def headline(agreement: "Agreement") -> str:
    """Return the main result in a sentence."""
    average = {
        figure.column.tolerance_px: figure
        for figure in agreement.estimates
        if (figure.column.kind, figure.column.measure) == ("average", "jaccard")
        and figure.aggregate == MEAN
    }
    who = in_words(len(agreement.names), "annotator").capitalize()
    exact = average.pop(None)
    if math.isnan(exact.value):
        return f"{who} drew nothing that could be compared."
    text = f"{who} agree at Jaccard {with_interval(exact, '.2f')}"
    if average and (widest := max(filter(None, average), default=0.0)):
        text += f"; at {widest:g} px tolerance {average[widest].value:.2f}"
    return f"{text}."


def markdown(agreement: "Agreement") -> str:
    """Return the same as Markdown."""
    tables = (section.markdown() for section in _sections(agreement))
    start = ["# Agreement of annotators", headline(agreement), _heading(agreement)]
    return "\n\n".join([*start, *tables, *_remarks(agreement)]) + "\n"


def html(agreement: "Agreement") -> str:
    """Return the same as HTML."""
    tables = "".join(section.html() for section in _sections(agreement))
    heading = paragraphs_html([headline(agreement), _heading(agreement)])
    return f"{heading}{tables}{paragraphs_html(_remarks(agreement))}"


def _heading(agreement: "Agreement") -> str:
    names = agreement.names
    left_out = f", {len(agreement.skipped)} left out" if agreement.skipped else ""
    images, annotators = counted(len(agreement.images), "image"), counted(len(names), "annotator")
    text = f"{images}{left_out}; {annotators}: {', '.join(names)}"
    if agreement.settings.within:
        text += f"; within {agreement.settings.within}"
    return (
        f"{text}{intervals_note(len(agreement.images), agreement.resamples, agreement.subjects)}."
    )


def _sections(agreement: "Agreement") -> Iterable[Section]:
    figures = {(figure.column, figure.aggregate): figure for figure in agreement.estimates}
    pairs: list[Subject] = list(
        dict.fromkeys(
            (column.kind, column.subject) for column in agreement.columns if column.kind == "pair"
        )
    )
    pairs.append(("average", "average"))
    others: list[Subject] = [("others", name) for name in agreement.names]
    yield _section(figures, "Pairs", pairs, ("jaccard", "pearson"))
    if len(pairs) > _MAX_PAIRS:
        pairs = pairs[-1:]  # the average; the pairs are in the CSV
    yield _section(figures, "Pairs, other measures", pairs, ("dice", "cohen_kappa"))
    if len(agreement.names) > MIN_ANNOTATORS:
        yield _others_section(figures, agreement.names)
    title = f"Each with {_majority(agreement.names)}"
    yield _section(figures, title, others, ("jaccard", "pearson"))
    yield _section(figures, f"{title}, other measures", others, ("dice", "cohen_kappa"))
    if agreement.tolerances_px:
        yield _near_section(figures, pairs, agreement.tolerances_px)


def _section(
    figures: Figures, title: str, subjects: Sequence[Subject], measures: Sequence[str]
) -> Section:
    """Return a table with a row for each subject, and both aggregates of each measure."""
    names = [MEASURES[measure].title for measure in measures]
    titles = [f"{name},\n{aggregate}" for name in names for aggregate in (MEAN, POOLED)]
    rows = []
    for kind, subject in subjects:
        columns = [Column(kind, subject, measure) for measure in measures]
        row = [
            with_interval(figures[column, aggregate])
            for column in columns
            for aggregate in (MEAN, POOLED)
        ]
        rows.append([subject, *row, _undefined(figures, columns)])
    return Section(title, ["", *titles, "undefined"], rows)


def _majority(names: Sequence[str]) -> str:
    """Return in words which pixels more than half of the others drew."""
    if len(names) == MIN_ANNOTATORS:
        return "the other"
    return "what both others drew" if len(names) == 3 else "the majority of the others"


def _others_section(figures: Figures, names: Sequence[str]) -> Section:
    """Return the table of each annotator with the others together, and with each of them."""
    kinds: dict[SubjectKind, str] = {
        "others": _majority(names),
        "union": "what any other drew",
        "own pairs": "each other, mean",
    }
    rows = [
        [name, *(with_interval(figures[Column(kind, name, "jaccard"), MEAN]) for kind in kinds)]
        for name in names
    ]
    title = f"Each with the others together and one by one, Jaccard, {MEAN}"
    return Section(title, ["", *kinds.values()], rows)


def _near_section(
    figures: Figures, subjects: Sequence[Subject], tolerances_px: Sequence[float]
) -> Section:
    """Return the table of measures with lines allowed to lie apart, by distance and subject."""
    rows = []
    for far in tolerances_px:
        for kind, subject in subjects:
            whole, *parts = (
                Column(kind, subject, measure, far)
                for measure in ("jaccard", "precision", "recall")
            )
            row = [with_interval(figures[whole, aggregate]) for aggregate in (MEAN, POOLED)]
            row += [with_interval(figures[part, MEAN]) for part in parts]
            rows.append([f"{far:g}", subject, *row, _undefined(figures, [whole, *parts])])
    titles = [f"Jaccard,\n{MEAN}", f"Jaccard,\n{POOLED}"]
    titles += [f"{part},\n{MEAN}" for part in ("precision", "recall")]
    header = ["px", "", *titles, "undefined"]
    return Section("Pairs, with lines allowed to lie this far apart", header, rows, labels=2)


def _undefined(figures: Figures, columns: Iterable[Column]) -> str:
    """Return in how many images each measure is undefined, as a cell."""
    counts = {MEASURES[column.measure].title: figures[column, MEAN].undefined for column in columns}
    return ", ".join(f"{title} in {count}" for title, count in counts.items() if count) or "-"


def _remarks(agreement: "Agreement") -> Iterable[str]:
    """Yield lines below the tables."""
    mean, pooled = (figure for figure in agreement.estimates if figure.column.kind == "all")
    yield (
        f"Fleiss' kappa of all {len(agreement.names)}: {with_interval(mean)} mean over images "
        f"(undefined in {mean.undefined}), {with_interval(pooled)} pooled."
    )
    disputed = [
        f"{agreement.images[number].file.image_id} ({agreement.disagreement[number]:.2f})"
        for number in agreement.disputed()[:LISTED]
    ]
    if disputed:
        yield f"Most disputed, by 1 - mean Jaccard of the pairs: {', '.join(disputed)}."


def pairs_csv(agreement: "Agreement") -> bytes:
    """Return every figure of all images as CSV, one in a row."""
    rows = (
        [
            *(*figure.column, figure.aggregate, figure.value, figure.low, figure.high),
            *(figure.images, figure.undefined),
        ]
        for figure in agreement.estimates
    )
    header = ["kind", "subject", "measure", "tolerance_px", "aggregate"]
    return blanked_csv([*header, "value", "low", "high", "images", "undefined"], rows)


def per_image_csv(agreement: "Agreement") -> bytes:
    """Return every measure of every image as CSV, the most disputed first."""
    header, *rows = per_image_rows(agreement)
    return blanked_csv(header, rows)


def per_image_rows(agreement: "Agreement") -> list[list[Any]]:
    """Return a header and a row of each image's measures, the most disputed first."""
    names, counts = agreement.names, agreement.tallies
    header = ["image_id", "disagreement", "pixels", *(f"pixels_{name}" for name in names)]
    header += [f"votes_{votes}" for votes in range(1, len(names) + 1)]
    header += [column_name(column) for column in agreement.columns]
    rows = [
        [
            agreement.images[number].file.image_id,
            agreement.disagreement[number],
            *(counts.pixels[number], *counts.drawn[number], *counts.votes[number][1:]),
            *agreement.per_image[number],
        ]
        for number in agreement.most_disputed()
    ]
    return [header, *rows]


def column_name(column: Column) -> str:
    """Return the name of a measure of each image, for tables of a column each."""
    near = "" if column.tolerance_px is None else f"_{column.tolerance_px:g}px"
    subject = {
        "others": f" {column.subject} & majority",
        "union": f" {column.subject} & union",
        "all": "",
    }.get(column.kind, f" {column.subject}")
    return f"{column.measure}{near}{subject}"


def record(agreement: "Agreement") -> dict[str, Any]:
    """Return every figure and its origin as JSON can hold it; undefined is null."""
    return {
        "command": "agreement",
        "version": __version__,
        "annotators": [
            f"{name}={folder.resolve()}" if folder else name
            for name, folder in zip_longest(agreement.names, agreement.folders)
        ],
        "settings": agreement.settings.record(),
        "images": len(agreement.images),
        "skipped": agreement.skipped,
        "bootstrap": bootstrap_record(
            agreement.resamples, agreement.seed, agreement.group_by, agreement.subjects
        ),
        "estimates": estimate_records(agreement.estimates),
    }
