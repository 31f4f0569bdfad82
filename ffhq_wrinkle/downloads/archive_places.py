"""Archive places: the paths of the files of published archives in the released layout."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Literal

from ..dataset.layout import (
    LABEL_MAPS_FOLDERS,
    MANUAL_MASKS_FOLDER,
    WEAK_MASKS_FOLDER,
    released_path,
)

ArchiveKind = Literal["manual-masks", "weak-masks", "face-parsed-labels", "checkpoints"]
_ID = re.compile(r"\d{5}")


def _labels(folder: str, suffix: str, *, sharded: bool) -> Callable[[PurePosixPath], str | None]:
    """Return a function that places files named after FFHQ ids, from any folder of an archive."""

    def place(member: PurePosixPath) -> str | None:
        if member.suffix.lower() != suffix or not _ID.fullmatch(member.stem):
            return None
        name = released_path(member.stem, suffix) if sharded else f"{member.stem}{suffix}"
        return f"{folder}/{name}"

    return place


def _checkpoint(member: PurePosixPath) -> str | None:
    """Return the path of a checkpoint, which keeps the folder of its stage and network."""
    if member.suffix != ".pth" or member.name.startswith("."):
        return None
    return "/".join(["checkpoints", *member.parts[-2:]])


PLACES: dict[ArchiveKind, Callable[[PurePosixPath], str | None]] = {
    "manual-masks": _labels(MANUAL_MASKS_FOLDER, ".png", sharded=False),
    "weak-masks": _labels(WEAK_MASKS_FOLDER, ".png", sharded=True),
    "face-parsed-labels": _labels(LABEL_MAPS_FOLDERS[0], ".npy", sharded=False),
    "checkpoints": _checkpoint,
}
