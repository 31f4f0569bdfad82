"""Verification: all checks of a downloaded data set, and the verdicts that follow."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, counted, first_few
from ..results.tabular import Tabular
from .checks import Check, Picture, count_states, roots
from .data_files import DataFiles
from .duplicates import duplicate_checks
from .faces import label_map_check, masked_image_check
from .files import file_checks
from .formula_search import Scored, search
from .networks import manual_check, network_checks, parameter_checks
from .outliers import explained
from .people import people_checks
from .published import Published, published_figures
from .tables import html, printed, record
from .weak_masks import (
    Reading,
    WeakComparison,
    compare_weak_masks,
    difference_picture,
    weak_checks,
)

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_PICTURES = 10


@dataclass(frozen=True, repr=False)
class Verification(Tabular):
    """The result of all checks.

    Attributes
    ----------
    data : Path
        The data set.
    checks : tuple of Check
        By group.
    verdicts : tuple of str
        The result of the checks of weak masks, in sentences.
    comparison : WeakComparison
        The comparison of weak masks.
    variants : tuple of Scored
        The nearest variants, if no formula gives the published masks.
    shown : tuple of Picture
        Where published files and ours differ.
    seconds : float
        Duration.
    """

    data: Path
    checks: tuple[Check, ...]
    verdicts: tuple[str, ...]
    comparison: WeakComparison
    variants: tuple[Scored, ...] = ()
    shown: tuple[Picture, ...] = ()
    seconds: float = 0.0

    @property
    def differs(self) -> bool:
        """Whether any check differs."""
        return any(check.state == "different" for check in self.checks)

    @property
    def roots(self) -> list[Check]:
        """The checks that differ for a reason of their own."""
        return roots(self.checks)

    def headline(self) -> str:
        """Return the result in a sentence."""
        counts = count_states(self.checks)
        text = (
            f"{counted(len(self.checks), 'check')}: {counts['equal']} equal, {counts['close']} "
            f"close, {counts['different']} different, {counts['absent']} absent."
        )
        own = [check.name for check in self.roots]
        if own:
            text += (
                f" {'Differs' if len(own) == 1 else 'Differ'}: {first_few(own, separator='; ')}."
            )
        return text

    def summary(self, *, width: int | None = None) -> str:
        """Return the checks as text, in lines of at most `width` characters if it is given."""
        return printed(self, width)

    def record(self) -> dict[str, Any]:
        """Return all checks and figures as JSON can hold them."""
        return record(self)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame with a row for each check."""
        import pandas as pd

        columns = ("group", "name", "expected", "source", "found", "state", "note")
        rows = [[getattr(check, column) for column in columns] for check in self.checks]
        return pd.DataFrame(rows, columns=columns)

    def tables_html(self) -> str:
        """Return the checks as HTML."""
        return html(self)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield pictures of where published files and ours differ."""
        for picture in self.shown:
            yield f"{picture.image_id}: {picture.caption}", picture.content


def verify(
    data: Path,
    *,
    quick: bool = False,
    weights: Path | None = None,
    race_table: Path | None = None,
    device: str = "cpu",
    jobs: int = 1,
    published: Published | None = None,
) -> Verification:
    """Hold a downloaded data set, and what this package makes of it, against known figures.

    Nothing is downloaded: what is absent is named, with the command that gets it.

    Parameters
    ----------
    data : Path
        A folder in the released layout.
    quick : bool
        Whether only the sample, 00001, is processed, not the test ids.
    weights : Path, optional
        BiSeNet's weights; those in the cache if not given.
    race_table : Path, optional
        A `race.csv` of `demographics --race --keep-individual`, for Table 1.
    device : str
        Device for the networks, as in `inference.devices.choose_device`.
    jobs : int
        Threads.
    published : Published, optional
        The known figures; those that come with the package if not given.

    Returns
    -------
    Verification

    Raises
    ------
    ArgumentError
        The data set is not a folder, a table cannot be read, or the device does not exist.
    """
    if not data.is_dir():
        raise ArgumentError(f"{data} is not a folder")
    started = time.monotonic()
    published = published or published_figures()
    files = DataFiles(data)
    checks = list(file_checks(files, published, weights))
    label_map, picture = label_map_check(files, published, weights, device)
    checks += [label_map, masked_image_check(files, published)]
    image_ids = [published.sample]
    if not quick:
        image_ids += [image_id for image_id in published.test_ids if image_id != published.sample]
    comparison = compare_weak_masks(files, image_ids, jobs=jobs)
    checks += weak_checks(comparison, files, published, quick=quick)
    variants = _nearest_variants(comparison, files, jobs)
    if not quick:
        checks.append(manual_check(files, published))
    checks += network_checks(files, published, quick=quick, device=device)
    checks += parameter_checks(published)
    if not quick:
        checks += people_checks(files, published, race_table)
        checks += duplicate_checks(files, published, jobs=jobs)
    return Verification(
        data,
        tuple(checks),
        tuple(_verdicts(comparison, variants, files)),
        comparison,
        tuple(variants),
        tuple([*([picture] if picture else []), *_pictures(comparison, files)]),
        time.monotonic() - started,
    )


def _nearest_variants(comparison: WeakComparison, files: DataFiles, jobs: int) -> list[Scored]:
    """Search for the formula of the published masks, if it is none of ours."""
    compared = [image.image_id for image in comparison.images if not image.failure]
    if not compared or comparison.has_exact_formula:
        return []
    log.info("no formula gives the published weak masks; searching among variants")
    return search(files, compared, jobs=jobs)


def _verdicts(
    comparison: WeakComparison, variants: Sequence[Scored], files: DataFiles
) -> Iterator[str]:
    """Yield what the comparison of weak masks shows."""
    images = [image for image in comparison.images if not image.failure]
    if not images:
        yield "Nothing is known of the published weak masks: none could be compared."
        return
    best, number = comparison.best_formula, len(images)
    exact = sum(image.is_exact(best) for image in images)
    if exact == number:
        yield (
            f"The published weak masks are by the formula {best}: 100.0000 % of the pixels of "
            f"{counted(number, 'mask')} are exact."
        )
    elif comparison.has_exact_formula:
        yield (
            f"The published weak masks are by the formula {best}: {exact} of "
            f"{counted(number, 'mask')} are exact."
        )
    else:
        whole = sum(image.whole[Reading(best)].exact for image in images)
        pixels = sum(image.whole[Reading(best)].pixels for image in images)
        yield (
            f"No formula gives the published weak masks. The nearest is {best}, by which "
            f"{100 * whole / pixels:.4f} % of the pixels of {counted(number, 'mask')} are exact."
        )
        if variants:
            share = 100 * variants[0].difference.exact_share
            start = "They are by" if share == 100 else "The nearest variant is"
            yield (
                f"{start} this arithmetic: {variants[0].variant} ({share:.4f} % of the pixels "
                "inside the face)."
            )
    yield from explained(comparison, files)


def _pictures(comparison: WeakComparison, files: DataFiles) -> Iterator[Picture]:
    """Yield pictures of weak masks that differ from ours, the first by id."""
    images = [image for image in comparison.images if not image.failure]
    if not images:
        return
    best = comparison.best_formula
    differing = [image.image_id for image in images if not image.is_exact(best)]
    for image_id in differing[:_PICTURES]:
        picture = difference_picture(files, image_id, best)
        if picture:
            yield picture
