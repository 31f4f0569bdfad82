"""Checks: what would stop a training run, found before its first epoch, and all at once."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import ImageError, ImageFailure, SizeError, TrainingDataError
from ..pipeline import run_each
from ..progress import Progress
from .picture_files import read_face, read_size, require_same_size
from .samples import Sample, Stage, load_target, naming, read_human_mask

_NAMED = 5
_MISSING = "files are not there"
_UNMADE = "images have no weak mask or no face mask, and none could be made"
_OTHER_SIZE = "files are not of their image's size"
_DAMAGED = "files can not be used"
_KINDS = (_MISSING, _UNMADE, _OTHER_SIZE, _DAMAGED)


def require_trainable(samples: Sequence[Sample], *, stage: Stage, jobs: int = 1) -> None:
    """Refuse samples with files that are missing, damaged, or not of their image's size.

    Human masks and face masks are decoded. Of photographs and weak masks, which may be many,
    header and end are read.

    Parameters
    ----------
    samples : sequence of Sample
        As `listing.read_listing` gives them.
    stage : {"pretrain", "finetune"}
        What they are for.
    jobs : int
        Threads.

    Raises
    ------
    TrainingDataError
        Something is wrong: a line for each kind of trouble, with its count and the first five.
    """
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    with Progress(len(samples), "check data") as shown:

        def done(_: Sample, troubles: list[tuple[str, str]]) -> None:
            for kind, text in troubles:
                found[kind].append(text)
            shown.advance()

        def failed(_: Sample, failure: ImageFailure) -> None:
            done(_, [(_DAMAGED, str(failure))])

        run_each(samples, lambda one: _troubles(one, stage), done=done, failed=failed, jobs=jobs)
    lines = [
        f"{len(texts)} {kind}: {'; '.join(texts[:_NAMED])}{'; ...' * (len(texts) > _NAMED)}"
        for kind, texts in found.items()
        if texts
    ]
    if lines:
        raise TrainingDataError(
            "\n".join(
                [f"the data of {len(samples)} images can not be trained on as they are:", *lines]
            )
        )


def require_wrinkles(samples: Sequence[Sample], *, stage: Stage) -> None:
    """Refuse a training part of which every target is empty; one that is not is enough.

    Raises
    ------
    TrainingDataError
        There is nothing to learn.
    ImageError
        As `samples.load_target`.
    """
    if not any(load_target(sample, stage=stage).any() for sample in samples):
        what = "weak mask" if stage == "pretrain" else "mask"
        raise TrainingDataError(
            f"no {what} of the {len(samples)} images of the training part has a wrinkle"
        )


def _troubles(sample: Sample, stage: Stage) -> list[tuple[str, str]]:
    """What is wrong with one image, each as its kind and a text."""
    finetune = stage == "finetune"
    needed = [sample.mask, sample.weak, sample.face] if finetune else [sample.weak]
    missing = [path for path in (sample.image, *needed) if path and not path.exists()]
    if sample.image in missing:
        return [(_MISSING, str(path)) for path in missing]
    shape = naming(sample.image, read_size)

    def face_is_there(path: Path) -> None:
        if not read_face(path, shape).any():
            raise ImageError("it is empty: there is no face")

    readers: dict[Path | None, Callable[[Path], None]] = {}
    if finetune:
        readers[sample.face] = face_is_there
        readers[sample.mask] = lambda path: require_same_size(
            read_human_mask(path, soft=sample.soft).shape, shape
        )
    readers[sample.weak] = lambda path: require_same_size(read_size(path), shape)
    troubles = [(_UNMADE, str(sample.image))] if None in readers else []
    for path, read in readers.items():
        if path in missing:
            troubles.append((_MISSING, str(path)))
        elif path:
            troubles += _trouble(path, read)
    return troubles


def _trouble(path: Path, read: Callable[[Path], None]) -> list[tuple[str, str]]:
    """What is wrong with a file: nothing, or one thing."""
    try:
        naming(path, read)
    except SizeError as error:
        return [(_OTHER_SIZE, str(error))]
    except ImageError as error:
        return [(_DAMAGED, str(error))]
    return []
