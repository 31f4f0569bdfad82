"""Composition tables: a `Composition` as text, Markdown, CSV and JSON, after the paper's Table 1.

`composition_report` writes them to a folder.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import plural
from ..measures.bootstrap import CONFIDENCE
from ..reports.tabulation import Section, blanked_csv, without_nan, wrapped
from ..results.tabular import paragraphs_html
from .groups import title_of

if TYPE_CHECKING:
    from .composition import Composition, Difference, Share

_MIN_EXPECTED = 5  # below this expected count the p of chi-squared is rough [Cochran 1954]
NOTE = (
    "These labels are guesses about people who were not asked. Some are wrong, and the intervals "
    "do not account for that. The labels describe a set, never a person."
)


def printed(composition: "Composition", width: int | None = None) -> str:
    """Return the tables as text, in lines of at most `width` characters if it is given."""
    start = (wrapped(text, width) for text in (headline(composition), _heading(composition)))
    tables = (section.text(width) for section in _sections(composition))
    remarks = (wrapped(remark, width) for remark in _remarks(composition))
    return "\n\n".join([*start, *tables, *remarks])


def headline(composition: "Composition") -> str:
    """Return the main result in a sentence: the largest group of each set by each variable."""
    sets = []
    for name, faces in composition.faces.items():
        largest = []
        for variable in composition.variables:
            shares = [
                share
                for share in composition.shares_of(variable, name)
                if not math.isnan(share.share)
            ]
            if shares:
                most = max(shares, key=lambda share: share.share)
                largest.append(
                    f"{title_of(variable).lower()} {most.group} ({100 * most.share:.0f} %)"
                )
        groups = f", most often {', '.join(largest)}" if largest else ""
        sets.append(f"{name} has {faces:,} face{'s' * (faces != 1)}{groups}")
    return f"{'; '.join(sets)}."


def markdown(composition: "Composition") -> str:
    """Return the tables as Markdown."""
    tables = (section.markdown() for section in _sections(composition))
    start = ["# Composition of the data", headline(composition), _heading(composition)]
    return "\n\n".join([*start, *tables, *_remarks(composition)]) + "\n"


def html(composition: "Composition") -> str:
    """Return the tables as HTML."""
    tables = "".join(section.html() for section in _sections(composition))
    heading = paragraphs_html([headline(composition), _heading(composition)])
    return f"{heading}{tables}{paragraphs_html(_remarks(composition))}"


def _heading(composition: "Composition") -> str:
    sets = ", ".join(f"{name} {faces:,}" for name, faces in composition.faces.items())
    return (
        f"Faces: {sets}. Labels of {'; '.join(composition.sources)}. Shares are of the faces that "
        f"have a label. In brackets: {round(100 * CONFIDENCE)} % Wilson intervals for a population "
        "from which the set was drawn at random."
    )


def _sections(composition: "Composition") -> Iterable[Section]:
    names = list(composition.faces)
    rows: list[list[str]] = []
    for variable in composition.variables:
        title = title_of(variable)
        for shares in zip(*(composition.shares_of(variable, name) for name in names), strict=True):
            rows.append([title, shares[0].group, *map(_share_cell, shares)])
            title = ""
        unlabelled = [composition.unlabelled(variable, name) for name in names]
        rows.append(["", "no label", *(f"{count:,}" for count in unlabelled)])
    yield Section("Table 1", ["", "", *names], rows, labels=2)
    if composition.differences:
        header = ["", "sets", "chi-squared (df)", "p", "Cramér's V"]
        rows = list(map(_difference_cells, composition.differences))
        yield Section("How far the sets differ", header, rows, labels=2)


def _share_cell(share: "Share") -> str:
    """Return a share as a cell: ``246  24.6 % [22.0, 27.4]``."""
    if math.isnan(share.share):
        return f"{share.faces:,}"
    part, low, high = (100 * value for value in (share.share, share.low, share.high))
    return f"{share.faces:,}  {part:.1f} % [{low:.1f}, {high:.1f}]"


def _difference_cells(difference: "Difference") -> list[str]:
    association = difference.association
    sets = (
        f"{difference.first} ({difference.first_labelled:,}), "
        f"{difference.second} ({difference.second_labelled:,})"
    )
    if math.isnan(association.p):
        return [title_of(difference.variable), sets, *3 * ["undefined"]]
    p = f"{association.p:.4f}" if association.p >= 0.0001 else "< 0.0001"
    return [
        title_of(difference.variable),
        sets,
        f"{association.chi_squared:.1f} ({association.degrees})",
        f"{p} (rough)" if association.least_expected < _MIN_EXPECTED else p,
        f"{association.cramers_v:.3f}",
    ]


def _remarks(composition: "Composition") -> Iterable[str]:
    """Yield the remarks below the tables."""
    for name, count in composition.unknown.items():
        if count:
            yield (
                f"{name}: {count:,} of {composition.faces[name]:,} ids "
                f"{plural(count, 'is', 'are')} not in any table."
            )
    if any(difference.common for difference in composition.differences):
        yield (
            "In the lower table, faces in both sets count in the smaller one only. The numbers in "
            "brackets are the labelled faces that were compared."
        )
    expected = [difference.association.least_expected for difference in composition.differences]
    if any(count < _MIN_EXPECTED for count in expected):
        yield f"Rough: fewer than {_MIN_EXPECTED} faces of some group are expected."
    yield NOTE


def shares_csv(composition: "Composition") -> bytes:
    """Return a CSV with a row for each group of each set; see `share_rows`."""
    header, *rows = share_rows(composition)
    return blanked_csv(header, rows)


def share_rows(composition: "Composition") -> list[list[Any]]:
    """Return a header and a row for each group of each set.

    The faces without a label are the last group, which has no share.
    """
    header = ["set", "variable", "group", "faces", "labelled", "share", "low", "high"]
    rows: list[list[Any]] = [header]
    for variable in composition.variables:
        for name in composition.faces:
            shares = composition.shares_of(variable, name)
            rows += [list(share) for share in shares]
            unlabelled = composition.unlabelled(variable, name)
            labelled = shares[0].labelled
            rows.append([name, variable, "no label", unlabelled, labelled, *3 * [math.nan]])
    return rows


def record(composition: "Composition") -> dict[str, Any]:
    """Return all numbers and the sources of the labels as JSON values; undefined numbers are None.

    `docs/pipeline.md` explains each key.
    """
    return {
        "command": "demographics",
        "version": __version__,
        "note": NOTE,
        "sources": list(composition.sources),
        "age_groups": composition.age_groups,
        "confidence": CONFIDENCE,
        "sets": {
            name: {
                "faces": faces,
                "in_no_table": composition.unknown[name],
                "without_label": {
                    variable: composition.unlabelled(variable, name)
                    for variable in composition.variables
                },
            }
            for name, faces in composition.faces.items()
        },
        "shares": [_renamed(share._asdict()) for share in composition.shares],
        "differences": [
            without_nan(_flattened(difference)) for difference in composition.differences
        ],
    }


def _flattened(difference: "Difference") -> dict[str, Any]:
    """Return a difference with the values of its association in place of the association."""
    values = difference._asdict()
    del values["association"]
    return {**values, **difference.association._asdict()}


def _renamed(share: dict[str, Any]) -> dict[str, Any]:
    """Return a share with the names of the CSV's columns."""
    return without_nan({"set": share.pop("name"), **share})
