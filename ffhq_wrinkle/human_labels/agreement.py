"""Agreement: how far annotators agree, over all their images.

`measure_agreement` reads every image once and keeps a tally of it, from which everything else
follows. `tables`, `annotator_figures` and `report` show the result.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..dataset.ids import Ids
from ..errors import AnnotationError, ArgumentError, ImageFailure
from ..images.masks import inverted_remark, looks_inverted
from ..measures.bootstrap import RESAMPLES
from ..measures.estimates import Estimate, defined_mean, estimates
from ..measures.metrics import Overlap, jaccard
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from .annotations import read_annotations
from .annotators import (
    AnnotatedImage,
    AnnotationSettings,
    Annotator,
    find_annotations,
)
from .tallies import Column, Tally, averages, columns, empty_tallies, measures, tally

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Agreement:
    """How far annotators agree on a set of images.

    Attributes
    ----------
    annotators : list of Annotator
        The annotators.
    images : list of AnnotatedImage
        Their images, in the order of `tallies`.
    skipped : list of str
        Ids of images left out because an annotator lacks them.
    settings : AnnotationSettings
        How masks were read.
    tolerances_px : tuple of float
        Distances for which agreement was also measured.
    tallies : Tally
        Counts of every image.
    resamples, seed : int
        Of the bootstrap.
    """

    annotators: list[Annotator]
    images: list[AnnotatedImage]
    skipped: list[str]
    settings: AnnotationSettings
    tolerances_px: tuple[float, ...]
    tallies: Tally
    resamples: int = RESAMPLES
    seed: int = 0

    @property
    def names(self) -> list[str]:
        """The annotators' names."""
        return [annotator.name for annotator in self.annotators]

    @property
    def columns(self) -> list[Column]:
        """The columns of `per_image`."""
        return columns(self.names, self.tolerances_px)

    @cached_property
    def per_image(self) -> np.ndarray:
        """Every measure of every image, float64 (images, columns); NaN where undefined."""
        return measures(self.tallies)

    @cached_property
    def disagreement(self) -> np.ndarray:
        """1 - mean Jaccard index of the pairs, float64 (images,); NaN where nobody drew."""
        chosen = [
            number
            for number, column in enumerate(self.columns)
            if column.kind == "pair" and column.measure == "jaccard" and column.tolerance_px is None
        ]
        return 1 - defined_mean(self.per_image[:, chosen])

    def most_disputed(self) -> list[int]:
        """Return the images' numbers, from the most disputed to those that nobody drew on."""
        votes = self.tallies.votes
        disputed_px = votes[:, 1:-1].sum(axis=1)
        order = np.lexsort((-disputed_px, -np.nan_to_num(self.disagreement, nan=-1)))
        return [int(number) for number in order]

    def disputed(self) -> list[int]:
        """Return the numbers of images that some pair disagrees on, the most disputed first."""
        return [number for number in self.most_disputed() if self.disagreement[number] > 0]

    def looks_inverted(self) -> list[str]:
        """Return the ids of images on which some annotator's mask covers more than half."""
        most = self.tallies.drawn.max(axis=1)
        chosen = np.flatnonzero(looks_inverted(most, self.tallies.pixels))
        return [self.images[number].file.image_id for number in chosen]

    @cached_property
    def estimates(self) -> list[Estimate[Column]]:
        """Every measure over all images, with averages over pairs, and with intervals."""
        return estimates(
            self.tallies,
            self.columns,
            measures,
            averages=averages(self.columns),
            resamples=self.resamples,
            seed=self.seed,
        )


def measure_agreement(
    annotators: Sequence[Annotator],
    settings: AnnotationSettings | None = None,
    *,
    ids: Ids | None = None,
    tolerances_px: Sequence[float] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
    jobs: int = 1,
) -> Agreement:
    """Read the masks of every image and measure how far they agree.

    Parameters
    ----------
    annotators : sequence of Annotator
        As `annotators.parse_annotators` returns them.
    settings : AnnotationSettings, optional
        How masks are read and matched.
    ids : Ids, optional
        Which images; all if not given.
    tolerances_px : sequence of float
        Also measure agreement with lines allowed to lie this many pixels apart.
    resamples, seed : int
        Of the bootstrap over images; without resamples there are no intervals.
    jobs : int
        Threads that read.

    Raises
    ------
    ArgumentError
        As `annotators.find_annotations`, or nobody has one of the ids.
    AnnotationError
        Files cannot be read, or sizes differ; after all were tried, the first is named.
    """
    settings = settings or AnnotationSettings()
    if any(not 0 <= far < math.inf for far in tolerances_px):
        raise ArgumentError(f"tolerances are {tolerances_px}; a distance in pixels is 0 or more")
    annotations = find_annotations(annotators, settings, ids=ids)
    if annotations.missing:
        raise ArgumentError(
            f"no annotator has masks of {len(annotations.missing)} of the ids, such as "
            f"{annotations.missing[0]}"
        )
    tallies, failures = tally_images(
        annotations.images, settings, len(annotators), tolerances_px=tolerances_px, jobs=jobs
    )
    if failures:
        more = f" ({len(failures)} images in all)" if len(failures) > 1 else ""
        raise AnnotationError(f"{failures[0]}{more}")
    agreement = Agreement(
        list(annotators),
        annotations.images,
        annotations.skipped,
        settings,
        tuple(tolerances_px),
        tallies,
        resamples,
        seed,
    )
    inverted = agreement.looks_inverted()
    if inverted:
        log.warning("%s", inverted_remark("masks", inverted))
    return agreement


def tally_images(
    images: Sequence[AnnotatedImage],
    settings: AnnotationSettings,
    annotators: int,
    *,
    tolerances_px: Sequence[float] = (),
    jobs: int = 1,
) -> tuple[Tally, list[ImageFailure]]:
    """Tally the masks of every image; the counts of images that cannot be read are all 0."""
    tallies = empty_tallies(len(images), annotators, len(tolerances_px))
    failures: list[ImageFailure] = []

    def work(numbered: tuple[int, AnnotatedImage]) -> Tally:
        masks, region, _ = read_annotations(numbered[1], settings)
        return tally(masks, region, tolerances_px)

    with (
        Progress(len(images), "agreement") as progress,
        run_each(enumerate(images), work, jobs=jobs) as outcomes,
    ):
        for (number, _), outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if isinstance(outcome, ImageFailure):
                failures.append(outcome)
                continue
            for all_images, counts in zip(tallies, outcome, strict=True):
                all_images[number] = counts
    return tallies, failures


def agreement_weights(tallies: Tally) -> tuple[float, ...]:
    """Return the weight of each annotator's vote: their mean Jaccard index with the others.

    The index is over the pooled pixels of all images. The weights add up to 1, and are equal if
    nobody agrees with anybody.
    """
    both, drawn = tallies.both.sum(axis=0), tallies.drawn.sum(axis=0)
    index = jaccard(Overlap(both, drawn[:, None], drawn[None, :], tallies.pixels.sum()))
    index = np.nan_to_num(index)
    np.fill_diagonal(index, 0)
    weights = index.sum(axis=1)
    total = weights.sum()
    shares = weights / total if total else np.full(len(weights), 1 / len(weights))
    return tuple(round(float(share), 6) for share in shares)
