"""By region: scores of each region of the faces, such as the forehead, beside those of images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import ImageError
from ...faces.photo_regions import RegionFinder
from ...faces.regions import REGIONS
from ...images.named import read_named
from ...images.photographs import read_image
from ...images.sizes import resized_nearest
from ...measures.estimates import Estimate, estimates
from .measures import Column
from .pairs import EvaluationSettings, Pair, PairFiles
from .scores import Score, score, stacked

ELSEWHERE = "elsewhere"
ROWS = (*REGIONS, ELSEWHERE)
_SAME_PROPORTIONS = 0.02


class RegionScores(NamedTuple):
    """The scores of one image by region.

    Attributes
    ----------
    has_regions : bool
        Whether the photograph has a face whose mesh can be trusted. Otherwise all of it is
        elsewhere.
    scores : list of Score
        One for each of `ROWS`, of exact measures only.
    """

    has_regions: bool
    scores: list[Score]


def region_scores(
    pair: Pair, files: PairFiles, finder: RegionFinder, settings: EvaluationSettings
) -> RegionScores:
    """Score each region of an image.

    Raises
    ------
    ImageError
        The photograph cannot be read, or has other proportions than the reference.
    """
    if files.photo is None:
        raise ImageError(f"{files.image_id} has no photograph")
    photo = read_named(files.photo, read_image, name=str(files.photo))
    height, width = pair.reference.shape
    ratio = photo.shape[0] * width / (photo.shape[1] * height)
    if abs(ratio - 1) > _SAME_PROPORTIONS:
        raise ImageError(
            f"{files.photo} is {photo.shape[1]}x{photo.shape[0]}, but {files.reference} is "
            f"{width}x{height}; they should have the same proportions"
        )
    regions = finder.find(photo)
    numbers = (
        np.zeros((height, width), np.uint8)
        if regions is None
        else resized_nearest(regions, (height, width))
    )
    predicted = pair.mask(settings.threshold)
    scores = []
    for number in (*range(1, len(REGIONS) + 1), 0):
        inside = numbers == number
        if pair.region is not None:
            inside &= pair.region
        scores.append(score(pair.reference, predicted, inside).score)
    return RegionScores(regions is not None, scores)


def region_estimates(
    images: Sequence[RegionScores], *, subjects: np.ndarray | None, resamples: int, seed: int
) -> dict[str, list[Estimate[Column]]]:
    """Return every figure of each region over all images, with its interval, by `ROWS`.

    The intervals are those of `estimates.estimates` with these subjects.
    """
    figures = {}
    for number, name in enumerate(ROWS):
        of_images = stacked(image.scores[number] for image in images)
        figures[name] = estimates(
            of_images, of_images.columns(()), Score.measured,
            subjects=subjects, resamples=resamples, seed=seed,
        )  # fmt: skip
    return figures
