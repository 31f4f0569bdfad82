"""Twins: images that are the same picture, which must not be both trained and tested on."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import ImageFailure, TrainingDataError, first_few
from ...images.named import read_named
from ...images.opening import read_content
from ...images.photographs import read_image, read_size
from ...runs.pipeline import run_each
from ...runs.progress import Progress
from .samples import Sample, Stage

log = logging.getLogger(__name__)


def same_pictures(samples: Sequence[Sample], *, stage: Stage, jobs: int = 1) -> list[list[str]]:
    """Group ids by picture.

    Parameters
    ----------
    samples : sequence of Sample
        Their images are read. For finetuning they are decoded and compared pixel by pixel; for
        pretraining only files of equal size are compared, byte by byte.
    stage : {"pretrain", "finetune"}
        The stage that the samples are for.
    jobs : int
        Threads.

    Returns
    -------
    list of list of str
        Groups, and the ids of each, in order.

    Raises
    ------
    TrainingDataError
        Images cannot be read.
    """
    unique: list[Sample] = []
    compared = list(samples)
    if stage == "pretrain":
        paths = [sample.image for sample in samples]
        sizes = [path.stat().st_size if path.is_file() else -1 for path in paths]
        counts = Counter(sizes)
        unique = [sample for sample, size in zip(samples, sizes, strict=True) if counts[size] == 1]
        compared = [sample for sample, size in zip(samples, sizes, strict=True) if counts[size] > 1]
    hashes = _for_each(compared, _pixels_hash if stage == "finetune" else _content_hash, jobs)
    pictures: dict[str, list[str]] = {}
    for image_id, picture in hashes.items():
        pictures.setdefault(picture, []).append(image_id)
    groups = [*pictures.values(), *([sample.image_id] for sample in unique)]
    twins = sorted(sorted(group) for group in groups if len(group) > 1)
    if twins:
        log.info(
            "%d pictures occur under several ids, such as %s; all copies go to the same part",
            *(len(twins), " and ".join(twins[0])),
        )
    return sorted(sorted(group) for group in groups)


def twins_of(known: Sequence[Sample], others: Sequence[Sample], *, jobs: int = 1) -> dict[str, str]:
    """Find copies of known images among others, pixel by pixel, in files of any kind.

    Only those of the others that have the size of a known image are decoded.

    Parameters
    ----------
    known, others : sequence of Sample
        Their images are read.
    jobs : int
        Threads.

    Returns
    -------
    dict of str to str
        The known id of each of the others that is the same picture.

    Raises
    ------
    TrainingDataError
        Images cannot be read.
    """
    known_shapes = set(_for_each(known, _shape, jobs).values())
    shapes = _for_each(others, _shape, jobs)
    candidates = [sample for sample in others if shapes[sample.image_id] in known_shapes]
    known_pictures = _for_each(known, _pixels_hash, jobs)
    known_ids = {picture: image_id for image_id, picture in known_pictures.items()}
    pictures = _for_each(candidates, _pixels_hash, jobs)
    copies = {image_id for image_id, picture in pictures.items() if picture in known_ids}
    return {image_id: known_ids[pictures[image_id]] for image_id in sorted(copies)}


def _for_each(samples: Sequence[Sample], work: Callable[[Path], str], jobs: int) -> dict[str, str]:
    """Apply a function to each image; its result by id."""
    results: dict[str, str] = {}
    failures: list[str] = []
    with (
        Progress(len(samples), "compare images") as progress,
        run_each(samples, lambda sample: read_named(sample.image, work), jobs=jobs) as outcomes,
    ):
        for sample, outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if isinstance(outcome, ImageFailure):
                failures.append(str(outcome))
            else:
                results[sample.image_id] = outcome
    if failures:
        named = first_few(failures, separator="; ")
        raise TrainingDataError(f"{len(failures)} images cannot be read: {named}")
    return results


def _shape(path: Path) -> str:
    return "{}x{}".format(*read_size(path))


def _pixels_hash(path: Path) -> str:
    image = read_image(path)
    return hashlib.sha256(f"{image.shape} ".encode() + image.tobytes()).hexdigest()


def _content_hash(path: Path) -> str:
    return hashlib.sha256(read_content(path)).hexdigest()
