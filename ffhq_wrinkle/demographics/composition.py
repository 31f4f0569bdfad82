"""Composition: of which groups named sets of faces consist, and how far the sets differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..dataset.ids import Ids, image_id_of
from ..errors import ArgumentError
from .groups import VARIABLES, AgeGroups, Variable, groups_of
from .label_tables import Labels
from .shares import Association, association, wilson_intervals


class Share(NamedTuple):
    """One group of one set.

    Attributes
    ----------
    name : str
        Of the set.
    variable, group : str
        Which.
    faces : int
        How many are of the group.
    labelled : int
        How many of the set have a label, whatever it is.
    share, low, high : float
        Of the labelled, and its 95 % Wilson interval; NaN where none is labelled.
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
    """Two sets held against each other in one variable.

    Attributes
    ----------
    variable : str
        Which.
    first, second : str
        Names of the sets.
    common : int
        Faces that both have; they count in the smaller set only.
    first_labelled, second_labelled : int
        Faces that were compared.
    association : Association
        How far they differ.
    """

    variable: Variable
    first: str
    second: str
    common: int
    first_labelled: int
    second_labelled: int
    association: Association


@dataclass(frozen=True)
class Composition:
    """Of whom sets consist.

    Attributes
    ----------
    faces : mapping
        How many each set has, by its name.
    unknown : mapping
        How many of these no table names.
    shares : tuple of Share
        By variable, set and group.
    differences : tuple of Difference
        By variable and pair of sets.
    sources : tuple of str
        Where the labels are from.
    age_groups : str
        Which groups the ages are told in.
    """

    faces: Mapping[str, int]
    unknown: Mapping[str, int]
    shares: tuple[Share, ...]
    differences: tuple[Difference, ...]
    sources: tuple[str, ...]
    age_groups: AgeGroups

    @property
    def variables(self) -> list[Variable]:
        """Those that are known."""
        return list(dict.fromkeys(share.variable for share in self.shares))

    def of(self, variable: Variable, name: str) -> list[Share]:
        """The groups of one variable in one set."""
        return [share for share in self.shares if (share.variable, share.name) == (variable, name)]

    def unlabelled(self, variable: Variable, name: str) -> int:
        """How many of a set have no such label."""
        return self.faces[name] - self.of(variable, name)[0].labelled


def compose(sets: Mapping[str, Ids], labels: Labels) -> Composition:
    """Count the groups of named sets.

    Parameters
    ----------
    sets : mapping of str to Ids
        At least one; they may have faces in common.
    labels : Labels
        What is known of faces; those that no table names are counted as without a label.

    Returns
    -------
    Composition

    Raises
    ------
    ArgumentError
        Not a single face of any set has a label.
    """
    members = {
        name: pd.Index(sorted(set(map(image_id_of, ids))), dtype=object)
        for name, ids in sets.items()
    }
    known: list[Variable] = [variable for variable in VARIABLES if variable in labels.frame]
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
        groups = groups_of(variable, labels.age_groups)
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
    """Faces of each group, int (G,)."""
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
    """Hold two sets against each other, each face in one of them."""
    first, second = columns
    common = columns[first].index.intersection(columns[second].index)
    # Chi-squared is of independent draws, which a set and a part of it are not.
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
