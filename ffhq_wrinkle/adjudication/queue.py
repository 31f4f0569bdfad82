"""Queue: the images to review, the most disputed first."""

from collections.abc import Sequence

from ..dataset.ids import Ids
from ..human_labels.agreement import Agreement, tally_images
from ..human_labels.annotators import AnnotationSettings, Annotator, find_annotations
from ..human_labels.fusion_work import mask_name
from ..human_labels.tallies import Tally
from ..results.failures import Failure


def find_queue(
    annotators: Sequence[Annotator],
    settings: AnnotationSettings,
    *,
    ids: Ids | None = None,
    jobs: int = 1,
) -> tuple[Agreement, list[Failure]]:
    """Read the masks of all images, and put the images in the order of `per_image.csv`.

    Parameters
    ----------
    annotators : sequence of Annotator
        As `annotators.parse_annotators` returns them.
    settings : AnnotationSettings
        How masks are read and matched.
    ids : Ids, optional
        Images to review; all if not given.
    jobs : int
        Threads that read.

    Returns
    -------
    tuple of Agreement and list of Failure
        The agreement of the images in the order of the queue, and the images that cannot be read.

    Raises
    ------
    ArgumentError
        As `annotators.find_annotations`.
    """
    names = [annotator.name for annotator in annotators]
    annotations = find_annotations(annotators, settings, ids=ids)
    tallies, failures = tally_images(annotations.images, settings, len(names), jobs=jobs)
    agreement = Agreement(
        names,
        [annotator.folder for annotator in annotators],
        annotations.images,
        annotations.skipped,
        settings,
        (),
        tallies,
        resamples=0,
    )
    # The counts of an image that cannot be read are all 0.
    failed = [number for number, pixels in enumerate(tallies.pixels) if not pixels]
    rows = [
        Failure(mask_name(image_id), "find", f"nobody has an image {image_id}")
        for image_id in annotations.missing
    ]
    for number, failure in zip(failed, failures, strict=True):
        name = mask_name(annotations.images[number].file.image_id)
        rows.append(Failure(name, failure.step, str(failure)))
    order = [number for number in agreement.most_disputed() if tallies.pixels[number]]
    queued = Agreement(
        names,
        agreement.folders,
        [annotations.images[number] for number in order],
        annotations.skipped,
        settings,
        (),
        Tally(*(counts[order] for counts in tallies)),
        resamples=0,
    )
    return queued, rows
