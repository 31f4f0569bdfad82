"""Example: one face through the commands for masks, without a download.

The face is that of the astronaut Eileen Collins, whose portrait (NASA, public domain) comes with
scikit-image. The masks of three annotators are drawn lines; no person made them.
"""

from pathlib import Path

import cv2
import numpy as np

from ..errors import OutputError
from ..human_labels.annotator_figures import overlay
from ..images.masks import read_mask
from ..images.photographs import read_image
from ..images.png import encode_png
from ..reports.overlays import with_legend, wrinkle_overlay
from ..storage.writing import write_bytes
from .arguments import AnyPath, as_path
from .human_masks import agreement, fuse_labels
from .weak_masks import build_weak

NAME = "astronaut.png"
_SIDE = 512
_LEFT, _TOP, _WIDTH = 146, 33, 152  # of the face in the portrait, as FFHQ frames faces
_GAIN = 5  # of the weak mask, which is dark
_FIRST_ROW, _BETWEEN_ROWS = 152, 13  # of the lines on the forehead
_FIRST_COLUMN, _LAST_COLUMN = 185, 310
# Shifts of an annotator's lines in pixels, and which of the lines they drew.
_ANNOTATORS = {"anna": (0, (0, 1, 2)), "ben": (2, (0, 1)), "chris": (-1, (0, 2))}


def demo(out: AnyPath) -> Path:
    """Make an example in a folder; the command `demo`.

    Parameters
    ----------
    out : str or Path
        The folder, which must not exist or be empty. It receives `photos/`, a mask by each of three
        drawn annotators in `annotators/`, the weak mask in `weak/`, the fused mask in `manual/`,
        the annotators' agreement in `report/`, and all of it in `overview.png`.

    Returns
    -------
    Path
        `overview.png`.

    Raises
    ------
    OutputError
        The folder has files, or cannot be written.
    """
    folder = as_path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} exists and is not an empty folder; choose another folder")
    photos = folder / "photos"
    image = _face()
    _write(photos / NAME, image)
    masks = {name: _drawn(*how) for name, how in _ANNOTATORS.items()}
    folders = [folder / "annotators" / name for name in masks]
    for path, mask in zip(folders, masks.values(), strict=True):
        _write(path / NAME, mask * np.uint8(255))
    build_weak(photos, folder / "weak", parser="mesh", scale_to_image=True)
    fuse_labels(folders, folder / "manual")
    agreement(folders, out=folder / "report", images=photos, tolerances_px=[2])
    weak = read_image(folder / "weak" / NAME)
    fused = read_mask(folder / "manual" / NAME)
    path = folder / "overview.png"
    panels = {
        "photo": image,
        f"weak mask, {_GAIN} times brighter": weak.clip(0, 255 // _GAIN) * np.uint8(_GAIN),
        "two of three drew": np.repeat(fused[:, :, None] * np.uint8(255), 3, axis=2),
        "the same on the photo": wrinkle_overlay(image, fused),
    }
    drawn = overlay(
        list(masks.values()), list(masks), image, "three annotators (drawn)", beside=False
    )
    labelled = [with_legend(panel, label, []) for label, panel in panels.items()]
    _write(path, _side_by_side([*labelled[:2], drawn, *labelled[2:]]))
    return path


def _face() -> np.ndarray:
    """Return the astronaut's face, RGB uint8 (512, 512, 3)."""
    from skimage import data

    portrait: np.ndarray = data.astronaut()
    crop = portrait[_TOP : _TOP + _WIDTH, _LEFT : _LEFT + _WIDTH]
    return np.asarray(cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC))


def _drawn(shift: int, lines: tuple[int, ...]) -> np.ndarray:
    """Draw lines on a forehead, bool (512, 512)."""
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    middle = (_FIRST_COLUMN + _LAST_COLUMN) // 2
    for line in lines:
        row = _FIRST_ROW + _BETWEEN_ROWS * line + shift
        curve = np.array([(_FIRST_COLUMN, row + 4), (middle, row), (_LAST_COLUMN, row + 4)])
        cv2.polylines(mask, [curve.astype(np.int32)], isClosed=False, color=1, thickness=4)
    return mask.astype(bool)


def _side_by_side(pictures: list[np.ndarray]) -> np.ndarray:
    height = max(picture.shape[0] for picture in pictures)
    return np.hstack(
        [np.pad(picture, ((height - len(picture), 0), (0, 8), (0, 0))) for picture in pictures]
    )


def _write(path: Path, pixels: np.ndarray) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: {error.strerror or error}") from error
    write_bytes(path, encode_png(pixels))
