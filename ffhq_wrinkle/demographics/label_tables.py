"""Label tables: age and sex of each face, as FFHQ-Aging or ffhq-features publish them.

A table becomes a frame: a row for each image id, a column for each variable, the name of the group
in each cell, and NaN where the source gives none. All tables are errors or right: a line that can
not be understood is named, never passed over.
"""

import zlib
from dataclasses import dataclass
from io import BytesIO

import pandas as pd

from ..errors import ArgumentError
from ..storage.places import Place, get
from .groups import FFHQ_AGING, SEXES, AgeGroups, age_groups_of, as_age_groups

AGING_LABELS = "ffhq_aging_labels.csv"  # as `download aging-labels` calls it
_ID = "image_number"
_OLDEST = 130  # years
_GZIP = b"\x1f\x8b"  # what such a file begins with (RFC 1952)
_UNREADABLE = (OSError, EOFError, zlib.error, UnicodeDecodeError, pd.errors.ParserError, ValueError)


@dataclass(frozen=True)
class Labels:
    """What tables say of faces.

    Attributes
    ----------
    frame : pandas.DataFrame
        By image id; of the columns ``age``, ``sex`` and ``race`` those that are known, with names
        of groups, or NaN.
    sources : tuple of str
        What was read, for people.
    age_groups : str
        Which groups the ages are told in.
    """

    frame: pd.DataFrame
    sources: tuple[str, ...]
    age_groups: AgeGroups = "paper"

    def joined(self, other: "Labels") -> "Labels":
        """These and other variables, of all ids that either has."""
        frame = pd.concat([self.frame, other.frame], axis=1)
        return Labels(frame, self.sources + other.sources, self.age_groups)


def no_labels(age_groups: AgeGroups = "paper") -> Labels:
    """Labels of nobody, to join others to."""
    return Labels(pd.DataFrame(index=pd.Index([], dtype=object)), (), age_groups)


def read_aging_labels(path: Place, age_groups: AgeGroups = "paper") -> Labels:
    """Read FFHQ-Aging's table.

    Parameters
    ----------
    path : Place
        A CSV, or one compressed by gzip, with the columns ``image_number``, ``age_group`` (0-2,
        3-6, ..., 70-120) and ``gender`` (male or female), and any others.
    age_groups : str
        Which groups to tell ages in; FFHQ-Aging's lie within the paper's.

    Returns
    -------
    Labels

    Raises
    ------
    ArgumentError
        The file can not be read, lacks a column, names an id twice, or a cell is not what it
        should be; the line is named.

    References
    ----------
    Or-El et al., Lifespan Age Transformation Synthesis, ECCV 2020.
    """
    table = _read(path, ("age_group", "gender"))
    grouped = as_age_groups(FFHQ_AGING, age_groups)
    ages = table["age_group"].map(grouped).astype(object)
    wrong = ages.isna() & table["age_group"].notna()
    _require(path, table["age_group"], wrong, f"is no age group; known are {', '.join(FFHQ_AGING)}")
    return _labels(path, "FFHQ-Aging", table, ages, age_groups)


def read_features(path: Place, age_groups: AgeGroups = "paper") -> Labels:
    """Read the table of ffhq-features, whose ages are numbers.

    Parameters
    ----------
    path : Place
        A CSV, or one compressed by gzip, with the columns ``image_number``, ``age`` (years) and
        ``gender`` (male or female), and any others.
    age_groups : str
        Which groups to tell ages in.

    Returns
    -------
    Labels

    Raises
    ------
    ArgumentError
        As `read_aging_labels`.

    References
    ----------
    https://github.com/DCGM/ffhq-features-dataset
    """
    table = _read(path, ("age", "gender"))
    years = pd.to_numeric(table["age"], errors="coerce")
    wrong = ~years.between(0, _OLDEST) & table["age"].notna()
    _require(path, table["age"], wrong, f"is no age of 0 to {_OLDEST} years")
    groups = age_groups_of(years.to_numpy(float), age_groups)
    ages = pd.Series(groups, table.index, dtype=object)
    return _labels(path, "ffhq-features", table, ages, age_groups)


def _read(path: Place, columns: tuple[str, ...]) -> pd.DataFrame:
    """Columns of a table as text, NaN where blank, and the image ids, by number of the line."""
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
        said = str(error).strip().split("\n")[0]
        raise ArgumentError(f"{path} can not be read as a table: {said}") from error
    missing = [column for column in (_ID, *columns) if column not in table]
    if missing:
        there = ", ".join(map(str, table))[:200]
        raise ArgumentError(f"{path} lacks the column {', '.join(missing)}; it has {there}")
    table.index += 2  # below the header
    table = table.dropna(how="all")
    table = pd.DataFrame({name: table[name].str.strip() for name in (_ID, *columns)})
    if table.empty:
        raise ArgumentError(f"{path} has no row")
    numbered = table[_ID].str.fullmatch(r"[0-9]{1,18}", na=False).astype(bool)
    _require(path, table[_ID], ~numbered, "is no image number")
    table["image_id"] = table[_ID].str.lstrip("0").str.zfill(5)  # as `manifest.image_id_of`
    twins = table.index[table["image_id"].duplicated()]
    if len(twins):
        image_id = table["image_id"].loc[twins[0]]
        lines = table.index[table["image_id"] == image_id]
        raise ArgumentError(
            f"{path}: image {image_id} stands in lines {lines[0]} and {lines[1]}; keep one"
        )
    return table


def _labels(
    path: Place, whose: str, table: pd.DataFrame, ages: pd.Series, age_groups: AgeGroups
) -> Labels:
    """Labels of a table's sexes and these ages."""
    sexes = table["gender"].str.lower()
    wrong = ~sexes.isin(SEXES) & sexes.notna()
    _require(path, table["gender"], wrong, f"is not {' or '.join(SEXES)}")
    frame = pd.DataFrame({"age": ages, "sex": sexes.astype(object)})
    frame.index = pd.Index(table["image_id"], dtype=object)
    return Labels(frame, (f"age and sex: {whose} ({path})",), age_groups)


def _require(path: Place, column: pd.Series, wrong: pd.Series, what: str) -> None:
    """Refuse a column in which a cell is wrong."""
    if wrong.any():
        line = column.index[wrong][0]
        cell = column.loc[line]
        found = "a blank" if pd.isna(cell) else repr(cell[:50])
        raise ArgumentError(f"{path}:{line}: {found} in column {column.name} {what}")
