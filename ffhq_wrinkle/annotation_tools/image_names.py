"""Image names: the image ids that the names of pictures in an export stand for.

Tools rename pictures: Label Studio puts eight hexadecimal digits before the name of an upload,
Roboflow adds a suffix, and the export of a CVAT project numbers the pictures that two of its tasks
share. This is undone where it can mean only one thing.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import ArgumentError, first_few
from .people import without_addresses

_UPLOAD = re.compile(r"(?<=upload/)(?:.*/)?[0-9a-f]{8}-(?P<name>[^/]+)$")
_ROBOFLOW = re.compile(r"_(?:png|jpe?g|webp|tiff?|bmp)\.rf\.[0-9A-Za-z]{16,64}$")
_NUMBERED = re.compile(r"(?P<name>.+)_[0-9]+$")
_SUFFIX = re.compile(r"\.(png|jpe?g|webp|tiff?|bmp|heic|heif|avif|gif)$", re.IGNORECASE)


class NamedImage(NamedTuple):
    """A picture as an export names it.

    Attributes
    ----------
    source : int
        Number of the file that names it.
    name : str
    task : str
        The task that it belongs to, where two tasks of one file may share a picture; otherwise "".
    person : int
        The number of the person who drew.
    """

    source: int
    name: str
    task: str = ""
    person: int = -1


def stem_of(name: str) -> str:
    """Return the name of a picture without folders, address and suffix.

    >>> stem_of("/data/local-files/?d=faces/00007.png"), stem_of("faces%5C00021.jpg?sig=a")
    ('00007', '00021')
    """
    return _SUFFIX.sub("", _path(name).rpartition("/")[2])


def _path(name: str) -> str:
    """Return the path of a picture from an address, or a path of any system."""
    if "://" in name or name.startswith("/data/") or "?d=" in name:
        parts = urlsplit(name)
        inner = parse_qs(parts.query).get("d")
        name = inner[0] if inner else unquote(parts.path)
    elif "%5C" in name:
        name = unquote(name.partition("?")[0])
    return name.replace("\\", "/")


def original_of(name: str) -> str:
    """Return the stem that a picture had before a tool renamed it.

    >>> original_of("/data/upload/3/1a2b3c4d-00007.png")
    '00007'
    >>> original_of("00007_png.rf.0123456789abcdef0123456789abcdef.jpg")
    '00007'
    """
    upload = _UPLOAD.search(_path(name))
    stem = _SUFFIX.sub("", upload["name"]) if upload else stem_of(name)
    return _ROBOFLOW.sub("", stem)


def image_ids(
    images: Iterable[NamedImage],
    *,
    photographs: Collection[str] | None = None,
    keep_names: bool = False,
) -> dict[NamedImage, str]:
    """Return the image id of each picture.

    Parameters
    ----------
    images : iterable of NamedImage
        All pictures of an import.
    photographs : collection of str, optional
        Ids of the photographs. A picture whose name as it is is among them keeps it.
    keep_names : bool
        Take all names as they are, without folders and suffixes.

    Raises
    ------
    ArgumentError
        Pictures of one file that have different names would have the same id, or a name is none.
    """
    all_images = list(dict.fromkeys(images))
    tasks_of: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for image in all_images:
        tasks_of[image.source, _folder(image.name), stem_of(image.name)].add(image.task)
    ids = {}
    for image in all_images:
        stem = stem_of(image.name)
        if not keep_names and (photographs is None or stem not in photographs):
            stem = _without_number(image, original_of(image.name), tasks_of)
        if not stem or stem.startswith(".") or not stem.isprintable():
            raise ArgumentError(f"{without_addresses(image.name)!r} is not the name of an image")
        ids[image] = stem
    _require_distinct(ids)
    return ids


def _folder(name: str) -> str:
    return _path(name).rpartition("/")[0]


def _without_number(
    image: NamedImage, stem: str, tasks_of: Mapping[tuple[int, str, str], Collection[str]]
) -> str:
    """Return a stem without the number that CVAT gives the second task's picture of a name."""
    numbered = _NUMBERED.fullmatch(stem) if image.task else None
    if numbered is None:
        return stem
    tasks = tasks_of.get((image.source, _folder(image.name), numbered["name"]), ())
    return numbered["name"] if {*tasks} - {image.task, ""} else stem


def _require_distinct(ids: Mapping[NamedImage, str]) -> None:
    """Refuse two names in one file for one image.

    Two tasks of a CVAT project may share a picture, if they are of different people.
    """
    names: dict[tuple[int, int, str], set[str]] = defaultdict(set)
    for image, image_id in ids.items():
        names[image.source, image.person if image.task else -1, image_id].add(image.name)
    doubtful = [
        f"{image_id}: {', '.join(sorted(map(without_addresses, same)))}"
        for (_, _, image_id), same in sorted(names.items())
        if len(same) > 1
    ]
    if doubtful:
        raise ArgumentError(
            f"{len(doubtful)} image ids would stand for pictures of different names: "
            f"{first_few(doubtful, separator='; ')}. If they are different pictures, name the "
            "folder of the photographs by --images, or take the names as they are by --keep-names"
        )
