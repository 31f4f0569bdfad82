"""Composition tables: a `Composition` as text, Markdown, CSV and JSON, after the paper's Table 1.

`composition_report` puts them into a folder.
"""

import math
from collections.abc import Iterable
from typing import Any

from .. import __version__
from ..measures.bootstrap import CONFIDENCE
from ..reports.tabulation import Section, blanked_csv, without_nan
from .composition import Composition, Difference, Share
from .groups import TITLES

_FEW = 5  # expected counts below this make chi-squared's p rough [Cochran 1954]
NOTE = (
    "These labels are guesses about people who were not asked, and some are wrong; intervals know "
    "nothing of that. They describe a set, never a person."
)


def printed(composition: Composition) -> str:
    """The tables as text."""
    tables = (section.text() for section in _sections(composition))
    return "\n\n".join([_heading(composition), *tables, *_remarks(composition)])


def markdown(composition: Composition) -> str:
    """The same as Markdown."""
    tables = (section.markdown() for section in _sections(composition))
    parts = ["# Who is in the data", _heading(composition), *tables, *_remarks(composition)]
    return "\n\n".join(parts) + "\n"


def _heading(composition: Composition) -> str:
    sets = ", ".join(f"{name} {faces:,}" for name, faces in composition.faces.items())
    of_labelled = f"{round(100 * CONFIDENCE)} % Wilson intervals"
    return (
        f"Faces: {sets}. Labels of {'; '.join(composition.sources)}. Shares are of the faces that "
        f"have a label; in brackets, {of_labelled} for what a set was drawn from at random."
    )


def _sections(composition: Composition) -> Iterable[Section]:
    names = list(composition.faces)
    rows: list[list[str]] = []
    for variable in composition.variables:
        title = TITLES[variable]
        for shares in zip(*(composition.of(variable, name) for name in names), strict=True):
            rows.append([title, shares[0].group, *map(_share_cell, shares)])
            title = ""
        unlabelled = [composition.unlabelled(variable, name) for name in names]
        rows.append(["", "no label", *(f"{count:,}" for count in unlabelled)])
    yield Section("Table 1", ["", "", *names], rows)
    if composition.differences:
        header = ["", "sets", "chi-squared (df)", "p", "Cramér's V"]
        yield Section("How far the sets differ", header, list(map(_cells, composition.differences)))


def _share_cell(share: Share) -> str:
    """A group as a cell: ``246  24.6 % [22.0, 27.4]``."""
    if math.isnan(share.share):
        return f"{share.faces:,}"
    part, low, high = (100 * one for one in (share.share, share.low, share.high))
    return f"{share.faces:,}  {part:.1f} % [{low:.1f}, {high:.1f}]"


def _cells(difference: Difference) -> list[str]:
    found = difference.association
    sets = (
        f"{difference.first} ({difference.first_labelled:,}), "
        f"{difference.second} ({difference.second_labelled:,})"
    )
    if math.isnan(found.p):
        return [TITLES[difference.variable], sets, *3 * ["undefined"]]
    p = f"{found.p:.4f}" if found.p >= 0.0001 else "< 0.0001"
    return [
        TITLES[difference.variable],
        sets,
        f"{found.chi_squared:.1f} ({found.degrees})",
        f"{p} (rough)" if found.least_expected < _FEW else p,
        f"{found.cramers_v:.3f}",
    ]


def _remarks(composition: Composition) -> Iterable[str]:
    """Lines below the tables."""
    for name, count in composition.unknown.items():
        if count:
            yield f"Of {name}, {count:,} of {composition.faces[name]:,} ids are in no table."
    if any(difference.common for difference in composition.differences):
        yield (
            "In the lower table, faces that are in both sets count in the smaller one only; the "
            "numbers in brackets are the labelled faces that were compared."
        )
    if any(one.association.least_expected < _FEW for one in composition.differences):
        yield f"Rough: some group is so rare that fewer than {_FEW} faces of it are expected."
    yield NOTE


def shares_csv(composition: Composition) -> bytes:
    """Every group of every set, one a row; the faces without a label are a group without share."""
    rows: list[list[object]] = []
    for variable in composition.variables:
        for name in composition.faces:
            shares = composition.of(variable, name)
            rows += [list(share) for share in shares]
            unlabelled = composition.unlabelled(variable, name)
            nothing = [math.nan] * 3
            labelled = shares[0].labelled
            rows.append([name, variable, "no label", unlabelled, labelled, *nothing])
    header = ["set", "variable", "group", "faces", "labelled", "share", "low", "high"]
    return blanked_csv(header, rows)


def record(composition: Composition) -> dict[str, Any]:
    """Every figure, and what it was made from, as JSON can hold it; undefined is null.

    `docs/pipeline.md` has the meaning of each key.
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
            without_nan(
                {
                    **{key: value for key, value in one._asdict().items() if key != "association"},
                    **one.association._asdict(),
                }
            )
            for one in composition.differences
        ],
    }


def _renamed(share: dict[str, Any]) -> dict[str, Any]:
    """A share under the names that the CSV has too."""
    return without_nan({"set": share.pop("name"), **share})
