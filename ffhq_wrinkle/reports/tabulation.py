"""Tabulation: figures as tables in text, Markdown, CSV and JSON, whatever they measure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple, Protocol

from tabulate import tabulate

from ..measures.bootstrap import CONFIDENCE
from ..measures.estimates import Estimate
from ..storage.writing import csv_bytes


class Section(NamedTuple):
    """A table with its title."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def text(self) -> str:
        """Return the table as a terminal shows it."""
        table = tabulate(self.rows, self.header, tablefmt="simple", disable_numparse=True)
        return f"{self.title}\n\n{table}"

    def markdown(self) -> str:
        """Return the table as Markdown."""
        header, *rows = (
            [cell.replace("\n", " ").replace("|", "\\|") for cell in row]
            for row in [self.header, *self.rows]
        )
        table = tabulate(rows, header, tablefmt="github", disable_numparse=True)
        return f"## {self.title}\n\n{table}"

    def html(self) -> str:
        """Return the table as HTML."""
        table = tabulate(self.rows, self.header, tablefmt="html", disable_numparse=True)
        return f"<h4>{escape(self.title)}</h4>{table}"


class HasInterval(Protocol):
    """A value with the limits of its interval; NaN where undefined."""

    @property
    def value(self) -> float:
        """The value itself."""

    @property
    def low(self) -> float:
        """The lower limit."""

    @property
    def high(self) -> float:
        """The upper limit."""


def with_interval(figure: HasInterval, form: str = ".4f") -> str:
    """Return a figure as a cell: ``0.2925 [0.2801, 0.3049]``."""
    if math.isnan(figure.value):
        return "undefined"
    if math.isnan(figure.low):
        return f"{figure.value:{form}}"
    return f"{figure.value:{form}} [{figure.low:{form}}, {figure.high:{form}}]"


def intervals_note(images: int, resamples: int) -> str:
    """Return what headings say about the intervals; empty if there are none."""
    if not resamples or images < 2:
        return ""
    return f". In brackets: {round(100 * CONFIDENCE)} % bootstrap intervals over images"


def blanked_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table as CSV, with NaN as blank cells."""
    blanked = (["" if _is_nan(cell) else cell for cell in row] for row in rows)
    return csv_bytes(header, blanked)


def estimate_records(figures: Iterable[Estimate[Any]]) -> list[dict[str, Any]]:
    """Return figures as JSON can hold them, the parts of the column first; NaN is null."""
    return [
        without_nan(
            {
                **figure.column._asdict(),
                **{key: value for key, value in figure._asdict().items() if key != "column"},
            }
        )
        for figure in figures
    ]


def without_nan(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with None, in JSON null, for NaN."""
    return {key: None if _is_nan(value) else value for key, value in record.items()}


def bootstrap_record(resamples: int, seed: int) -> dict[str, Any]:
    """Return how intervals were made, as JSON can hold it."""
    return {"confidence": CONFIDENCE, "resamples": resamples, "seed": seed}


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
