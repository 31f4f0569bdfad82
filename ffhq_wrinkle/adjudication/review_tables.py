"""Review tables: `review.csv`, `review.json` and `review.md`, made from the rows of all images."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import counted
from ..human_labels.agreement import Agreement, agreement_of_masks
from ..human_labels.tables import markdown
from ..reports.tabulation import Section
from ..storage.writing import csv_bytes, text_bytes
from .image_rows import MAJORITY, ImageRow, PartRow
from .verdicts import parse_drawing

TABLE, PAGE = "review.csv", "review.md"
_LISTED = 20
_NO_LIMIT = (1 << 30, 1 << 30)  # a shape that every box is inside


def review_csv(names: Sequence[str], rows: Sequence[ImageRow]) -> bytes:
    """Return a row for each image, whose part is blank, and for each of its parts."""
    header = ["image_id", "part", "top", "left", "height", "width", "state", "choice", "annotator"]
    header += ["reviewer", "time", "names_hidden", "pixels"]
    others = [*names, MAJORITY]
    header += [f"jaccard_{name}" for name in others] + [f"differing_px_{name}" for name in others]
    header += ["second_reviewer", "second_choice", "second_jaccard", "remarks"]
    table: list[list[object]] = []
    for row in rows:
        table.append(
            [
                row.image_id, "", 0, 0, row.height, row.width, _state_of(row), "", "",
                "", "", "", _blank(row.pixels), *_compared(row, others), "", "", "", "",
            ]
        )  # fmt: skip
        for part in row.parts:
            table.append(
                [
                    row.image_id, part.part, *part.box, part.state, part.choice, part.annotator,
                    part.reviewer, part.time, int(part.names_hidden), _blank(part.pixels),
                    *_compared(part, others), part.second_reviewer, part.second_choice,
                    _blank(part.second_jaccard), " | ".join(part.remarks),
                ]
            )  # fmt: skip
    return csv_bytes(header, table)


def _state_of(row: ImageRow) -> str:
    states = {part.state for part in row.parts}
    return "open" if "open" in states else "decided" if "decided" in states else "settled"


def _compared(row: ImageRow | PartRow, others: Sequence[str]) -> list[object]:
    return [_blank(row.jaccard.get(name)) for name in others] + [
        row.differing_px.get(name, "") for name in others
    ]


def _blank(value: float | None) -> object:
    return "" if value is None else value


def review_markdown(
    names: Sequence[str], rows: Sequence[ImageRow], *, reviewers: Sequence[str], images: int
) -> bytes:
    """Return the summary of a review: what was decided, by whom, and how far reviewers agree.

    Parameters
    ----------
    names : sequence of str
        The annotators' names.
    rows : sequence of ImageRow
        The rows of the images that were examined.
    reviewers : sequence of str
        The reviewers' names.
    images : int
        Number of images in the review.
    """
    parts = [(row.image_id, part) for row in rows for part in row.parts]
    states = Counter(part.state for _, part in parts)
    done = sum(_state_of(row) != "open" for row in rows)
    examined = f", {len(rows)} examined" if len(rows) < images else ""
    lines = [
        "# Review",
        f"{done} of {counted(images, 'image')} done{examined}; {counted(len(parts), 'part')}: "
        f"{states['decided']} decided, {states['settled']} settled by the majority, "
        f"{states['open']} open. Annotators: {', '.join(names)}.",
    ]
    lines += [_choices(parts, reviewers).markdown()] if states["decided"] else []
    lines += [_distances(names, rows).markdown()] if done else []
    agreements = list(reviewers_agreement(rows))
    if agreements:
        lines.append("## Agreement of reviewers")
        lines.append(
            "Parts that were decided twice; the second reviewer was not shown the first decision, "
            "which holds. Each part counts as an image."
        )
    for agreement in agreements:
        _, _, tables = markdown(agreement).partition("\n")  # without its title
        lines.append(f"### {' and '.join(agreement.names)}")
        lines.append(re.sub("^#", "###", tables.strip(), flags=re.MULTILINE))
    differing = [
        f"- {image_id}, part {part.part}: {part.reviewer} {_choice(part)}, "
        f"{part.second_reviewer} {part.second_choice}"
        for image_id, part in parts
        if part.second_reviewer and part.second_jaccard not in (None, 1.0)
    ]
    lines += _listed("Decided differently", differing)
    remarks = [
        f"- {image_id}, part {part.part}: {' '.join(remark.split())}"
        for image_id, part in parts
        for remark in part.remarks
    ]
    lines += _listed("Remarks", remarks)
    return text_bytes("\n\n".join(lines) + "\n")


def _listed(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    more = [f"- ... and {len(items) - _LISTED} more, see {TABLE}"] if len(items) > _LISTED else []
    return [f"## {title}", "\n".join([*items[:_LISTED], *more])]


def _choice(part: PartRow) -> str:
    return f"annotator {part.annotator}" if part.annotator else part.choice


def _choices(parts: Sequence[tuple[str, PartRow]], reviewers: Sequence[str]) -> Section:
    """Return how often each reviewer chose what."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, part in parts:
        if part.state == "decided":
            counts[_choice(part)][part.reviewer] += 1
    rows = [
        [choice, *(str(counts[choice][name]) for name in reviewers), str(counts[choice].total())]
        for choice in sorted(counts, key=lambda choice: (-counts[choice].total(), choice))
    ]
    return Section("Decisions", ["choice", *reviewers, "all"], rows)


def _distances(names: Sequence[str], rows: Sequence[ImageRow]) -> Section:
    """Return how far the results of images without open parts lie from each annotator."""
    done = [row for row in rows if _state_of(row) != "open"]
    table = []
    for name in (*names, MAJORITY):
        values = [value for row in done if (value := row.jaccard.get(name)) is not None]
        differing = sum(row.differing_px.get(name, 0) for row in done)
        mean = f"{sum(values) / len(values):.4f}" if values else "undefined"
        table.append([name, mean, str(len(values)), str(differing)])
    header = ["result and", "Jaccard, mean over images", "images", "differing pixels"]
    return Section("Results and annotators", header, table)


def reviewers_agreement(rows: Sequence[ImageRow]) -> Iterator[Agreement]:
    """Yield the agreement of every two reviewers on the parts that both decided."""
    pairs: defaultdict[tuple[str, str], dict[str, tuple[np.ndarray, np.ndarray]]]
    pairs = defaultdict(dict)
    for row in rows:
        for look in row.second_looks:
            drawings = (parse_drawing(drawing, _NO_LIMIT) for drawing in look["drawings"])
            named = sorted(zip(look["reviewers"], drawings, strict=True), key=lambda pair: pair[0])
            (first, pixels), (second, other) = ((name, drawn.pixels) for name, drawn in named)
            pairs[first, second][f"{row.image_id} {look['part']}"] = pixels, other
    for (first, second), parts in sorted(pairs.items()):
        yield agreement_of_masks(
            {
                first: {name: pixels for name, (pixels, _) in parts.items()},
                second: {name: pixels for name, (_, pixels) in parts.items()},
            }
        )
