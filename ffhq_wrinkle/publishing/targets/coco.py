"""COCO: compressed run lengths, one annotation for each connected part of a mask.

Polygons would lose thin lines, and annotations with `iscrowd` 1 are left out of COCO's scores.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ... import __version__
from ...annotation_tools.runs import coco_text, run_lengths
from ...annotation_tools.writers.drawing import drawn_shapes
from ...segmentation.training_data.sample_files import Part
from ...storage.writing import InnerFolders, opened_whole, write_bytes
from ..facts import licence_address
from ..names import file_stem
from ..source import Item
from ..target import Notes, Step, Target, Work, steps_of
from .masks_and_photographs import human_mask, photograph_of, referenced_photograph

_ANNOTATIONS, _IMAGES = "annotations", "images"
_STEP = 200


class _Described(NamedTuple):
    """One image and its annotations, whose numbers follow when all images are known."""

    part: Part
    image: dict[str, Any]
    annotations: list[dict[str, Any]]


class Coco(Target):
    """See `target.Target`."""

    name = "coco"
    title = "COCO"
    references = True
    contents = frozenset({_ANNOTATIONS, _IMAGES})

    def steps(self) -> list[Step]:
        """Return a step for every 200 images."""
        return steps_of(self.source.items, _STEP)

    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write photographs if they are published, and return the annotations."""
        folders = InnerFolders(folder)
        folders.make(folder / _ANNOTATIONS)
        if self.facts.photographs:
            for part in self.source.parts():
                folders.make(folder / _IMAGES / part)

        def described(item: Item) -> _Described:
            return self._describe(item, folder)

        return {"images": [entry._asdict() for entry in work.each(step.items, described)]}

    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write a file of annotations for each part."""
        for part in self.source.parts():
            with opened_whole(folder / _ANNOTATIONS / f"instances_{part}.json") as file:
                self._write_part(file, partial(_entries_of, notes, part))
        yield from ()

    def _write_part(
        self, file: BinaryIO, entries: Callable[[], Iterator[Mapping[str, Any]]]
    ) -> None:
        """Write one file, entry by entry."""
        head = {
            "info": {"description": self.facts.title, "version": f"ffhq-wrinkle {__version__}"},
            "licenses": [
                {
                    "id": 1,
                    "name": self.facts.licence,
                    "url": licence_address(self.facts.licence) or "",
                }
            ],
            "categories": [{"id": 1, "name": "wrinkle", "supercategory": "face"}],
        }
        file.write(json.dumps(head)[:-1].encode() + b', "images": [')
        _write_list(file, ({"id": number, **entry["image"]} for number, entry in _all(entries())))
        file.write(b'], "annotations": [')
        annotations = (
            {"image_id": number, **annotation}
            for number, entry in _all(entries())
            for annotation in entry["annotations"]
        )
        _write_list(file, ({"id": number, **row} for number, row in _all(annotations)))
        file.write(b"]}\n")

    def loading(self) -> str:
        """Return the code that loads the data set."""
        part = self.source.parts()[0]
        return (
            "```python\nfrom pycocotools.coco import COCO\n\n"
            f'coco = COCO("{_ANNOTATIONS}/instances_{part}.json")\n'
            "image = coco.loadImgs(coco.getImgIds())[0]\n"
            'masks = map(coco.annToMask, coco.loadAnns(coco.getAnnIds(image["id"])))\n```\n\n'
            "Each connected part of a mask is an annotation in run lengths. `id_text` of an image "
            "is its id in the data set."
        )

    def _describe(self, item: Item, folder: Path) -> _Described:
        mask = human_mask(item)
        size = (mask.shape[0], mask.shape[1])
        annotations = []
        for shape in drawn_shapes(mask, None, "component"):
            height, width = shape.mask.shape
            counts = coco_text(run_lengths(shape.in_image(size).T))
            annotations.append(
                {
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": int(shape.mask.sum()),
                    "bbox": [shape.left, shape.top, width, height],
                    "segmentation": {"size": list(size), "counts": counts},
                }
            )
        image = {
            "file_name": self._file_name(item, size, folder),
            "height": size[0],
            "width": size[1],
            "license": 1,
            "id_text": item.image_id,
        }
        return _Described(item.part, image, annotations)

    def _file_name(self, item: Item, size: tuple[int, int], folder: Path) -> str:
        """Return the name of the photograph, after writing it if photographs are published."""
        stem = file_stem(item.image_id)
        if not self.facts.photographs:
            # The photograph may be missing; if it is present, it decides about the name.
            is_present = item.image is not None and item.image.is_file()
            suffix = referenced_photograph(item, size).suffix if is_present else ".png"
            return f"{stem}{suffix.lower()}"
        photograph = photograph_of(item, size)
        name = f"{item.part}/{stem}{photograph.suffix}"
        write_bytes(folder / _IMAGES / name, photograph.content)
        return name


def _entries_of(notes: Notes, part: Part) -> Iterator[Mapping[str, Any]]:
    for note in notes():
        yield from (entry for entry in note["images"] if entry["part"] == part)


def _all(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number rows from 1."""
    return enumerate(rows, start=1)


def _write_list(file: BinaryIO, rows: Iterable[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows):
        file.write((b",\n" if number else b"\n") + json.dumps(row).encode())
