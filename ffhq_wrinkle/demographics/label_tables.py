"""Label tables: age and sex of each face, by FFHQ-Aging, ffhq-features or a user's own table.

A table becomes a data frame with a row for each image id and a column for each variable. Its cells
are names of groups, or NaN where the source has no label. A line that cannot be understood is an
error that names the line; no line is skipped.
"""

import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO

import pandas as pd

from ..dataset.ids import image_id_of, is_image_id, without_shard
from ..errors import ArgumentError
from ..storage.places import Place, get
from .groups import (
    FFHQ_AGING,
    SEXES,
    VARIABLES,
    AgeGroups,
    Variable,
    age_groups_of,
    as_age_groups,
    groups_of,
)

log = logging.getLogger(__name__)

AGING_LABELS = "ffhq_aging_labels.csv"  # the file that `download aging-labels` writes
_ID = "image_number"
_OLDEST = 130  # years
_MOST_GROUPS = 30  # of a further column; others hold names, dates or measurements
_GZIP = b"\x1f\x8b"  # the first bytes of a file compressed by gzip (RFC 1952)
_UNREADABLE = (OSError, EOFError, zlib.error, UnicodeDecodeError, pd.errors.ParserError, ValueError)


@dataclass(frozen=True)
class Labels:
    """The labels of faces.

    Attributes
    ----------
    frame : pandas.DataFrame
        A row for each image id, and those of the columns ``age``, ``sex`` and ``race`` that are
        known, and further ones of a user's table. The cells are names of groups, or NaN.
    sources : tuple of str
        The sources of the labels, as text for reports.
    age_groups : str
        Name of the age groups, one of `groups.AGE_GROUPS`.
    further : mapping of str to tuple of str
        The groups of each further column.
    """

    frame: pd.DataFrame
    sources: tuple[str, ...]
    age_groups: AgeGroups = "paper"
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def variables(self) -> list[Variable]:
        """The variables of which there are labels, in the order of the tables."""
        known = [variable for variable in VARIABLES if variable in self.frame]
        return known + [str(column) for column in self.frame if column not in VARIABLES]

    def groups_of(self, variable: Variable) -> tuple[str, ...]:
        """Return the groups of a variable, in the order of the tables."""
        return self.further.get(variable) or groups_of(variable, self.age_groups)

    def joined(self, other: "Labels") -> "Labels":
        """Return these labels with further variables, for all ids that either has.

        Raises
        ------
        ArgumentError
            Both have labels of a variable.
        """
        twice = [variable for variable in self.variables if variable in other.frame]
        if twice:
            raise ArgumentError(
                f"{'; '.join(self.sources)} and {'; '.join(other.sources)} both have labels of "
                f"{', '.join(twice)}; use one of them"
            )
        frame = pd.concat([self.frame, other.frame], axis=1)
        further = {**self.further, **other.further}
        return Labels(frame, self.sources + other.sources, self.age_groups, further)


def no_labels(age_groups: AgeGroups = "paper") -> Labels:
    """Return labels without any face, to which others can be joined."""
    return Labels(pd.DataFrame(index=pd.Index([], dtype=object)), (), age_groups)


def read_aging_labels(path: Place, age_groups: AgeGroups = "paper") -> Labels:
    """Read FFHQ-Aging's table.

    Parameters
    ----------
    path : Place
        A CSV, plain or compressed by gzip, with the columns ``image_number``, ``age_group`` (0-2,
        3-6, ..., 70-120) and ``gender`` (male or female), and any others.
    age_groups : str
        The age groups of the result. Each FFHQ-Aging group lies within one of the paper's.

    Returns
    -------
    Labels

    Raises
    ------
    ArgumentError
        The file cannot be read, lacks a column, has an id twice or has an invalid cell; the message
        names the line.

    References
    ----------
    Or-El et al., Lifespan Age Transformation Synthesis, ECCV 2020.
    """
    table = _read(path, ("age_group", "gender"))
    grouped = as_age_groups(FFHQ_AGING, age_groups)
    ages = table["age_group"].map(grouped).astype(object)
    wrong = ages.isna() & table["age_group"].notna()
    _require(
        path, table["age_group"], wrong, f"is not an age group; known are {', '.join(FFHQ_AGING)}"
    )
    return _labels(path, "FFHQ-Aging", table, ages, age_groups)


def read_features(path: Place, age_groups: AgeGroups = "paper") -> Labels:
    """Read the table of ffhq-features, which has ages in years.

    Parameters
    ----------
    path : Place
        A CSV, plain or compressed by gzip, with the columns ``image_number``, ``age`` (years) and
        ``gender`` (male or female), and any others.
    age_groups : str
        The age groups of the result.

    Returns
    -------
    Labels

    Raises
    ------
    ArgumentError
        In the cases of `read_aging_labels`.

    References
    ----------
    https://github.com/DCGM/ffhq-features-dataset
    """
    table = _read(path, ("age", "gender"))
    ages = _ages(path, table["age"], age_groups)
    return _labels(path, "ffhq-features", table, ages, age_groups)


def read_own_table(path: Place, age_groups: AgeGroups = "paper") -> Labels:
    """Read a table of a user's own, of any ids and columns.

    Parameters
    ----------
    path : Place
        A CSV, plain or compressed by gzip. The column ``image_id`` has ids of any form. Known
        columns are ``age`` (years), or ``age_group`` (names of FFHQ-Aging's groups, or of those of
        the result), and ``sex`` (male or female). Each further column is a variable of its own,
        whose different values are its groups; columns with more than 30 values are ignored.
    age_groups : str
        The age groups of the result.

    Returns
    -------
    Labels

    Raises
    ------
    ArgumentError
        In the cases of `read_aging_labels`; the table has both ``age`` and ``age_group``; or it has
        no column besides ``image_id`` that can be counted.
    """
    table = _content(path)
    _require_columns(path, table, ("image_id",))
    if "age" in table and "age_group" in table:
        raise ArgumentError(f"{path} has both age and age_group; keep one of these columns")
    ids = table["image_id"]
    wrong = ~ids.map(lambda text: isinstance(text, str) and is_image_id(text)).astype(bool)
    _require(path, ids, wrong, "is not an image id")
    image_ids = ids.map(lambda text: image_id_of(without_shard(text)))
    _require_distinct(path, image_ids)
    columns: dict[str, pd.Series] = {}
    if "age" in table:
        columns["age"] = _ages(path, table["age"], age_groups)
    elif "age_group" in table:
        columns["age"] = _age_groups(path, table["age_group"], age_groups)
    if "sex" in table:
        columns["sex"] = _sexes(path, table["sex"])
    further: dict[str, tuple[str, ...]] = {}
    for name in table.columns.drop(["image_id", "age", "age_group", "sex"], errors="ignore"):
        groups = sorted(table[name].dropna().unique())
        if 0 < len(groups) <= _MOST_GROUPS:
            columns[name], further[name] = table[name].astype(object), tuple(groups)
        else:
            log.info(
                "the column %s of %s has %d values; it is not counted", name, path, len(groups)
            )
    if not columns:
        raise ArgumentError(f"{path} has no column that can be counted, such as age, sex or site")
    frame = pd.DataFrame(columns)
    frame.index = pd.Index(image_ids, dtype=object)
    return Labels(frame, (f"{', '.join(columns)}: {path}",), age_groups, further)


def _read(path: Place, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return columns of a table as text, with NaN for blanks, and `image_id`; indexed by line."""
    table = _content(path)
    _require_columns(path, table, (_ID, *columns))
    table = table[[_ID, *columns]].copy()
    numbered = table[_ID].str.fullmatch(r"[0-9]{1,18}", na=False).astype(bool)
    _require(path, table[_ID], ~numbered, "is not an image number")
    table["image_id"] = table[_ID].str.lstrip("0").str.zfill(5)  # the number as an FFHQ id
    _require_distinct(path, table["image_id"])
    return table


def _content(path: Place) -> pd.DataFrame:
    """Return a table as text, with NaN for blanks; indexed by line."""
    try:
        content = get(path)
        compressed = path.suffix == ".gz" or content.startswith(_GZIP)
        table = pd.read_csv(
            BytesIO(content),
            compression="gzip" if compressed else None,
            dtype=str,
            skipinitialspace=True,
            skip_blank_lines=False,
        )
    except _UNREADABLE as error:
        reason = str(error).strip().split("\n")[0]
        raise ArgumentError(f"{path} cannot be read as a table: {reason}") from error
    table.columns = table.columns.str.strip()
    table.index += 2  # line numbers of the file, where line 1 is the header
    table = table.dropna(how="all")
    return table.apply(lambda column: column.str.strip())


def _require_columns(path: Place, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table that lacks columns or has no rows."""
    missing = [column for column in columns if column not in table]
    if missing:
        names = ", ".join(map(str, table))[:200]
        plural = "s" if len(missing) > 1 else ""
        raise ArgumentError(f"{path} lacks the column{plural} {', '.join(missing)}; it has {names}")
    if table.empty:
        raise ArgumentError(f"{path} has no rows")


def _require_distinct(path: Place, image_ids: pd.Series) -> None:
    """Refuse a table with an id in two lines."""
    twins = image_ids.index[image_ids.duplicated()]
    if len(twins):
        image_id = image_ids.loc[twins[0]]
        lines = image_ids.index[image_ids == image_id]
        raise ArgumentError(
            f"{path}: image {image_id} is in lines {lines[0]} and {lines[1]}; keep one of them"
        )


def _ages(path: Place, column: pd.Series, age_groups: AgeGroups) -> pd.Series:
    """Return the groups of a column of ages in years."""
    years = pd.to_numeric(column, errors="coerce")
    wrong = ~years.between(0, _OLDEST) & column.notna()
    _require(path, column, wrong, f"is not an age from 0 to {_OLDEST} years")
    groups = age_groups_of(years.to_numpy(float), age_groups)
    return pd.Series(groups, column.index, dtype=object)


def _age_groups(path: Place, column: pd.Series, age_groups: AgeGroups) -> pd.Series:
    """Return the groups of a column that has names of them, or of those of FFHQ-Aging."""
    own = {name: name for name in groups_of("age", age_groups)}
    grouped = {**own, **as_age_groups(FFHQ_AGING, age_groups)}
    wrong = ~column.isin(list(grouped)) & column.notna()
    known = ", ".join(grouped)
    _require(path, column, wrong, f"is not an age group; known are {known}")
    return column.map(grouped).astype(object)


def _sexes(path: Place, column: pd.Series) -> pd.Series:
    """Return a column of sexes in small letters."""
    sexes = column.str.lower()
    wrong = ~sexes.isin(SEXES) & sexes.notna()
    _require(path, column, wrong, f"is not {' or '.join(SEXES)}")
    return sexes.astype(object)


def _labels(
    path: Place, publisher: str, table: pd.DataFrame, ages: pd.Series, age_groups: AgeGroups
) -> Labels:
    """Return labels of the given ages and the sexes in a table."""
    frame = pd.DataFrame({"age": ages, "sex": _sexes(path, table["gender"])})
    frame.index = pd.Index(table["image_id"], dtype=object)
    return Labels(frame, (f"age and sex: {publisher} ({path})",), age_groups)


def _require(path: Place, column: pd.Series, wrong: pd.Series, fault: str) -> None:
    """Raise an error that names the first wrong cell of a column, if there is one."""
    if wrong.any():
        line = column.index[wrong][0]
        cell = column.loc[line]
        value = "a blank" if pd.isna(cell) else repr(cell[:50])
        raise ArgumentError(f"{path}:{line}: {value} in column {column.name} {fault}")
