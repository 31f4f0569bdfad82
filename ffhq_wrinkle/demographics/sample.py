"""Sample: ids drawn for annotation, at random or stratified, and written as an id list."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .. import __version__
from ..dataset.ids import Ids, image_id_of, parse_ids
from ..errors import ArgumentError, OutputError, counted, plural
from ..reports.tabulation import Section
from ..results.tabular import Tabular
from ..storage.writing import text_bytes, write_bytes
from .groups import VARIABLES, Variable, title_of
from .label_tables import Labels
from .strata import draw

_UNLABELLED = "no label"
Stratum = tuple[str, ...]


@dataclass(frozen=True, repr=False)
class IdSample(Tabular):
    """Ids drawn for annotation.

    Attributes
    ----------
    strata : dict
        Number of ids and drawn ids of each stratum, by the names of its groups.
    excluded : int
        Number of ids that were excluded.
    by : tuple of str
        Variables of the strata.
    seed : int
        Seed of the random numbers.
    """

    strata: dict[Stratum, tuple[int, list[str]]]
    excluded: int
    by: tuple[Variable, ...]
    seed: int

    @property
    def ids(self) -> list[str]:
        """All drawn ids, sorted."""
        return sorted(image_id for _, drawn in self.strata.values() for image_id in drawn)

    def to_frame(self) -> "pd.DataFrame":
        """Return the drawn ids as a pandas DataFrame, with the groups of their strata."""
        rows = [
            [image_id, *stratum]
            for stratum, (_, drawn) in self.strata.items()
            for image_id in drawn
        ]
        frame = pd.DataFrame(rows, columns=["image_id", *self.by])
        return frame.sort_values("image_id", ignore_index=True)

    def summary(self) -> str:
        """Return the numbers of ids and the seed in one line."""
        total = sum(size for size, _ in self.strata.values())
        how = f"in proportion by {', '.join(self.by)}" if self.by else "at random"
        return (
            f"{len(self.ids)} of {counted(total, 'id')} drawn {how}, seed {self.seed}; "
            f"{self.excluded} excluded"
        )

    def table(self) -> str:
        """Return a table of the ids in each stratum and those drawn; empty without strata."""
        if not self.by:
            return ""
        rows = [
            [*stratum, f"{size:,}", f"{len(drawn):,}"]
            for stratum, (size, drawn) in self.strata.items()
        ]
        header = [*(title_of(variable) for variable in self.by), "ids", "drawn"]
        return Section("Strata", header, rows).text()

    def id_list(self) -> str:
        """Return the summary as a comment, and one id per line, as `ids.read_ids` reads them."""
        return "\n".join([f"# ffhq-wrinkle {__version__} sample: {self.summary()}", *self.ids, ""])


def draw_sample(
    population: Ids,
    draws: int,
    *,
    excluded: Ids | None = None,
    by: Sequence[Variable] = (),
    labels: Labels | None = None,
    seed: int = 0,
) -> IdSample:
    """Draw ids for annotation.

    Parameters
    ----------
    population : Ids
        Ids to draw from.
    draws : int
        Number of ids to draw.
    excluded : Ids, optional
        Ids that must not be drawn, such as those that already have labels.
    by : sequence of str
        Variables of the strata. Each combination of their groups is a stratum. From each stratum,
        ids are drawn in proportion to the number of its ids that are not excluded, by the largest
        remainder. Ids without a label are a group of their own.
    labels : Labels, optional
        Groups of the ids; required for `by`.
    seed : int
        Seed of the random numbers. The same seed, ids and labels give the same sample.

    Returns
    -------
    IdSample

    Raises
    ------
    ArgumentError
        There are fewer than `draws` ids, labels for `by` are missing, or a drawn id cannot be
        written to an id list.
    """
    everyone = sorted(set(map(image_id_of, population)))
    excluded_ids = set(map(image_id_of, excluded)) if excluded else set()
    ids = [image_id for image_id in everyone if image_id not in excluded_ids]
    others = len(everyone) - len(ids)
    if draws > len(ids):
        raise ArgumentError(
            f"{counted(draws, 'id')} cannot be drawn: there {plural(len(ids), 'is', 'are')} "
            f"{len(ids)}, and {counted(others, 'other')} {plural(others, 'is', 'are')} excluded"
        )
    further = (variable for variable in by if variable not in VARIABLES)
    variables = (*(variable for variable in VARIABLES if variable in by), *dict.fromkeys(further))
    strata: dict[Stratum, list[str]] = {}
    for image_id, stratum in zip(ids, _strata(ids, variables, labels), strict=True):
        strata.setdefault(stratum, []).append(image_id)
    drawn = draw(strata, draws, np.random.default_rng(seed))
    for drawn_ids in drawn.values():
        for image_id in drawn_ids:
            _require_listable(image_id)
    return IdSample(
        {name: (len(strata[name]), drawn[name]) for name in drawn},
        len(everyone) - len(ids),
        variables,
        seed,
    )


def _strata(ids: list[str], by: tuple[Variable, ...], labels: Labels | None) -> list[Stratum]:
    """Return the stratum of each id."""
    if not by:
        return [()] * len(ids)
    missing = [variable for variable in by if labels is None or variable not in labels.frame]
    if missing or labels is None:
        raise ArgumentError(f"there are no labels of {', '.join(missing)} for the strata")
    groups = labels.frame.reindex(pd.Index(ids, dtype=object))[list(by)]
    if not groups.notna().any(axis=None):
        raise ArgumentError(f"none of the ids, such as {ids[0][:50]}, has a label for the strata")
    return list(groups.fillna(_UNLABELLED).itertuples(index=False, name=None))


def _require_listable(image_id: str) -> None:
    """Raise an error for a file name that would not be read back from an id list."""
    if "#" not in image_id and image_id.strip().splitlines() == [image_id]:
        try:
            if list(parse_ids(image_id)) == [image_id]:
                return
        except ArgumentError:
            pass
    raise ArgumentError(
        f"{image_id[:50]!r} cannot be written to an id list, where it would mean something else; "
        "rename the file"
    )


def write_id_list(path: Path, sample: IdSample, *, overwrite: bool = False) -> None:
    """Write a sample as an id list.

    Raises
    ------
    OutputError
        A different file exists, which annotators may be using, or the file cannot be written.
    """
    content = text_bytes(sample.id_list())
    if path.exists() and not overwrite and (not path.is_file() or path.read_bytes() != content):
        raise OutputError(f"{path} already exists; choose another name, or use --overwrite")
    write_bytes(path, content)
