"""nnU-Net: a raw data set of version 2, with labels 0 and 1, and 2 for pixels to be ignored."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ArgumentError, ImageError, SizeError
from ...images.named import read_named
from ...images.png import encode_png
from ...storage.places import get
from ...storage.writing import InnerFolders, write_bytes
from ..facts import Facts
from ..names import file_stem
from ..pictures import is_plain_rgb_png, read_human_mask
from ..source import Item, Source
from ..target import Notes, Step, Target, TargetOptions, Work, reference, steps_of
from .masks_and_photographs import human_mask, photograph_of, referenced_photograph

_STEP = 50
_NAME = re.compile(r"Dataset\d{3}_\w+")
_WRINKLE, _IGNORE = 1, 2
_HEAD_BYTES = 1 << 16
_IMAGES = {"train": "imagesTr", "val": "imagesTr", "test": "imagesTs"}
_LABELS = {"train": "labelsTr", "val": "labelsTr", "test": "labelsTs"}
_DATASET, _SPLITS = "dataset.json", "splits_final.json"


class NnUNet(Target):
    """See `target.Target`."""

    name = "nnunet"
    title = "nnU-Net"
    references = True
    contents = frozenset({*_IMAGES.values(), *_LABELS.values(), _DATASET, _SPLITS})

    def __init__(self, source: Source, facts: Facts, options: TargetOptions, out: Path) -> None:
        super().__init__(source, facts, options, out)
        if options.ignore_disputed and len(source.annotators) < 2:
            raise ArgumentError(
                "--ignore-disputed needs the masks of at least 2 annotators: --annotators A B C"
            )

    def steps(self) -> list[Step]:
        """Return a step for every 50 images."""
        return steps_of(self.source.items, _STEP)

    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write labels, and photographs if they are published."""
        folders = InnerFolders(folder)
        for part in self.source.parts():
            folders.make(folder / _LABELS[part])
            if self.facts.photographs:
                folders.make(folder / _IMAGES[part])

        def written(item: Item) -> dict[str, Any]:
            return self._write(item, folder)

        return {"images": list(work.each(step.items, written))}

    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write the description, and the split if there is a validation part."""
        entries = [entry for note in notes() for entry in note["images"]]
        training = [entry for entry in entries if entry["part"] != "test"]
        labels: dict[str, int] = {"background": 0, "wrinkle": _WRINKLE}
        if self.options.ignore_disputed:
            labels["ignore"] = _IGNORE
        description: dict[str, Any] = {
            "name": self.facts.title,
            "licence": self.facts.licence,
            "channel_names": {"0": "R", "1": "G", "2": "B"},
            "labels": labels,
            "numTraining": len(training),
            "file_ending": ".png",
        }
        if not self.facts.photographs:
            description["dataset"] = {
                entry["stem"]: {"images": [entry["image"]], "label": entry["label"]}
                for entry in training
            }
        _write_json(folder / _DATASET, description)
        val = [entry["stem"] for entry in training if entry["part"] == "val"]
        if val:
            train = [entry["stem"] for entry in training if entry["part"] == "train"]
            _write_json(folder / _SPLITS, [{"train": train, "val": val}])
            yield f"{_SPLITS} has the split; copy it into the folder in nnUNet_preprocessed"
        if not _NAME.fullmatch(self.out.name):
            yield "nnU-Net takes folders with names such as Dataset501_Wrinkles"

    def loading(self) -> str:
        """Return how the data set is used."""
        text = (
            "The folder is a raw data set of nnU-Net 2: put it into `nnUNet_raw` under a name such "
            "as `Dataset501_Wrinkles`. Labels are 0 for background and 1 for wrinkle"
        )
        text += (
            ", and 2, ignored, where annotators disagree." if self.options.ignore_disputed else "."
        )
        if not self.facts.photographs:
            text += " `dataset.json` refers to the photographs by their paths."
        return text

    def _write(self, item: Item, folder: Path) -> dict[str, Any]:
        mask = human_mask(item)
        size = (mask.shape[0], mask.shape[1])
        labels = mask.astype(np.uint8) * np.uint8(_WRINKLE)
        if self.options.ignore_disputed:
            labels[_disputed(item, mask)] = _IGNORE
        stem = file_stem(item.image_id)
        label = f"{_LABELS[item.part]}/{stem}.png"
        image = f"{_IMAGES[item.part]}/{stem}_0000.png"
        if self.facts.photographs:
            photograph = photograph_of(item, size, as_png=True)
            write_bytes(folder / image, photograph.content)
        else:
            path = referenced_photograph(item, size)
            _require_readable(path)
            image = reference(path, self.out)
        write_bytes(folder / label, encode_png(labels))
        return {"stem": stem, "part": item.part, "image": image, "label": label}


def _disputed(item: Item, mask: np.ndarray) -> np.ndarray:
    """Return where some annotators drew and others did not, bool (H, W).

    Raises
    ------
    SizeError
        An annotator's mask has another size than the fused mask.
    """
    drawn = []
    for path in item.annotations:
        if path is None:
            continue
        drawn.append(read_human_mask(path))
        if drawn[-1].shape != mask.shape:
            raise SizeError(f"{path} and {item.mask} differ in size")
    if len(drawn) < 2:
        return np.zeros(mask.shape, bool)
    return np.logical_or.reduce(drawn) & ~np.logical_and.reduce(drawn)


def _require_readable(path: Path) -> None:
    """Refuse a photograph that nnU-Net cannot read where it lies."""
    head = read_named(path, lambda file: get(file, most=_HEAD_BYTES))
    if path.suffix != ".png" or not is_plain_rgb_png(head):
        raise ImageError(
            f"nnU-Net reads 8-bit RGB PNG only, which {path} is not; --with-images copies it as PNG"
        )


def _write_json(path: Path, content: object) -> None:
    write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())
