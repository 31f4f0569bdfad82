"""Experiment tables: `Experiments` beside the paper's scores, as text, Markdown, CSV and JSON.

`experiment_report` puts them into a folder.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...errors import counted
from ...reports.tabulation import (
    Section,
    blanked_csv,
    bootstrap_record,
    in_words,
    intervals_note,
    with_interval,
    without_nan,
    wrapped,
)
from ...results.tabular import paragraphs_html
from ..evaluation.measures import Measure, headline
from .paper_tables import FRACTIONS, ROWS, TABLES, PaperScores

if TYPE_CHECKING:
    from .experiments import Apart, Cell, Experiments, Figure

_NOTHING = "-"
_OF_THE_PAPER = (
    "The paper's figures are of its own data and length of training: 100 faces of FFHQ-Wrinkle, "
    "whole at 1024x1024, 150 epochs of finetuning (Swin UNETR 300)."
)
_WITHOUT_PAPER = (
    "The paper's scores are left out, because these runs were not scored on the test images of "
    "FFHQ-Wrinkle; --with-paper adds them."
)


def printed(experiments: "Experiments", width: int | None = None) -> str:
    """Return the tables as text, in lines of at most `width` characters if it is given."""
    start = (wrapped(text, width) for text in (headline_of(experiments), _heading(experiments)))
    tables = (section.text(width) for section in _sections(experiments))
    return "\n\n".join([*start, *tables])


def headline_of(experiments: "Experiments") -> str:
    """Return the main result in a sentence."""
    scored = [cell for cell in experiments.cells if not math.isnan(cell.figure("jsi").value)]
    if not scored:
        return "No run can be compared."
    best = max(scored, key=lambda cell: cell.figure("jsi").value)
    return (
        f"{best.recipe} has the highest JSI, {with_interval(best.figure('jsi'), '.2f')}, with "
        f"{percent(best.fraction)} of the training images ({in_words(len(best.runs), 'seed')})."
    )


def markdown(experiments: "Experiments") -> str:
    """Return the same as Markdown."""
    tables = (section.markdown() for section in _sections(experiments))
    start = ["# Experiments", headline_of(experiments), _heading(experiments)]
    return "\n\n".join([*start, *tables]) + "\n"


def html(experiments: "Experiments") -> str:
    """Return the same as HTML."""
    tables = "".join(section.html() for section in _sections(experiments))
    start = paragraphs_html([headline_of(experiments), _heading(experiments)])
    return f"{start}{tables}"


def percent(fraction: float) -> str:
    """Return a fraction as a percentage.

    >>> percent(0.05)
    '5 %'
    """
    return f"{100 * fraction:g} %"


def _heading(experiments: "Experiments") -> str:
    if not experiments.cells:
        return "No run is what its recipe's name says, so that there are no tables."
    images = experiments.test_images
    runs = sum(len(cell.runs) for cell in experiments.cells)
    same = f"the same {counted(images, 'test image')}"
    text = f"{counted(runs, 'run')}, scored on {same}: means over images, then seeds"
    text += intervals_note(images, experiments.resamples, experiments.subjects)
    common = ", ".join(f"{key} {value}" for key, value in experiments.common.items())
    about_paper = _OF_THE_PAPER if experiments.with_paper else _WITHOUT_PAPER
    paragraphs = [f"{text}. In common: {common}.", *_remarks(experiments), about_paper]
    return "\n\n".join(paragraphs)


def _remarks(experiments: "Experiments") -> Iterable[str]:
    """Yield what a reader should know about the runs of the tables."""
    if str(experiments.adaptation):
        yield (
            f"All recipes were changed: {experiments.adaptation}. These scores therefore say "
            "little about the paper's."
        )
    if len(experiments.versions) > 1:
        versions = ", ".join(
            f"{version} ({len(runs)} runs, such as {runs[0]})"
            for version, runs in experiments.versions.items()
        )
        yield (
            "These runs were trained or scored by different versions of ffhq-wrinkle, which may be "
            f"why they differ: {versions}."
        )


def _sections(experiments: "Experiments") -> Iterable[Section]:
    compared = {(cell.recipe, cell.fraction) for cell in experiments.cells}
    for table in TABLES if experiments.with_paper else ():
        for fraction in FRACTIONS:
            if any((row.recipe, fraction) in compared for row in table.rows):
                rows = [
                    _row(experiments, row.recipe, row.title, fraction, row.scores[fraction])
                    for row in table.rows
                ]
                title = f"{table.title} at {percent(fraction)} of the training images"
                yield Section(title, _header(with_paper=True), rows)
    others: dict[float, list[list[str]]] = {}
    for cell in experiments.cells:
        if cell.paper is None:
            row = _row(experiments, cell.recipe, _paper_title(cell), cell.fraction, None)
            others.setdefault(cell.fraction, []).append(row)
    for fraction in sorted(others, reverse=True):
        start = "Not in the paper, at" if experiments.with_paper else "At"
        title = f"{start} {percent(fraction)} of the training images"
        header = _header(with_paper=experiments.with_paper)
        yield Section(title, header, others[fraction])
    if experiments.cells:
        header = ["recipe", "of images", "parameters, as the paper counts", "all parameters"]
        header += ["training", "memory"]
        yield Section("Cost", header, [_cost(cell) for cell in experiments.cells])
    if experiments.apart:
        header = ["run", "recipe", "of images", "seed", *map(_title, headline().values()), "why"]
        yield Section(
            "Not comparable, and in no mean", header, list(map(_apart, experiments.apart))
        )
    if experiments.unfinished:
        rows = [
            [str(entry.run.path), entry.run.recipe.name, entry.why]
            for entry in experiments.unfinished
        ]
        yield Section("Unfinished", ["run", "recipe", "why"], rows)


def _paper_title(cell: "Cell") -> str:
    return ROWS[cell.recipe].title if cell.recipe in ROWS else _NOTHING


def _title(measure: Measure) -> str:
    return measure.short_title or measure.title


def _header(*, with_paper: bool) -> list[str]:
    header = ["recipe", "row", "seeds"]
    for title in map(_title, headline().values()):
        header += [title, f"paper's {title}"] if with_paper else [title]
    return [*header, "JSI of the seeds"]


def _row(
    experiments: "Experiments", recipe: str, title: str, fraction: float, paper: PaperScores | None
) -> list[str]:
    cell = experiments.cell(recipe, fraction)
    row = [recipe, title, str(len(cell.runs)) if cell else _NOTHING]
    for name, measure in headline().items():
        published = _published(paper, name)
        row.append(with_interval(cell.figure(name), measure.form) if cell else _NOTHING)
        if experiments.with_paper:
            row.append(_NOTHING if published is None else f"{published:{measure.form}}")
    return [*row, _range(cell.figure("jsi")) if cell else _NOTHING]


def _published(paper: PaperScores | None, measure: str) -> float | None:
    """Return the paper's score by a measure; None if it has none."""
    return None if paper is None else paper._asdict().get(measure)


def _range(figure: "Figure") -> str:
    if math.isnan(figure.least):
        return "undefined"
    return f"{figure.least:.4f} to {figure.most:.4f}"


def _cost(cell: "Cell") -> list[str]:
    counts = cell.parameters or (None, None)
    return [
        cell.recipe,
        percent(cell.fraction),
        *(_NOTHING if count is None else f"{count:,}" for count in counts),
        _NOTHING if cell.seconds is None else duration(cell.seconds),
        _NOTHING if cell.memory_mib is None else f"{cell.memory_mib:,.0f} MiB",
    ]


def duration(seconds: float) -> str:
    """Return a duration in readable units.

    >>> duration(7500), duration(150), duration(9.04)
    ('2 h 05 min', '2 min 30 s', '9.0 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60:02d} min"


def _apart(entry: "Apart") -> list[str]:
    run = entry.run
    figures = (
        with_interval(figure, measure.form)
        for figure, measure in zip(entry.figures, headline().values(), strict=True)
    )
    return [
        *(str(run.path), run.recipe.name, percent(run.fraction), str(run.seed)),
        *(*figures, entry.why),
    ]


def table_csv(experiments: "Experiments") -> bytes:
    """Return a row for each cell, then for each run that is in none, as CSV; NaN is blank."""
    header, *rows = table_rows(experiments)
    return blanked_csv(header, (["" if cell is None else cell for cell in row] for row in rows))


def table_rows(experiments: "Experiments") -> list[list[Any]]:
    """Return a header, a row for each cell, and one for each run that is in no cell."""
    parts = ("value", "low", "high", "least", "most", "pooled")
    header = ["recipe", "fraction", "comparable", "why_not", "runs", "seeds"]
    for measure in headline():
        header += [measure, *(f"{measure}_{part}" for part in parts[1:]), f"{measure}_paper"]
    header += ["parameters_paper", "parameters", "seconds", "memory_mib"]
    rows: list[list[Any]] = [header]
    for cell in experiments.cells:
        seeds = " ".join(str(run.seed) for run in cell.runs)
        costs = [*(cell.parameters or (None, None)), cell.seconds, cell.memory_mib]
        start = [cell.recipe, cell.fraction, "yes", "", len(cell.runs), seeds]
        rows.append([*start, *_cells(cell.figures, cell.paper), *costs])
    for entry in (*experiments.apart, *experiments.unfinished):
        run = entry.run
        start = [run.recipe.name, run.fraction, "no", f"{run.path}: {entry.why}", 1, run.seed]
        figures = _cells(entry.figures, None) if entry.figures else [None] * 7 * len(headline())
        rows.append([*start, *figures, *[None] * 4])
    return rows


def _cells(figures: "Sequence[Figure]", paper: PaperScores | None) -> list[object]:
    return [cell for figure in figures for cell in (*figure[1:], _published(paper, figure.measure))]


def record(experiments: "Experiments") -> dict[str, Any]:
    """Return every figure and its origin as JSON can hold it; undefined is null.

    `docs/pipeline.md` has the meaning of each key.
    """
    return {
        "command": "compare",
        "version": __version__,
        "bootstrap": bootstrap_record(
            experiments.resamples, experiments.seed, experiments.group_by, experiments.subjects
        ),
        "test_images": experiments.test_images,
        **_adaptation_record(experiments),
        "common": dict(experiments.common),
        **_versions_record(experiments),
        "cells": [
            {
                "recipe": cell.recipe,
                "fraction": cell.fraction,
                "runs": [str(run.path.resolve()) for run in cell.runs],
                "seeds": [run.seed for run in cell.runs],
                "figures": [without_nan(figure._asdict()) for figure in cell.figures],
                "paper": cell.paper._asdict() if cell.paper else None,
                "parameters": cell.parameters._asdict() if cell.parameters else None,
                "seconds": cell.seconds,
                "memory_mib": cell.memory_mib,
            }
            for cell in experiments.cells
        ],
        "not_comparable": [_apart_record(entry) for entry in experiments.apart],
        "unfinished": [_apart_record(entry) for entry in experiments.unfinished],
    }


def _adaptation_record(experiments: "Experiments") -> dict[str, Any]:
    """Return the change of all recipes, if there is one."""
    adaptation = experiments.adaptation
    if not str(adaptation):
        return {}
    return {"changed": {"budget": adaptation.budget, "options": dict(adaptation.options)}}


def _versions_record(experiments: "Experiments") -> dict[str, Any]:
    """Return the runs of each version, if there are several versions."""
    if len(experiments.versions) < 2:
        return {}
    runs = experiments.versions.items()
    return {"versions": {name: [str(path.resolve()) for path in paths] for name, paths in runs}}


def _apart_record(entry: "Apart") -> dict[str, Any]:
    return {
        "run": str(entry.run.path.resolve()),
        "recipe": entry.run.recipe.name,
        "fraction": entry.run.fraction,
        "seed": entry.run.seed,
        "why": entry.why,
        "figures": [without_nan(figure._asdict()) for figure in entry.figures],
    }
