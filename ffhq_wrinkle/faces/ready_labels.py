"""Ready labels: the face parser that reads existing label maps."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..dataset.layout import LABEL_MAPS_FOLDERS, image_folder, released_path
from ..errors import ArgumentError, ParsingError
from ..storage.places import Place, exists, is_folder
from .labels import FaceParser, read_label_map


class ReadyLabels(FaceParser):
    """Existing label maps in a folder, such as the published `face_parsed_labels`.

    Parameters
    ----------
    folder : Place
        ``<image id>.npy`` or ``<image id>.png``, flat or in FFHQ's shards.

    Raises
    ------
    ArgumentError
        The folder does not exist.
    """

    name = "labels"
    folder: Place

    def __init__(self, folder: Place) -> None:
        if not is_folder(folder):
            raise ArgumentError(f"the folder of label maps {folder} does not exist")
        self.folder = folder
        self._address = str(folder)
        self.note = f"ready label maps, {folder.resolve().name}"

    def settings(self) -> dict[str, str | None]:
        """Return the settings of any parser, and the whole path, since folder names repeat."""
        return {**super().settings(), "labels": str(self.folder.resolve())}

    def inputs(self, image_id: str) -> Sequence[Iterable[str]]:
        """Return the image's label map, which can be at several places in the folder."""
        return ((f"{self._address}/{name}" for name in _names(image_id)),)

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Read the image's label map."""
        for name in _names(image_id):
            path = self.folder / name
            if os.path.lexists(path) if isinstance(path, Path) else exists(path):
                return read_label_map(path)
        raise ParsingError(f"{self.folder} has no label map {image_id}.npy or {image_id}.png")


def _names(image_id: str) -> tuple[str, ...]:
    """Return the names that the label map of an image can have, the preferred one first."""
    flat, in_shard = (f"{image_id}.npy", f"{image_id}.png"), released_path(image_id, "")
    if in_shard == image_id:
        return flat
    return flat[0], f"{in_shard}.npy", flat[1], f"{in_shard}.png"


def released_labels(images: Place | None) -> Place:
    """Return the folder of label maps beside `images` in the released layout.

    Raises
    ------
    ArgumentError
        There is none.
    """
    data_set = image_folder(images.resolve()).parent if images else Path()
    for folder in (data_set / name for name in LABEL_MAPS_FOLDERS):
        if images and is_folder(folder):
            return folder
    raise ArgumentError("the parser labels needs a folder of label maps: --labels FOLDER")
