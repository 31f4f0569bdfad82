"""Images under review: an image's masks and parts, the last few of which stay in memory."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..human_labels.annotations import decode_annotations, read_files
from ..human_labels.annotators import AnnotatedImage, AnnotationSettings
from .parts import Part, find_parts

_KEPT = 3  # images, of 16 MB for each mask of 4096x4096


class ReviewedImage(NamedTuple):
    """An image as it is reviewed.

    Attributes
    ----------
    image_id : str
    inputs : str
        Hash of the contents of the annotators' files.
    masks : list of np.ndarray
        The annotators' masks within the face, bool (H, W).
    region : np.ndarray or None
        The face mask, bool (H, W), if there is one.
    parts : dict of str to Part
        By their ids, row by row.
    """

    image_id: str
    inputs: str
    masks: list[np.ndarray]
    region: np.ndarray | None
    parts: dict[str, Part]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.masks[0].shape
        return height, width

    @property
    def disputed(self) -> list[str]:
        """Ids of the parts that are not settled."""
        return [part_id for part_id, part in self.parts.items() if not part.is_settled]


class ReviewedImages:
    """Reads images, on any thread.

    Parameters
    ----------
    images : mapping of str to AnnotatedImage
        Their files by image id.
    names : list of str
        The annotators' names.
    settings : AnnotationSettings
        How masks are read.
    tolerance_px : float
        As in `parts.find_parts`.
    """

    def __init__(
        self,
        images: Mapping[str, AnnotatedImage],
        names: list[str],
        settings: AnnotationSettings,
        tolerance_px: float,
    ) -> None:
        self._images = images
        self._names = names
        self._settings = settings
        self._tolerance_px = tolerance_px
        self._kept: OrderedDict[str, ReviewedImage] = OrderedDict()
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def get(self, image_id: str) -> ReviewedImage:
        """Return an image, and keep it in memory in place of the one not used for longest.

        Raises
        ------
        ImageFailure
            A file cannot be read, or the files do not fit together.
        """
        image = self._loaded(image_id)
        with self._lock:
            self._kept[image_id] = image
            self._kept.move_to_end(image_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return image

    def look(self, image_id: str) -> ReviewedImage:
        """Return an image, and keep it in memory only if no other has to go; raises as `get`."""
        image = self._loaded(image_id)
        with self._lock:
            if len(self._kept) < _KEPT:
                self._kept[image_id] = image
        return image

    def _loaded(self, image_id: str) -> ReviewedImage:
        kept = self._kept.get(image_id)
        if kept:
            return kept
        with self._loading:  # so that two threads do not read the same image
            return self._kept.get(image_id) or self.read(image_id)

    def inputs(self, image_id: str) -> str:
        """Return the hash of the contents of an image's files; raises as `get`."""
        return read_files(self._images[image_id]).fingerprint()

    def read(self, image_id: str) -> ReviewedImage:
        """Read an image without keeping it; raises as `get`."""
        files = read_files(self._images[image_id])
        masks, region, _ = decode_annotations(files, self._settings)
        inside = masks if region is None else [mask & region for mask in masks]
        parts = find_parts(image_id, self._names, inside, tolerance_px=self._tolerance_px)
        return ReviewedImage(
            image_id,
            files.fingerprint(),
            inside,
            region,
            {part.part_id: part for part in parts},
        )
