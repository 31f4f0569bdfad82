"""Tallies: the few counts of an image from which every measure of agreement follows; arrays only.

Tallies of many images add up, so that measures of all pixels pooled, or of a bootstrap's resample,
are measures of a weighted sum.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from ..measures.metrics import (  # fmt: skip
    NearOverlap,
    Overlap,
    cohen_kappa,
    dice,
    fleiss_kappa,
    jaccard,
    near_dice,
    near_jaccard,
    near_precision,
    near_recall,
    pearson,
)
from ..measures.neighbourhoods import near_px
from .votes import drawn_votes

# A pair; the mean of pairs, of all or of those of one annotator; an annotator with the majority, or
# with the union, of the others; all annotators.
SubjectKind = Literal["pair", "average", "own pairs", "others", "union", "all"]


class AgreementMeasure(NamedTuple):
    """A measure of how far two masks agree: its title, and how it is computed.

    `exact` computes it from the overlap of two masks, and `near` from that of masks whose lines may
    lie a few pixels apart; None if it is not computed that way.
    """

    title: str
    exact: Callable[[Overlap], np.ndarray] | None = None
    near: Callable[[NearOverlap], np.ndarray] | None = None


# By the name of a measure in files.
MEASURES = {
    "jaccard": AgreementMeasure("Jaccard", jaccard, near_jaccard),
    "pearson": AgreementMeasure("Pearson", pearson),
    "dice": AgreementMeasure("Dice", dice, near_dice),
    "cohen_kappa": AgreementMeasure("Cohen's kappa", cohen_kappa),
    "recall": AgreementMeasure("recall", near=near_recall),
    "precision": AgreementMeasure("precision", near=near_precision),
}
# In the order of columns in files, which is the reverse for lines that may lie apart.
_EXACT = {name: measure.exact for name, measure in MEASURES.items() if measure.exact}
_NEAR = {name: measure.near for name, measure in reversed(MEASURES.items()) if measure.near}


class Tally(NamedTuple):
    """Counts of pixels, of one image, or with leading axes of many; A annotators, T tolerances.

    Attributes
    ----------
    pixels : np.ndarray
        Pixels that count, (...,).
    both : np.ndarray
        Pixels that two annotators both drew, (..., A, A); those of one annotator on the diagonal.
    votes : np.ndarray
        Pixels that exactly 0, 1, ... A annotators drew, (..., A + 1).
    majority : np.ndarray
        Pixels that more than half of the others drew, for each annotator, (..., A).
    with_majority : np.ndarray
        Those of them that the annotator drew too, (..., A).
    union : np.ndarray
        Pixels that any of the others drew, for each annotator, (..., A).
    with_union : np.ndarray
        Those of them that the annotator drew too, (..., A).
    near : np.ndarray
        Pixels of the first annotator near those of the second, (..., T, A, A).
    """

    pixels: np.ndarray
    both: np.ndarray
    votes: np.ndarray
    majority: np.ndarray
    with_majority: np.ndarray
    union: np.ndarray
    with_union: np.ndarray
    near: np.ndarray

    @property
    def drawn(self) -> np.ndarray:
        """Number of pixels that each annotator drew, (..., A)."""
        return self.both.diagonal(axis1=-2, axis2=-1)

    def weighted(self, weights: np.ndarray) -> "Tally":
        """Return sums over images, each weighted: (B, images) gives (B, ...)."""

        def summed(counts: np.ndarray) -> np.ndarray:
            return np.tensordot(weights, counts, axes=1)

        return Tally(*map(summed, self))


def empty_tallies(images: int, annotators: int, tolerances: int) -> Tally:
    """Return tallies of 0 for this many images."""
    square = (annotators, annotators)
    each = (annotators,)
    shapes = [(), square, (annotators + 1,), each, each, each, each, (tolerances, *square)]
    return Tally(*(np.zeros((images, *shape), np.int64) for shape in shapes))


def tally(
    masks: Sequence[np.ndarray],
    region: np.ndarray | None = None,
    tolerances_px: Sequence[float] = (),
) -> Tally:
    """Count the masks that annotators drew on one image.

    Parameters
    ----------
    masks : sequence of np.ndarray
        bool (H, W), one for each annotator.
    region : np.ndarray, optional
        bool (H, W); pixels outside it do not count.
    tolerances_px : sequence of float
        As `neighbourhoods.near_px`.
    """
    annotators = len(masks)
    pixels = masks[0].size if region is None else int(np.count_nonzero(region))
    counts = drawn_votes(masks, region).counted(pixels)
    marks = counts.marks.astype(np.int64)
    votes_of_others = marks.sum(axis=1, keepdims=True) - marks
    majority, union = votes_of_others > (annotators - 1) / 2, votes_of_others > 0
    near = np.zeros((0, annotators, annotators), np.int64)
    if tolerances_px:
        inside = masks if region is None else [mask & region for mask in masks]
        near = near_px(inside, tolerances_px)
    return Tally(
        np.asarray(counts.pixels),
        counts.both_px,
        counts.votes_px,
        counts.counts @ majority,
        counts.counts @ (majority * marks),
        counts.counts @ union,
        counts.counts @ (union * marks),
        near,
    )


class Column(NamedTuple):
    """One number of an agreement: whose, by which measure, and how far apart lines may lie."""

    kind: SubjectKind
    subject: str
    measure: str
    tolerance_px: float | None = None


def pairs(annotators: int) -> list[tuple[int, int]]:
    """Return all pairs of annotators, neighbours first.

    >>> pairs(3)  # in the order of the paper's Table 2: A & B, B & C, A & C
    [(0, 1), (1, 2), (0, 2)]
    """
    return sorted(combinations(range(annotators), 2), key=lambda pair: (pair[1] - pair[0], pair))


def columns(names: Sequence[str], tolerances_px: Sequence[float] = ()) -> list[Column]:
    """Return what the numbers of `measures` are, in their order."""
    of_pairs = [f"{names[first]} & {names[second]}" for first, second in pairs(len(names))]
    others: list[Column] = [Column("others", name, measure) for measure in _EXACT for name in names]
    near = [
        Column("pair", pair, measure, far)
        for far in tolerances_px
        for measure in _NEAR
        for pair in of_pairs
    ]
    exact = [Column("pair", pair, measure) for measure in _EXACT for pair in of_pairs]
    union: list[Column] = [Column("union", name, "jaccard") for name in names]
    return [*exact, *near, *others, *union, Column("all", "all", "fleiss_kappa")]


def measures(counts: Tally) -> np.ndarray:
    """Return every measure: (...) gives float64 (..., S), in the order of `columns`."""
    first, second = np.array(pairs(counts.drawn.shape[-1])).T
    drawn, pixels = counts.drawn, counts.pixels[..., None]
    of_pairs = Overlap(
        counts.both[..., first, second], drawn[..., first], drawn[..., second], pixels
    )
    others = Overlap(counts.with_majority, counts.majority, drawn, pixels)
    union = Overlap(counts.with_union, counts.union, drawn, pixels)
    near = [
        NearOverlap(
            counts.near[..., tolerance, first, second],
            drawn[..., first],
            counts.near[..., tolerance, second, first],
            drawn[..., second],
        )
        for tolerance in range(counts.near.shape[-3])
    ]
    blocks = [measure(of_pairs) for measure in _EXACT.values()]
    blocks += [measure(of_near_pairs) for of_near_pairs in near for measure in _NEAR.values()]
    blocks += [measure(others) for measure in _EXACT.values()]
    blocks += [jaccard(union)]
    blocks += [fleiss_kappa(counts.votes)[..., None]]
    return np.concatenate(blocks, axis=-1)


def averages(names: Sequence[str], tolerances_px: Sequence[float] = ()) -> dict[Column, list[int]]:
    """Return the averages over pairs, and the indices of the `columns` that each averages.

    The Jaccard index is also averaged over the pairs of each annotator.
    """
    members: dict[Column, list[int]] = {}
    of_pairs = pairs(len(names))
    for number, column in enumerate(columns(names, tolerances_px)):
        if column.kind == "pair":
            average = Column("average", "average", column.measure, column.tolerance_px)
            members.setdefault(average, []).append(number)
            if (column.measure, column.tolerance_px) == ("jaccard", None):
                for annotator in of_pairs[number % len(of_pairs)]:
                    own = Column("own pairs", names[annotator], "jaccard")
                    members.setdefault(own, []).append(number)
    return members
