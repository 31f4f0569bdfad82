"""Sample files: which files belong to each image, in the three kinds of data that training takes.

Nothing is read here but folders and manifests; `listing` makes samples of what is found.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from ...dataset.ids import image_id_of
from ...dataset.layout import (
    IMAGES_FOLDER,
    LABEL_MAPS_FOLDERS,
    MANUAL_MASKS_FOLDER,
    WEAK_MASKS_FOLDER,
    find_images,
    released_path,
)
from ...errors import ArgumentError
from ...results.records import WEAK_RECORD, DamagedRecordError, read_settings, under_way_name
from ...weak_labels.texture import RELEASED, TextureSettings

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = get_args(Part)
COLUMNS = ("image_id", "image", "mask", "weak", "face_mask", "split")

_FACES_FOLDERS = (*LABEL_MAPS_FOLDERS, "face_masks")
_SHARD = re.compile(r"\d{5,}")


@dataclass(frozen=True)
class SampleFiles:
    """Files by image id, each in a mapping of its own.

    Attributes
    ----------
    data, root : Path
        What they were found in; and its folder, of a manifest the one that it is in.
    images, masks, weak, faces : mapping of str to Path
        Photographs, human masks, weak masks, and face masks or label maps. A file need not exist.
    texture : TextureSettings or None
        How the weak masks were made; None where that is not known, or there are none.
    split : mapping of str to Part
        The part of each image, if a manifest says so; of all or of none.
    """

    data: Path
    root: Path
    images: Mapping[str, Path]
    masks: Mapping[str, Path]
    weak: Mapping[str, Path]
    faces: Mapping[str, Path]
    texture: TextureSettings | None = None
    split: Mapping[str, Part] = field(default_factory=dict)


def find_sample_files(data: Path) -> SampleFiles:
    """List the files of a data set.

    Parameters
    ----------
    data : Path
        A CSV manifest; a data set in the released layout, told by ``images1024x1024``; or a folder
        with ``images`` and, as far as they are there, ``masks``, ``weak`` and ``face_masks``.

    Returns
    -------
    SampleFiles

    Raises
    ------
    ArgumentError
        It is none of these, a line of the manifest is wrong, two files have the same id, or weak
        masks were made with different settings.
    """
    if data.is_file():
        return _from_manifest(data)
    if (data / IMAGES_FOLDER).is_dir():
        return _from_released(data)
    if (data / "images").is_dir():
        return _from_folders(data)
    raise ArgumentError(
        f"{data} is no data to train on: neither a CSV manifest, nor a folder with "
        f"{IMAGES_FOLDER}, nor one with images and masks"
    )


def _from_folders(data: Path) -> SampleFiles:
    images = _by_id(data / "images", "images")
    masks = _by_id(data / "masks", "masks")
    weak = _by_id(data / "weak", "weak masks")
    # Of a mask without its photograph, where that might be: `checks` names it.
    wanted = {image_id: data / "images" / path.name for image_id, path in masks.items()}
    return SampleFiles(
        data=data,
        root=data,
        images={**wanted, **images},
        masks=masks,
        weak=weak,
        faces=_by_id(data / "face_masks", "face masks"),
        texture=_noted_texture(weak),
    )


def _from_released(data: Path) -> SampleFiles:
    images = _by_id(data / IMAGES_FOLDER, "images")
    masks = _by_id(data / MANUAL_MASKS_FOLDER, "masks")
    wanted = {
        image_id: data / IMAGES_FOLDER / released_path(image_id, ".png") for image_id in masks
    }
    weak = _by_id(data / WEAK_MASKS_FOLDER, "weak masks")
    faces: dict[str, Path] = {}
    for place in reversed(_FACES_FOLDERS):
        faces |= _by_id(data / place, "label maps")
    noted = _noted_texture(weak)
    texture = RELEASED if weak and noted is None else noted
    return SampleFiles(data, data, {**wanted, **images}, masks, weak, faces, texture)


def _by_id(folder: Path, what: str) -> dict[str, Path]:
    """Files of a folder by image id, where 7.png is 00007; none if there is no such folder."""
    if not folder.is_dir():
        return {}
    found: dict[str, Path] = {}
    for name, file in find_images(folder, also={".npy"}, what=what).items():
        path = folder / file.path
        twin = found.setdefault(image_id_of(name), path)
        if twin is not path:
            raise ArgumentError(f"{twin} and {path} are of the same image; keep one of them there")
    return found


def _from_manifest(path: Path) -> SampleFiles:
    files: dict[str, dict[str, Path]] = {"image": {}, "mask": {}, "weak": {}, "face_mask": {}}
    split: dict[str, Part] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            _require_columns(path, table.fieldnames or [])
            for row in table:
                where = f"{path}:{table.line_num}"
                image_id = _image_id(row, where)
                if image_id in files["image"]:
                    raise ArgumentError(f"{where}: {image_id} is there twice")
                if not row["image"]:
                    raise ArgumentError(f"{where}: {image_id} has no image")
                for column, found in files.items():
                    if row.get(column):
                        found[image_id] = path.parent / row[column]
                part = _part(row.get("split") or "", where)
                if part:
                    split[image_id] = part
                if len(split) not in (0, len(files["image"])):
                    raise ArgumentError(f"{where}: give every image a split, or none")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ArgumentError(f"{path} can not be read as a CSV manifest: {error}") from error
    if not files["image"]:
        raise ArgumentError(f"{path} lists no image")
    weak = files["weak"]
    return SampleFiles(
        data=path,
        root=path.parent,
        images=files["image"],
        masks=files["mask"],
        weak=weak,
        faces=files["face_mask"],
        texture=_noted_texture(weak),
        split=split,
    )


def _require_columns(path: Path, columns: Sequence[str]) -> None:
    unknown = [name for name in columns if name not in COLUMNS]
    missing = [name for name in COLUMNS[:2] if name not in columns]
    if unknown or missing or len(set(columns)) < len(columns):
        raise ArgumentError(
            f"{path}:1: the columns are {', '.join(columns) or 'missing'}; wanted are image_id and "
            f"image, and of {', '.join(COLUMNS[2:])} as many as there are"
        )


def _image_id(row: dict[str, Any], where: str) -> str:
    if None in row or None in row.values():
        raise ArgumentError(f"{where}: the line has more or fewer values than there are columns")
    text = row["image_id"]
    if not text or text.startswith(".") or not text.isprintable() or set(text) & set("/\\"):
        raise ArgumentError(f"{where}: {text!r} is not an image id, such as 00007 or portrait")
    return image_id_of(text)


def _part(text: str, where: str) -> Part | None:
    for part in PARTS:
        if text == part:
            return part
    if text:
        raise ArgumentError(f"{where}: the split is {text!r}; it should be train, val or test")
    return None


def _noted_texture(weak: Mapping[str, Path]) -> TextureSettings | None:
    """What `build-weak` noted in the folders of weak masks; None if it noted nothing."""
    noted: dict[TextureSettings, Path] = {}
    folders = {path.parent for path in weak.values()}
    for folder in sorted(one.parent if _SHARD.fullmatch(one.name) else one for one in folders):
        settings = _recorded(folder)
        if settings:
            noted.setdefault(settings, folder)
    if len(noted) > 1:
        found = "; ".join(f"{folder}: {texture}" for texture, folder in noted.items())
        raise ArgumentError(f"weak masks were made with different settings: {found}")
    return next(iter(noted), None)


def _recorded(folder: Path) -> TextureSettings | None:
    for name in (WEAK_RECORD, under_way_name(WEAK_RECORD)):
        try:
            settings = read_settings(folder, name)
            if settings is not None:
                names = [field.name for field in fields(TextureSettings)]
                return TextureSettings(**{name: settings[name] for name in names})
        except (DamagedRecordError, KeyError, ArgumentError) as error:
            raise ArgumentError(f"{folder / name} is no record of build-weak: {error}") from error
    return None
