"""MONAI: a list of images and labels, as `load_decathlon_datalist` reads it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...images.png import encode_png
from ...segmentation.training_data.sample_files import Part
from ...storage.writing import InnerFolders, write_bytes
from ..facts import Facts
from ..names import file_stem
from ..source import Item, Source
from ..target import Notes, Step, Target, TargetOptions, Work, reference, steps_of
from .masks_and_photographs import human_mask, photograph_of, referenced_photograph

_STEP = 50
_IMAGES, _LABELS, _LIST = "images", "labels", "datalist.json"
_KEYS: dict[Part, str] = {"train": "training", "val": "validation", "test": "test"}


class Monai(Target):
    """See `target.Target`."""

    name = "monai"
    title = "MONAI"
    references = True
    contents = frozenset({_IMAGES, _LABELS, _LIST})

    def __init__(self, source: Source, facts: Facts, options: TargetOptions, out: Path) -> None:
        super().__init__(source, facts, options, out)
        in_folds = sum(item.part != "test" for item in source.items)
        if options.folds == 1 or options.folds > max(in_folds, 1):
            raise ArgumentError(
                f"--folds is {options.folds}; it should be 2 to {in_folds}, the number of images "
                "that do not test"
            )

    def steps(self) -> list[Step]:
        """Return a step for every 50 images."""
        return steps_of(self.source.items, _STEP)

    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write labels, and photographs if they are published."""
        folders = InnerFolders(folder)
        folders.make(folder / _LABELS)
        if self.facts.photographs:
            folders.make(folder / _IMAGES)

        def written(item: Item) -> dict[str, Any]:
            return self._write(item, folder)

        return {"images": list(work.each(step.items, written))}

    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write the list."""
        lists: dict[str, list[dict[str, Any]]] = {}
        for note in notes():
            for entry in note["images"]:
                part = entry.pop("part")
                if self.options.folds and part == "val":
                    part = "train"
                lists.setdefault(_KEYS[part], []).append(entry)
        if self.options.folds:
            _add_folds(lists["training"], self.options.folds)
        content = {
            "name": self.facts.title,
            "licence": self.facts.licence,
            "modality": {"0": "RGB"},
            "labels": {"0": "background", "1": "wrinkle"},
            "numTraining": len(lists.get("training", [])),
            "numTest": len(lists.get("test", [])),
            **lists,  # without empty ones, on which the loader fails
        }
        write_bytes(folder / _LIST, (json.dumps(content, indent=1) + "\n").encode())
        yield from ()

    def loading(self) -> str:
        """Return the code that loads the data set."""
        key = _KEYS["train" if self.options.folds else self.source.parts()[0]]
        folds = ' Each of "training" has its `fold`.' if self.options.folds else ""
        where = "" if self.facts.photographs else " Photographs are referred to where they lie."
        return (
            "```python\nfrom monai.data import load_decathlon_datalist\n\n"
            f'items = load_decathlon_datalist("{_LIST}", True, "{key}")\n```\n\n'
            f"Labels are 0 for background and 1 for wrinkle.{folds}{where}"
        )

    def _write(self, item: Item, folder: Path) -> dict[str, Any]:
        mask = human_mask(item)
        size = (mask.shape[0], mask.shape[1])
        stem = file_stem(item.image_id)
        if self.facts.photographs:
            photograph = photograph_of(item, size)
            image = f"{_IMAGES}/{stem}{photograph.suffix}"
            write_bytes(folder / image, photograph.content)
        else:
            image = reference(referenced_photograph(item, size), self.out)
        label = f"{_LABELS}/{stem}.png"
        write_bytes(folder / label, encode_png(mask.astype(np.uint8)))
        return {"image": image, "label": label, "image_id": item.image_id, "part": item.part}


def _add_folds(entries: list[dict[str, Any]], folds: int) -> None:
    """Deal images to folds in an order that depends on nothing but their ids."""

    def order(entry: dict[str, Any]) -> bytes:
        return hashlib.sha256(entry["image_id"].encode("utf-8", "surrogateescape")).digest()

    for number, entry in enumerate(sorted(entries, key=order)):
        entry["fold"] = number % folds
