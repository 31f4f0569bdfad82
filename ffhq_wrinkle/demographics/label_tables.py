"""Label tables: the age and sex of each face, as published by FFHQ-Aging or ffhq-features.

A table becomes a data frame with a row for each image id and a column for each variable. Its cells
are names of groups, or NaN where the source has no label. A line that cannot be understood is an
error that names the line; no line is skipped.
"""

import zlib
from dataclasses import dataclass
from io import BytesIO

import pandas as pd

from ..errors import ArgumentError
from ..storage.places import Place, get
from .groups import FFHQ_AGING, SEXES, AgeGroups, age_groups_of, as_age_groups

AGING_LABELS = "ffhq_aging_labels.csv"  # the file that `download aging-labels` writes
_ID = "image_number"
_OLDEST = 130  # years
_GZIP = b"\x1f\x8b"  # the first bytes of a file compressed by gzip (RFC 1952)
_UNREADABLE = (OSError, EOFError, zlib.error, UnicodeDecodeError, pd.errors.ParserError, ValueError)


@dataclass(frozen=True)
class Labels:
    """The labels of faces.

    Attributes
    ----------
    frame : pandas.DataFrame
        A row for each image id, and those of the columns ``age``, ``sex`` and ``race`` that are
        known. The cells are names of groups, or NaN.
    sources : tuple of str
        The sources of the labels, as text for reports.
    age_groups : str
        Name of the age groups, one of `groups.AGE_GROUPS`.
    """

    frame: pd.DataFrame
    sources: tuple[str, ...]
    age_groups: AgeGroups = "paper"

    def joined(self, other: "Labels") -> "Labels":
        """Return these labels with further variables, for all ids that either has."""
        frame = pd.concat([self.frame, other.frame], axis=1)
        return Labels(frame, self.sources + other.sources, self.age_groups)


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
    years = pd.to_numeric(table["age"], errors="coerce")
    wrong = ~years.between(0, _OLDEST) & table["age"].notna()
    _require(path, table["age"], wrong, f"is not an age from 0 to {_OLDEST} years")
    groups = age_groups_of(years.to_numpy(float), age_groups)
    ages = pd.Series(groups, table.index, dtype=object)
    return _labels(path, "ffhq-features", table, ages, age_groups)


def _read(path: Place, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return columns of a table as text, with NaN for blanks, and `image_id`; indexed by line."""
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
    missing = [column for column in (_ID, *columns) if column not in table]
    if missing:
        names = ", ".join(map(str, table))[:200]
        plural = "s" if len(missing) > 1 else ""
        raise ArgumentError(f"{path} lacks the column{plural} {', '.join(missing)}; it has {names}")
    table.index += 2  # line numbers of the file, where line 1 is the header
    table = table.dropna(how="all")
    table = pd.DataFrame({name: table[name].str.strip() for name in (_ID, *columns)})
    if table.empty:
        raise ArgumentError(f"{path} has no rows")
    numbered = table[_ID].str.fullmatch(r"[0-9]{1,18}", na=False).astype(bool)
    _require(path, table[_ID], ~numbered, "is not an image number")
    table["image_id"] = table[_ID].str.lstrip("0").str.zfill(5)  # the number as an FFHQ id
    twins = table.index[table["image_id"].duplicated()]
    if len(twins):
        image_id = table["image_id"].loc[twins[0]]
        lines = table.index[table["image_id"] == image_id]
        raise ArgumentError(
            f"{path}: image {image_id} is in lines {lines[0]} and {lines[1]}; keep one of them"
        )
    return table


def _labels(
    path: Place, publisher: str, table: pd.DataFrame, ages: pd.Series, age_groups: AgeGroups
) -> Labels:
    """Return labels of the given ages and the sexes in a table."""
    sexes = table["gender"].str.lower()
    wrong = ~sexes.isin(SEXES) & sexes.notna()
    _require(path, table["gender"], wrong, f"is not {' or '.join(SEXES)}")
    frame = pd.DataFrame({"age": ages, "sex": sexes.astype(object)})
    frame.index = pd.Index(table["image_id"], dtype=object)
    return Labels(frame, (f"age and sex: {publisher} ({path})",), age_groups)


def _require(path: Place, column: pd.Series, wrong: pd.Series, fault: str) -> None:
    """Raise an error that names the first wrong cell of a column, if there is one."""
    if wrong.any():
        line = column.index[wrong][0]
        cell = column.loc[line]
        value = "a blank" if pd.isna(cell) else repr(cell[:50])
        raise ArgumentError(f"{path}:{line}: {value} in column {column.name} {fault}")
