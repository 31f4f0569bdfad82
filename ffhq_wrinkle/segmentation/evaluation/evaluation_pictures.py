"""Evaluation pictures: overlays of the worst images of an `Evaluation`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ...reports.overlays import Photographs, error_overlay
from .measures import RANKED_BY
from .pairs import read_pair

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
        pair = read_pair(evaluation.source.files[number], evaluation.settings)
        reference, predicted = pair.reference, pair.mask(evaluation.settings.threshold)
        if pair.region is not None:
            reference, predicted = reference & pair.region, predicted & pair.region
        photo = photos.beneath(image_id, reference.shape)
        title = f"{image_id}  {RANKED_BY.title} {values[number]:.2f}"
        yield image_id, error_overlay(reference, predicted, photo, title)
