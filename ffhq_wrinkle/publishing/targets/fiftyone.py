"""FiftyOne: a folder that it imports as segmentation masks, with a script for the other fields."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...segmentation.training_data.sample_files import Part
from ...storage.writing import InnerFolders, write_bytes
from ..names import file_stem
from ..pictures import PictureFile, gray_file, mask_file
from ..source import Item
from ..target import Notes, Step, Target, Work, reference, require_same_sizes, steps_of
from .masks_and_photographs import photograph_of, referenced_photograph

_STEP = 50
_DATA, _LABELS, _SAMPLES = "data", "labels", "samples.json"
_SCRIPT = "import_to_fiftyone.py"
_TAGS: dict[Part, str] = {"train": "train", "val": "validation", "test": "test"}
_CODE = '''\
"""Import this folder into FiftyOne: python import_to_fiftyone.py [NAME]."""

import json
import sys
from pathlib import Path

import fiftyone

folder = Path(__file__).resolve().parent
dataset = fiftyone.Dataset.from_dir(
    dataset_dir=str(folder),
    dataset_type=fiftyone.types.ImageSegmentationDirectory,
    name=sys.argv[1] if len(sys.argv) > 1 else None,
)
dataset.default_mask_targets = {255: "wrinkle"}
about = json.loads((folder / "samples.json").read_text())
for sample in dataset.iter_samples(autosave=True):
    stem = Path(sample["ground_truth"].mask_path).stem
    sample["image_id"] = about[stem]["image_id"]
    sample.tags.append(about[stem]["split"])
    for field in FIELDS:
        path = folder / f"labels_{field}" / f"{stem}.png"
        if path.exists():
            sample[field] = fiftyone.Segmentation(mask_path=str(path))
dataset.persistent = len(sys.argv) > 1
print(dataset)
'''


class FiftyOne(Target):
    """See `target.Target`."""

    name = "fiftyone"
    title = "FiftyOne"
    holds_weak = True
    references = True

    # The folders of annotators have their names.
    contents = frozenset({_DATA, f"{_DATA}.json", _LABELS, _SAMPLES, _SCRIPT, "labels_weak"})

    @property
    def fields(self) -> list[str]:
        """The names of further masks."""
        return [*(["weak"] if self.facts.total("weak_masks") else []), *self.source.annotators]

    def own_contents(self) -> frozenset[str]:
        """Return the names in the folder of this data set."""
        return self.contents | {f"{_LABELS}_{name}" for name in self.fields}

    def steps(self) -> list[Step]:
        """Return a step for every 50 images."""
        return steps_of(self.source.items, _STEP)

    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write masks, and photographs if they are published."""
        folders = InnerFolders(folder)
        for name in (_LABELS, *(f"{_LABELS}_{field}" for field in self.fields)):
            folders.make(folder / name)
        if self.facts.photographs:
            folders.make(folder / _DATA)

        def written(item: Item) -> dict[str, Any]:
            return self._write(item, folder)

        return {"images": list(work.each(step.items, written))}

    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write the script, and the ids, parts and places of images."""
        entries = [entry for note in notes() for entry in note["images"]]
        about = {
            entry["stem"]: {"image_id": entry["image_id"], "split": entry["split"]}
            for entry in entries
        }
        _write_json(folder / _SAMPLES, about)
        if not self.facts.photographs:
            _write_json(
                folder / f"{_DATA}.json", {entry["stem"]: entry["image"] for entry in entries}
            )
        code = _CODE.replace("FIELDS", json.dumps(self.fields))
        write_bytes(folder / _SCRIPT, code.encode())
        yield from ()

    def loading(self) -> str:
        """Return how the data set is imported."""
        where = (
            ""
            if self.facts.photographs
            else f" `{_DATA}.json` refers to the photographs by their paths."
        )
        return (
            f"`python {_SCRIPT} NAME` imports the folder: the mask as `ground_truth`, those of "
            f"annotators and the weak mask as further fields, ids and splits.{where}"
        )

    def _write(self, item: Item, folder: Path) -> dict[str, Any]:
        pictures: dict[str, PictureFile] = {}
        if item.mask:
            pictures[_LABELS] = mask_file(item.mask)
        if item.weak:
            pictures[f"{_LABELS}_weak"] = gray_file(item.weak)
        for name, path in zip(self.source.annotators, item.annotations, strict=True):
            if path:
                pictures[f"{_LABELS}_{name}"] = mask_file(path)
        require_same_sizes(item, list(pictures.values()))
        stem = file_stem(item.image_id)
        size = pictures[_LABELS].size
        if self.facts.photographs:
            photograph = photograph_of(item, size)
            image = f"{_DATA}/{stem}{photograph.suffix}"
            write_bytes(folder / image, photograph.content)
        else:
            image = reference(referenced_photograph(item, size), self.out)
        for name, picture in pictures.items():
            write_bytes(folder / name / f"{stem}.png", picture.content)
        return {
            "stem": stem,
            "image": image,
            "image_id": item.image_id,
            "split": _TAGS[item.part],
        }


def _write_json(path: Path, content: object) -> None:
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())
