"""Checks: what would stop a training run, found before its first epoch, and all at once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...errors import ImageError, ImageFailure, SizeError, TrainingDataError
from ...runs.pipeline import run_each
from ...runs.progress import Progress
from .picture_files import read_face, read_size, require_same_size
from .samples import Sample, Stage, load_target, naming, read_human_mask

_NAMED = 5
_MISSING = "files are not there"
_UNMADE = "images have no weak mask or no face mask, and none could be made"
_OTHER_SIZE = "files are not of their image's size"
_DAMAGED = "files can not be used"
_KINDS = (_MISSING, _UNMADE, _OTHER_SIZE, _DAMAGED)

_Trouble = tuple[str, str]  # its kind, and what it is about
_Looked = tuple[tuple[int, int] | None, list[_Trouble]]  # with the shape of an image


def require_trainable(
    samples: Sequence[Sample],
    *,
    stage: Stage,
    size: int = 0,
    batch_size: int = 1,
    weak: bool = True,
    faces: bool = True,
    unmade: Mapping[str, str] | None = None,
    jobs: int = 1,
) -> None:
    """Refuse samples with files that are missing, damaged, or not of a size that goes.

    Human masks and face masks are decoded. Of photographs and weak masks, which may be many,
    header and end are read.

    Parameters
    ----------
    samples : sequence of Sample
        As `listing.read_listing` gives them.
    stage : {"pretrain", "finetune"}
        What they are for.
    size : int
        Side of the crops that are trained on, which no image may be smaller than; 0 for whole
        images.
    batch_size : int
        Images of a batch. Whole ones have to be of one size, if they are more than one.
    weak, faces : bool
        Whether each sample has to have a weak mask, and in finetuning a face mask. Those that are
        there are looked at anyway.
    unmade : mapping of str to str, optional
        Why what images lack could not be made, by id.
    jobs : int
        Threads.

    Raises
    ------
    TrainingDataError
        Something is wrong: a line for each kind of trouble, with its count and the first five.
    """
    troubles: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    shapes: dict[Path, tuple[int, int]] = {}
    reasons, finetune = unmade or {}, stage == "finetune"
    with (
        Progress(len(samples), "check data") as progress,
        run_each(samples, lambda one: _looked_at(one, stage, faces), jobs=jobs) as outcomes,
    ):
        for sample, outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if isinstance(outcome, ImageFailure):
                troubles[_DAMAGED].append(str(outcome))
                continue
            shape, of_sample = outcome
            for kind, text in of_sample:
                troubles[kind].append(text)
            if shape:
                shapes[sample.image] = shape
                lacks_face = faces and finetune and sample.face is None
                if lacks_face or (weak and sample.weak is None):
                    why = reasons.get(sample.image_id)
                    troubles[_UNMADE].append(f"{sample.image}: {why}" if why else str(sample.image))
    troubles |= _wrong_sizes(shapes, size, batch_size)
    lines = [f"{len(texts)} {kind}: {_first(texts)}" for kind, texts in troubles.items() if texts]
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


def _first(texts: Sequence[str]) -> str:
    return "; ".join(texts[:_NAMED]) + "; ..." * (len(texts) > _NAMED)


def _wrong_sizes(
    shapes: Mapping[Path, tuple[int, int]], size: int, batch_size: int
) -> dict[str, list[str]]:
    """Images that can not be cropped, or not put into a batch, by what is to be done."""
    shortest = min((side for shape in shapes.values() for side in shape), default=0)
    small = [f"{path} ({_named(shape)})" for path, shape in shapes.items() if min(shape) < size]
    if small:
        return {
            f"images are smaller than crops of --size {size}; the shortest side of all is "
            f"{shortest}": small
        }
    of_sizes: dict[tuple[int, int], Path] = {}
    for path, shape in shapes.items():
        of_sizes.setdefault(shape, path)
    if size or batch_size == 1 or len(of_sizes) < 2:
        return {}
    examples = [f"{_named(shape)} ({path})" for shape, path in of_sizes.items()]
    return {
        f"sizes of images, of which a batch of {batch_size} can hold only one; use crops of "
        f"--size {shortest}, the shortest side, or less, or --batch-size 1": examples
    }


def _named(shape: tuple[int, int]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _looked_at(sample: Sample, stage: Stage, faces: bool) -> _Looked:
    """The shape of an image, if it is there, and what is wrong with its files."""
    finetune = stage == "finetune"
    needed = [sample.mask, sample.weak, sample.face] if finetune else [sample.weak]
    missing = [path for path in (sample.image, *needed) if path and not path.exists()]
    if sample.image in missing:
        return None, [(_MISSING, str(path)) for path in missing]
    shape = naming(sample.image, read_size)

    def face_is_there(path: Path) -> None:
        # Without a weak mask, that is yet to be made: then the image will be left out.
        if not read_face(path, shape).any() and (faces or sample.weak):
            raise ImageError("it is empty: there is no face")

    readers: dict[Path | None, Callable[[Path], None]] = {}
    if finetune:
        readers[sample.face] = face_is_there
        readers[sample.mask] = lambda path: require_same_size(
            read_human_mask(path, soft=sample.soft).shape, shape
        )
    readers[sample.weak] = lambda path: require_same_size(read_size(path), shape)
    troubles: list[_Trouble] = []
    for path, read in readers.items():
        if path in missing:
            troubles.append((_MISSING, str(path)))
        elif path:
            troubles += _trouble(path, read)
    return shape, troubles


def _trouble(path: Path, read: Callable[[Path], None]) -> list[_Trouble]:
    """What is wrong with a file: nothing, or one thing."""
    try:
        naming(path, read)
    except SizeError as error:
        return [(_OTHER_SIZE, str(error))]
    except ImageError as error:
        return [(_DAMAGED, str(error))]
    return []
