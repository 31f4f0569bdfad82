"""Layout: the images of a folder, and the paths of files in the released data set."""

import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

from ..errors import ArgumentError
from ..images.opening import IMAGE_SUFFIXES, REFUSED_SUFFIXES, readable_suffixes
from ..storage.places import Place, entries, entries_within, is_folder
from .ids import Ids, image_id_of, is_ffhq_id, is_number

if TYPE_CHECKING:
    from upath import UPath

log = logging.getLogger(__name__)

SHARD_SIZE = 1000
_SHARD = re.compile(r"\d{5,}")
_BEHIND_ID = re.compile(r"[\W_]")
# The folders of a data set in the released layout. Label maps lie in either of two.
IMAGES_FOLDER = "images1024x1024"
MANUAL_MASKS_FOLDER = "manual_wrinkle_masks"
WEAK_MASKS_FOLDER = "weak_wrinkle_masks"
LABEL_MAPS_FOLDERS = ("face_parsed_labels", "etcs/face_parsed_labels")


def released_path(image_id: str, suffix: str) -> str:
    """Return the path of an image's file in the released layout: FFHQ ids in shards, others flat.

    >>> released_path("21035", ".png"), released_path("portrait", ".png")
    ('21000/21035.png', 'portrait.png')
    """
    if not is_ffhq_id(image_id):
        return f"{image_id}{suffix}"
    return f"{int(image_id) // SHARD_SIZE * SHARD_SIZE:05d}/{image_id}{suffix}"


class ImageFile(NamedTuple):
    """One image of a folder: its id, and its path relative to the folder, separated by `/`."""

    image_id: str
    path: str

    def mirrored(self, suffix: str) -> str:
        """Return the path of the image's result in the released layout.

        A name that is not an FFHQ id stays in its folder.
        """
        folder = self.path.rpartition("/")[0]
        if not folder or is_ffhq_id(self.image_id):
            return released_path(self.image_id, suffix)
        return f"{folder}/{self.image_id}{suffix}"


@overload
def image_folder(folder: Path) -> Path: ...
@overload
def image_folder(folder: Place) -> Place: ...
def image_folder(folder: Place) -> Place:
    """Return the folder of the photographs: `images1024x1024` inside `folder`, or `folder` itself.

    Raises
    ------
    ArgumentError
        The folder cannot be read.
    """
    inner = folder / IMAGES_FOLDER
    try:
        return inner if is_folder(inner) else folder
    except OSError as error:
        raise ArgumentError(f"{folder} cannot be read: {error.strerror or error}") from error


def find_images(
    folder: Place, *, also: Collection[str] = frozenset(), noun: str = "images"
) -> dict[str, ImageFile]:
    """List the images of a folder, flat or in FFHQ's shards (`00000/00007.png`).

    Hidden files are ignored. Images in formats that cannot be read are listed too, so that they are
    reported as failures and not silently left out.

    Parameters
    ----------
    folder : Place
        The folder. Only its subfolders with names of five or more digits are searched.
    also : collection of str
        Suffixes of further files to list, such as ``.npy``.
    noun : str
        Name of the files in error messages.

    Returns
    -------
    dict of str to ImageFile
        The images by id, which is the file name without the suffix; sorted by id.

    Raises
    ------
    ArgumentError
        The folder cannot be read, has no image, or has several readable files with the same id.
    """
    images: dict[str, ImageFile] = {}
    twins: dict[str, list[str]] = {}
    unread = 0
    readable = readable_suffixes() | {*also}
    suffixes = {*IMAGE_SUFFIXES, *REFUSED_SUFFIXES, *also}
    try:
        candidates = list(_candidates(folder))
    except OSError as error:
        path, reason = error.filename or folder, error.strerror or error
        raise ArgumentError(f"{path} cannot be read: {reason}") from error
    for path in candidates:
        stem = path.rpartition("/")[2].rpartition(".")[0]
        if not stem or _suffix(path) not in suffixes:
            continue
        image = ImageFile(stem, path)
        twin = images.setdefault(stem, image)
        if twin is image:
            continue
        if _suffix(path) in readable and _suffix(twin.path) in readable:
            twins.setdefault(stem, [twin.path]).append(path)
        else:  # a photograph that is read wins, such as a JPEG beside the camera's raw file
            images[stem] = min(
                image, twin, key=lambda file: (_suffix(file.path) not in readable, file.path)
            )
            unread += 1
    if twins:
        listed = [" and ".join(sorted(paths)) for _, paths in sorted(twins.items())]
        raise ArgumentError(
            f"{folder}: several files have the same id; keep only one of each: {'; '.join(listed)}"
        )
    if unread:
        log.info("%d files left out: others of the same name are used, such as a JPEG", unread)
    if not images:
        kinds = ", ".join(sorted(suffix[1:] for suffix in {*IMAGE_SUFFIXES, *also}))
        raise ArgumentError(
            f"{folder} has no {noun} ({kinds}), neither directly nor in subfolders such as 00000"
        )
    return {image_id: images[image_id] for image_id in sorted(images)}


def _suffix(path: str) -> str:
    return f".{path.rpartition('.')[2].lower()}"


def find_other_files(folder: Path, image_ids: Collection[str]) -> dict[str, str]:
    """Find files that are named after images, but are in no format that `find_images` lists.

    Parameters
    ----------
    folder : Path
        A folder as `find_images` takes it.
    image_ids : collection of str
        The images. A file is named after the one with whose id its name begins, followed by
        nothing or by a character other than a letter or digit; the longest such id counts.

    Returns
    -------
    dict of str to str
        By image id, the path of one such file relative to the folder.
    """
    listed = IMAGE_SUFFIXES | REFUSED_SUFFIXES
    others: dict[str, str] = {}
    for path in sorted(_candidates(folder)):
        name = path.rpartition("/")[2]
        if _suffix(name) in listed:
            continue
        ends = [*(match.start() for match in _BEHIND_ID.finditer(name)), len(name)]
        owner = next((name[:end] for end in reversed(ends) if name[:end] in image_ids), None)
        if owner:
            others.setdefault(owner, path)
    return others


def require_distinct_ids(images: Iterable[str], *, where: object) -> None:
    """Refuse images whose names are the same number, for files that are matched by number.

    Parameters
    ----------
    images : iterable of str
        Ids of images, as `find_images` returns them.
    where : object
        The folder of the images, for the error message.

    Raises
    ------
    ArgumentError
        Two names, such as 7 and 00007, stand for the same id.
    """
    names: dict[str, str] = {}
    for name in images:
        twin = names.setdefault(image_id_of(name), name)
        if twin != name:
            raise ArgumentError(
                f"{where}: the images {twin} and {name} have the same number {image_id_of(name)}; "
                "rename one of them"
            )


def select_images(
    images: dict[str, ImageFile], ids: Ids | None, limit: int | None = None
) -> tuple[list[ImageFile], list[str]]:
    """Select the images with the given ids, or all of them.

    Parameters
    ----------
    images : dict of str to ImageFile
        The images of a folder by id, as `find_images` returns them.
    ids : Ids, optional
        The requested ids; all images if None.
    limit : int, optional
        Maximum number of images.

    Returns
    -------
    tuple of list of ImageFile and list of str
        The selected images sorted by id, at most `limit` of them, and the requested ids that no
        image has; with a `limit`, only those before the last selected image.

    Raises
    ------
    ArgumentError
        No image has any of the ids, or an id stands for several images.
    """
    if ids is None:
        return list(images.values())[:limit], []
    requested = list(ids)
    if any(image_id not in images for image_id in requested):
        # Without a 00007.png, 7.png or 0000007.png is image 7.
        numbered: dict[int, list[str]] = {}
        for name in images:
            if is_number(name):
                numbered.setdefault(int(name), []).append(name)
        requested = sorted({_named(image_id, images, numbered) for image_id in requested})
    missing = [image_id for image_id in requested if image_id not in images]
    if len(missing) == len(requested):
        raise ArgumentError(
            f"none of the {len(requested)} requested ids, such as {missing[0][:50]}, is among the "
            f"{len(images)} images, such as {next(iter(images))}"
        )
    selected = [images[image_id] for image_id in requested if image_id in images]
    if limit is not None and limit < len(selected):
        selected = selected[:limit]
        missing = [image_id for image_id in missing if image_id < selected[-1].image_id]
    return selected, missing


def _named(image_id: str, images: Collection[str], numbered: Mapping[int, Sequence[str]]) -> str:
    """Return the name of the image that an id stands for, or the id if there is none."""
    if image_id in images or not is_number(image_id):
        return image_id
    names = numbered.get(int(image_id), [image_id])
    if len(names) > 1:
        raise ArgumentError(
            f"the id {image_id} stands for the images {' and '.join(names)}; rename one of them"
        )
    return names[0]


def _candidates(folder: Place) -> Iterator[str]:
    """Yield the relative paths of the visible files in the folder and its shards."""
    if not isinstance(folder, Path):
        yield from _stored_candidates(folder)
        return
    with os.scandir(folder) as folder_entries:
        shards = []
        for entry in folder_entries:
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
    for shard, shard_entries in entries_within(folder, shards):
        for entry in shard_entries:
            if not entry.is_folder and not entry.name.startswith("."):
                yield f"{shard}/{entry.name}"
