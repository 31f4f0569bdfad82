"""Agreement: how far annotators agree, over all their images.

`measure_agreement` reads every image once and keeps a tally of it, from which everything else
follows. `tables`, `annotator_figures` and `report` show the result.
"""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dataset.ids import Ids
from ..dataset.layout import ImageFile
from ..dataset.subjects import subject_numbers
from ..errors import AnnotationError, ArgumentError, ImageFailure, counted
from ..images.masks import inverted_remark, looks_inverted
from ..measures.bootstrap import RESAMPLES
from ..measures.estimates import Estimate, defined_mean, estimates
from ..measures.metrics import Overlap, jaccard
from ..reports.tabulation import estimate_records
from ..results.tabular import Tabular
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from .annotations import read_annotations
from .annotator_figures import distribution, pair_matrix
from .annotators import (
    MIN_ANNOTATORS,
    AnnotatedImage,
    AnnotationSettings,
    Annotator,
    find_annotations,
)
from .tables import column_name, html, printed, record
from .tallies import Column, Tally, averages, columns, empty_tallies, measures, tally

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Agreement(Tabular):
    """How far annotators agree on a set of images.

    Attributes
    ----------
    names : list of str
        The annotators' names.
    folders : list of Path
        Their folders; empty for masks in memory.
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
        Settings of the bootstrap.
    group_by : str or None
        Which images show the same subject, as `subjects.subjects_of` takes it. The bootstrap then
        draws subjects.
    """

    names: list[str]
    folders: list[Path]
    images: list[AnnotatedImage]
    skipped: list[str]
    settings: AnnotationSettings
    tolerances_px: tuple[float, ...]
    tallies: Tally
    resamples: int = RESAMPLES
    seed: int = 0
    group_by: str | None = None

    def summary(self, *, width: int | None = None) -> str:
        """Return the tables as text: the paper's Table 2 for these annotators, and further ones.

        Lines have at most `width` characters, if it is given.
        """
        return printed(self, width)

    def record(self) -> dict[str, Any]:
        """Return every figure and its origin as JSON can hold it; undefined is null."""
        return record(self)

    def to_frame(self, *, per_image: bool = False) -> "pd.DataFrame":
        """Return the figures as a pandas DataFrame.

        Parameters
        ----------
        per_image : bool
            Whether to return a row for each image, indexed by image id, with a column for each
            measure; otherwise a row for each figure over all images, with its interval.
        """
        import pandas as pd

        if not per_image:
            return pd.DataFrame(estimate_records(self.estimates))
        image_ids = pd.Index([image.file.image_id for image in self.images], name="image_id")
        return pd.DataFrame(self.per_image, image_ids, [*map(column_name, self.columns)])

    def tables_html(self) -> str:
        """Return the tables as HTML."""
        return html(self)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield the pictures of pairs and of images, as PNG."""
        yield "Mean Jaccard index of each pair of annotators", pair_matrix(self)
        yield "Jaccard index of each image", distribution(self)

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
    def subjects(self) -> np.ndarray | None:
        """The number of the subject of each image, int64 (images,); None if nothing is known."""
        return subject_numbers([image.file.image_id for image in self.images], self.group_by)

    @cached_property
    def estimates(self) -> list[Estimate[Column]]:
        """Every measure over all images, with averages over pairs, and with intervals."""
        return estimates(
            self.tallies,
            self.columns,
            measures,
            averages=averages(self.names, self.tolerances_px),
            subjects=self.subjects,
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
    group_by: str | None = None,
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
        Images to measure; all if not given.
    tolerances_px : sequence of float
        Also measure agreement with lines allowed to lie this many pixels apart.
    resamples, seed : int
        Settings of the bootstrap over images; without resamples there are no intervals.
    group_by : str, optional
        Which images show the same subject, as `subjects.subjects_of` takes it; the bootstrap is
        then over subjects.
    jobs : int
        Threads that read.

    Raises
    ------
    ArgumentError
        As `annotators.find_annotations` and `subjects.subjects_of`, or no annotator has one of
        the ids.
    AnnotationError
        Files cannot be read, or sizes differ; after all were tried, the first is named.
    """
    settings = settings or AnnotationSettings()
    _require_tolerances(tolerances_px)
    _require_distinct_figures([annotator.name for annotator in annotators], tolerances_px)
    annotations = find_annotations(annotators, settings, ids=ids)
    if annotations.missing:
        raise ArgumentError(
            f"no annotator has masks of {len(annotations.missing)} of the ids, such as "
            f"{annotations.missing[0]}"
        )
    subject_numbers([image.file.image_id for image in annotations.images], group_by)
    tallies, failures = tally_images(
        annotations.images, settings, len(annotators), tolerances_px=tolerances_px, jobs=jobs
    )
    if failures:
        more = f" ({len(failures)} images in all)" if len(failures) > 1 else ""
        raise AnnotationError(f"{failures[0]}{more}")
    agreement = Agreement(
        [annotator.name for annotator in annotators],
        [annotator.folder for annotator in annotators],
        annotations.images,
        annotations.skipped,
        settings,
        tuple(tolerances_px),
        tallies,
        resamples,
        seed,
        group_by,
    )
    inverted = agreement.looks_inverted()
    if inverted:
        log.warning("%s", inverted_remark("masks", inverted))
    return agreement


def agreement_of_masks(
    masks: Mapping[str, Mapping[str, np.ndarray]],
    *,
    tolerances_px: Sequence[float] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
    group_by: str | None = None,
) -> Agreement:
    """Measure how far annotators agree whose masks are in memory.

    Parameters
    ----------
    masks : mapping of str to mapping of str to np.ndarray
        For each annotator, the masks by image id, bool (H, W). All have the same images.
    tolerances_px, resamples, seed, group_by
        As in `measure_agreement`.

    Raises
    ------
    ArgumentError
        There are fewer than two annotators or no images, the annotators do not have the same
        images, or the masks of an image differ in size or are not bool.

    Examples
    --------
    >>> first, second = np.array([[True, True, False]]), np.array([[False, True, True]])
    >>> agreed = agreement_of_masks({"A": {"x": first}, "B": {"x": second}}, resamples=0)
    >>> round(agreed.estimates[0].value, 4)  # the Jaccard index of A & B
    0.3333
    """
    _require_tolerances(tolerances_px)
    names = list(masks)
    _require_distinct_figures(names, tolerances_px)
    if len(names) < MIN_ANNOTATORS:
        raise ArgumentError(
            f"{counted(len(names), 'annotator')} given; at least {MIN_ANNOTATORS} are needed"
        )
    image_ids = sorted(masks[names[0]])
    for name in names:
        if sorted(masks[name]) != image_ids:
            raise ArgumentError(f"{names[0]} and {name} do not have masks of the same images")
    if not image_ids:
        raise ArgumentError("there are no masks")
    subject_numbers(image_ids, group_by)
    tallies = empty_tallies(len(image_ids), len(names), len(tolerances_px))
    for number, image_id in enumerate(image_ids):
        counts = tally([masks[name][image_id] for name in names], None, tolerances_px)
        for all_images, of_image in zip(tallies, counts, strict=True):
            all_images[number] = of_image
    images = [AnnotatedImage(ImageFile(image_id, f"{image_id}.png"), ()) for image_id in image_ids]
    return Agreement(
        names,
        [],
        images,
        [],
        AnnotationSettings(),
        tuple(tolerances_px),
        tallies,
        resamples,
        seed,
        group_by,
    )


def _require_tolerances(tolerances_px: Sequence[float]) -> None:
    if any(not 0 <= far < math.inf for far in tolerances_px):
        raise ArgumentError(f"tolerances are {tolerances_px}; a distance in pixels is 0 or more")


def _require_distinct_figures(names: Sequence[str], tolerances_px: Sequence[float]) -> None:
    """Refuse names of annotators that give two figures the same name.

    An annotator called `majority` does so: the figures of A and `majority`, and of A with the
    majority of the others, are both called `A & majority`; `union` is such a name, too.
    """
    figures = Counter(map(column_name, columns(names, list(dict.fromkeys(tolerances_px)))))
    twin = next((name for name, count in figures.items() if count > 1), None)
    if twin:
        raise ArgumentError(
            f"two figures would be called {twin!r}; give an annotator another name (NAME=FOLDER), "
            "or use tolerances that differ more"
        )


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
