"""Twins: images that are the same picture, which may not be both learned from and tested on."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import ImageFailure, TrainingDataError
from ...images.photographs import read_content, read_image
from ...runs.pipeline import run_each
from ...runs.progress import Progress
from .picture_files import read_size
from .samples import Sample, Stage, naming

log = logging.getLogger(__name__)

_NAMED = 5


def same_pictures(samples: Sequence[Sample], *, stage: Stage, jobs: int = 1) -> list[list[str]]:
    """Put ids into groups of one picture each.

    Parameters
    ----------
    samples : sequence of Sample
        Their images are read: for finetuning decoded, so that pictures are compared pixel by
        pixel; for pretraining only files of one size are, byte by byte.
    stage : {"pretrain", "finetune"}
        What they are for.
    jobs : int
        Threads.

    Returns
    -------
    list of list of str
        Groups and their ids in order.

    Raises
    ------
    TrainingDataError
        Images can not be read.
    """
    alone: list[Sample] = []
    compared = list(samples)
    if stage == "pretrain":
        sizes = {one: one.image.stat().st_size if one.image.is_file() else -1 for one in samples}
        common = Counter(sizes.values())
        alone = [one for one in samples if common[sizes[one]] == 1]
        compared = [one for one in samples if common[sizes[one]] > 1]
    pictures: dict[str, list[str]] = {}
    hashes = _hashes(compared, _pixels_hash if stage == "finetune" else _content_hash, jobs)
    for image_id, picture in hashes.items():
        pictures.setdefault(picture, []).append(image_id)
    groups = [*pictures.values(), *([one.image_id] for one in alone)]
    twins = sorted(sorted(group) for group in groups if len(group) > 1)
    if twins:
        log.info(
            "%d pictures are there under several ids, such as %s; each stays in one part",
            len(twins),
            " and ".join(twins[0]),
        )
    return sorted(sorted(group) for group in groups)


def twins_of(known: Sequence[Sample], others: Sequence[Sample], *, jobs: int = 1) -> dict[str, str]:
    """Find the same pictures among others, pixel by pixel, whatever kind of file they are in.

    Of others only those are decoded that have the sides of a known one.

    Parameters
    ----------
    known, others : sequence of Sample
        Their images are read.
    jobs : int
        Threads.

    Returns
    -------
    dict of str to str
        The known id of each other one that is the same picture.

    Raises
    ------
    TrainingDataError
        Images can not be read.
    """
    shapes = set(_hashes(known, _shape, jobs).values())
    of_others = _hashes(others, _shape, jobs)
    candidates = [one for one in others if of_others[one.image_id] in shapes]
    pictures = {picture: one for one, picture in _hashes(known, _pixels_hash, jobs).items()}
    found = _hashes(candidates, _pixels_hash, jobs)
    return {one: pictures[picture] for one, picture in found.items() if picture in pictures}


def _hashes(samples: Sequence[Sample], work: Callable[[Path], str], jobs: int) -> dict[str, str]:
    """What is found out of each image, by id."""
    hashes: dict[str, str] = {}
    failures: list[str] = []
    with (
        Progress(len(samples), "compare images") as progress,
        run_each(samples, lambda sample: naming(sample.image, work), jobs=jobs) as outcomes,
    ):
        for sample, outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if isinstance(outcome, ImageFailure):
                failures.append(str(outcome))
            else:
                hashes[sample.image_id] = outcome
    if failures:
        raise TrainingDataError(
            f"{len(failures)} images can not be read: {'; '.join(failures[:_NAMED])}"
        )
    return hashes


def _shape(path: Path) -> str:
    return "{}x{}".format(*read_size(path))


def _pixels_hash(path: Path) -> str:
    image = read_image(path)
    return hashlib.sha256(f"{image.shape} ".encode() + image.tobytes()).hexdigest()


def _content_hash(path: Path) -> str:
    return hashlib.sha256(read_content(path)).hexdigest()
