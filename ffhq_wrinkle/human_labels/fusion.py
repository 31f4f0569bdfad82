"""Fusion: several annotators' masks of one image, combined into one by a rule; arrays only.

A rule is a table that assigns a level in the fused mask to each vote pattern; one rule also looks
at the texture of what is left, see `semi_automatic`. `fused` works on folders, and `agreement`
measures how far the annotators agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from ..errors import ArgumentError, counted, plural
from .semi_automatic import semi_automatic_mask
from .staple import Staple, staple
from .votes import PatternCounts, drawn_votes

Method = Literal[
    "majority", "union", "intersection", "weighted", "soft", "staple", "semi-automatic"
]
METHODS: tuple[Method, ...] = get_args(Method)
Degenerate = Literal["", "lost", "union", "copy"]
DRAWN = 255


@dataclass(frozen=True, kw_only=True)
class FusionRule:
    """How votes become a mask.

    Attributes
    ----------
    method : str
        * ``majority``: at least `min_votes` annotators drew the pixel.
        * ``union``, ``intersection``: one annotator drew it, or all did.
        * ``weighted``: the annotators who drew it have more than half of all `weights`.
        * ``soft``: not a mask but the share of votes, 0..255.
        * ``staple``: somebody drew the pixel, and its probability by `staple.staple` is at least
          one half.
        * ``semi-automatic``: more than half of the annotators, who may be a single one, drew the
          pixel roughly, and it is wrinkle by `semi_automatic.semi_automatic_mask`.
    min_votes : int, optional
        For ``majority``; more than half of the annotators if not given.
    weights : tuple of float, optional
        For ``weighted``: the weight of each annotator's vote.

    Raises
    ------
    ArgumentError
        The method is unknown, or lacks a setting that it needs, or has one that it does not take.
    """

    method: Method = "majority"
    min_votes: int | None = None
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ArgumentError(f"method is {self.method!r}; there are {', '.join(METHODS)}")
        if self.min_votes is not None and self.method != "majority":
            raise ArgumentError(f"min_votes goes with the method majority, not {self.method}")
        if (self.weights is None) == (self.method == "weighted"):
            raise ArgumentError("weights go with the method weighted, and with no other")
        if self.weights is not None and not (min(self.weights) >= 0 < sum(self.weights)):
            raise ArgumentError(f"weights are {self.weights}; none may be negative, nor all be 0")

    @property
    def needs_texture(self) -> bool:
        """Whether the rule needs a texture map."""
        return self.method == "semi-automatic"

    def levels(self, annotators: int) -> np.ndarray:
        """Return the level of each vote pattern, uint8 (2**A,).

        The method ``staple`` has no such table, because its levels depend on counts.

        Raises
        ------
        ArgumentError
            The number of annotators does not fit the rule's votes or weights.
        """
        if self.min_votes is not None and not 1 <= self.min_votes <= annotators:
            raise ArgumentError(
                f"min_votes is {self.min_votes}; there "
                f"{plural(annotators, 'is', 'are')} {counted(annotators, 'annotator')}"
            )
        if self.weights is not None and len(self.weights) != annotators:
            raise ArgumentError(
                f"{counted(len(self.weights), 'weight')} for {counted(annotators, 'annotator')}"
            )
        return _levels(self, annotators)


@lru_cache(maxsize=8)
def _levels(rule: FusionRule, annotators: int) -> np.ndarray:
    patterns = np.arange(2**annotators, dtype=np.uint32)
    votes = np.bitwise_count(patterns)
    if rule.method == "soft":
        return np.round(votes * (DRAWN / annotators)).astype(np.uint8)
    if rule.weights is not None:
        weight = np.zeros(len(patterns))
        for annotator, vote_weight in enumerate(rule.weights):
            weight += (patterns >> annotator & 1) * vote_weight
        # A tie is not a majority, whichever way its halves are rounded.
        kept = weight > sum(rule.weights) / 2 * (1 + 1e-12)
    else:
        majority = rule.min_votes or annotators // 2 + 1
        needed = {"union": 1, "intersection": annotators}.get(rule.method, majority)
        kept = votes >= needed
    return kept * np.uint8(DRAWN)


@dataclass(frozen=True)
class Fused:
    """A fused mask and its origin.

    Attributes
    ----------
    mask : np.ndarray
        uint8 (H, W): 0 and 255, or with ``soft`` the share of votes, 0..255.
    counts : PatternCounts
        The votes that it was made from.
    kept_px : int
        Number of pixels above 0.
    staple : Staple or None
        STAPLE's estimates.
    degenerate : {"", "lost", "union", "copy"}
        Whether STAPLE went to an extreme that a majority would not: it lost pixels that all drew,
        or nearly all that a majority drew; it kept nearly all that anybody drew; or it kept nearly
        what one annotator drew, and nothing else.
    """

    mask: np.ndarray
    counts: PatternCounts
    kept_px: int
    staple: Staple | None = None
    degenerate: Degenerate = ""


def fuse(
    masks: Sequence[np.ndarray],
    rule: FusionRule | None = None,
    region: np.ndarray | None = None,
    texture: np.ndarray | None = None,
) -> Fused:
    """Fuse the masks that several annotators drew on one image.

    Parameters
    ----------
    masks : sequence of np.ndarray
        A mask for each annotator, bool (H, W); at most 20.
    rule : FusionRule, optional
        The majority of votes if not given.
    region : np.ndarray, optional
        bool (H, W); pixels outside it do not count, and are 0 in the fused mask.
    texture : np.ndarray, optional
        For ``semi-automatic``: the texture map, uint8 (H, W).

    Returns
    -------
    Fused

    Raises
    ------
    ArgumentError
        As `votes.drawn_votes`, `FusionRule.levels` and `semi_automatic.semi_automatic_mask`, or
        the rule needs a texture map and there is none, or the reverse.

    >>> masks = np.array([[[1, 1, 0]], [[1, 0, 0]], [[0, 1, 1]]], bool)
    >>> fuse(masks).mask
    array([[255, 255,   0]], dtype=uint8)
    """
    rule = rule or FusionRule()
    if rule.needs_texture != (texture is not None):
        raise ArgumentError("a texture map goes with the method semi-automatic, and with no other")
    votes = drawn_votes(masks, region)
    pixels = masks[0].size if region is None else int(np.count_nonzero(region))
    counts = votes.counted(pixels)
    estimate: Staple | None = None
    degenerate: Degenerate = ""
    if rule.method == "staple":
        estimate = staple(counts)
        kept = (estimate.probability >= 0.5) & (counts.patterns != 0)
        levels = np.zeros(2 ** len(masks), np.uint8)
        levels[counts.patterns] = kept * np.uint8(DRAWN)
        degenerate = _degenerate(counts, levels)
    else:
        levels = rule.levels(len(masks))
    mask = votes.levels(levels)
    kept_px = int(counts.counts[levels[counts.patterns] > 0].sum())
    if texture is not None:
        wrinkle = semi_automatic_mask(texture, mask > 0)
        mask, kept_px = wrinkle * np.uint8(DRAWN), int(np.count_nonzero(wrinkle))
    return Fused(mask, counts, kept_px, estimate, degenerate)


def _degenerate(counts: PatternCounts, levels: np.ndarray) -> Degenerate:
    """Tell whether STAPLE's levels are an extreme; "nearly" is all but one pixel in twenty."""
    kept = levels[counts.patterns] > 0
    majority = FusionRule().levels(counts.annotators)[counts.patterns] > 0
    marks = counts.marks

    def pixels(chosen: np.ndarray) -> int:
        return int(counts.counts[chosen].sum())

    def jaccard(first: np.ndarray, second: "np.ndarray | np.bool") -> float:
        return pixels(first & second) / max(1, pixels(first | second))

    if pixels(marks.all(axis=1) & ~kept) or pixels(kept) < 0.05 * pixels(majority):
        return "lost"
    if jaccard(kept, majority) > 0.8:
        return ""
    if jaccard(kept, marks.any(axis=1)) >= 0.95:
        return "union"
    closest = max(jaccard(kept, marks[:, annotator]) for annotator in range(counts.annotators))
    return "copy" if closest >= 0.95 else ""
