"""Sample: a draw of ids for annotation, at random or stratified, as an id list."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .. import __version__
from ..dataset.ids import Ids, image_id_of, parse_ids
from ..errors import ArgumentError, OutputError
from ..reports.tabulation import Section
from ..storage.writing import write_bytes
from .groups import TITLES, VARIABLES, Variable
from .label_tables import Labels
from .strata import draw

_UNLABELLED = "no label"
Stratum = tuple[str, ...]


@dataclass(frozen=True)
class DrawnIds:
    """Ids that were drawn for annotation.

    Attributes
    ----------
    strata : dict
        By the names of its groups: how many ids there were, and those that were drawn.
    excluded : int
        How many ids were not to be drawn.
    by : tuple of str
        The variables of the strata.
    seed : int
        Of the random numbers.
    """

    strata: dict[Stratum, tuple[int, list[str]]]
    excluded: int
    by: tuple[Variable, ...]
    seed: int

    @property
    def ids(self) -> list[str]:
        """All that were drawn, sorted."""
        return sorted(image_id for _, drawn in self.strata.values() for image_id in drawn)

    def summary(self) -> str:
        """One line for people."""
        of = sum(there for there, _ in self.strata.values())
        how = f"in proportion by {', '.join(self.by)}" if self.by else "at random"
        return (
            f"{len(self.ids)} of {of} ids drawn {how}, seed {self.seed}; {self.excluded} excluded"
        )

    def table(self) -> str:
        """How many of each stratum, as text; empty without strata."""
        if not self.by:
            return ""
        rows = [
            [*stratum, f"{there:,}", f"{len(drawn):,}"]
            for stratum, (there, drawn) in self.strata.items()
        ]
        header = [*(TITLES[variable] for variable in self.by), "ids", "drawn"]
        return Section("Strata", header, rows).text()

    def id_list(self) -> str:
        """The ids, one a line, as `manifest.read_ids` reads them, and how they were drawn."""
        return "\n".join([f"# ffhq-wrinkle {__version__} sample: {self.summary()}", *self.ids, ""])


def draw_sample(
    population: Ids,
    draws: int,
    *,
    excluded: Ids | None = None,
    by: Sequence[Variable] = (),
    labels: Labels | None = None,
    seed: int = 0,
) -> DrawnIds:
    """Draw ids for annotation.

    Parameters
    ----------
    population : Ids
        What to draw from.
    draws : int
        How many.
    excluded : Ids, optional
        What not to draw, such as ids that are labelled already.
    by : sequence of str
        Variables; of each combination of their groups a share is drawn in proportion to what may
        be drawn of it, by the largest remainder. Ids without a label are a group of their own.
    labels : Labels, optional
        The groups of the ids; needed for `by`.
    seed : int
        The same seed, ids and labels give the same draw.

    Returns
    -------
    DrawnIds

    Raises
    ------
    ArgumentError
        There are fewer ids, labels are wanted and not given, or an id can not stand in a list.
    """
    everyone = sorted(set(map(image_id_of, population)))
    out = set(map(image_id_of, excluded)) if excluded else set()
    ids = [image_id for image_id in everyone if image_id not in out]
    if draws > len(ids):
        raise ArgumentError(
            f"{draws} ids can not be drawn: there are {len(ids)}, {len(everyone) - len(ids)} "
            "others are excluded"
        )
    chosen = tuple(variable for variable in VARIABLES if variable in by)
    strata: dict[Stratum, list[str]] = {}
    for image_id, stratum in zip(ids, _strata(ids, chosen, labels), strict=True):
        strata.setdefault(stratum, []).append(image_id)
    drawn = draw(strata, draws, np.random.default_rng(seed))
    for image_id in (one for of_stratum in drawn.values() for one in of_stratum):
        _require_listable(image_id)
    return DrawnIds(
        {name: (len(strata[name]), drawn[name]) for name in drawn},
        len(everyone) - len(ids),
        chosen,
        seed,
    )


def _strata(ids: list[str], by: tuple[Variable, ...], labels: Labels | None) -> list[Stratum]:
    """The stratum of each id."""
    if not by:
        return [()] * len(ids)
    lacking = [variable for variable in by if labels is None or variable not in labels.frame]
    if lacking or labels is None:
        raise ArgumentError(f"there are no labels of {', '.join(lacking)} to draw by")
    groups = labels.frame.reindex(pd.Index(ids, dtype=object))[list(by)]
    if not groups.notna().any(axis=None):
        raise ArgumentError(f"none of the ids, such as {ids[0][:50]}, has a label to draw by")
    return list(groups.fillna(_UNLABELLED).itertuples(index=False, name=None))


def _require_listable(image_id: str) -> None:
    """Refuse a name of a file that an id list would read as something else."""
    if "#" not in image_id and image_id == image_id.strip():
        try:
            if list(parse_ids(image_id)) == [image_id]:
                return
        except ArgumentError:
            pass
    raise ArgumentError(
        f"{image_id[:50]!r} can not stand in an id list, for it would mean something else; rename "
        "the file"
    )


def write_id_list(path: Path, sample: DrawnIds, *, overwrite: bool = False) -> None:
    """Write a sample as an id list.

    Raises
    ------
    OutputError
        There is another file, which annotators may work by, or it can not be written.
    """
    content = sample.id_list().encode()
    if path.exists() and not overwrite and (not path.is_file() or path.read_bytes() != content):
        raise OutputError(f"{path} is there already; choose another name, or --overwrite")
    write_bytes(path, content)
