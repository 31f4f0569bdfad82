"""Annotators: who drew masks of which images, matched by image id before any mask is read.

An annotator is a name and a folder of masks, flat or in FFHQ's shards, each in its own way.
`annotations` reads what `find_annotations` lists.
"""

import filecmp
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..dataset.ids import Ids
from ..dataset.layout import ImageFile, find_images, select_images
from ..errors import ArgumentError

log = logging.getLogger(__name__)

MIN_ANNOTATORS, MAX_ANNOTATORS = 2, 20
_LISTED = 20
_BETWEEN = " & "  # stands between the names of a pair
Missing = Literal["error", "skip", "empty"]


class Annotator(NamedTuple):
    """Who drew, and the folder of what they drew."""

    name: str
    folder: Path


def parse_annotators(texts: Sequence[str], *, least: int = MIN_ANNOTATORS) -> list[Annotator]:
    """Read annotators as a command line gives them: ``FOLDER``, or ``NAME=FOLDER``.

    Without a name it is the folder's.

    Raises
    ------
    ArgumentError
        There is no such folder, there are fewer annotators than `least` or more than twenty, or
        two have the same name or folder.
    """
    annotators = [_annotator(text) for text in texts]
    if not least <= len(annotators) <= MAX_ANNOTATORS:
        raise ArgumentError(
            f"{len(annotators)} annotator{'s' * (len(annotators) != 1)} given; name "
            f"{least} to {MAX_ANNOTATORS} folders of masks, one for each annotator"
        )
    for (name, folder), (other, twin) in combinations(annotators, 2):
        if folder.resolve() == twin.resolve():
            raise ArgumentError(f"{folder} and {twin} are the same folder")
        if name == other:
            raise ArgumentError(f"{folder} and {twin} are both called {name}; write NAME=FOLDER")
    return annotators


def _annotator(text: str) -> Annotator:
    name, equals, folder = text.partition("=")
    if not equals or "/" in name or Path(text).is_dir():
        name, folder = Path(os.path.abspath(text)).name, text  # noqa: PTH100 - a link's own name
    if not Path(folder).is_dir():
        raise ArgumentError(f"there is no folder {folder}")
    if not name or not name.isprintable() or _BETWEEN in name:
        raise ArgumentError(f"{text!r} has no name to go by; write NAME=FOLDER")
    return Annotator(name, Path(folder))


class AnnotatedImage(NamedTuple):
    """The files of one image.

    `masks` are the annotators', None where one lacks it, `region` the face mask, and `texture` the
    texture map. `file` is what stands for the image where one name is needed: the first
    annotator's.
    """

    file: ImageFile
    masks: tuple[Path | None, ...]
    region: Path | None = None
    texture: Path | None = None


@dataclass(frozen=True, kw_only=True)
class AnnotationSettings:
    """How annotators' masks are read and matched.

    Attributes
    ----------
    threshold : int, optional
        As `masks.decode_mask`.
    resize : "nearest", optional
        Bring masks of other sizes to the size of the first annotator's, or of the first who has the
        image; without it these are failures.
    missing : {"error", "skip", "empty"}
        What to do about an image that one of the annotators lacks: refuse to begin, leave the
        image out, or take it that they drew nothing. An image without a face mask is left out by
        "skip", and an error otherwise.
    within : Path, optional
        Folder of face masks; what lies outside them does not count.
    """

    threshold: int | None = None
    resize: Literal["nearest"] | None = None
    missing: Missing = "error"
    within: Path | None = None

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        within = str(self.within.resolve()) if self.within else None
        return {**asdict(self), "within": within}


class FoundAnnotations(NamedTuple):
    """Images to work on, those left out because someone lacks them, and ids that nobody has."""

    images: list[AnnotatedImage]
    skipped: list[str]
    missing: list[str]


def find_annotations(
    annotators: Sequence[Annotator],
    settings: AnnotationSettings,
    *,
    texture: Path | None = None,
    ids: Ids | None = None,
    limit: int | None = None,
) -> FoundAnnotations:
    """List the images that annotators have masks of; no mask is read.

    Folders may be flat or in FFHQ's shards, each in its own way.

    Parameters
    ----------
    annotators : sequence of Annotator
        As `parse_annotators` gives them.
    settings : AnnotationSettings
        `missing` and `within` count here.
    texture : Path, optional
        Folder of texture maps. An image without one is lacking, as one without a face mask.
    ids, limit : optional
        As `manifest.select_images`; images that are skipped do not count for the limit.

    Raises
    ------
    ArgumentError
        A folder has no masks, no image is common to all, two annotators' files are the same ones,
        or, with `missing="error"`, an annotator lacks an image that another has.
    """
    found = [find_images(annotator.folder) for annotator in annotators]
    regions = find_images(settings.within) if settings.within else {}
    textures = find_images(texture, what="texture maps") if texture else {}
    if not set.intersection(*(set(masks) for masks in found)):
        firsts = ", ".join(
            f"{one.name} has {next(iter(masks))}"
            for one, masks in zip(annotators, found, strict=True)
        )
        raise ArgumentError(f"no image id is common to all annotators: {firsts}")
    union = {image_id: file for masks in reversed(found) for image_id, file in masks.items()}
    chosen, unknown = select_images(dict(sorted(union.items())), ids)
    images: list[AnnotatedImage] = []
    skipped: list[str] = []
    lacking: list[str] = []
    for file in chosen:
        if limit is not None and len(images) + len(lacking) == limit:
            unknown = [image_id for image_id in unknown if image_id < file.image_id]
            break
        image = AnnotatedImage(
            file,
            tuple(
                _path(one.folder, masks, file.image_id)
                for one, masks in zip(annotators, found, strict=True)
            ),
            _path(settings.within, regions, file.image_id) if settings.within else None,
            _path(texture, textures, file.image_id) if texture else None,
        )
        pairs = zip(annotators, image.masks, strict=True)
        lacks = [one.name for one, path in pairs if path is None and settings.missing != "empty"]
        lacks += ["no face mask"] if settings.within and not image.region else []
        lacks += ["no texture map"] if texture and not image.texture else []
        if not lacks:
            images.append(image)
        elif settings.missing == "skip":
            skipped.append(file.image_id)
        else:
            lacking.append(f"{file.image_id} ({', '.join(lacks)})")
    if lacking:
        more = ", ..." if len(lacking) > _LISTED else ""
        advice = "Leave them out by --missing skip"
        if settings.missing != "empty":
            advice += ", or take them as not drawn by --missing empty"
        raise ArgumentError(
            f"{len(lacking)} of {len(chosen)} images are not there for all: "
            f"{', '.join(lacking[:_LISTED])}{more}. {advice}"
        )
    if not images:
        raise ArgumentError(f"none of the {len(chosen)} images is there for all annotators")
    _require_other_files(annotators, images)
    return FoundAnnotations(images, skipped, unknown)


def _path(folder: Path, found: dict[str, ImageFile], image_id: str) -> Path | None:
    return folder / found[image_id].path if image_id in found else None


def _require_other_files(annotators: Sequence[Annotator], images: Sequence[AnnotatedImage]) -> None:
    """Refuse two annotators all of whose files are the same by links; remark on copies."""
    for first, second in combinations(range(len(annotators)), 2):
        names = f"{annotators[first].name} and {annotators[second].name}"
        pairs = [(image.masks[first], image.masks[second]) for image in images]
        both = [(one, other) for one, other in pairs if one and other]
        if both and all(_holds(Path.samefile, *pair) for pair in both):
            raise ArgumentError(f"{names} are the same files, such as {both[0][0]}")
        if both and all(_holds(_is_copy, *pair) for pair in both):
            log.warning("%s have the very same masks of all images: is one a copy?", names)


def _is_copy(one: Path, other: Path) -> bool:
    regular = one.is_file() and other.is_file()
    return regular and filecmp.cmp(one, other, shallow=False)


def _holds(comparison: Callable[[Path, Path], bool], one: Path, other: Path) -> bool:
    """Whether two files compare; what can not be looked at is for the reader to name."""
    try:
        return comparison(one, other)
    except OSError:
        return False
