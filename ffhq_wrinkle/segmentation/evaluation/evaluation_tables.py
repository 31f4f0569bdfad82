"""Evaluation tables: an `Evaluation` as text, Markdown, CSV and JSON.

`evaluation_report` puts them into a folder.
"""

from collections.abc import Iterable
from typing import Any

from ... import __version__
from ...measures.estimates import MEAN, POOLED, Estimate
from ...reports.tabulation import (
    Section,
    blanked_csv,
    bootstrap_record,
    estimate_records,
    intervals_note,
    with_interval,
    without_nan,
)
from .comparison import Comparison
from .evaluation import Evaluation
from .scores import AREA, CENTRELINE, Measure

LISTED = 10
_TITLES = {"jsi": "JSI", "f1": "F1", CENTRELINE: "clDice", AREA: "area under PR curve"}
_HEADLINE = (Measure("jsi"), Measure("f1"), Measure("accuracy"))


def printed(evaluation: Evaluation, comparison: Comparison | None = None) -> str:
    """The tables as text."""
    tables = (section.text() for section in _sections(evaluation, comparison))
    return "\n\n".join([_heading(evaluation), *tables, *_remarks(evaluation, comparison)])


def markdown(evaluation: Evaluation, comparison: Comparison | None = None) -> str:
    """The same as Markdown."""
    tables = (section.markdown() for section in _sections(evaluation, comparison))
    remarks = _remarks(evaluation, comparison)
    return "\n\n".join(["# Evaluation", _heading(evaluation), *tables, *remarks]) + "\n"


def _heading(evaluation: Evaluation) -> str:
    images = len(evaluation.image_ids)
    text = f"{images} images"
    if evaluation.predictions:
        kind, folder = evaluation.predictions.kind, evaluation.predictions.folder
        text += f"; {kind} in {folder} against {evaluation.references}"
        if kind == "probabilities":
            text += f", predicted above {evaluation.settings.threshold:g}"
    if evaluation.settings.within:
        text += f"; within {evaluation.settings.within}"
    return f"{text}{intervals_note(images, evaluation.resamples)}."


def _title(column: Measure) -> str:
    title = _TITLES.get(column.measure, column.measure)
    return title if column.tolerance_px is None else f"{title} within {column.tolerance_px:g} px"


def _sections(evaluation: Evaluation, comparison: Comparison | None) -> Iterable[Section]:
    rows = [
        [_title(column), with_interval(mean), with_interval(pooled), _count(mean.undefined)]
        for column, mean, pooled in _by_column(evaluation.estimates)
    ]
    yield Section("Measures", ["", MEAN, POOLED, "undefined in"], rows)
    if comparison:
        rows = [
            [
                _title(column),
                with_interval(mean, "+.4f"),
                with_interval(pooled, "+.4f"),
                comparison.better(mean) or "not shown",
                _count(mean.undefined),
            ]
            for column, mean, pooled in _by_column(comparison.estimates)
        ]
        header = ["", MEAN, POOLED, "better", "undefined in"]
        yield Section(f"{comparison.names[0]} minus {comparison.names[1]}", header, rows)


def _by_column(
    figures: Iterable[Estimate[Measure]],
) -> Iterable[tuple[Measure, Estimate[Measure], Estimate[Measure]]]:
    """Each column with its mean over images and its pooled figure."""
    figures = iter(figures)
    for mean, pooled in zip(figures, figures, strict=True):
        yield mean.column, mean, pooled


def _count(undefined: int) -> str:
    return str(undefined or "-")


def _remarks(evaluation: Evaluation, comparison: Comparison | None) -> Iterable[str]:
    """Lines below the tables."""
    if comparison:
        yield from verdicts(comparison)
    if evaluation.both_empty:
        means = (f"{_title(column)} {value:.4f}" for column, value in _with_empty_as_1(evaluation))
        yield (
            f"Empty in both masks: {evaluation.both_empty} images, left out of these means. "
            f"Counted as 1 they would give {', '.join(means)}."
        )
    if evaluation.levels is not None:
        yield "The pooled area under the precision-recall curve has no interval."
    worst = [
        f"{evaluation.image_ids[number]} ({evaluation.of_images(Measure('jsi'))[number]:.2f})"
        for number in evaluation.worst()[:LISTED]
    ]
    if worst:
        yield f"Worst, by JSI: {', '.join(worst)}."


def _with_empty_as_1(evaluation: Evaluation) -> Iterable[tuple[Measure, float]]:
    """Means in which images that are empty in both masks count as 1."""
    for column in (Measure("jsi"), Measure("f1")):
        yield column, evaluation.mean_with_empty_as_1(column)


def verdicts(comparison: Comparison) -> list[str]:
    """One line for each of the paper's three measures: who is better, if its interval says so."""
    first, second = comparison.names
    lines = []
    for column, mean, _ in _by_column(comparison.estimates):
        if column not in _HEADLINE:
            continue
        better = comparison.better(mean)
        said = f"difference {with_interval(mean, '+.4f')}, mean over images"
        if better:
            lines.append(f"{better} is better by {_title(column)}: {said}.")
        else:
            lines.append(
                f"{_title(column)} of {first} and {second}: no difference that this set of images "
                f"could show ({said})."
            )
    return lines


def per_image_csv(evaluation: Evaluation, comparison: Comparison | None = None) -> bytes:
    """Every measure of every image, the worst first."""
    scores, compared = evaluation.scores, comparison.columns if comparison else []
    header = ["image_id", "pixels", "true_positive", "false_positive", "false_negative"]
    header += ["true_negative", *map(_column_name, evaluation.columns)]
    header += [f"difference_{_column_name(column)}" for column in compared]

    def row(number: int) -> list[object]:
        pixels, reference, predicted, both = (counts[number] for counts in scores[:4])
        wrong = predicted - both, reference - both
        cells = [evaluation.image_ids[number], pixels, both, *wrong]
        cells += [pixels - both - sum(wrong), *evaluation.per_image[number]]
        return [*cells, *comparison.per_image[number]] if comparison else cells

    return blanked_csv(header, map(row, evaluation.worst_first()))


def _column_name(column: Measure) -> str:
    near = "" if column.tolerance_px is None else f"_{column.tolerance_px:g}px"
    return f"{column.measure}{near}"


def record(evaluation: Evaluation, comparison: Comparison | None = None) -> dict[str, Any]:
    """Every figure, and what it was made from, as JSON can hold it; undefined is null.

    `docs/pipeline.md` has the meaning of each key.
    """
    predictions = evaluation.predictions
    references = evaluation.references
    found: dict[str, Any] = {
        "command": "evaluate",
        "version": __version__,
        "predictions": str(predictions.folder.resolve()) if predictions else None,
        "kind": predictions.kind if predictions else None,
        "references": str(references.resolve()) if references else None,
        "settings": evaluation.settings.record(),
        "images": len(evaluation.image_ids),
        "both_empty": evaluation.both_empty,
        "means_with_empty_as_1": without_nan(
            {column.measure: value for column, value in _with_empty_as_1(evaluation)}
        ),
        "bootstrap": bootstrap_record(evaluation.resamples, evaluation.seed),
        "estimates": estimate_records(evaluation.estimates),
    }
    if comparison:
        other = comparison.second.predictions
        found["comparison"] = {
            "names": list(comparison.names),
            "other": str(other.folder.resolve()) if other else None,
            "kind": other.kind if other else None,
            "differences": [
                {**row, "better": comparison.better(figure)}
                for row, figure in zip(
                    estimate_records(comparison.estimates), comparison.estimates, strict=True
                )
            ],
        }
    return found
