"""Weak masks: the published ones against those by each formula and by each reported method."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..errors import ImageError, ImageFailure
from ..images.named import read_named
from ..images.photographs import read_gray
from ..images.png import encode_png
from ..reports.contact_sheets import fitted
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from ..weak_labels.differences import LevelDifference, level_difference, pooled
from ..weak_labels.formulas import FORMULAS
from ..weak_labels.texture import TextureSettings
from ..weak_labels.views import stretched
from .checks import Check, Picture, State, absent, command
from .data_files import DataFiles
from .files import LABEL_MAP, PHOTO, WEAK_MASK
from .methods import METHODS
from .published import Images, Published, WeakFigure

GROUP = "Weak masks"
OF_TEST_IDS = "weak masks of the test ids"
RELEASED = "released"
_CLOSE_SHARE = 0.999  # equal pixels inside the face
_CLOSE_FIGURE = 0.05  # of a third party's figures, whose details are not all known
_DIGITS = 1e-6  # relative; the reports have ten digits of MAE and RMSE, and six of the share
_SHARE_DIGITS = 5e-5  # percent
_PICTURE_HEIGHT = 512


class Reading(NamedTuple):
    """One way to compute a weak mask: a formula of the package, or a reading of a method."""

    method: str
    detail: str = ""


class WeakImage(NamedTuple):
    """The comparison of one published weak mask.

    Attributes
    ----------
    image_id : str
        The image.
    whole, face : mapping of Reading to LevelDifference
        Comparisons over the whole image, and inside the face.
    failure : str
        Why there are none, such as a file that cannot be read; empty otherwise.
    above_0 : int
        Pixels of the published mask above 0.
    """

    image_id: str
    whole: Mapping[Reading, LevelDifference] = {}
    face: Mapping[Reading, LevelDifference] = {}
    failure: str = ""
    above_0: int = 0

    def is_exact(self, formula: str) -> bool:
        """Return whether every pixel equals that by a formula."""
        difference = self.whole.get(Reading(formula))
        return difference is not None and difference.exact == difference.pixels


@dataclass(frozen=True)
class WeakComparison:
    """The comparisons of all weak masks that exist.

    Attributes
    ----------
    images : tuple of WeakImage
        By id.
    lacking : tuple of str
        Requested ids without a photograph, a label map or a weak mask.
    """

    images: tuple[WeakImage, ...]
    lacking: tuple[str, ...] = ()
    _by_id: Mapping[str, WeakImage] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_id = {image.image_id: image for image in self.images}
        object.__setattr__(self, "_by_id", by_id)

    def of(self, image_ids: Sequence[str]) -> list[WeakImage]:
        """Return the images of some ids that could be compared."""
        chosen = (self._by_id.get(image_id) for image_id in image_ids)
        return [image for image in chosen if image and not image.failure]

    @property
    def best_formula(self) -> str:
        """The formula by which most masks are exact, or that is nearest if none is."""
        whole = [image for image in self.images if not image.failure]
        return max(
            FORMULAS,
            key=lambda name: (
                sum(image.is_exact(name) for image in whole),
                sum(image.whole[Reading(name)].exact for image in whole),
            ),
        )

    @property
    def has_exact_formula(self) -> bool:
        """Whether one formula is exact in most images, so that others have a cause of their own."""
        exact = sum(image.is_exact(self.best_formula) for image in self.images)
        return 2 * exact > len(self.images)

    @property
    def outliers(self) -> list[WeakImage]:
        """The images in which the formula of the others is not exact; none without a formula."""
        if not self.has_exact_formula:
            return []
        return [image for image in self.images if not image.is_exact(self.best_formula)]


def compare_weak_masks(files: DataFiles, image_ids: Sequence[str], *, jobs: int) -> WeakComparison:
    """Compare published weak masks with ours.

    Parameters
    ----------
    files : DataFiles
        The data set.
    image_ids : sequence of str
        The masks to compare, as far as photograph, label map and mask exist.
    jobs : int
        Threads.
    """
    present = [image_id for image_id in image_ids if _is_complete(files, image_id)]
    lacking = tuple(image_id for image_id in image_ids if image_id not in set(present))
    images = []
    with (
        Progress(len(present), "weak masks") as progress,
        run_each(present, lambda image_id: _compared(files, image_id), jobs=jobs) as outcomes,
    ):
        for image_id, outcome in outcomes:
            failed = isinstance(outcome, ImageFailure)
            progress.advance(failed=failed)
            images.append(
                WeakImage(image_id, failure=str(outcome))
                if isinstance(outcome, ImageFailure)
                else outcome
            )
    return WeakComparison(tuple(images), lacking)


def _is_complete(files: DataFiles, image_id: str) -> bool:
    return (
        image_id in files.images
        and image_id in files.weak
        and files.label_map(image_id) is not None
    )


def masks_of(files: DataFiles, image_id: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return photograph, face and published weak mask of an image.

    Raises
    ------
    ImageFailure
        A file is absent, cannot be read, or differs from the photograph in size.
    """
    parts = files.photo_and_face(image_id)
    if parts is None:
        raise ImageError(f"{image_id} lacks its photograph or its label map")
    image, face = parts
    published = read_named(files.weak[image_id], read_gray)
    if published.shape != face.shape:
        raise ImageError(
            f"{files.weak[image_id]} is {published.shape}, the photograph {face.shape}"
        )
    return image, face, published


def _compared(files: DataFiles, image_id: str) -> WeakImage:
    image, face, published = masks_of(files, image_id)
    whole, inside = {}, {}

    def add(reading: Reading, ours: np.ndarray) -> None:
        whole[reading] = level_difference(ours, published)
        inside[reading] = level_difference(ours, published, face)

    for formula in FORMULAS:
        add(Reading(formula), TextureSettings(recipe=formula).weak_mask(image, face))
    for method, variants in METHODS.items():
        for variant in variants:
            add(Reading(method, str(variant)), variant.texture_map(image) * face)
    return WeakImage(image_id, whole, inside, above_0=int(np.count_nonzero(published)))


def weak_checks(
    comparison: WeakComparison, files: DataFiles, published: Published, *, quick: bool
) -> Iterator[Check]:
    """Yield the checks of weak masks: the published formula, and a third party's figures."""
    sample = [published.sample]
    yield _formula_check(
        comparison, sample, f"{WEAK_MASK.format(sample[0])}, pixels", files, published
    )
    yield _pixels_check(comparison, files, published)
    test_ids = list(published.test_ids)
    if not quick:
        yield _formula_check(comparison, test_ids, OF_TEST_IDS, files, published)
    for figure in published.weak_figures:
        if figure.images == "sample" or not quick:
            image_ids = sample if figure.images == "sample" else test_ids
            yield _figure_check(comparison, figure, image_ids, files, published)


def _inputs(images: Images, published: Published) -> tuple[str, ...]:
    sample = published.sample
    if images == "test":
        return (OF_TEST_IDS,)
    of_files = (PHOTO.format(sample), WEAK_MASK.format(sample), LABEL_MAP.format(sample))
    return (*of_files, f"{WEAK_MASK.format(sample)}, pixels")


def _what_is_lacking(files: DataFiles, image_ids: Sequence[str]) -> str:
    """Return the command that gets what some images lack."""
    if any(image_id not in files.images for image_id in image_ids):
        which = "test" if len(image_ids) > 1 else image_ids[0]
        return command(f"download images DATA --ids {which}", files.data)
    only = "weak" if any(image_id not in files.weak for image_id in image_ids) else "parsed"
    return command(f"download labels DATA --only {only}", files.data)


def _formula_check(
    comparison: WeakComparison,
    image_ids: Sequence[str],
    name: str,
    files: DataFiles,
    published: Published,
) -> Check:
    expected = f"100 % of the pixels equal to the formula {RELEASED}"
    source = published.sources["authors"]
    images = comparison.of(image_ids)
    failures = [
        f"{image.image_id}: {image.failure}"
        for image in comparison.images
        if image.failure and image.image_id in set(image_ids)
    ]
    single = len(image_ids) == 1
    inputs = () if not single else _inputs("sample", published)[:3]
    if set(image_ids) & set(comparison.lacking) or not (images or failures):
        get = _what_is_lacking(files, image_ids)
        return absent(GROUP, name, expected=expected, source=source, get=get, inputs=inputs)
    if failures:
        return Check(
            group=GROUP, name=name, expected=expected, source=source, state="different",
            found=f"{len(failures)} cannot be compared", note="; ".join(failures[:3]),
            inputs=inputs,
        )  # fmt: skip
    face = pooled(image.face[Reading(RELEASED)] for image in images)
    whole = pooled(image.whole[Reading(RELEASED)] for image in images)
    exact = sum(image.is_exact(RELEASED) for image in images)
    state: State = "equal" if exact == len(images) else "different"
    if state == "different" and face.exact_share >= _CLOSE_SHARE and not comparison.outliers:
        state = "close"
    counted = "" if single else f"{exact} of {len(images)} masks exact; "
    others = [image.image_id for image in images if not image.is_exact(RELEASED)]
    note = "" if state == "equal" or single else f"not exact: {', '.join(others[:10])}"
    return Check(
        group=GROUP,
        name=name,
        expected=expected,
        source=source,
        state=state,
        found=f"{counted}{100 * whole.exact_share:.4f} %, inside the face "
        f"{100 * face.exact_share:.4f} %, MAE {whole.mae:.4f}",
        note=note,
        inputs=inputs,
    )


def _pixels_check(comparison: WeakComparison, files: DataFiles, published: Published) -> Check:
    name = f"{WEAK_MASK.format(published.sample)}, pixels above 0"
    expected, source = f"{published.weak_pixels:,}", published.sources["third-party"]
    inputs = (WEAK_MASK.format(published.sample),)
    images = comparison.of([published.sample])
    if not images:
        get = _what_is_lacking(files, [published.sample])
        return absent(GROUP, name, expected=expected, source=source, get=get, inputs=inputs)
    above_0 = images[0].above_0
    return Check(
        group=GROUP,
        name=name,
        expected=expected,
        source=source,
        state="equal" if above_0 == published.weak_pixels else "different",
        found=f"{above_0:,}",
        inputs=inputs,
    )


class _Figures(NamedTuple):
    """MAE and share of one reading, its RMSE over all pixels, and the mean of RMSE over images."""

    mae: float
    rmse: float
    mean_rmse: float
    exact: float

    def apart(self, figure: WeakFigure) -> float:
        """Return the largest relative difference from known figures; RMSE by the nearer mean."""
        rmse = min((self.rmse, self.mean_rmse), key=lambda value: abs(value - figure.rmse))
        pairs = ((self.mae, figure.mae), (rmse, figure.rmse), (self.exact, figure.exact))
        return max(abs(ours - theirs) / max(abs(theirs), 1e-9) for ours, theirs in pairs)


def _figures(images: Sequence[WeakImage], reading: Reading) -> _Figures:
    each = [image.whole[reading] for image in images]
    together = pooled(each)
    mean_rmse = float(np.mean([difference.rmse for difference in each]))
    return _Figures(together.mae, together.rmse, mean_rmse, 100 * together.exact_share)


def _figure_check(
    comparison: WeakComparison,
    figure: WeakFigure,
    image_ids: Sequence[str],
    files: DataFiles,
    published: Published,
) -> Check:
    of_images = published.sample if figure.images == "sample" else "the test ids"
    name = f"{figure.method}, {of_images}"
    expected = f"MAE {figure.mae:.4f}, RMSE {figure.rmse:.4f}, {figure.exact:.4f} % exact"
    source, inputs = published.sources["third-party"], _inputs(figure.images, published)
    images = comparison.of(image_ids)
    if len(images) < len(image_ids):
        get = _what_is_lacking(files, image_ids)
        return absent(GROUP, name, expected=expected, source=source, get=get, inputs=inputs)
    readings = [Reading(figure.method, str(variant)) for variant in METHODS[figure.method]]
    best = min(readings, key=lambda reading: _figures(images, reading).apart(figure))
    ours = _figures(images, best)
    apart = ours.apart(figure)
    share_rounding = _SHARE_DIGITS / max(figure.exact, 1e-9)
    state: State = "equal" if apart <= max(_DIGITS, share_rounding) else "different"
    if state == "different" and apart <= _CLOSE_FIGURE:
        state = "close"
    note = "" if state == "equal" else f"at most {100 * apart:.2f} % apart, by {best.detail}"
    return Check(
        group=GROUP,
        name=name,
        expected=expected,
        source=source,
        state=state,
        found=f"MAE {ours.mae:.4f}, RMSE {ours.rmse:.4f}, {ours.exact:.4f} % exact",
        note=note,
        inputs=inputs,
    )


def difference_picture(files: DataFiles, image_id: str, formula: str) -> Picture | None:
    """Draw a photograph, its published weak mask, and where ours by a formula differs from it.

    The mask is stretched. Where the masks differ is white on black; None if a file is unreadable.
    """
    try:
        image, face, published = masks_of(files, image_id)
    except ImageFailure:
        return None
    ours = TextureSettings(recipe=formula).weak_mask(image, face)
    apart = ours != published
    panels = [image, *(_rgb(panel) for panel in (stretched(published), apart * np.uint8(255)))]
    picture = np.hstack([fitted(panel, _PICTURE_HEIGHT) for panel in panels])
    caption = f"photograph, published weak mask, and {int(apart.sum()):,} pixels that differ"
    return Picture(image_id, caption, encode_png(picture))


def _rgb(panel: np.ndarray) -> np.ndarray:
    return np.repeat(panel[:, :, None], 3, axis=2)
