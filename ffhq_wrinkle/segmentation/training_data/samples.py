"""Samples: the files of one image that training reads, and the arrays that they hold.

`listing` lists samples, `checks` examines their files before the first epoch.
"""

from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from ...errors import ArgumentError, ImageError
from ...images.masks import read_mask
from ...images.named import read_named
from ...images.photographs import read_gray, read_image
from .picture_files import read_face, require_same_size

Stage = Literal["pretrain", "finetune"]
STAGES: tuple[Stage, ...] = get_args(Stage)


class Sample(NamedTuple):
    """The files of one image.

    Attributes
    ----------
    image_id : str
        An FFHQ id of five digits, or any other name.
    image : Path
        The photograph.
    mask : Path or None
        The human mask, 0 and 255; or, if `soft`, shares of votes, 0..255.
    weak : Path or None
        The weak mask: the texture map inside the face.
    face : Path or None
        The face mask, or a label map whose skin and nose are the face.
    soft : bool
        Whether the mask's levels are shares of votes, even if there are only two of them.
    """

    image_id: str
    image: Path
    mask: Path | None = None
    weak: Path | None = None
    face: Path | None = None
    soft: bool = False


class LoadedSample(NamedTuple):
    """The arrays of one image, before augmentation.

    Attributes
    ----------
    image : np.ndarray
        RGB uint8 (H, W, 3), not masked.
    face : np.ndarray or None
        bool (H, W); None if the sample has no face mask.
    texture : np.ndarray or None
        Masked texture map as an input, uint8 (H, W); None in pretraining, where it is the target.
    target : np.ndarray
        uint8 (H, W): the weak mask in pretraining, the human mask in finetuning. 255 is wrinkle;
        levels in between are shares of votes.
    """

    image: np.ndarray
    face: np.ndarray | None
    texture: np.ndarray | None
    target: np.ndarray


def load_sample(sample: Sample, *, stage: Stage) -> LoadedSample:
    """Read the arrays of an image that a stage needs.

    A texture map is set to 0 outside the face mask, if there is one, as in prediction.

    Parameters
    ----------
    sample : Sample
        The files.
    stage : {"pretrain", "finetune"}
        Decides which file is the target.

    Returns
    -------
    LoadedSample

    Raises
    ------
    ImageError
        A file cannot be read, or differs in size from the image; the message names it.
    ArgumentError
        The sample has no target for this stage.
    """
    image = read_named(sample.image, read_image)
    shape = (image.shape[0], image.shape[1])
    target = load_target(sample, stage=stage)
    _require_size(target_file(sample, stage), target, shape)
    if stage == "pretrain":
        return LoadedSample(image, None, None, target)
    face = None
    if sample.face:
        face = read_named(sample.face, lambda path: read_face(path, shape))
    texture = None
    if sample.weak:
        texture = read_named(sample.weak, read_gray)
        _require_size(sample.weak, texture, shape)
        if face is not None:
            texture = texture * face
    return LoadedSample(image, face, texture, target)


def target_file(sample: Sample, stage: Stage) -> Path:
    """Return the file that a network learns to predict: the weak mask, or the human one.

    Raises
    ------
    ArgumentError
        The sample lacks it.
    """
    path = sample.weak if stage == "pretrain" else sample.mask
    if path is None:
        target = "weak mask" if stage == "pretrain" else "human mask"
        raise ArgumentError(f"the image {sample.image_id} has no {target} to {stage} on")
    return path


def load_target(sample: Sample, *, stage: Stage) -> np.ndarray:
    """Read the target of an image, uint8 (H, W), as in `LoadedSample`.

    Raises
    ------
    ImageError, ArgumentError
        As `load_sample`.
    """
    path = target_file(sample, stage)
    if stage == "pretrain":
        return read_named(path, read_gray)
    return read_named(path, lambda mask: read_human_mask(mask, soft=sample.soft))


def read_human_mask(path: Path, *, soft: bool) -> np.ndarray:
    """Read a human mask, uint8 (H, W): 0 and 255, or the levels of a soft mask.

    Raises
    ------
    ImageError
        The mask cannot be read, or is not of the kind that `soft` says.
    """
    if not soft:
        return read_mask(path) * np.uint8(255)
    levels = read_gray(path)
    if levels.max() == 1:  # even one vote of twenty is a level of 13
        raise ImageError(
            "its highest level is 1, but the masks of the data set are soft, from 0 to 255"
        )
    return levels


def _require_size(path: Path, array: np.ndarray, shape: tuple[int, int]) -> None:
    read_named(path, lambda _: require_same_size(array.shape, shape))
