"""Checks: everything in the data that would stop a training run, reported before it begins."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import (
    ImageError,
    ImageFailure,
    SizeError,
    TrainingDataError,
    counted,
    first_few,
    plural,
)
from ...images.named import read_named
from ...images.photographs import read_size
from ...runs.pipeline import run_each
from ...runs.progress import Progress
from .picture_files import read_face, require_same_size
from .samples import Sample, Stage, load_target, read_human_mask

_Kind = tuple[str, str]  # of problem, in words: one of it, and several
_MISSING: _Kind = ("file does not exist", "files do not exist")
_INCOMPLETE: _Kind = (
    "image has no weak mask or no face mask, and none could be made",
    "images have no weak mask or no face mask, and none could be made",
)
_OTHER_SIZE: _Kind = (
    "file differs in size from its image",
    "files differ in size from their image",
)
_UNUSABLE: _Kind = ("file cannot be used", "files cannot be used")
_KINDS = (_MISSING, _INCOMPLETE, _OTHER_SIZE, _UNUSABLE)


class _Problem(NamedTuple):
    kind: _Kind
    text: str


class _Checked(NamedTuple):
    """The shape of a sample's image, None if the image does not exist, and the problems."""

    shape: tuple[int, int] | None
    problems: list[_Problem]


def require_trainable(
    samples: Sequence[Sample],
    *,
    stage: Stage,
    size: int = 0,
    batch_size: int = 1,
    complete: bool = True,
    unmade: Mapping[str, str] | None = None,
    jobs: int = 1,
) -> None:
    """Require that the files of samples exist, can be read, and have sizes that fit together.

    Human masks and face masks are decoded. Photographs and weak masks, of which there may be many,
    are read at their beginning and end only.

    Parameters
    ----------
    samples : sequence of Sample
        As `listing.list_samples` lists them.
    stage : {"pretrain", "finetune"}
        The stage that they are for.
    size : int
        Side of the crops to train on, which no image may be smaller than; 0 for whole images.
    batch_size : int
        Images of a batch. Whole images in one batch must have the same size.
    complete : bool
        Whether each sample must have a weak mask and, for finetuning, a face mask. Those that exist
        are checked in any case.
    unmade : mapping of str to str, optional
        By id, the reason why the weak mask or face mask of an image could not be made.
    jobs : int
        Threads.

    Raises
    ------
    TrainingDataError
        There are problems: one line for each kind, with the count and the first five.
    """
    problems: dict[_Kind, list[str]] = {kind: [] for kind in _KINDS}
    shapes: dict[Path, tuple[int, int]] = {}
    reasons = unmade or {}
    with (
        Progress(len(samples), "check data") as progress,
        run_each(samples, lambda sample: _check(sample, stage, complete), jobs=jobs) as outcomes,
    ):
        for sample, outcome in outcomes:
            progress.advance(failed=isinstance(outcome, ImageFailure))
            if isinstance(outcome, ImageFailure):
                problems[_UNUSABLE].append(str(outcome))
                continue
            for kind, text in outcome.problems:
                problems[kind].append(text)
            if outcome.shape:
                shapes[sample.image] = outcome.shape
                if complete and not is_complete(sample, stage):
                    reason = reasons.get(sample.image_id)
                    text = f"{sample.image}: {reason}" if reason else str(sample.image)
                    problems[_INCOMPLETE].append(text)
    problems |= _size_problems(shapes, size, batch_size)
    lines = [
        f"{len(texts)} {plural(len(texts), *kind)}: {first_few(texts, separator='; ')}"
        for kind, texts in problems.items()
        if texts
    ]
    if lines:
        title = f"the training data of {counted(len(samples), 'image')} cannot be used as they are:"
        raise TrainingDataError("\n".join([title, *lines]))


def is_complete(sample: Sample, stage: Stage) -> bool:
    """Return whether a sample has a weak mask and, for finetuning, a face mask."""
    return sample.weak is not None and (stage == "pretrain" or sample.face is not None)


def require_wrinkles(samples: Sequence[Sample], *, stage: Stage) -> None:
    """Require that at least one target of the training part has a wrinkle.

    Raises
    ------
    TrainingDataError
        Every target is empty.
    ImageError
        As `samples.load_target`.
    """
    if not any(load_target(sample, stage=stage).any() for sample in samples):
        target = "weak mask" if stage == "pretrain" else "mask"
        raise TrainingDataError(
            f"no {target} of the {counted(len(samples), 'image')} of the training "
            "part has a wrinkle"
        )


def _size_problems(
    shapes: Mapping[Path, tuple[int, int]], size: int, batch_size: int
) -> dict[_Kind, list[str]]:
    """Images too small for crops, or of different sizes in one batch, by what to do about it."""
    shortest = min((side for shape in shapes.values() for side in shape), default=0)
    small = [f"{path} ({_sides(shape)})" for path, shape in shapes.items() if min(shape) < size]
    if small:
        smaller = f"smaller than crops of --size {size}; the shortest side of all is {shortest}"
        return {(f"image is {smaller}", f"images are {smaller}"): small}
    examples: dict[tuple[int, int], Path] = {}
    for path, shape in shapes.items():
        examples.setdefault(shape, path)
    if size or batch_size == 1 or len(examples) < 2:
        return {}
    sizes = (
        f"sizes of images, but the images of a batch of {batch_size} must have one size; use crops "
        f"of --size {shortest}, the shortest side, or less, or --batch-size 1"
    )
    return {(sizes, sizes): [f"{_sides(shape)} ({path})" for shape, path in examples.items()]}


def _sides(shape: tuple[int, int]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _check(sample: Sample, stage: Stage, complete: bool) -> _Checked:
    """Check the files of one sample.

    Raises
    ------
    ImageError
        The image itself cannot be read.
    """
    finetune = stage == "finetune"
    files = [sample.mask, sample.weak, sample.face] if finetune else [sample.weak]
    missing = [path for path in (sample.image, *files) if path and not path.exists()]
    if sample.image in missing:
        return _Checked(None, [_Problem(_MISSING, str(path)) for path in missing])
    shape = read_named(sample.image, read_size)

    def check_mask(path: Path) -> None:
        require_same_size(read_human_mask(path, soft=sample.soft).shape, shape)

    def check_weak(path: Path) -> None:
        require_same_size(read_size(path), shape)

    def check_face(path: Path) -> None:
        # An image without a weak mask is left out later if its face mask is empty.
        if not read_face(path, shape).any() and (complete or sample.weak):
            raise ImageError("it is empty: there is no face")

    checks: list[tuple[Path | None, Callable[[Path], None]]] = [(sample.weak, check_weak)]
    if finetune:
        checks = [(sample.face, check_face), (sample.mask, check_mask), *checks]
    problems: list[_Problem] = []
    for path, check in checks:
        if path in missing:
            problems.append(_Problem(_MISSING, str(path)))
        elif path:
            problems += _problems_of(path, check)
    return _Checked(shape, problems)


def _problems_of(path: Path, check: Callable[[Path], None]) -> Iterable[_Problem]:
    """Yield at most one problem, the one that the check of a file raises."""
    try:
        read_named(path, check)
    except SizeError as error:
        yield _Problem(_OTHER_SIZE, str(error))
    except ImageError as error:
        yield _Problem(_UNUSABLE, str(error))
