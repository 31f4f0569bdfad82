"""Sample files: the files of each image, in the three kinds of data that training takes.

Only folders and the CSV that names files are read here; `listing` makes samples of the files.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Literal, get_args

from ...dataset.ids import image_id_of, is_image_id, without_shard
from ...dataset.layout import (
    IMAGES_FOLDER,
    LABEL_MAPS_FOLDERS,
    MANUAL_MASKS_FOLDER,
    WEAK_MASKS_FOLDER,
    find_images,
    released_path,
    warn_of_unread_subfolders,
)
from ...errors import ArgumentError
from ...storage.writing import text_of, valid_text
from ...weak_labels.texture import RELEASED, TextureSettings
from .weak_settings import WeakSettings, find_weak_settings

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

_COLUMNS = ("image_id", "image", "mask", "weak", "face_mask", "split")
_REQUIRED_COLUMNS, _OPTIONAL_COLUMNS = _COLUMNS[:2], _COLUMNS[2:]
_FACES_FOLDERS = (*LABEL_MAPS_FOLDERS, "face_masks")


@dataclass(frozen=True)
class SampleFiles:
    """Files by image id, one mapping for each kind.

    Attributes
    ----------
    data : Path
        The data set: a folder, or a CSV.
    root : Path
        The folder of the data set; for a CSV, the folder that it is in.
    images, masks, weak, faces : mapping of str to Path
        Photographs, human masks, weak masks, and face masks or label maps. A file need not exist.
    texture : TextureSettings or None
        The settings of the weak masks, as they are recorded or recognised; None if they are
        unknown, or there are no weak masks.
    hashed_texture : TextureSettings or None
        Settings that stand for those of the weak masks in the hash of the data: if they are not
        recorded, those that earlier versions assumed. None if there are no weak masks.
    split : mapping of str to Part
        The part of each image as the CSV gives it, for all images or for none.
    soft : frozenset of Path or None
        The human masks that are soft; None if `soft_masks` has yet to find out.
    """

    data: Path
    root: Path
    images: Mapping[str, Path]
    masks: Mapping[str, Path]
    weak: Mapping[str, Path]
    faces: Mapping[str, Path]
    texture: TextureSettings | None = None
    hashed_texture: TextureSettings | None = None
    split: Mapping[str, Part] = field(default_factory=dict)
    soft: frozenset[Path] | None = None


def find_sample_files(data: Path) -> SampleFiles:
    """Find the files of a data set.

    Parameters
    ----------
    data : Path
        A CSV; a folder in the released layout, which has ``images1024x1024``; or a folder with
        ``images`` and, where they exist, ``masks``, ``weak`` and ``face_masks``.

    Returns
    -------
    SampleFiles

    Raises
    ------
    ArgumentError
        `data` is none of these, a line of the CSV is wrong, two files have the same id, or weak
        masks were made with different settings.
    """
    if data.is_file():
        return _from_csv(data)
    if (data / IMAGES_FOLDER).is_dir():
        return _from_released_layout(data)
    if (data / "images").is_dir():
        return _from_folders(data)
    raise ArgumentError(
        f"{data} is not training data: it should be a CSV, a folder with {IMAGES_FOLDER}, or a "
        "folder with images and masks"
    )


def _from_folders(data: Path) -> SampleFiles:
    images = _by_id(data / "images", "images")
    masks = _by_id(data / "masks", "masks")
    weak = _by_id(data / "weak", "weak masks")
    # A mask without a photograph gets the path of the missing photograph, which `checks` reports.
    expected = {
        image_id: data / "images" / path.relative_to(data / "masks")
        for image_id, path in masks.items()
        if image_id not in images
    }
    settings = find_weak_settings(weak, images, root=data)
    return SampleFiles(
        data=data,
        root=data,
        images={**expected, **images},
        masks=masks,
        weak=weak,
        faces=_by_id(data / "face_masks", "face masks"),
        texture=settings.texture,
        hashed_texture=_hashed(settings, weak, TextureSettings()),
    )


def _from_released_layout(data: Path) -> SampleFiles:
    images = _by_id(data / IMAGES_FOLDER, "images")
    masks = _by_id(data / MANUAL_MASKS_FOLDER, "masks")
    expected = {
        image_id: data / IMAGES_FOLDER / released_path(image_id, ".png")
        for image_id in masks
        if image_id not in images
    }
    weak = _by_id(data / WEAK_MASKS_FOLDER, "weak masks")
    faces: dict[str, Path] = {}
    for folder in reversed(_FACES_FOLDERS):
        faces |= _by_id(data / folder, "label maps")
    settings = find_weak_settings(weak, images, root=data)
    return SampleFiles(
        data=data,
        root=data,
        images={**expected, **images},
        masks=masks,
        weak=weak,
        faces=faces,
        texture=settings.texture,
        hashed_texture=_hashed(settings, weak, RELEASED),
    )


def _hashed(
    settings: WeakSettings, weak: Mapping[str, Path], assumed: TextureSettings
) -> TextureSettings | None:
    """Return the settings that stand for those of weak masks in the hash of the data."""
    return (settings.recorded or assumed) if weak else None


def _by_id(folder: Path, noun: str) -> dict[str, Path]:
    """Return files of a folder by image id, where 7.png is 00007; none without the folder."""
    if not folder.is_dir():
        return {}
    files: dict[str, Path] = {}
    listed = find_images(folder, also={".npy"}, noun=noun)
    warn_of_unread_subfolders(folder)
    for name, file in listed.items():
        path = folder / file.path
        twin = files.setdefault(image_id_of(name), path)
        if twin is not path:
            raise ArgumentError(f"{twin} and {path} have the same image id; keep one of them")
    return files


def _from_csv(path: Path) -> SampleFiles:
    files: dict[str, dict[str, Path]] = {"image": {}, "mask": {}, "weak": {}, "face_mask": {}}
    split: dict[str, Part] = {}
    try:
        table = csv.DictReader(StringIO(text_of(path.read_bytes()), newline=""), strict=True)
        _require_columns(path, table.fieldnames or [])
        for row in table:
            where = f"{path}:{table.line_num}"
            image_id = _image_id(row, where)
            if image_id in files["image"]:
                raise ArgumentError(f"{where}: the image id {image_id} occurs twice")
            if not row["image"]:
                raise ArgumentError(f"{where}: {image_id} has no image")
            for column, by_id in files.items():
                if row.get(column):
                    by_id[image_id] = path.parent / row[column]
            part = _part(row.get("split") or "", where)
            if part:
                split[image_id] = part
            if len(split) not in (0, len(files["image"])):
                raise ArgumentError(f"{where}: give every image a split, or none")
    except ArgumentError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise ArgumentError(f"{path} cannot be read as a CSV: {error}") from error
    if not files["image"]:
        raise ArgumentError(f"{path} lists no images")
    settings = find_weak_settings(files["weak"], files["image"], root=path.parent)
    return SampleFiles(
        data=path,
        root=path.parent,
        images=files["image"],
        masks=files["mask"],
        weak=files["weak"],
        faces=files["face_mask"],
        texture=settings.texture,
        hashed_texture=_hashed(settings, files["weak"], TextureSettings()),
        split=split,
    )


def _require_columns(path: Path, columns: Sequence[str]) -> None:
    unknown = [name for name in columns if name not in _COLUMNS]
    missing = [name for name in _REQUIRED_COLUMNS if name not in columns]
    if unknown or missing or len(set(columns)) < len(columns):
        raise ArgumentError(
            f"{path}:1: the columns are {', '.join(columns) or 'missing'}; they should be "
            f"{' and '.join(_REQUIRED_COLUMNS)}, and any of {', '.join(_OPTIONAL_COLUMNS)}"
        )


def _image_id(row: dict[str, Any], where: str) -> str:
    if None in row or None in row.values():
        raise ArgumentError(f"{where}: the line has more or fewer values than there are columns")
    text = row["image_id"]
    printable = valid_text(text).isprintable()
    if not is_image_id(text) or not printable:
        raise ArgumentError(f"{where}: {text!r} is not an image id, such as 00007 or portrait")
    return image_id_of(without_shard(text))


def _part(text: str, where: str) -> Part | None:
    for part in PARTS:
        if text == part:
            return part
    if text:
        raise ArgumentError(f"{where}: the split is {text!r}; it should be train, val or test")
    return None
