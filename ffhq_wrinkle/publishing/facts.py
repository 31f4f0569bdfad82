"""Facts: the figures of a data set's card, from the records of the commands that measured them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .. import __version__
from ..errors import ArgumentError
from .source import Source

_PHOTOS = "photographs"
AGREEMENT, DEMOGRAPHICS = "agreement.json", "demographics.json"
FFHQ_LICENCE, OTHER_LICENCE = "cc-by-nc-sa-4.0", "other"
_CC = re.compile(r"cc-(by(?:-nc)?(?:-nd|-sa)?)-(\d\.\d)")
_PATH = re.compile(r"\((?:[^()]*/)?([^()/]*)\)")
_AGGREGATES = ("mean over images", "pooled")
_MEASURES = {
    "jaccard": "Jaccard index",
    "pearson": "Pearson's correlation",
    "dice": "Dice",
    "cohen_kappa": "Cohen's kappa",
    "fleiss_kappa": "Fleiss' kappa",
}


class Figure(NamedTuple):
    """An estimate with its 95 % interval; the ends are None without one."""

    name: str
    aggregate: str
    images: int
    value: float
    low: float | None
    high: float | None


class GroupTotal(NamedTuple):
    """The number of faces in one group of a variable, and its share with an interval."""

    set_name: str
    variable: str
    group: str
    faces: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The statements of a data set's card.

    Attributes
    ----------
    title : str
    licence : str
        Identifier of the licence as the Hugging Face Hub has it.
    counts : mapping
        As `Source.counts`.
    annotators : tuple of str
        Published names of those whose single masks are published.
    photographs : bool
        Whether photographs are.
    ffhq : bool
        Whether every id is one of FFHQ's.
    soft : bool
        Whether masks are shares of votes.
    split_by : str
        How images were divided into parts.
    fusion, texture : mapping
        How fused masks and weak masks were made; empty if not known.
    agreement : tuple of Figure
        Agreement of annotators; empty if it was not measured.
    demographics : tuple of GroupTotal
        Empty if they were not counted.
    label_sources : tuple of str
        Where the labels of age and so on come from.
    """

    title: str
    licence: str
    counts: Mapping[str, Mapping[str, int]]
    annotators: tuple[str, ...]
    photographs: bool
    ffhq: bool
    soft: bool
    split_by: str
    fusion: Mapping[str, Any]
    texture: Mapping[str, Any]
    agreement: tuple[Figure, ...] = ()
    demographics: tuple[GroupTotal, ...] = ()
    label_sources: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """Number of images in all parts."""
        return self.total("images")

    def total(self, kind: str) -> int:
        """Return a count of all parts together."""
        return sum(counts.get(kind, 0) for counts in self.counts.values())

    def record(self) -> dict[str, Any]:
        """Return what the record of the published folder says, as JSON can hold it."""
        return {
            "command": "publish",
            "version": __version__,
            "title": self.title,
            "licence": self.licence,
            "counts": self.counts,
            "split_by": self.split_by,
            "fusion": self.fusion,
            "texture": self.texture,
            "agreement": [figure._asdict() for figure in self.agreement],
            "demographics": [total._asdict() for total in self.demographics],
            "label_sources": list(self.label_sources),
        }


def facts_of(
    source: Source,
    *,
    title: str,
    licence: str | None,
    photographs: bool,
    agreement: Path | None = None,
    demographics: Path | None = None,
) -> Facts:
    """Gather the facts of a data set.

    Parameters
    ----------
    source : Source
        The data set.
    title : str
        Its name.
    licence : str, optional
        Its licence; that of FFHQ if all ids are FFHQ's, and otherwise "other".
    photographs : bool
        Whether photographs are published.
    agreement, demographics : Path, optional
        Reports of the commands of these names: the folder, or the JSON file in it.

    Raises
    ------
    ArgumentError
        A report cannot be read as such.
    """
    groups, sources = _demographics(demographics) if demographics else ((), ())
    return Facts(
        title=title,
        licence=licence or (FFHQ_LICENCE if source.all_ffhq() else OTHER_LICENCE),
        counts={
            # Photographs to which a format only refers are not published.
            part: {kind: count for kind, count in counts.items() if photographs or kind != _PHOTOS}
            for part, counts in source.counts().items()
        },
        annotators=source.annotators,
        photographs=photographs,
        ffhq=source.all_ffhq(),
        soft=source.soft,
        split_by=source.split_by,
        fusion=source.fusion,
        texture=source.texture,
        agreement=_agreement(agreement) if agreement else (),
        demographics=groups,
        label_sources=sources,
    )


def licence_address(licence: str) -> str | None:
    """Return the address of a licence's text; None if it is not a Creative Commons licence.

    >>> licence_address("cc-by-nc-sa-4.0")
    'https://creativecommons.org/licenses/by-nc-sa/4.0/'
    """
    if licence == "cc0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    match = _CC.fullmatch(licence)
    return f"https://creativecommons.org/licenses/{match[1]}/{match[2]}/" if match else None


def allows_commercial_use(licence: str) -> bool:
    """Return whether a data set's licence allows commercial use.

    >>> allows_commercial_use("cc-by-4.0"), allows_commercial_use("cc-by-nc-sa-4.0")
    (True, False)
    """
    return licence != OTHER_LICENCE and "nc" not in licence.split("-")


def _report(path: Path, name: str) -> tuple[Path, dict[str, Any]]:
    file = path / name if path.is_dir() else path
    try:
        report = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ArgumentError(f"{file} cannot be read as a report: {error}") from error
    if not isinstance(report, dict) or report.get("command") != name.removesuffix(".json"):
        raise ArgumentError(f"{file} is not a report of `ffhq-wrinkle {name.split('.')[0]}`")
    return file, report


def _agreement(path: Path) -> tuple[Figure, ...]:
    """Return the averages over pairs of annotators, in which nobody's name occurs."""
    file, report = _report(path, AGREEMENT)
    try:
        rows = [row for row in report["estimates"] if row["tolerance_px"] is None]
        pairs = {row["subject"] for row in rows if row["kind"] == "pair"}
        kinds = ("pair" if len(pairs) == 1 else "average", "all")
        return tuple(
            Figure(
                _MEASURES[measure], aggregate, row["images"], row["value"], row["low"], row["high"]
            )
            for measure in _MEASURES
            for aggregate in _AGGREGATES
            for row in rows
            if (row["measure"], row["aggregate"]) == (measure, aggregate)
            and row["kind"] in kinds
            and row["value"] is not None
        )
    except (KeyError, TypeError) as error:
        raise ArgumentError(f"{file} is not a report of `ffhq-wrinkle agreement`") from error


def _demographics(path: Path) -> tuple[tuple[GroupTotal, ...], tuple[str, ...]]:
    file, report = _report(path, DEMOGRAPHICS)
    try:
        totals = tuple(
            GroupTotal(
                *(row[name] for name in ("set", "variable", "group", "faces")),
                *(row[name] for name in ("share", "low", "high")),
            )
            for row in report["shares"]
        )
        return totals, tuple(_without_folders(report["sources"]))
    except (KeyError, TypeError) as error:
        raise ArgumentError(f"{file} is not a report of `ffhq-wrinkle demographics`") from error


def _without_folders(texts: Sequence[str]) -> list[str]:
    """Return texts in which paths in brackets are the names of files.

    >>> _without_folders(["age: ffhq-features (/home/anna/features.csv)"])
    ['age: ffhq-features (features.csv)']
    """
    return [_PATH.sub(r"(\1)", text) for text in texts]
