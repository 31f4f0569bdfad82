"""Tables: an `Agreement` as text, Markdown, CSV and JSON; `report` puts them into a folder."""

from collections.abc import Iterable, Sequence
from typing import Any

from .. import __version__
from ..measures.estimates import MEAN, POOLED, Aggregate
from ..reports.tabulation import (
    Section,
    blanked_csv,
    bootstrap_record,
    estimate_records,
    intervals_note,
    with_interval,
)
from .agreement import Agreement
from .tallies import MEASURES, Column, SubjectKind

LISTED = 10
_MAX_PAIRS = 16


def printed(agreement: Agreement) -> str:
    """Return the tables as text: the paper's Table 2 for these annotators, and further ones."""
    tables = (section.text() for section in _sections(agreement))
    return "\n\n".join([_heading(agreement), *tables, *_remarks(agreement)])


def markdown(agreement: Agreement) -> str:
    """Return the same as Markdown."""
    tables = (section.markdown() for section in _sections(agreement))
    parts = ["# Agreement of annotators", _heading(agreement), *tables, *_remarks(agreement)]
    return "\n\n".join(parts) + "\n"


def _heading(agreement: Agreement) -> str:
    names = agreement.names
    left_out = f", {len(agreement.skipped)} left out" if agreement.skipped else ""
    text = f"{len(agreement.images)} images{left_out}; {len(names)} annotators: {', '.join(names)}"
    if agreement.settings.within:
        text += f"; within {agreement.settings.within}"
    return f"{text}{intervals_note(len(agreement.images), agreement.resamples)}."


def _sections(agreement: Agreement) -> Iterable[Section]:
    figures = {(figure.column, figure.aggregate): figure for figure in agreement.estimates}

    def cells(column: Column, *aggregates: Aggregate) -> list[str]:
        return [with_interval(figures[column, aggregate]) for aggregate in aggregates]

    def undefined(columns: Iterable[Column]) -> str:
        counts = {
            MEASURES[column.measure].title: figures[column, MEAN].undefined for column in columns
        }
        return ", ".join(f"{title} in {count}" for title, count in counts.items() if count) or "-"

    def table(title: str, subjects: Sequence[tuple[SubjectKind, str]], *measures: str) -> Section:
        names = [MEASURES[measure].title for measure in measures]
        titles = [f"{name},\n{aggregate}" for name in names for aggregate in (MEAN, POOLED)]
        rows = []
        for kind, subject in subjects:
            columns = [Column(kind, subject, measure) for measure in measures]
            row = [cell for column in columns for cell in cells(column, MEAN, POOLED)]
            rows.append([subject, *row, undefined(columns)])
        return Section(title, ["", *titles, "undefined"], rows)

    of_pairs: list[tuple[SubjectKind, str]] = list(
        dict.fromkeys(
            (column.kind, column.subject) for column in agreement.columns if column.kind == "pair"
        )
    )
    of_pairs.append(("average", "average"))
    of_others: list[tuple[SubjectKind, str]] = [("others", name) for name in agreement.names]
    yield table("Pairs", of_pairs, "jaccard", "pearson")
    if len(of_pairs) > _MAX_PAIRS:
        of_pairs = of_pairs[-1:]  # the average; the pairs are in the CSV
    yield table("Pairs, other measures", of_pairs, "dice", "cohen_kappa")
    yield table("Each with the majority of the others", of_others, "jaccard", "pearson")
    yield table(
        "Each with the majority of the others, other measures", of_others, "dice", "cohen_kappa"
    )
    if agreement.tolerances_px:
        rows = []
        for far in agreement.tolerances_px:
            for kind, subject in of_pairs:
                whole, *parts = (
                    Column(kind, subject, measure, far)
                    for measure in ("jaccard", "precision", "recall")
                )
                row = cells(whole, MEAN, POOLED) + [cells(part, MEAN)[0] for part in parts]
                rows.append([f"{far:g}", subject, *row, undefined([whole, *parts])])
        titles = [f"Jaccard,\n{MEAN}", f"Jaccard,\n{POOLED}"]
        titles += [f"{part},\n{MEAN}" for part in ("precision", "recall")]
        header = ["px", "", *titles, "undefined"]
        yield Section("Pairs, if lines may lie so many pixels apart", header, rows)


def _remarks(agreement: Agreement) -> Iterable[str]:
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


def pairs_csv(agreement: Agreement) -> bytes:
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


def per_image_csv(agreement: Agreement) -> bytes:
    """Return every measure of every image as CSV, the most disputed first."""
    names, counts = agreement.names, agreement.tallies
    header = ["image_id", "disagreement", "pixels", *(f"pixels_{name}" for name in names)]
    header += [f"votes_{votes}" for votes in range(1, len(names) + 1)]
    header += [_column_name(column) for column in agreement.columns]
    rows = (
        [
            agreement.images[number].file.image_id,
            agreement.disagreement[number],
            *(counts.pixels[number], *counts.drawn[number], *counts.votes[number][1:]),
            *agreement.per_image[number],
        ]
        for number in agreement.most_disputed()
    )
    return blanked_csv(header, rows)


def _column_name(column: Column) -> str:
    near = "" if column.tolerance_px is None else f"_{column.tolerance_px:g}px"
    subject = {"others": f" {column.subject} & majority", "all": ""}.get(
        column.kind, f" {column.subject}"
    )
    return f"{column.measure}{near}{subject}"


def record(agreement: Agreement) -> dict[str, Any]:
    """Return every figure and its origin as JSON can hold it; undefined is null."""
    return {
        "command": "agreement",
        "version": __version__,
        "annotators": [
            f"{annotator.name}={annotator.folder.resolve()}" for annotator in agreement.annotators
        ],
        "settings": agreement.settings.record(),
        "images": len(agreement.images),
        "skipped": agreement.skipped,
        "bootstrap": bootstrap_record(agreement.resamples, agreement.seed),
        "estimates": estimate_records(agreement.estimates),
    }
