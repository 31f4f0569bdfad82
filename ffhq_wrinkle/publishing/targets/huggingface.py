"""Hugging Face: parquet files that `datasets.load_dataset` reads, pictures as they are in files.

The columns and their kinds are in the metadata of each file, the splits in those of the card.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import ArgumentError
from ...segmentation.training_data.sample_files import Part
from ...storage.writing import InnerFolders, opened_whole, sha256_of, write_bytes
from ..cards.croissant import CROISSANT, ShardFile, croissant
from ..facts import Facts
from ..names import file_stem
from ..pictures import PictureFile, gray_file, mask_file, photo_file
from ..source import Item, Source
from ..target import Notes, Step, Target, TargetOptions, Work, require_same_sizes

if TYPE_CHECKING:
    import pyarrow as pa

_SPLITS: dict[Part, str] = {"train": "train", "val": "validation", "test": "test"}
# The limits of `datasets` are 500 MB and 100 MB; smaller groups of rows take less memory.
_SHARD_BYTES, _GROUP_BYTES, _GROUP_ROWS = 400 << 20, 16 << 20, 1000
_DATA = "data"
_SAMPLED = 100  # images whose size stands for all


class _Row(NamedTuple):
    """A row: the id, and the picture of each column."""

    image_id: str
    pictures: list[PictureFile | None]

    def size(self) -> int:
        return sum(len(picture.content) for picture in self.pictures if picture)


class HuggingFace(Target):
    """See `target.Target`."""

    name = "huggingface"
    title = "Hugging Face"
    needs_mask = False
    holds_weak = True
    contents = frozenset({_DATA, CROISSANT})

    def __init__(self, source: Source, facts: Facts, options: TargetOptions, out: Path) -> None:
        super().__init__(source, facts, options, out)
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise ArgumentError(
                "parquet files require pyarrow: pip install 'ffhq-wrinkle[publish]'"
            ) from error

    @cached_property
    def columns(self) -> list[str]:
        """The columns of pictures, those that at least one image has."""
        kinds = {"image": "photographs", "mask": "masks", "weak_mask": "weak_masks"}
        columns = [name for name, kind in kinds.items() if self.facts.total(kind)]
        return [*columns, *(f"mask_{name}" for name in self.source.annotators)]

    def steps(self) -> list[Step]:
        """Return a step for each file, whose number of images follows from their sizes."""
        steps: list[Step] = []
        for part in self.source.parts():
            items = [item for item in self.source.items if item.part == part]
            shards = list(_in_shards(items))
            steps += [
                Step(
                    shard,
                    f"{_DATA}/{_SPLITS[part]}-{number:05d}-of-{len(shards):05d}.parquet",
                )
                for number, shard in enumerate(shards)
            ]
        return steps

    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write a file, some rows at a time."""
        import pyarrow.parquet as pq

        InnerFolders(folder).make(folder / _DATA)
        schema = self._schema()
        rows: list[_Row] = []
        pending = count = 0
        sampled = step.items[:: len(step.items) // _SAMPLED + 1]
        mean_bytes = sum(map(_bytes_of, sampled)) // len(sampled)
        with (
            opened_whole(folder / step.name) as file,
            pq.ParquetWriter(
                # Pictures are compressed already.
                file, schema, compression="NONE", use_dictionary=False, write_statistics=False
            ) as writer,
        ):  # fmt: skip
            for row in work.each(step.items, self._row, item_bytes=mean_bytes):
                rows.append(row)
                pending += row.size()
                count += 1
                if pending >= _GROUP_BYTES or len(rows) >= _GROUP_ROWS:
                    writer.write_table(_table(rows, schema))
                    rows, pending = [], 0
            if rows:
                writer.write_table(_table(rows, schema))
        return {
            "name": step.name,
            "sha256": sha256_of(folder / step.name),
            "bytes": (folder / step.name).stat().st_size,
            "rows": count,
        }

    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write the Croissant description."""
        shards = [ShardFile(note["name"], note["sha256"], note["bytes"]) for note in notes()]
        content = croissant(self.facts, self.columns, shards)
        write_bytes(folder / CROISSANT, (json.dumps(content, indent=2) + "\n").encode())
        yield from ()

    def loading(self) -> str:
        """Return the code that loads the data set."""
        shown = "mask" if "mask" in self.columns else self.columns[0]
        split = _SPLITS[self.source.parts()[0]]
        listed = ", ".join(f"`{name}`" for name in ("image_id", *self.columns))
        return (
            "```python\nfrom datasets import load_dataset\n\n"
            f'row = load_dataset("FOLDER_OR_NAME_ON_THE_HUB", split="{split}")[0]\n'
            f'row["image_id"], row["{shown}"]\n```\n\n'
            f"Columns: {listed}. A picture that an image lacks is `None`. `croissant.json` "
            "describes the same files for `mlcroissant`."
        )

    def card_data(self) -> Mapping[str, Any]:
        """Return the splits, which would otherwise be guessed from names."""
        files = [
            {"split": _SPLITS[part], "path": f"{_DATA}/{_SPLITS[part]}-*.parquet"}
            for part in self.source.parts()
        ]
        return {"configs": [{"config_name": "default", "data_files": files}]}

    def _row(self, item: Item) -> _Row:
        pictures: dict[str, PictureFile | None] = {}
        if item.image:
            pictures["image"] = photo_file(item.image)
        if item.mask:
            pictures["mask"] = (gray_file if self.source.soft else mask_file)(item.mask)
        if item.weak:
            pictures["weak_mask"] = gray_file(item.weak)
        for name, path in zip(self.source.annotators, item.annotations, strict=True):
            pictures[f"mask_{name}"] = mask_file(path) if path else None
        require_same_sizes(item, list(pictures.values()))
        return _Row(item.image_id, [pictures.get(name) for name in self.columns])

    def _schema(self) -> "pa.Schema":
        import pyarrow as pa

        features: dict[str, object] = {
            "image_id": {"dtype": "string", "_type": "Value"},
            **{name: {"_type": "Image"} for name in self.columns},
        }
        kinds = [("image_id", pa.string()), *((name, _picture_kind()) for name in self.columns)]
        note = json.dumps({"info": {"features": features}})
        return pa.schema(kinds, metadata={"huggingface": note})


def _picture_kind() -> "pa.DataType":
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _table(rows: Sequence[_Row], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    stems = [file_stem(row.image_id) for row in rows]
    arrays = [pa.array([_text(row.image_id) for row in rows], pa.string())]
    for column in range(len(schema) - 1):
        pictures = [row.pictures[column] for row in rows]
        contents = [picture and picture.content for picture in pictures]
        paths = [
            picture and f"{stem}{picture.suffix}"
            for stem, picture in zip(stems, pictures, strict=True)
        ]
        missing = pa.array([picture is None for picture in pictures])
        arrays.append(
            pa.StructArray.from_arrays(
                [pa.array(contents, pa.binary()), pa.array(paths, pa.string())],
                names=["bytes", "path"],
                mask=missing,
            )
        )
    return pa.Table.from_arrays(arrays, schema=schema)


def _text(image_id: str) -> str:
    """Return an id as parquet can hold it; names that are not UTF-8 get escapes."""
    return image_id.encode("utf-8", "backslashreplace").decode()


def _bytes_of(item: Item) -> int:
    """Return the size of the files of an image; missing ones are reported when they are read."""
    total = 0
    for path in item.files():
        if path is not None:
            with suppress(OSError):
                total += os.stat(path).st_size  # noqa: PTH116 - a third of the time of Path.stat
    return total


def _in_shards(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield items in groups whose files together are not larger than a shard."""
    shard: list[Item] = []
    total = 0
    for item in items:
        size = _bytes_of(item)
        if shard and total + size > _SHARD_BYTES:
            yield shard
            shard, total = [], 0
        shard.append(item)
        total += size
    if shard:
        yield shard
