"""Formula search: the variants of texture maps that are nearest to published weak masks."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..errors import ImageFailure
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from ..weak_labels.differences import LevelDifference, level_difference, pooled
from ..weak_labels.variants import BORDERS, LARGEST_REACH, Variant, variants
from .data_files import DataFiles
from .weak_masks import masks_of

IMAGES, SHOWN = 20, 10
_TILE = 192  # pixels: side of the part of each face on which all variants are tried
_FINALISTS = 24  # variants that are computed over whole faces


class Scored(NamedTuple):
    """A variant, and how far published masks are from it inside the face."""

    variant: Variant
    difference: LevelDifference

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key: the best has the most equal pixels, then the smallest error."""
        return -self.difference.exact_share, self.difference.mae


def search(files: DataFiles, image_ids: Sequence[str], *, jobs: int) -> list[Scored]:
    """Return the ten variants that are nearest to published weak masks, the best first.

    All variants are tried on a part of each face. The best are then computed over whole faces, with
    each border. If variants have the same result, only the first is returned.

    Parameters
    ----------
    files : DataFiles
        The data set.
    image_ids : sequence of str
        Images with photograph, label map and weak mask; at most 20 are used.
    jobs : int
        Threads.
    """
    chosen = list(image_ids)[:IMAGES]
    first = _scored(chosen, lambda image_id: _of_tile(files, image_id), jobs, "search")
    finalists = [scored.variant for scored in first[:_FINALISTS]]
    with_borders = [
        replace(variant, border=border) for variant, border in itertools.product(finalists, BORDERS)
    ]
    whole = _scored(
        chosen,
        lambda image_id: _of_face(files, image_id, with_borders),
        jobs,
        "search, whole faces",
    )
    distinct: dict[LevelDifference, Scored] = {}
    for scored in whole:
        distinct.setdefault(scored.difference, scored)
    return list(distinct.values())[:SHOWN]


_Differences = dict[Variant, LevelDifference]


def _scored(
    image_ids: Sequence[str], work: Callable[[str], _Differences], jobs: int, title: str
) -> list[Scored]:
    """Return all variants with their differences over all images, the best first."""
    each: list[_Differences] = []
    with (
        Progress(len(image_ids), title) as progress,
        run_each(image_ids, work, jobs=jobs) as outcomes,
    ):
        for _, outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if not isinstance(outcome, ImageFailure):
                each.append(outcome)
    if not each:
        return []
    together = [Scored(variant, pooled(of[variant] for of in each)) for variant in each[0]]
    return sorted(together, key=lambda scored: scored.rank)


def _of_tile(files: DataFiles, image_id: str) -> _Differences:
    image, face, published = masks_of(files, image_id)
    rows, columns = (_middle(np.any(face, axis=axis)) for axis in (1, 0))
    around = tuple(
        slice(max(0, part.start - LARGEST_REACH), part.stop + LARGEST_REACH)
        for part in (rows, columns)
    )
    inner = tuple(
        slice(part.start - outer.start, part.stop - outer.start)
        for part, outer in zip((rows, columns), around, strict=True)
    )
    return _differences(variants(), image[around], published[around], face[around], inner)


def _of_face(files: DataFiles, image_id: str, chosen: Iterable[Variant]) -> _Differences:
    image, face, published = masks_of(files, image_id)
    everywhere = (slice(None), slice(None))
    return _differences(chosen, image, published, face, everywhere)


def _differences(
    chosen: Iterable[Variant],
    image: np.ndarray,
    published: np.ndarray,
    face: np.ndarray,
    inner: tuple[slice, ...],
) -> _Differences:
    """Return the difference of each variant inside the face, in the inner part of an image."""
    differences: _Differences = {}
    compared, region = published[inner], face[inner]
    for _, group in itertools.groupby(
        chosen, lambda each: replace(each, lesser=False, output="rounded")
    ):
        gray = filtered = None
        for variant in group:
            if gray is None or filtered is None:
                gray = variant.gray_levels(image)
                filtered = variant.filtered(gray)[inner]
                gray = gray[inner]
            levels = variant.levels(gray, filtered)
            differences[variant] = level_difference(levels, compared, region)
    return differences


def _middle(occupied: np.ndarray) -> slice:
    """Return the middle of the range of true entries, at most one tile long."""
    indices = np.flatnonzero(occupied)
    if not indices.size:
        return slice(0, min(_TILE, len(occupied)))
    first, stop = int(indices[0]), int(indices[-1]) + 1
    start = max(first, (first + stop - _TILE) // 2)
    return slice(start, min(stop, start + _TILE))
