"""Layout: the images of a folder, and the paths of files in the released data set."""

import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

from ..errors import ArgumentError, counted
from ..images.opening import IMAGE_SUFFIXES, REFUSED_SUFFIXES, readable_suffixes
from ..storage.marks import is_results_folder
from ..storage.places import Place, entries, entries_within, is_folder
from .ids import Ids, id_of_path, image_id_of, is_ffhq_id, is_number, is_shard, without_shard

if TYPE_CHECKING:
    from upath import UPath

log = logging.getLogger(__name__)

SHARD_SIZE = 1000
_BEHIND_ID = re.compile(r"[\W_]")
# The folders of a data set in the released layout. Label maps lie in either of two.
IMAGES_FOLDER = "images1024x1024"
MANUAL_MASKS_FOLDER = "manual_wrinkle_masks"
WEAK_MASKS_FOLDER = "weak_wrinkle_masks"
LABEL_MAPS_FOLDERS = ("face_parsed_labels", "etcs/face_parsed_labels")
# Names in a folder whose subfolders are not folders of images: a data set, output of `predict`.
_DATA_SET = {IMAGES_FOLDER, MANUAL_MASKS_FOLDER, WEAK_MASKS_FOLDER, "face_parsed_labels", "etcs"}
_NEVER_SEARCHED = {*_DATA_SET, "predict.json"}
_BESIDE_IMAGES = {"masks", "weak", "face_masks"}  # in training data, beside `images`
# Written into folders of faces. Its suffix is not that of results, so that no face has this name.
CONTACT_SHEET = "contact_sheet.jpeg"
# Folders in which systems keep thumbnails and deleted files.
_IGNORED_FOLDERS = {"@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found"}


def released_path(image_id: str, suffix: str) -> str:
    """Return the path of an image's file in the released layout: only FFHQ ids are in shards.

    >>> released_path("21035", ".png"), released_path("subject01/visit1", ".png")
    ('21000/21035.png', 'subject01/visit1.png')
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
        if not is_shard(folder) or is_ffhq_id(self.image_id):
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
    """List the images of a folder: flat, in FFHQ's shards (`00000/00007.png`), or in subfolders.

    Subfolders of other names, and their subfolders, are searched only if the folder and its shards
    have no image. Hidden files and folders are ignored, and so are `contact_sheet.jpeg`, folders of
    results, links to places in the folder or above it, and the subfolders of a data set. Images in
    formats that cannot be read are listed too, so that they are reported as failures and not
    silently left out.

    Parameters
    ----------
    folder : Place
        The folder.
    also : collection of str
        Suffixes of further files to list, such as ``.npy``.
    noun : str
        Name of the files in error messages.

    Returns
    -------
    dict of str to ImageFile
        The images by id, which is the file name without the suffix, or, in subfolders that are
        not shards, the path without it (`subject01/visit1`); sorted by id.

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
        candidates = _candidates(folder, suffixes)
    except OSError as error:
        path, reason = error.filename or folder, error.strerror or error
        raise ArgumentError(f"{path} cannot be read: {reason}") from error
    for path in candidates:
        if not _has_suffix(path, suffixes):
            continue
        image_id = id_of_path(path)
        image = ImageFile(image_id, path)
        twin = images.setdefault(image_id, image)
        if twin is image:
            continue
        if _suffix(path) in readable and _suffix(twin.path) in readable:
            twins.setdefault(image_id, [twin.path]).append(path)
        else:  # a photograph that is read wins, such as a JPEG beside the camera's raw file
            images[image_id] = min(
                image, twin, key=lambda file: (_suffix(file.path) not in readable, file.path)
            )
            unread += 1
    if twins:
        listed = [" and ".join(sorted(paths)) for _, paths in sorted(twins.items())]
        raise ArgumentError(
            f"{folder}: several files have the same id; keep only one of each: {'; '.join(listed)}"
        )
    if unread:
        log.info(
            "%s left out: others of the same name are used, such as a JPEG",
            counted(unread, "file"),
        )
    if not images:
        kinds = ", ".join(sorted(suffix[1:] for suffix in {*IMAGE_SUFFIXES, *also}))
        raise ArgumentError(
            f"{folder} has no {noun} ({kinds}), neither directly nor in subfolders such as 00000"
        )
    return {image_id: images[image_id] for image_id in sorted(images)}


def warn_of_unread_subfolders(folder: Place) -> None:
    """Warn if images in subfolders are not listed, because others lie beside the subfolders."""
    suffixes = {*IMAGE_SUFFIXES, *REFUSED_SUFFIXES}
    if not isinstance(folder, Path) or not any(
        _has_suffix(path, suffixes) for path in _flat_candidates(folder)
    ):
        return
    unread = _nested_candidates(folder, beside_images=True)
    path = next((path for path in unread if _has_suffix(path, suffixes)), None)
    if path:
        log.warning(
            "%s: images in subfolders, such as %s, are not read because other images lie beside "
            "the subfolders; move these into a subfolder, too, to have all read",
            *(folder, path),
        )


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
    for path in sorted(_candidates(folder, listed)):
        if _suffix(path) in listed:
            continue
        name = without_shard(path)
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
            f"none of the {counted(len(requested), 'requested id')}, such as {missing[0][:50]}, is "
            f"among the {counted(len(images), 'image')}, such as {next(iter(images))}"
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


def _has_suffix(path: str, suffixes: Collection[str]) -> bool:
    name = path.rpartition("/")[2]
    return bool(name.rpartition(".")[0]) and _suffix(path) in suffixes and name != CONTACT_SHEET


def _candidates(folder: Place, suffixes: Collection[str]) -> list[str]:
    """Return the relative paths of the visible files in the folder and its shards.

    If none has one of the suffixes, the files in all subfolders are returned.
    """
    flat = list(
        _flat_candidates(folder) if isinstance(folder, Path) else _stored_candidates(folder)
    )
    if any(_has_suffix(path, suffixes) for path in flat):
        return flat
    nested = _nested_candidates(folder) if isinstance(folder, Path) else _nested_stored(folder)
    return list(nested) or flat


def _flat_candidates(folder: Path) -> Iterator[str]:
    """Yield the relative paths of the visible files in a folder and its shards."""
    with os.scandir(folder) as folder_entries:
        shards = []
        for entry in folder_entries:
            if is_shard(entry.name) and entry.is_dir():
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
        if entry.is_folder and is_shard(entry.name):
            shards.append(entry.name)
        elif not entry.is_folder and not entry.name.startswith("."):
            yield entry.name
    for shard, shard_entries in entries_within(folder, shards):
        for entry in shard_entries:
            if not entry.is_folder and not entry.name.startswith("."):
                yield f"{shard}/{entry.name}"


class _Searched(NamedTuple):
    """A subfolder to search: its relative path, and the folders that links on the way led to."""

    path: str
    linked: tuple[str, ...]


def _nested_candidates(folder: Path, *, beside_images: bool = False) -> Iterator[str]:
    """Yield the relative paths of the visible files in a folder and all its subfolders.

    With `beside_images`, the files that `_flat_candidates` yields are left out without listing
    them, since there may be a million.
    """
    root = os.path.realpath(folder)
    pending = [_Searched("", (root,))]
    while pending:
        searched = pending.pop()
        with os.scandir(folder / searched.path) as scanned:
            listed = filter(_is_beside_images, scanned) if beside_images else scanned
            sorted_entries = sorted(listed, key=lambda entry: entry.name, reverse=True)
        beside_images = False  # which is about the folder itself
        names = {entry.name for entry in sorted_entries}
        if not _is_searched(searched.path, names):
            continue
        prefix = f"{searched.path}/" if searched.path else ""
        for entry in sorted_entries:
            if not entry.is_dir():
                if not entry.name.startswith("."):
                    yield f"{prefix}{entry.name}"
            elif _may_hold_images(entry.name):
                linked = searched.linked
                if entry.is_symlink():
                    target = os.path.realpath(entry.path)
                    if _is_within(target, root) or any(
                        _is_within(place, target)
                        for place in (*linked, os.path.realpath(folder / searched.path))
                    ):
                        continue  # a cycle, or photographs that are listed where they lie
                    linked = (*linked, target)
                pending.append(_Searched(f"{prefix}{entry.name}", linked))


def _nested_stored(folder: "UPath") -> Iterator[str]:
    """Do the same as `_nested_candidates`, for a folder in an object store."""
    level = {"": entries(folder)}
    while level:
        inner: list[str] = []
        for path, listed in level.items():
            if not _is_searched(path, {entry.name for entry in listed}):
                continue
            prefix = f"{path}/" if path else ""
            for entry in listed:
                if entry.is_folder and _may_hold_images(entry.name):
                    inner.append(f"{prefix}{entry.name}")
                elif not entry.is_folder and not entry.name.startswith("."):
                    yield f"{prefix}{entry.name}"
        level = dict(entries_within(folder, inner))


def _is_beside_images(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry of a folder of images is needed to find those in subfolders."""
    return entry.name in _NEVER_SEARCHED or (entry.is_dir() and not is_shard(entry.name))


def _is_searched(path: str, names: Collection[str]) -> bool:
    """Return whether images are looked for in a folder with these entries."""
    if path:
        return not is_results_folder(names)
    is_training_data = "images" in names and not _BESIDE_IMAGES.isdisjoint(names)
    return _NEVER_SEARCHED.isdisjoint(names) and not is_training_data


def _may_hold_images(name: str) -> bool:
    return not name.startswith(".") and name not in _IGNORED_FOLDERS


def _is_within(path: str, folder: str) -> bool:
    return f"{path.rstrip(os.sep)}{os.sep}".startswith(f"{folder.rstrip(os.sep)}{os.sep}")
