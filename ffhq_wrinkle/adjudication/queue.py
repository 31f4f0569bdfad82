"""Queue: the images to review, the most disputed first."""

from collections.abc import Sequence
from typing import NamedTuple

from ..human_labels.agreement import Agreement, tally_images
from ..human_labels.annotators import AnnotationSettings, Annotator, FoundAnnotations
from ..human_labels.fusion_work import mask_name
from ..human_labels.tallies import Tally, empty_tallies
from ..results.failures import Failure
from .tally_store import TallyStore


class Queue(NamedTuple):
    """The images to review.

    `images` is their agreement, in the order of the queue, `failures` has the images that cannot be
    read. `keys` and `tallies` are of all images, for `tally_store.TallyStore`.
    """

    images: Agreement
    failures: list[Failure]
    keys: list[bytes]
    tallies: Tally


def make_queue(
    annotators: Sequence[Annotator],
    annotations: FoundAnnotations,
    settings: AnnotationSettings,
    *,
    jobs: int = 1,
    store: TallyStore | None = None,
) -> Queue:
    """Read the masks of images, and put the images in the order of `per_image.csv`.

    Parameters
    ----------
    annotators : sequence of Annotator
        As `annotators.parse_annotators` returns them.
    annotations : FoundAnnotations
        Their images.
    settings : AnnotationSettings
        How masks are read and matched.
    jobs : int
        Threads that read.
    store : TallyStore, optional
        Tallies of an earlier review: the masks of these images are not read.
    """
    names, images = [annotator.name for annotator in annotators], annotations.images
    tallies = empty_tallies(len(images), len(names), 0)
    keys = [store.key(image) for image in images] if store else []
    numbers = store.fill(keys, tallies) if store else list(range(len(images)))
    read, read_failures = tally_images(
        [images[number] for number in numbers], settings, len(names), jobs=jobs
    )
    for all_images, counts in zip(tallies, read, strict=True):
        all_images[numbers] = counts
    failures = [
        Failure(mask_name(image_id), "find", f"nobody has an image {image_id}")
        for image_id in annotations.missing
    ]
    # The counts of an image that cannot be read are all 0.
    failed = [number for number in numbers if not tallies.pixels[number]]
    for number, failure in zip(failed, read_failures, strict=True):
        name = mask_name(images[number].file.image_id)
        failures.append(Failure(name, failure.step, str(failure)))
    agreement = _agreement(annotators, annotations, settings, range(len(images)), tallies)
    order = [number for number in agreement.most_disputed() if tallies.pixels[number]]
    queued = _agreement(annotators, annotations, settings, order, tallies)
    return Queue(queued, failures, keys, tallies)


def _agreement(
    annotators: Sequence[Annotator],
    annotations: FoundAnnotations,
    settings: AnnotationSettings,
    order: Sequence[int],
    tallies: Tally,
) -> Agreement:
    """Return the agreement of some images, given by their numbers."""
    return Agreement(
        [annotator.name for annotator in annotators],
        [annotator.folder for annotator in annotators],
        [annotations.images[number] for number in order],
        annotations.skipped,
        settings,
        (),
        Tally(*(counts[list(order)] for counts in tallies)),
        resamples=0,
    )
