"""Tabulation: figures as tables in text, Markdown, CSV and JSON, whatever they measure."""

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple, Protocol

import numpy as np
from tabulate import MIN_PADDING, tabulate

from ..measures.bootstrap import CONFIDENCE
from ..measures.estimates import Estimate
from ..storage.writing import csv_bytes

_BETWEEN_COLUMNS = 2  # spaces
_NARROWEST = 8  # a column is not wrapped further than this
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


class Section(NamedTuple):
    """A table with its title; the first `labels` columns say what a row is about."""

    title: str
    header: list[str]
    rows: list[list[str]]
    labels: int = 1

    def text(self, width: int | None = None) -> str:
        """Return the table as a terminal shows it.

        Parameters
        ----------
        width : int, optional
            Characters of a line. A table that is wider is printed in several parts, each with the
            columns that say what a row is about, and long cells are wrapped.
        """
        parts = [self._printed(columns, width) for columns in self._parts(width)]
        return "\n\n".join([wrapped(self.title, width), *parts])

    def _parts(self, width: int | None) -> Iterator[list[int]]:
        """Yield the numbers of the columns of each part."""
        columns = range(len(self.header))
        if width is None or self._width(columns) <= width:
            yield list(columns)
            return
        labels = list(columns[: self.labels])
        part = labels
        for column in columns[self.labels :]:
            if part != labels and self._width([*part, column], width) > width:
                yield part
                part = labels
            part = [*part, column]
        yield part

    def _width(self, columns: Sequence[int], width: int | None = None) -> int:
        """Return the width of some columns beside each other, wrapped for lines of `width`."""
        # A header that is wrapped is padded as others are.
        widths = [
            min(self._column_width(each), self._most(each, width) + MIN_PADDING) for each in columns
        ]
        return sum(widths) + _BETWEEN_COLUMNS * (len(widths) - 1)

    def _column_width(self, column: int) -> int:
        # tabulate makes a column two characters wider than its header.
        header = max(map(len, self.header[column].split("\n"))) + MIN_PADDING
        lines = (line for row in self.rows for line in row[column].split("\n"))
        return max([header, *map(len, lines)])

    def _most(self, column: int, width: int | None) -> int:
        """Return to which width a column is wrapped at most: labels share half a line."""
        if width is None:
            return self._column_width(column)
        half = width // 2 - _BETWEEN_COLUMNS - MIN_PADDING
        return max(_NARROWEST, half // self.labels if column < self.labels else half)

    def _printed(self, columns: Sequence[int], width: int | None) -> str:
        def line(cells: Sequence[str]) -> list[str]:
            return [_wrapped_cell(cells[each], self._most(each, width)) for each in columns]

        rows = [line(row) for row in self.rows]
        return tabulate(rows, line(self.header), tablefmt="simple", disable_numparse=True)

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


def wrapped(text: str, width: int | None) -> str:
    """Return paragraphs with lines of at most this many characters; a longer word has its own."""
    if width is None:
        return text
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


def _wrapped_cell(cell: str, width: int) -> str:
    if max(map(len, cell.split("\n"))) <= width:
        return cell
    lines = textwrap.wrap(cell, width, break_on_hyphens=False)
    return "\n".join(lines)


def in_words(count: int, noun: str) -> str:
    """Return a count with its noun, in words up to ten.

    >>> in_words(3, "annotator"), in_words(1, "image"), in_words(1000, "image")
    ('three annotators', 'one image', '1,000 images')
    """
    number = _WORDS[count] if count < len(_WORDS) else f"{count:,}"
    return f"{number} {noun}{'s' * (count != 1)}"


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


def intervals_note(images: int, resamples: int, subjects: np.ndarray | None = None) -> str:
    """Return what headings say about the intervals; empty if there are none."""
    drawn = images if subjects is None else _count(subjects)
    if not resamples or drawn < 2:
        return ""
    over = "images" if subjects is None else f"{drawn} subjects"
    return f". In brackets: {round(100 * CONFIDENCE)} % bootstrap intervals over {over}"


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


def bootstrap_record(
    resamples: int, seed: int, group_by: str | None = None, subjects: np.ndarray | None = None
) -> dict[str, Any]:
    """Return how intervals were made, as JSON can hold it; subjects only if they were drawn."""
    entries: dict[str, Any] = {"confidence": CONFIDENCE, "resamples": resamples, "seed": seed}
    if subjects is not None:
        entries |= {"group_by": group_by, "subjects": _count(subjects)}
    return entries


def _count(subjects: np.ndarray) -> int:
    return int(subjects.max()) + 1


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
