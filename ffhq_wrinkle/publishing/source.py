"""Source: the images of a data set that are published, each with its files and its part.

Only names and records are read here. `pictures` reads the files, one image at a time.
"""

import hashlib
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..dataset.ids import Ids, image_id_of, is_ffhq_id, official_test_ids
from ..dataset.layout import find_images
from ..dataset.licences import Attribution, read_attribution
from ..errors import ArgumentError, counted, first_few, plural
from ..human_labels.annotators import Annotator
from ..results.records import FUSION_RECORD, fusion_method, settings_if_readable
from ..segmentation.training_data.sample_files import PARTS, Part, SampleFiles, find_sample_files
from ..segmentation.training_data.split_file import read_split

log = logging.getLogger(__name__)

# Names of folders that tell nobody's name, such as those that `import-labels` makes.
_PSEUDONYM = re.compile(r"[A-Za-z0-9]|annotator[_-]?[A-Za-z0-9]{1,3}")
# An annotator's name becomes the name of a column.
_COLUMN = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Item(NamedTuple):
    """The files of one image; those that it lacks are None.

    Attributes
    ----------
    image_id : str
    part : {"train", "val", "test"}
    image, mask, weak : Path or None
        The photograph, the fused mask and the weak mask.
    annotations : tuple of Path or None
        The mask of each annotator, in the order of `Source.annotators`.
    """

    image_id: str
    part: Part
    image: Path | None
    mask: Path | None
    weak: Path | None
    annotations: tuple[Path | None, ...]

    def files(self) -> tuple[Path | None, ...]:
        """Return all files."""
        return (self.image, self.mask, self.weak, *self.annotations)


@dataclass(frozen=True, kw_only=True)
class Source:
    """The contents of a data set.

    Attributes
    ----------
    items : tuple of Item
        By part, in the order of `PARTS`, and within a part by id.
    annotators : tuple of str
        Their published names.
    soft : bool
        Whether the masks are shares of votes.
    split_by : str
        How images were divided into parts.
    fusion : mapping
        How `fuse-labels` made the masks, as its record says; empty without one.
    texture : mapping
        How weak masks were made; empty if that is not known.
    attribution : mapping of str to Attribution
        The licence of each photograph by id, if photographs are published.
    """

    items: tuple[Item, ...]
    annotators: tuple[str, ...] = ()
    soft: bool = False
    split_by: str
    fusion: Mapping[str, Any]
    texture: Mapping[str, Any]
    attribution: Mapping[str, Attribution]

    def fingerprint(self) -> str:
        """Compute a hash of all ids and of the sizes and times of their files, hexadecimal."""
        digest = hashlib.sha256()
        for item in self.items:
            row = [item.image_id, item.part, *map(_stamp, item.files())]
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()

    def parts(self) -> list[Part]:
        """Return the parts that have images."""
        used = {item.part for item in self.items}
        return [part for part in PARTS if part in used]

    def all_ffhq(self) -> bool:
        """Return whether every id is one of FFHQ's."""
        return all(is_ffhq_id(item.image_id) for item in self.items)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of images of each part, and of each kind of file in it."""
        numbers: dict[str, Counter[str]] = {part: Counter() for part in self.parts()}
        for item in self.items:
            counter = numbers[item.part]
            counter["images"] += 1
            counter["photographs"] += item.image is not None
            counter["masks"] += item.mask is not None
            counter["weak_masks"] += item.weak is not None
            for name, path in zip(self.annotators, item.annotations, strict=True):
                counter[f"mask_{name}"] += path is not None
        return {part: dict(counter) for part, counter in numbers.items()}


def _stamp(path: Path | None) -> list[int] | None:
    if path is None:
        return None
    try:
        status = os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat
    except OSError:
        return [-1]
    return [status.st_size, status.st_mtime_ns]


def list_source(
    data: Path,
    *,
    annotators: Sequence[Annotator] = (),
    splits: Sequence[Path] = (),
    with_photographs: bool = False,
    with_weak: bool = True,
    needs_mask: bool = False,
    ids: Ids | None = None,
) -> Source:
    """List what is published of a data set.

    Parameters
    ----------
    data : Path
        A data set in the released layout, a folder with `images` and `masks`, or a CSV.
    annotators : sequence of Annotator
        Annotators whose single masks are published, by their published names.
    splits : sequence of Path
        Files `split.csv` of training runs, which together have every image. Otherwise a CSV's own
        split counts, or else the official test ids are the test part and all others train.
    with_photographs : bool
        Whether photographs are published.
    with_weak : bool
        Whether weak masks are.
    needs_mask : bool
        Whether an image without a human mask is left out.
    ids : Ids, optional
        The images; all if not given.

    Returns
    -------
    Source

    Raises
    ------
    ArgumentError
        `data` is not a data set, has none of the ids or no masks, or a split does not have an
        image.
    """
    files = find_sample_files(data)
    drawn = [_masks_of(annotator) for annotator in annotators]
    weak = files.weak if with_weak else {}
    masked = {*files.masks, *(() if needs_mask else weak)}
    if not needs_mask:
        masked.update(*drawn)
    listed = _chosen(files, masked & files.images.keys(), ids, needs_mask=needs_mask)
    parts, split_by = _parts(files, listed, splits)
    items = (
        Item(
            image_id,
            parts[image_id],
            files.images[image_id] if with_photographs else None,
            files.masks.get(image_id),
            weak.get(image_id),
            tuple(masks.get(image_id) for masks in drawn),
        )
        for image_id in sorted(listed)
    )
    folders = {files.masks[image_id].parent for image_id in listed if image_id in files.masks}
    methods = {fusion_method(folder) for folder in folders}
    return Source(
        items=tuple(sorted(items, key=lambda item: PARTS.index(item.part))),
        annotators=tuple(annotator.name for annotator in annotators),
        soft="soft" in methods,
        split_by=split_by,
        fusion=_fusion_of(folders),
        texture=asdict(files.texture)
        if files.texture and not weak.keys().isdisjoint(listed)
        else {},
        attribution=read_attribution(files.root) if with_photographs else {},
    )


def published_names(annotators: Sequence[Annotator], given: Sequence[str]) -> list[Annotator]:
    """Return annotators under the names by which they are published.

    Parameters
    ----------
    annotators : sequence of Annotator
        As `annotators.parse_annotators` returns them.
    given : sequence of str
        The texts that these were parsed from; a name is the user's choice if it is in one.

    Raises
    ------
    ArgumentError
        A name cannot be that of a column, or two are the same.
    """
    published = []
    for number, (annotator, text) in enumerate(zip(annotators, given, strict=True), start=1):
        name = annotator.name
        if not text.startswith(f"{name}=") and not _PSEUDONYM.fullmatch(name):
            name = f"annotator_{number}"
            log.info(
                "%s is published as %s; NAME=FOLDER gives another name", annotator.folder, name
            )
        if not _COLUMN.fullmatch(name):
            raise ArgumentError(
                f"{name!r} cannot be the name of a column; use letters, digits, _ and -"
            )
        published.append(annotator._replace(name=name))
    counts = Counter(annotator.name for annotator in published)
    twin = next((name for name, count in counts.items() if count > 1), None)
    if twin:
        raise ArgumentError(f"two annotators would be published as {twin}; write NAME=FOLDER")
    return published


def _masks_of(annotator: Annotator) -> dict[str, Path]:
    listed = find_images(annotator.folder, noun="masks")
    return {image_id_of(name): annotator.folder / file.path for name, file in listed.items()}


def _chosen(files: SampleFiles, masked: set[str], ids: Ids | None, *, needs_mask: bool) -> set[str]:
    """Return the ids to publish.

    Raises
    ------
    ArgumentError
        There are none, or an id that was asked for has no mask.
    """
    if not masked:
        what = "human masks" if needs_mask else "masks"
        raise ArgumentError(f"{files.data} has no {what} to publish")
    if ids is None:
        return masked
    asked = set(ids)
    missing = sorted(asked - masked)
    if missing:
        raise ArgumentError(
            f"{counted(len(missing), 'id')} {plural(len(missing), 'has', 'have')} no mask in "
            f"{files.data}, such as {first_few(missing)}"
        )
    return asked


def _parts(
    files: SampleFiles, ids: set[str], splits: Sequence[Path]
) -> tuple[Mapping[str, Part], str]:
    """Return the part of each image, and how that was decided."""
    if not splits:
        if files.split:
            return files.split, "the split column of the data set's CSV"
        official = set(official_test_ids())
        parts: dict[str, Part] = {
            image_id: "test" if image_id in official else "train" for image_id in ids
        }
        if ids & official:
            return parts, "the 100 official test ids of FFHQ-Wrinkle; all others train"
        return parts, "not split: all images are in one part"
    given: dict[str, Part] = {}
    for path in splits:
        for image_id, part in read_split(path).parts.items():
            if given.setdefault(image_id, part) != part:
                raise ArgumentError(
                    f"{path}: {image_id} is in {part}, but in {given[image_id]} by another split"
                )
    missing = sorted(ids - given.keys())
    if missing:
        raise ArgumentError(
            f"{', '.join(map(str, splits))}: {counted(len(missing), 'image')} "
            f"{plural(len(missing), 'has', 'have')} no part, such as {first_few(missing)}; give "
            "another --split that has them, or publish fewer with --ids"
        )
    return given, "the split of a training run"


def _fusion_of(folders: set[Path]) -> dict[str, Any]:
    """Return how `fuse-labels` made masks; empty without a record, or with different ones."""
    records = []
    for folder in sorted(folders):
        above = (settings_if_readable(place, FUSION_RECORD) for place in _and_above(folder))
        settings = next(filter(None, above), {})
        records.append(
            {
                "method": settings["method"],
                "min_votes": settings.get("min_votes"),
                "annotators": len(settings.get("annotators", [])),
            }
            if "method" in settings
            else {}
        )
    return records[0] if records and all(other == records[0] for other in records) else {}


def _and_above(folder: Path) -> tuple[Path, ...]:
    """Return a folder and those that it may be a shard or a folder of images in."""
    return (folder, *folder.parents[:3])
