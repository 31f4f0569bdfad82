"""Groups: the variables that describe a set of faces, and the groups of each variable."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

Variable = str  # one of these, or a further column of a user's table
VARIABLES = ("age", "sex", "race")
AgeGroups = Literal["paper", "ffhq-aging"]
AGE_GROUPS: tuple[AgeGroups, ...] = get_args(AgeGroups)

_TITLES = {"age": "Age", "sex": "Sex", "race": "Race/ethnicity"}
SEXES = ("male", "female")
# In the order of the paper's Table 1.
RACES = ("white", "asian", "latino hispanic", "black", "middle eastern", "indian")

# Groups by their first year of age.
_PAPER = {0: "0-9", 10: "10-19", 20: "20-29", 30: "30-39", 40: "40-49", 50: "50-69", 70: "70+"}
_FFHQ_AGING = {
    0: "0-2", 3: "3-6", 7: "7-9", 10: "10-14", 15: "15-19", 20: "20-29", 30: "30-39", 40: "40-49",
    50: "50-69", 70: "70-120",
}  # fmt: skip
_AGES: dict[AgeGroups, dict[int, str]] = {"paper": _PAPER, "ffhq-aging": _FFHQ_AGING}
FFHQ_AGING = tuple(_FFHQ_AGING.values())


def title_of(variable: Variable) -> str:
    """Return the title of a variable in tables and figures."""
    return _TITLES.get(variable, variable)


def groups_of(variable: Variable, age_groups: AgeGroups = "paper") -> tuple[str, ...]:
    """Return the names of a variable's groups, in the order of the tables."""
    if variable == "age":
        return tuple(_AGES[age_groups].values())
    return SEXES if variable == "sex" else RACES


def age_groups_of(years: Sequence[float] | np.ndarray, age_groups: AgeGroups) -> np.ndarray:
    """Return the age group of each age in years: object (N,), NaN where the age is NaN.

    >>> age_groups_of([9.9, 10, 70], "paper").tolist()
    ['0-9', '10-19', '70+']
    """
    groups = _AGES[age_groups]
    cut = pd.cut(np.asarray(years), [*groups, np.inf], right=False, labels=list(groups.values()))
    return np.asarray(cut.astype(object))


def as_age_groups(names: Sequence[str], age_groups: AgeGroups) -> dict[str, str]:
    """Return the group that contains each of the given FFHQ-Aging groups, by its name.

    >>> as_age_groups(["7-9", "70-120"], "paper")
    {'7-9': '0-9', '70-120': '70+'}
    """
    first_years = {name: first for first, name in _FFHQ_AGING.items()}
    grouped = age_groups_of([first_years[name] for name in names], age_groups)
    return dict(zip(names, grouped, strict=True))
