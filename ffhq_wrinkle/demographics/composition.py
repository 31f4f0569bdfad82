"""Composition: the groups in named sets of faces, and how much the sets differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..dataset.ids import Ids, image_id_of
from ..errors import ArgumentError
from ..results.tabular import Tabular
from ..runs.folder_run import RunReport
from .bars import bars
from .composition_tables import html, printed, record, share_rows
from .groups import AgeGroups, Variable
from .label_tables import Labels
from .shares import Association, association, wilson_intervals


class Share(NamedTuple):
    """One group of one set.

    Attributes
    ----------
    name : str
        Name of the set.
    variable, group : str
        The variable and its group.
    faces : int
        Number of faces in the group.
    labelled : int
        Number of faces in the set that have a label of this variable.
    share : float
        Share of the labelled faces, 0..1; NaN if none is labelled.
    low, high : float
        Its 95 % Wilson interval; NaN if none is labelled.
    """

    name: str
    variable: Variable
    group: str
    faces: int
    labelled: int
    share: float
    low: float
    high: float


class Difference(NamedTuple):
    """A comparison of two sets in one variable.

    Attributes
    ----------
    variable : str
        The variable.
    first, second : str
        Names of the sets.
    common : int
        Number of faces in both sets; they count in the smaller set only.
    first_labelled, second_labelled : int
        Numbers of labelled faces that were compared.
    association : Association
        The difference between the sets.
    """

    variable: Variable
    first: str
    second: str
    common: int
    first_labelled: int
    second_labelled: int
    association: Association


@dataclass(frozen=True, repr=False)
class Composition(Tabular):
    """The groups in sets of faces.

    Attributes
    ----------
    faces : mapping
        Number of faces in each set, by its name.
    unknown : mapping
        Number of these faces that are not in any table of labels.
    shares : tuple of Share
        Shares by variable, set and group.
    differences : tuple of Difference
        Differences by variable and pair of sets.
    sources : tuple of str
        Sources of the labels.
    age_groups : str
        Name of the age groups, one of `groups.AGE_GROUPS`.
    estimation : RunReport, optional
        Outcome of the run that estimated race/ethnicity, if there was one.
    """

    faces: Mapping[str, int]
    unknown: Mapping[str, int]
    shares: tuple[Share, ...]
    differences: tuple[Difference, ...]
    sources: tuple[str, ...]
    age_groups: AgeGroups
    estimation: RunReport | None = None

    def summary(self, *, width: int | None = None) -> str:
        """Return the tables as text, in lines of at most `width` characters if it is given."""
        return printed(self, width)

    def record(self) -> dict[str, Any]:
        """Return all numbers and the sources of the labels as JSON values."""
        return record(self)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame with a row for each group of each set."""
        header, *rows = share_rows(self)
        return pd.DataFrame(rows, columns=header)

    def tables_html(self) -> str:
        """Return the tables as HTML."""
        return html(self)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield the figure of all shares, as PNG."""
        yield "Shares of each group, with 95 % Wilson intervals", bars(self)

    @property
    def variables(self) -> list[Variable]:
        """Variables of which there are labels."""
        return list(dict.fromkeys(share.variable for share in self.shares))

    def shares_of(self, variable: Variable, name: str) -> list[Share]:
        """Return the shares of one variable's groups in one set."""
        return [share for share in self.shares if (share.variable, share.name) == (variable, name)]

    def unlabelled(self, variable: Variable, name: str) -> int:
        """Return the number of faces in a set that have no label of a variable."""
        return self.faces[name] - self.shares_of(variable, name)[0].labelled


def compose(sets: Mapping[str, Ids], labels: Labels) -> Composition:
    """Count the faces of each group in named sets.

    Parameters
    ----------
    sets : mapping of str to Ids
        One or more sets, which may overlap.
    labels : Labels
        Labels of faces. Faces that are not in these tables are counted as faces without a label.

    Returns
    -------
    Composition

    Raises
    ------
    ArgumentError
        None of the faces in any set has a label.
    """
    members = {
        name: pd.Index(sorted(set(map(image_id_of, ids))), dtype=object)
        for name, ids in sets.items()
    }
    known = labels.variables
    frames = {name: labels.frame.reindex(ids) for name, ids in members.items()}
    if not any(frame.notna().any(axis=None) for frame in frames.values()):
        ids = next(iter(members.values()))
        raise ArgumentError(
            f"none of the faces, such as {ids[0][:50]}, has a label "
            f"({'; '.join(labels.sources) or 'no labels were given'})"
        )
    shares: list[Share] = []
    differences: list[Difference] = []
    for variable in known:
        groups = labels.groups_of(variable)
        for name, frame in frames.items():
            shares += _shares(name, variable, groups, _counts(frame[variable], groups))
        for first, second in combinations(frames, 2):
            columns = {name: frames[name][variable] for name in (first, second)}
            differences.append(_difference(variable, groups, columns))
    return Composition(
        faces={name: len(ids) for name, ids in members.items()},
        unknown={name: int((~ids.isin(labels.frame.index)).sum()) for name, ids in members.items()},
        shares=tuple(shares),
        differences=tuple(differences),
        sources=labels.sources,
        age_groups=labels.age_groups,
    )


def _counts(column: pd.Series, groups: tuple[str, ...]) -> np.ndarray:
    """Return the number of faces in each group, int (G,)."""
    return column.value_counts().reindex(groups, fill_value=0).to_numpy(np.int64)


def _shares(
    name: str, variable: Variable, groups: tuple[str, ...], counts: np.ndarray
) -> list[Share]:
    labelled = int(counts.sum())
    low, high = wilson_intervals(counts)
    parts = counts / labelled if labelled else np.full(len(counts), np.nan)
    return [
        Share(name, variable, group, int(count), labelled, float(part), float(least), float(most))
        for group, count, part, least, most in zip(groups, counts, parts, low, high, strict=True)
    ]


def _difference(
    variable: Variable, groups: tuple[str, ...], columns: Mapping[str, pd.Series]
) -> Difference:
    """Compare two sets, with each face in only one of them."""
    first, second = columns
    common = columns[first].index.intersection(columns[second].index)
    # Chi-squared requires independent samples. Overlapping sets are not independent.
    larger = max(columns, key=lambda name: len(columns[name]))
    counts = np.stack(
        [
            _counts(column.drop(common) if name == larger else column, groups)
            for name, column in columns.items()
        ]
    )
    labelled = counts.sum(axis=1)
    return Difference(
        variable,
        first,
        second,
        len(common),
        int(labelled[0]),
        int(labelled[1]),
        association(counts),
    )
