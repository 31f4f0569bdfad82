"""YOLO: outlines as text, for segmentation by Ultralytics and others; what is lost is measured.

Readers multiply by the size and cut off decimals, so that the centre of a pixel stays in it.
Outlines have no holes.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...segmentation.training_data.sample_files import Part
from ...storage.writing import InnerFolders, write_bytes
from ..names import file_stem
from ..source import Item
from ..target import Notes, Step, Target, Work, steps_of
from .masks_and_photographs import human_mask, photograph_of

_STEP = 50
_IMAGES, _LABELS, _ABOUT = "images", "labels", "data.yaml"
_CORNERS = 3  # lines with fewer are left out by readers
_COUNTS = ("drawn", "lost", "added")


class Yolo(Target):
    """See `target.Target`."""

    name = "yolo"
    title = "YOLO"
    contents = frozenset({_IMAGES, _LABELS, _ABOUT})

    def steps(self) -> list[Step]:
        """Return a step for every 50 images."""
        return steps_of(self.source.items, _STEP)

    def write(self, step: Step, folder: Path, work: Work) -> Mapping[str, Any]:
        """Write outlines, and photographs if they are published."""
        folders = InnerFolders(folder)
        for part in self.source.parts():
            folders.make(folder / _LABELS / part)
            if self.facts.photographs:
                folders.make(folder / _IMAGES / part)

        def written(item: Item) -> tuple[int, int, int]:
            return self._write(item, folder)

        counts = list(work.each(step.items, written))
        return dict(zip(_COUNTS, map(sum, zip(*counts, strict=True)), strict=False))

    def finish(self, folder: Path, notes: Notes) -> Iterator[str]:
        """Write the description, and say what outlines lose."""
        parts = self.source.parts()
        train: Part = "train" if "train" in parts else parts[0]
        val: Part = "val" if "val" in parts else train
        lines = [f"train: {_IMAGES}/{train}", f"val: {_IMAGES}/{val}"]
        lines += [f"test: {_IMAGES}/test"] if "test" in parts else []
        text = "\n".join([*lines, "names:", "  0: wrinkle", ""])
        write_bytes(folder / _ABOUT, text.encode())
        drawn, lost, added = (sum(note.get(name, 0) for note in notes()) for name in _COUNTS)
        kept = drawn - lost
        index = kept / (drawn + added) if drawn + added else float("nan")
        yield (
            f"Outlines give back {kept} of {drawn} wrinkle pixels and add {added}, such as filled "
            f"holes: Jaccard index {index:.4f}, at full resolution"
        )
        if not self.facts.photographs:
            yield f"Put photographs into {_IMAGES}/train and so on, under the names of the labels"

    def loading(self) -> str:
        """Return how the data set is used."""
        return (
            f"`{_ABOUT}` is the file that trainers take. Outlines have no holes, and trainers "
            "usually rasterise them at a quarter of the resolution, which widens thin lines; "
            "prefer another form for measuring."
        )

    def _write(self, item: Item, folder: Path) -> tuple[int, int, int]:
        """Write the files of one image; return numbers of drawn, lost and added pixels."""
        mask = human_mask(item)
        size = (mask.shape[0], mask.shape[1])
        stem = file_stem(item.image_id)
        text = outlines(mask)
        if self.facts.photographs:
            photograph = photograph_of(item, size)
            name = f"{stem}{photograph.suffix}"
            write_bytes(folder / _IMAGES / item.part / name, photograph.content)
        write_bytes(folder / _LABELS / item.part / f"{stem}.txt", text.encode())
        again = filled(text, size)
        lost, added = np.count_nonzero(mask & ~again), np.count_nonzero(again & ~mask)
        return int(np.count_nonzero(mask)), int(lost), int(added)


def outlines(mask: np.ndarray) -> str:
    """Return the outlines of a mask as lines of text: class, then x and y from 0 to 1.

    Parameters
    ----------
    mask : np.ndarray
        bool, (H, W).
    """
    height, width = mask.shape
    contours, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    lines = []
    for contour in contours:
        corners = contour.reshape(-1, 2)
        # A pixel or a straight line has too few corners; repeated ones do not change it.
        corners = np.concatenate([corners, *[corners[-1:]] * (_CORNERS - len(corners))])
        places = (corners + 0.5) / (width, height)
        lines.append(" ".join(["0", *(f"{place:.6f}" for place in places.ravel())]) + "\n")
    return "".join(lines)


def filled(text: str, size: tuple[int, int]) -> np.ndarray:
    """Return the mask that readers make of outlines at full resolution, bool (H, W)."""
    height, width = size
    mask = np.zeros(size, np.uint8)
    for line in text.splitlines():
        places = np.array(line.split()[1:], float).reshape(-1, 2) * (width, height)
        cv2.fillPoly(mask, [places.astype(np.int32)], (1,))
    return mask > 0
