"""WebDataset: tar files in which the files of an image follow each other under one key.

A key ends at the first dot. All images of a tar file have the same files, since readers take the
columns from the first ones.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...segmentation.training_data.sample_files import Part
from ...storage.writing import InnerFolders, opened_whole
from ..names import file_stem
from ..pictures import PictureFile, gray_file, mask_file, photo_file, photo_suffix
from ..source import Item
from ..target import Notes, Step, Target, Work, require_same_sizes

_DATA = "data"
_SPLITS: dict[Part, str] = {"train": "train", "val": "validation", "test": "test"}
_SHARD_BYTES, _SHARD_IMAGES = 400 << 20, 10_000


class WebDataset(Target):
    """See `target.Target`."""

    name = "webdataset"
    title = "WebDataset"
    needs_mask = False
    holds_weak = True
    contents = frozenset({_DATA})

    def steps(self) -> list[Step]:
        """Return a step for each tar file."""
        steps: list[Step] = []
        for part in self.source.parts():
            shards = list(_in_shards([item for item in self.source.items if item.part == part]))
            steps += [
                Step(shard, f"{_DATA}/{_SPLITS[part]}-{number:06d}.tar")
                for number, shard in enumerate(shards)
            ]
        return steps

    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write a tar file, one image at a time."""
        InnerFolders(folder).make(folder / _DATA)
        mean_bytes = sum(map(_bytes_of, step.items)) // len(step.items)
        with (
            opened_whole(folder / step.name) as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for files in work.each(step.items, self._files, item_bytes=mean_bytes):
                for name, content in files:
                    entry = tarfile.TarInfo(name)  # without times and users
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
        return {"name": step.name, "images": len(step.items)}

    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write nothing more."""
        yield from ()

    def loading(self) -> str:
        """Return the code that loads the data set."""
        split = _SPLITS[self.source.parts()[0]]
        last = sum(step.name.startswith(f"{_DATA}/{split}-") for step in self.steps()) - 1
        return (
            "```python\nimport webdataset\n\n"
            f'urls = "{_DATA}/{split}-{{000000..{last:06d}}}.tar"\n'
            'images = webdataset.WebDataset(urls).decode("pil")\n```\n\n'
            "Each image has `json`, with its id as `image_id`, and the pictures that exist of "
            "`mask.png`, `weak_mask.png` and `mask_NAME.png` of each annotator"
            + (", and `image.jpg` or `image.png`." if self.facts.photographs else ".")
        )

    def card_data(self) -> Mapping[str, Any]:
        """Return the splits, which would otherwise be guessed from names."""
        files = [
            {"split": _SPLITS[part], "path": f"{_DATA}/{_SPLITS[part]}-*.tar"}
            for part in self.source.parts()
        ]
        return {"configs": [{"config_name": "default", "data_files": files}]}

    def _files(self, item: Item) -> list[tuple[str, bytes]]:
        """Return names and contents of the files of one image."""
        pictures: dict[str, PictureFile] = {}
        if item.image:
            pictures["image"] = photo_file(item.image)
        if item.mask:
            pictures["mask"] = (gray_file if self.source.soft else mask_file)(item.mask)
        if item.weak:
            pictures["weak_mask"] = gray_file(item.weak)
        for name, path in zip(self.source.annotators, item.annotations, strict=True):
            if path:
                pictures[f"mask_{name}"] = mask_file(path)
        require_same_sizes(item, list(pictures.values()))
        key = file_stem(item.image_id)
        about = json.dumps({"image_id": item.image_id, "split": _SPLITS[item.part]})
        files = [(f"{key}.json", about.encode())]
        files += [
            (f"{key}.{kind}{picture.suffix}", picture.content) for kind, picture in pictures.items()
        ]
        return files


def _bytes_of(item: Item) -> int:
    return sum(path.stat().st_size for path in item.files() if path and path.is_file())


def _kinds_of(item: Item) -> tuple[object, ...]:
    """Return which files an image has, those with most files first in order."""
    lacking = tuple(path is None for path in item.files())
    return (sum(lacking), lacking, photo_suffix(item.image) if item.image else "")


def _in_shards(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield images that have the same files, in groups of limited size."""
    groups: dict[tuple[object, ...], list[Item]] = {}
    for item in items:
        groups.setdefault(_kinds_of(item), []).append(item)
    for kinds in sorted(groups, key=repr):
        shard: list[Item] = []
        total = 0
        for item in groups[kinds]:
            size = _bytes_of(item)
            if shard and (total + size > _SHARD_BYTES or len(shard) == _SHARD_IMAGES):
                yield shard
                shard, total = [], 0
            shard.append(item)
            total += size
        yield shard
