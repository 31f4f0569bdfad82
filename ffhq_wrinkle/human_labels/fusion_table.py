"""Fusion table: the origin of each fused mask, kept inside the mask and in `fusion.csv`.

The row of a mask is the comment in its PNG, so that mask and row always come from the same run; the
table is made from the masks.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from ..images.masks import looks_inverted
from ..storage.writing import csv_bytes
from .annotations import Annotations, ImageFiles
from .annotators import AnnotationSettings
from .fusion import Fused, FusionRule

TABLE = "fusion.csv"


class FusionRow(NamedTuple):
    """The origin of one fused mask; a row of `fusion.csv`.

    Attributes
    ----------
    inputs : str
        The `fingerprint` of the files that it was made from.
    height, width : int
        The mask's size.
    pixels : list of int
        Pixels that each annotator drew inside the region.
    votes : list of int
        Pixels that exactly 1, 2, ... annotators drew.
    outside : int
        Pixels that somebody drew outside the region, which were left out.
    kept : int
        Pixels above 0 in the fused mask.
    sensitivity, specificity : list of float or None
        STAPLE's estimates for each annotator; empty for other rules.
    iterations : int
        Number of STAPLE's iterations.
    degenerate : str
        As in `fusion.Fused`.
    """

    inputs: str
    height: int
    width: int
    pixels: list[int]
    votes: list[int]
    outside: int
    kept: int
    sensitivity: list[float | None]
    specificity: list[float | None]
    iterations: int
    degenerate: str

    @classmethod
    def parse(cls, comment: str | None, annotators: int) -> "FusionRow | None":
        """Parse a mask's comment; None if it is not a row of this number of annotators."""
        try:
            row = cls(**json.loads(comment or ""))
            numbers = [row.height, row.width, row.outside, row.kept, row.iterations]
            counts = {len(row.pixels), len(row.votes)}
            estimates = {len(row.sensitivity), len(row.specificity)}
            sum([*numbers, *row.pixels, *row.votes])
        except (ValueError, TypeError, RecursionError):
            return None
        fits = counts == {annotators} and estimates in ({0}, {annotators})
        return row if fits else None

    @property
    def comment(self) -> str:
        """The row as a mask keeps it."""
        return json.dumps(self._asdict())

    @property
    def looks_inverted(self) -> bool:
        """Whether some annotator's mask covers more than half of the image."""
        return bool(looks_inverted(max(self.pixels), self.height * self.width))

    @property
    def drawn(self) -> int:
        """Number of pixels that somebody drew."""
        return sum(self.votes)


def fingerprint(files: ImageFiles, rule: FusionRule, settings: AnnotationSettings) -> str:
    """Return a hash of the files and of how they are fused."""
    way = [asdict(rule), settings.threshold, settings.resize]
    return hashlib.sha256(f"{json.dumps(way)} {files.fingerprint()}".encode()).hexdigest()[:32]


def fusion_row(fused: Fused, annotations: Annotations, inputs: str) -> FusionRow:
    """Return the row of a mask; `inputs` is the fingerprint of its annotations' files."""
    outside = 0
    if annotations.region is not None:
        drawn = np.logical_or.reduce(annotations.masks)
        outside = int(np.count_nonzero(drawn & ~annotations.region))

    def rounded(shares: np.ndarray) -> list[float | None]:
        return [None if np.isnan(share) else round(float(share), 8) for share in shares]

    estimate = fused.staple
    return FusionRow(
        inputs,
        fused.mask.shape[0],
        fused.mask.shape[1],
        fused.counts.both_px.diagonal().tolist(),
        fused.counts.votes_px[1:].tolist(),
        outside,
        fused.kept_px,
        rounded(estimate.sensitivity) if estimate else [],
        rounded(estimate.specificity) if estimate else [],
        estimate.iterations if estimate else 0,
        fused.degenerate,
    )


def fusion_table(names: Sequence[str], rows: Iterable[tuple[str, FusionRow]]) -> bytes:
    """Return the table as CSV, from the annotators' names and the id and row of each mask.

    It has STAPLE's columns if a row has them.
    """
    rows = list(rows)
    estimated = any(row.sensitivity for _, row in rows)
    header = ["image_id", "height", "width", *(f"pixels_{name}" for name in names)]
    header += [f"votes_{votes}" for votes in range(1, len(names) + 1)]
    header += ["outside", "kept"]
    if estimated:
        header += [f"{rate}_{name}" for rate in ("sensitivity", "specificity") for name in names]
        header += ["iterations", "degenerate"]
    table: list[list[Any]] = []
    for image_id, row in rows:
        cells: list[Any] = [image_id, row.height, row.width, *row.pixels, *row.votes]
        cells += [row.outside, row.kept]
        if estimated:
            cells += [*row.sensitivity, *row.specificity, row.iterations, row.degenerate]
        table.append(cells)
    return csv_bytes(header, table)
