"""Evaluation pictures: overlays of the worst images of an `Evaluation`, and thumbnails of all."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ImageFailure
from ...reports.overlays import Photographs, error_areas, error_overlay, thumbnail
from ...runs.pipeline import run_each
from .measures import RANKED_BY
from .pairs import PairFiles, read_pair

if TYPE_CHECKING:
    from .evaluation import Evaluation


def worst_pictures(
    evaluation: "Evaluation", photos: Photographs | None = None, *, count: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the id and an overlay, RGB uint8, of each of the worst images.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation; without files there are no pictures.
    photos : Photographs, optional
        Photographs to draw the masks on; black if not given.
    count : int
        Number of images, at most.
    """
    if evaluation.source is None:
        return
    photos = photos or Photographs(None)
    values = evaluation.of_images(RANKED_BY)
    for number in evaluation.worst()[:count]:
        image_id = evaluation.image_ids[number]
        reference, predicted = _masks(evaluation, evaluation.source.files[number])
        photo = photos.beneath(image_id, reference.shape)
        title = f"{image_id}  {RANKED_BY.title} {values[number]:.2f}"
        yield image_id, error_overlay(reference, predicted, photo, title)


def thumbnails(evaluation: "Evaluation", photos: Photographs, *, jobs: int = 1) -> dict[str, bytes]:
    """Return a thumbnail of each image by its id; none for arrays, which are not kept.

    Raises
    ------
    ImageFailure
        A file cannot be read again.
    """

    def drawn(files: PairFiles) -> bytes:
        reference, predicted = _masks(evaluation, files)
        areas = [(area, colour) for _, area, colour in error_areas(reference, predicted)]
        shape = reference.shape[0], reference.shape[1]
        return thumbnail(areas, shape, photos.beneath(files.image_id, shape, warn=False))

    pictures: dict[str, bytes] = {}
    all_files = evaluation.source.files if evaluation.source else []
    with run_each(all_files, drawn, jobs=jobs) as outcomes:
        for files, outcome in outcomes:
            if isinstance(outcome, ImageFailure):
                raise outcome
            pictures[files.image_id] = outcome
    return pictures


def _masks(evaluation: "Evaluation", files: PairFiles) -> tuple[np.ndarray, np.ndarray]:
    """Read the reference and the prediction of an image, inside its face mask if there is one."""
    pair = read_pair(files, evaluation.settings)
    reference, predicted = pair.reference, pair.mask(evaluation.settings.threshold)
    if pair.region is None:
        return reference, predicted
    return reference & pair.region, predicted & pair.region
