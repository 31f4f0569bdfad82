"""Samples: the files of one image that training reads, and the arrays that they hold.

Which files there are is found by `listing`; `checks` looks at them before the first epoch.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, get_args

import numpy as np

from ...errors import ArgumentError, ImageError, ManyValuesError, SizeError
from ...images.masks import read_mask
from ...images.photographs import read_image
from .picture_files import read_face, read_levels, require_same_size

Stage = Literal["pretrain", "finetune"]
STAGES: tuple[Stage, ...] = get_args(Stage)

Read = TypeVar("Read")


class Sample(NamedTuple):
    """The files of one image.

    Attributes
    ----------
    image_id : str
        An FFHQ id of five digits, or any other name.
    image : Path
        The photograph.
    mask : Path or None
        The human mask: 0 and 255, or with `soft` shares of votes, 0..255.
    weak : Path or None
        The weak mask: the texture map inside the face.
    face : Path or None
        The face mask, or a label map whose skin and nose are the face.
    soft : bool
        Whether the mask's levels count as they are, even if it has two of them only.
    """

    image_id: str
    image: Path
    mask: Path | None = None
    weak: Path | None = None
    face: Path | None = None
    soft: bool = False


class LoadedSample(NamedTuple):
    """What one image brings to training, before augmentation.

    Attributes
    ----------
    image : np.ndarray
        RGB uint8 (H, W, 3), not masked.
    face : np.ndarray or None
        bool (H, W); None if the sample has no face mask.
    texture : np.ndarray or None
        Masked texture map as an input, uint8 (H, W); None in pretraining, where it is the target.
    target : np.ndarray
        uint8 (H, W): in pretraining the weak mask, in finetuning the human mask; 255 is wrinkle,
        levels between are shares of votes.
    """

    image: np.ndarray
    face: np.ndarray | None
    texture: np.ndarray | None
    target: np.ndarray


def load_sample(sample: Sample, *, stage: Stage) -> LoadedSample:
    """Read what a stage needs of an image.

    A texture map is set to 0 outside the face mask, if there is one, as in prediction.

    Parameters
    ----------
    sample : Sample
        The files.
    stage : {"pretrain", "finetune"}
        Which of them are the target.

    Returns
    -------
    LoadedSample

    Raises
    ------
    ImageError
        A file can not be read, or is not of the image's size; it is named.
    ArgumentError
        The sample has no target for this stage.
    """
    image = naming(sample.image, read_image)
    shape = (image.shape[0], image.shape[1])
    target = _sized(load_target(sample, stage=stage), target_file(sample, stage), shape)
    if stage == "pretrain":
        return LoadedSample(image, None, None, target)
    face = None
    if sample.face:
        face = naming(sample.face, lambda path: read_face(path, shape))
    texture = None
    if sample.weak:
        texture = _sized(naming(sample.weak, read_levels), sample.weak, shape)
        if face is not None:
            texture = texture * face
    return LoadedSample(image, face, texture, target)


def target_file(sample: Sample, stage: Stage) -> Path:
    """The file that a network learns to predict: the weak mask, or the human one.

    Raises
    ------
    ArgumentError
        There is none.
    """
    path = sample.weak if stage == "pretrain" else sample.mask
    if path is None:
        what = "weak mask" if stage == "pretrain" else "human mask"
        raise ArgumentError(f"the image {sample.image_id} has no {what} to {stage} on")
    return path


def load_target(sample: Sample, *, stage: Stage) -> np.ndarray:
    """Read what a network learns to predict, uint8 (H, W), as `LoadedSample.target`.

    Raises
    ------
    ImageError, ArgumentError
        As `load_sample`.
    """
    path = target_file(sample, stage)
    if stage == "pretrain":
        return naming(path, read_levels)
    return naming(path, lambda mask: read_human_mask(mask, soft=sample.soft))


def naming(path: Path, read: Callable[[Path], Read]) -> Read:
    """Read a file, and name it if that fails.

    Raises
    ------
    ImageError
        As `read`.
    """
    try:
        return read(path)
    except SizeError as error:
        raise SizeError(f"{path}: {error}") from error
    except ManyValuesError as error:
        raise ImageError(f"{path}: {error.fault}") from error  # no command has its threshold here
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error


def read_human_mask(path: Path, *, soft: bool) -> np.ndarray:
    """Read a human mask, uint8 (H, W): 0 and 255, or if it is soft the levels that it has.

    Raises
    ------
    ImageError
        It can not be read, or is not of its kind.
    """
    if not soft:
        return read_mask(path) * np.uint8(255)
    levels = read_levels(path)
    if levels.max() == 1:  # one vote of twenty is a level of 13
        raise ImageError("its highest level is 1, but other masks of its folder are soft, 0 to 255")
    return levels


def _sized(array: np.ndarray, path: Path, shape: tuple[int, int]) -> np.ndarray:
    naming(path, lambda _: require_same_size(array.shape, shape))
    return array
