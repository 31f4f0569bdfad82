"""Evaluation tables: an `Evaluation` as text, Markdown, CSV and JSON.

`evaluation_report` puts them into a folder.
"""

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...errors import counted, first_few, plural
from ...measures.estimates import MEAN, POOLED, Estimate
from ...reports.tabulation import (
    Section,
    blanked_csv,
    bootstrap_record,
    estimate_records,
    in_words,
    intervals_note,
    with_interval,
    without_nan,
    wrapped,
)
from ...results.tabular import paragraphs_html
from .measures import RANKED_BY, Column, headline

if TYPE_CHECKING:
    from .comparison import Comparison
    from .evaluation import Evaluation

LISTED = 10


def printed(
    evaluation: "Evaluation", comparison: "Comparison | None" = None, width: int | None = None
) -> str:
    """Return the tables as text, in lines of at most `width` characters if it is given."""
    start = [headline_of(evaluation, comparison), _heading(evaluation)]
    tables = (section.text(width) for section in _sections(evaluation, comparison))
    remarks = (wrapped(remark, width) for remark in _remarks(evaluation, comparison))
    return "\n\n".join([*(wrapped(text, width) for text in start), *tables, *remarks])


def headline_of(evaluation: "Evaluation", comparison: "Comparison | None" = None) -> str:
    """Return the main result in a sentence."""
    if comparison:
        return verdicts(comparison)[0]
    means = {figure.column: figure for figure in evaluation.estimates if figure.aggregate == MEAN}
    scores = " and ".join(
        f"{column.title} {with_interval(means[column], '.2f')}"
        for column in (Column("jsi"), Column("f1"))
    )
    return f"The predictions of {in_words(len(evaluation.image_ids), 'image')} have {scores}."


def markdown(evaluation: "Evaluation", comparison: "Comparison | None" = None) -> str:
    """Return the same as Markdown."""
    tables = (section.markdown() for section in _sections(evaluation, comparison))
    remarks = _remarks(evaluation, comparison)
    start = ["# Evaluation", headline_of(evaluation, comparison), _heading(evaluation)]
    return "\n\n".join([*start, *tables, *remarks]) + "\n"


def html(evaluation: "Evaluation", comparison: "Comparison | None" = None) -> str:
    """Return the same as HTML."""
    tables = "".join(section.html() for section in _sections(evaluation, comparison))
    heading = paragraphs_html([headline_of(evaluation, comparison), _heading(evaluation)])
    return f"{heading}{tables}{paragraphs_html(_remarks(evaluation, comparison))}"


def _heading(evaluation: "Evaluation") -> str:
    images = len(evaluation.image_ids)
    text = counted(images, "image")
    if evaluation.source:
        kind, folder = evaluation.source.predictions.kind, evaluation.source.predictions.folder
        text += f"; {kind} in {folder} against {evaluation.source.references}"
        if kind == "probabilities":
            text += f", predicted above {evaluation.settings.threshold:g}"
    if evaluation.settings.within:
        text += f"; within {evaluation.settings.within}"
    return f"{text}{intervals_note(images, evaluation.resamples, evaluation.subjects)}."


def _sections(evaluation: "Evaluation", comparison: "Comparison | None") -> Iterable[Section]:
    rows = [
        [
            column.title,
            with_interval(mean, column.declared.form),
            with_interval(pooled, column.declared.form),
            _count(mean.undefined),
        ]
        for column, mean, pooled in _by_column(evaluation.estimates)
    ]
    yield Section("Measures", ["", MEAN, POOLED, "undefined in"], rows)
    if evaluation.by_region:
        yield _region_section(evaluation)
    if comparison:
        rows = [
            [
                column.title,
                _difference(mean),
                _difference(pooled),
                comparison.better(mean) or "not shown",
                _count(mean.undefined),
            ]
            for column, mean, pooled in _by_column(comparison.estimates)
        ]
        header = ["", MEAN, POOLED, "better", "undefined in"]
        yield Section(f"{comparison.names[0]} minus {comparison.names[1]}", header, rows)


def _region_section(evaluation: "Evaluation") -> Section:
    """Return JSI and F1 of each region; `regions_csv` has the other measures."""
    measures = [Column("jsi"), Column("f1")]
    rows = []
    for number, (name, figures) in enumerate(evaluation.region_estimates.items()):
        drawn = sum(int(image.scores[number].reference) for image in evaluation.by_region)
        cells, undefined = [name, str(drawn)], ""
        for column, mean, pooled in _by_column(figures):
            if column in measures:
                form = column.declared.form
                cells += [with_interval(mean, form), with_interval(pooled, form)]
                undefined = _count(mean.undefined)  # the same images for both
        rows.append([*cells, undefined])
    titles = [f"{column.title}, {aggregate}" for column in measures for aggregate in (MEAN, POOLED)]
    return Section("Regions", ["", "drawn px", *titles, "undefined in"], rows)


def regions_csv(evaluation: "Evaluation") -> bytes:
    """Return every exact measure of each region as CSV, a row a region."""
    rows: list[list[Any]] = []
    header = ["region", "reference_px", "predicted_px"]
    for number, (name, figures) in enumerate(evaluation.region_estimates.items()):
        scores = [image.scores[number] for image in evaluation.by_region]
        cells: list[Any] = [name]
        cells += [sum(int(each.reference) for each in scores)]
        cells += [sum(int(each.predicted) for each in scores)]
        names = list(header)
        for column, mean, pooled in _by_column(figures):
            for kind, figure in (("mean", mean), ("pooled", pooled)):
                start = f"{column.name}_{kind}"
                names += [start, f"{start}_low", f"{start}_high"]
                cells += [figure.value, figure.low, figure.high]
            names.append(f"{column.name}_undefined")
            cells.append(mean.undefined)
        rows = [*(rows or [names]), cells]
    return blanked_csv(rows[0], rows[1:])


def _by_column(
    figures: Iterable[Estimate[Column]],
) -> Iterable[tuple[Column, Estimate[Column], Estimate[Column]]]:
    """Yield each column with its mean over images and its pooled figure."""
    figures = iter(figures)
    for mean, pooled in zip(figures, figures, strict=True):
        yield mean.column, mean, pooled


def _difference(figure: Estimate[Column]) -> str:
    """Return a difference as a cell, with its sign."""
    return with_interval(figure, f"+{figure.column.declared.form}")


def _count(undefined: int) -> str:
    return str(undefined or "-")


def _remarks(evaluation: "Evaluation", comparison: "Comparison | None") -> Iterable[str]:
    """Yield lines below the tables."""
    if comparison:
        yield from verdicts(comparison)[1:]  # the first is the headline
    if evaluation.both_empty:
        means = (
            f"{column.title} {value:{column.declared.form}}"
            for column, value in _with_empty_as_1(evaluation)
        )
        yield (
            f"Empty in both masks: {counted(evaluation.both_empty, 'image')}, left out of these "
            f"means. Counted as 1 they would give {', '.join(means)}."
        )
    faceless = [
        image_id
        for image_id, image in zip(evaluation.image_ids, evaluation.by_region, strict=False)
        if not image.has_regions
    ]
    if faceless:
        yield (
            f"No face that can be trusted: {in_words(len(faceless), 'image')} "
            f"({first_few(faceless)}), which "
            f"{plural(len(faceless), 'is', 'are')} elsewhere as a whole."
        )
    for column in evaluation.pooled_of_levels:
        name = column.declared.long_title or column.title
        yield f"The pooled {name} has no interval."
    worst = [
        f"{evaluation.image_ids[number]} ({evaluation.of_images(RANKED_BY)[number]:.2f})"
        for number in evaluation.worst()[:LISTED]
    ]
    if worst:
        yield f"Worst, by {RANKED_BY.title}: {', '.join(worst)}."


def _with_empty_as_1(evaluation: "Evaluation") -> Iterable[tuple[Column, float]]:
    """Yield means in which images that are empty in both masks count as 1.

    This applies to the headline measures that are undefined there and have 1 as best value.
    """
    for name, measure in headline().items():
        if math.isnan(measure.both_empty) and measure.best == 1:
            yield Column(name), evaluation.mean_with_empty_as_1(Column(name))


def verdicts(comparison: "Comparison") -> list[str]:
    """Return a line for each headline measure: which method is better, if its interval says so."""
    first, second = comparison.names
    headlines = [Column(name) for name in headline()]
    lines = []
    for column, mean, _ in _by_column(comparison.estimates):
        if column not in headlines:
            continue
        better = comparison.better(mean)
        said = f"difference {_difference(mean)}, mean over images"
        if better:
            lines.append(f"{better} is better by {column.title}: {said}.")
        else:
            lines.append(
                f"{column.title} of {first} and {second}: no difference that this set of images "
                f"could show ({said})."
            )
    return lines


def per_image_csv(evaluation: "Evaluation", comparison: "Comparison | None" = None) -> bytes:
    """Return every measure of every image as CSV, the worst image first."""
    header, *rows = per_image_rows(evaluation, comparison)
    return blanked_csv(header, rows)


def per_image_rows(
    evaluation: "Evaluation", comparison: "Comparison | None" = None
) -> Iterator[list[Any]]:
    """Yield a header, and a row of pixels and measures for each image, the worst image first."""
    scores, compared = evaluation.scores, comparison.columns if comparison else []
    header = ["image_id", "pixels", "true_positive", "false_positive", "false_negative"]
    header += ["true_negative", *(column.name for column in evaluation.columns)]
    header += [f"difference_{column.name}" for column in compared]
    yield header
    for number in evaluation.worst_first():
        pixels, reference, predicted, both = (counts[number] for counts in scores[:4])
        wrong = predicted - both, reference - both
        cells = [evaluation.image_ids[number], pixels, both, *wrong]
        cells += [pixels - both - sum(wrong), *evaluation.per_image[number]]
        yield [*cells, *comparison.per_image[number]] if comparison else cells


def record(evaluation: "Evaluation", comparison: "Comparison | None" = None) -> dict[str, Any]:
    """Return every figure and its origin as JSON can hold it; undefined is null.

    `docs/pipeline.md` has the meaning of each key.
    """
    entries: dict[str, Any] = {
        "command": "evaluate",
        "version": __version__,
        **_origin(evaluation, "predictions"),
        "references": str(evaluation.source.references.resolve()) if evaluation.source else None,
        "settings": evaluation.settings.record(),
        "images": len(evaluation.image_ids),
        "both_empty": evaluation.both_empty,
        "means_with_empty_as_1": without_nan(
            {column.measure: value for column, value in _with_empty_as_1(evaluation)}
        ),
        "bootstrap": bootstrap_record(
            evaluation.resamples, evaluation.seed, evaluation.group_by, evaluation.subjects
        ),
        "estimates": estimate_records(evaluation.estimates),
    }
    if evaluation.by_region:
        entries["regions"] = {
            name: estimate_records(figures) for name, figures in evaluation.region_estimates.items()
        }
    if comparison:
        entries["comparison"] = {
            "names": list(comparison.names),
            **_origin(comparison.second, "other"),
            "differences": [
                {**row, "better": comparison.better(figure)}
                for row, figure in zip(
                    estimate_records(comparison.estimates), comparison.estimates, strict=True
                )
            ],
        }
    return entries


def _origin(evaluation: "Evaluation", key: str) -> dict[str, str | None]:
    """Return the folder of the predictions, by this key, and their kind; None for arrays."""
    if evaluation.source is None:
        return {key: None, "kind": None}
    predictions = evaluation.source.predictions
    return {key: str(predictions.folder.resolve()), "kind": predictions.kind}
