"""Data files: what a folder in the released layout has, without an error for what it lacks."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from ..dataset.layout import (
    IMAGES_FOLDER,
    LABEL_MAPS_FOLDERS,
    MANUAL_MASKS_FOLDER,
    WEAK_MASKS_FOLDER,
    find_images,
)
from ..dataset.sources import cache_folder
from ..errors import ArgumentError
from ..faces.labels import face_mask, read_label_map
from ..images.photographs import read_image
from ..segmentation.checkpoints.official import OFFICIAL


class DataFiles:
    """The files of a data set, as far as they exist.

    Parameters
    ----------
    data : Path
        A folder in the released layout.
    """

    def __init__(self, data: Path) -> None:
        self.data = data

    @cached_property
    def images(self) -> Mapping[str, Path]:
        """Photographs by id."""
        return _listed(self.data / IMAGES_FOLDER)

    @cached_property
    def weak(self) -> Mapping[str, Path]:
        """Weak masks by id."""
        return _listed(self.data / WEAK_MASKS_FOLDER)

    @cached_property
    def manual(self) -> Mapping[str, Path]:
        """Manual masks by id."""
        return _listed(self.data / MANUAL_MASKS_FOLDER)

    def label_map(self, image_id: str) -> Path | None:
        """Return the label map of an image, or None."""
        names = (self.data / folder / f"{image_id}.npy" for folder in LABEL_MAPS_FOLDERS)
        return next((path for path in names if path.is_file()), None)

    def checkpoint(self, name: str) -> Path | None:
        """Return a published checkpoint of the data set, or of the cache, or None."""
        folders = (self.data, cache_folder() / "official")
        paths = (folder / "checkpoints" / OFFICIAL[name] for folder in folders)
        return next((path for path in paths if path.is_file()), None)

    def photo_and_face(self, image_id: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return a photograph, RGB uint8 (H, W, 3), and its face, bool (H, W), by its label map.

        None if one of them is absent.

        Raises
        ------
        ImageFailure
            A file cannot be read.
        """
        path, label_map = self.images.get(image_id), self.label_map(image_id)
        if path is None or label_map is None:
            return None
        image = read_image(path)
        return image, face_mask(read_label_map(label_map), (image.shape[0], image.shape[1]))


def _listed(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    try:
        files = find_images(folder)
    except ArgumentError:  # nothing in it
        return {}
    return {image_id: folder / file.path for image_id, file in files.items()}
