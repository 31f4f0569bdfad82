"""Layout: where the images of a folder lie, and where the released data set keeps its files."""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

from ..errors import ArgumentError
from ..images.photographs import IMAGE_SUFFIXES, REFUSED_SUFFIXES
from ..storage.places import Place, entries, entries_within, is_folder
from .ids import Ids, is_ffhq_id, is_number

if TYPE_CHECKING:
    from upath import UPath

SHARD_SIZE = 1000
_SHARD = re.compile(r"\d{5,}")
# The folders of a data set in the released layout. Label maps lie in either of two.
IMAGES_FOLDER = "images1024x1024"
MANUAL_MASKS_FOLDER = "manual_wrinkle_masks"
WEAK_MASKS_FOLDER = "weak_wrinkle_masks"
LABEL_MAPS_FOLDERS = ("face_parsed_labels", "etcs/face_parsed_labels")


def released_path(image_id: str, suffix: str) -> str:
    """Place of an image's file in the released layout: FFHQ ids in shards, other names flat.

    >>> released_path("21035", ".png"), released_path("portrait", ".png")
    ('21000/21035.png', 'portrait.png')
    """
    if not is_ffhq_id(image_id):
        return f"{image_id}{suffix}"
    return f"{int(image_id) // SHARD_SIZE * SHARD_SIZE:05d}/{image_id}{suffix}"


class ImageFile(NamedTuple):
    """One image of a folder: its id, and its path relative to the folder, `/`-separated."""

    image_id: str
    path: str

    def mirrored(self, suffix: str) -> str:
        """Where a result in the same layout goes; a name that is no FFHQ id keeps its folder."""
        released = released_path(self.image_id, suffix)
        folder = self.path.rpartition("/")[0]
        return released if "/" in released or not folder else f"{folder}/{released}"


@overload
def image_folder(folder: Path) -> Path: ...
@overload
def image_folder(folder: Place) -> Place: ...
def image_folder(folder: Place) -> Place:
    """Where the photographs are: `folder`, or `images1024x1024` in a data set that has one."""
    inner = folder / IMAGES_FOLDER
    try:
        return inner if is_folder(inner) else folder
    except OSError as error:
        raise ArgumentError(f"{folder} can not be read: {error.strerror or error}") from error


def find_images(
    folder: Place, *, also: Collection[str] = frozenset(), what: str = "images"
) -> dict[str, ImageFile]:
    """List the images of a folder, flat or in FFHQ's shards (`00000/00007.png`).

    Hidden files are passed over. Kinds of image that are not read are listed too, so that they
    are reported rather than forgotten.

    Parameters
    ----------
    folder : Place
        The folder; of its subfolders only those named with five or more digits are looked into.
    also : collection of str
        Suffixes of other files to list, such as ``.npy``.
    what : str
        What they are, for the error.

    Returns
    -------
    dict of str to ImageFile
        By image id, which is the file's name without suffix; sorted by id.

    Raises
    ------
    ArgumentError
        The folder has no image, or two of one id.
    """
    found: dict[str, ImageFile] = {}
    listed = {*IMAGE_SUFFIXES, *REFUSED_SUFFIXES, *also}
    try:
        candidates = list(_candidates(folder))
    except OSError as error:
        where, why = error.filename or folder, error.strerror or error
        raise ArgumentError(f"{where} can not be read: {why}") from error
    for path in candidates:
        stem, _, suffix = path.rpartition("/")[2].rpartition(".")
        if not stem or f".{suffix.lower()}" not in listed:
            continue
        image = ImageFile(stem, path)
        twin = found.setdefault(stem, image)
        if twin is not image:
            raise ArgumentError(
                f"{folder}: {twin.path} and {path} have the same id {stem}; keep one of them there"
            )
    if not found:
        kinds = ", ".join(sorted(suffix[1:] for suffix in {*IMAGE_SUFFIXES, *also}))
        raise ArgumentError(f"{folder} has no {what} ({kinds}), nor folders such as 00000 with any")
    return {image_id: found[image_id] for image_id in sorted(found)}


def select_images(
    found: dict[str, ImageFile], ids: Ids | None, limit: int | None = None
) -> tuple[list[ImageFile], list[str]]:
    """Choose from a folder's images those with the given ids, or all of them.

    Returns
    -------
    tuple of list of ImageFile and list of str
        The images in order of id, the first `limit` of them if that is given, and the ids that
        were asked for but are not there.

    Raises
    ------
    ArgumentError
        None of the ids is there.
    """
    if ids is None:
        return list(found.values())[:limit], []
    wanted = list(ids)
    if any(image_id not in found for image_id in wanted):
        # 7.png and 0000007.png are number 7 too, where there is no 00007.png.
        numbered = {int(name): name for name in found if is_number(name)}
        wanted = sorted(
            {
                numbered.get(int(image_id), image_id)
                if image_id not in found and is_number(image_id)
                else image_id
                for image_id in wanted
            }
        )
    missing = [image_id for image_id in wanted if image_id not in found]
    if len(missing) == len(wanted):
        raise ArgumentError(
            f"none of the {len(wanted)} ids asked for, such as {missing[0][:50]}, is among the "
            f"{len(found)} images, such as {next(iter(found))}"
        )
    images = [found[image_id] for image_id in wanted if image_id in found]
    if limit is not None and limit < len(images):
        images = images[:limit]
        missing = [image_id for image_id in missing if image_id < images[-1].image_id]
    return images, missing


def _candidates(folder: Place) -> Iterator[str]:
    """Visible files of the folder and its shards, as relative paths."""
    if not isinstance(folder, Path):
        yield from _stored_candidates(folder)
        return
    with os.scandir(folder) as entries:
        shards = []
        for entry in entries:
            if _SHARD.fullmatch(entry.name) and entry.is_dir():
                shards.append(entry.name)
            elif not entry.name.startswith("."):
                yield entry.name
    for shard in shards:
        for name in os.listdir(folder / shard):
            if not name.startswith("."):
                yield f"{shard}/{name}"


def _stored_candidates(folder: "UPath") -> Iterator[str]:
    shards = []
    for entry in entries(folder):
        if entry.is_folder and _SHARD.fullmatch(entry.name):
            shards.append(entry.name)
        elif not entry.is_folder and not entry.name.startswith("."):
            yield entry.name
    for shard, found in entries_within(folder, shards):
        for entry in found:
            if not entry.is_folder and not entry.name.startswith("."):
                yield f"{shard}/{entry.name}"
