"""Annotators: who drew masks of which images, matched by image id before any mask is read.

An annotator is a name and a folder of masks, flat or in FFHQ's shards; folders may differ in that.
`annotations` reads the files that `find_annotations` lists.
"""

import filecmp
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..dataset.ids import Ids
from ..dataset.layout import (
    ImageFile,
    find_images,
    find_other_files,
    select_images,
    warn_of_unread_subfolders,
)
from ..errors import ArgumentError, counted
from ..results.records import fusion_method

log = logging.getLogger(__name__)

MIN_ANNOTATORS, MAX_ANNOTATORS = 2, 20
_LISTED = 20
_BETWEEN = " & "  # between the names of a pair
Missing = Literal["error", "skip", "empty"]


class Annotator(NamedTuple):
    """An annotator's name and folder of masks."""

    name: str
    folder: Path


def parse_annotators(texts: Sequence[str], *, least: int = MIN_ANNOTATORS) -> list[Annotator]:
    """Parse annotators as they are on a command line: ``FOLDER``, or ``NAME=FOLDER``.

    Without a name, the folder's name is used.

    Raises
    ------
    ArgumentError
        A folder does not exist, there are fewer annotators than `least` or more than twenty, or
        two have the same name or folder.
    """
    annotators = [_annotator(text) for text in texts]
    if not least <= len(annotators) <= MAX_ANNOTATORS:
        raise ArgumentError(
            f"{counted(len(annotators), 'annotator')} given; name "
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
    # Not `A &` either: beside `B` and `& B` it would give two pairs the name `A & & B`.
    if not name or not name.isprintable() or _BETWEEN in f" {name} ":
        raise ArgumentError(f"{text!r} does not name its annotator; write NAME=FOLDER")
    return Annotator(name, Path(folder))


class AnnotatedImage(NamedTuple):
    """The files of one image.

    `masks` are the annotators' masks, None where an annotator lacks the image, `region` is the face
    mask and `texture` the texture map. `file` names the image by the first annotator's file.
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
        Resize masks to the size of the first annotator's mask, or of the first who has the image;
        without it other sizes are failures.
    missing : {"error", "skip", "empty"}
        How to treat an image that an annotator lacks: refuse to begin, leave the image out, or
        assume that they drew nothing. An image without a face mask is left out by "skip", and an
        error otherwise; so is an image of which an annotator has only a file that is not read, such
        as `00007.nrrd`.
    within : Path, optional
        Folder of face masks; pixels outside them do not count.
    """

    threshold: int | None = None
    resize: Literal["nearest"] | None = None
    missing: Missing = "error"
    within: Path | None = None

    def record(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        within = str(self.within.resolve()) if self.within else None
        return {**asdict(self), "within": within}


class FoundAnnotations(NamedTuple):
    """Images to work on, ids left out because someone lacks them, and ids that nobody has."""

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

    Parameters
    ----------
    annotators : sequence of Annotator
        As `parse_annotators` returns them.
    settings : AnnotationSettings
        Only `missing`, `within` and whether there is a `threshold` matter here.
    texture : Path, optional
        Folder of texture maps. An image without one is treated as one without a face mask.
    ids, limit : optional
        As `layout.select_images`; images that are skipped do not count towards the limit.

    Raises
    ------
    ArgumentError
        A folder has no masks, no image is common to all, two annotators' files are the same
        files, a folder has soft masks and no threshold is given, or an annotator lacks an image
        that another has and `missing` does not allow it.
    """
    if settings.threshold is None:
        _require_drawn(annotators)
    files_of = [find_images(annotator.folder) for annotator in annotators]
    for annotator in annotators:
        warn_of_unread_subfolders(annotator.folder)
    regions = find_images(settings.within) if settings.within else {}
    textures = find_images(texture, noun="texture maps") if texture else {}
    _require_common_image(annotators, files_of)
    union = {image_id: file for files in reversed(files_of) for image_id, file in files.items()}
    chosen, unknown = select_images(dict(sorted(union.items())), ids)
    unread = [
        find_other_files(annotator.folder, union) if files.keys() != union.keys() else {}
        for annotator, files in zip(annotators, files_of, strict=True)
    ]
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
                _path(annotator.folder, files, file.image_id)
                for annotator, files in zip(annotators, files_of, strict=True)
            ),
            _path(settings.within, regions, file.image_id) if settings.within else None,
            _path(texture, textures, file.image_id) if texture else None,
        )
        lacks = _lacks(image, annotators, settings, unread, needs_texture=texture is not None)
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
            advice += ", or count them as not drawn by --missing empty"
        if any(unread):
            advice += ", and convert files that cannot be read to PNG"
        raise ArgumentError(
            f"{len(lacking)} of {counted(len(chosen), 'image')} incomplete: "
            f"{', '.join(lacking[:_LISTED])}{more}. {advice}"
        )
    if not images:
        raise ArgumentError(f"none of {counted(len(chosen), 'image')} has masks by all annotators")
    _require_different_files(annotators, images)
    return FoundAnnotations(images, skipped, unknown)


def _require_drawn(annotators: Sequence[Annotator]) -> None:
    """Refuse soft masks, some of which may have only two levels, such as 0 and 85."""
    for annotator in annotators:
        if fusion_method(annotator.folder) == "soft":
            raise ArgumentError(
                f"the masks in {annotator.folder} are soft masks, shares of votes, as the "
                "fusion.json beside them says; --threshold 128 takes pixels with at least half of "
                "the votes"
            )


def _require_common_image(
    annotators: Sequence[Annotator], files_of: Sequence[dict[str, ImageFile]]
) -> None:
    """Refuse annotators who have no image in common."""
    if not set.intersection(*(set(files) for files in files_of)):
        firsts = ", ".join(
            f"{annotator.name} has {next(iter(files))}"
            for annotator, files in zip(annotators, files_of, strict=True)
        )
        raise ArgumentError(f"no image id is common to all annotators: {firsts}")


def _lacks(
    image: AnnotatedImage,
    annotators: Sequence[Annotator],
    settings: AnnotationSettings,
    unread: Sequence[Mapping[str, str]],
    *,
    needs_texture: bool,
) -> list[str]:
    """Return what an image lacks: the names of annotators, its face mask, its texture map.

    `unread` has each annotator's files that are named after an image but are not read.
    """
    lacks = []
    for annotator, mask, others in zip(annotators, image.masks, unread, strict=True):
        other = others.get(image.file.image_id)
        if mask is None and other:
            lacks.append(f"{annotator.name}: {other} cannot be read")
        elif mask is None and settings.missing != "empty":
            lacks.append(annotator.name)
    if settings.within and not image.region:
        lacks.append("no face mask")
    if needs_texture and not image.texture:
        lacks.append("no texture map")
    return lacks


def _path(folder: Path, files: dict[str, ImageFile], image_id: str) -> Path | None:
    return folder / files[image_id].path if image_id in files else None


def _require_different_files(
    annotators: Sequence[Annotator], images: Sequence[AnnotatedImage]
) -> None:
    """Refuse two annotators all of whose files are the same by links; warn of copies."""
    for first, second in combinations(range(len(annotators)), 2):
        names = f"{annotators[first].name} and {annotators[second].name}"
        pairs = [(image.masks[first], image.masks[second]) for image in images]
        both = [(path, other) for path, other in pairs if path and other]
        if both and all(_holds(Path.samefile, *pair) for pair in both):
            raise ArgumentError(f"{names} are the same files, such as {both[0][0]}")
        if both and all(_holds(_is_copy, *pair) for pair in both):
            log.warning("%s have identical masks of all images: is one a copy?", names)


def _is_copy(path: Path, other: Path) -> bool:
    regular = path.is_file() and other.is_file()
    return regular and filecmp.cmp(path, other, shallow=False)


def _holds(comparison: Callable[[Path, Path], bool], path: Path, other: Path) -> bool:
    """Tell whether two files compare; a file that cannot be read is reported when it is read."""
    try:
        return comparison(path, other)
    except OSError:
        return False
