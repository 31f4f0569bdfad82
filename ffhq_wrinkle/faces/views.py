"""Views: the faces of a photo as a network sees them, the photo itself or aligned crops."""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..dataset.ids import image_id_of
from ..dataset.layout import require_distinct_ids
from ..errors import AlignmentError, ArgumentError
from ..storage.writing import sha256_of
from .alignment import FFHQ_SIZE, Alignment, ffhq_alignment
from .landmarks import Landmarks, choose_faces, read_landmarks

_NUMBERED = re.compile(r"\.face\d+$")


def named_like_faces(image_ids: Iterable[str]) -> frozenset[str]:
    """Return the ids that end like the name of a face of a photo, such as ``x.face1``."""
    return frozenset(filter(_NUMBERED.search, image_ids))


class View(NamedTuple):
    """One face: the name of its results, its image, RGB uint8 (H, W, 3), and how it was cut out."""

    name: str
    image: np.ndarray
    alignment: Alignment | None = None
    landmarks: Landmarks | None = None

    def onto_photo(self, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return a mask of this view, bool, in the frame of a photo of (H, W)."""
        return mask if self.alignment is None else self.alignment.onto_photo(mask, shape)


class Views(ABC):
    """A way to make views of photos.

    Attributes
    ----------
    aligned_size : int or None
        Rows and columns of a view; None if views have the sizes of their photos.
    all_faces : bool
        Whether a photo can have several views.
    """

    aligned_size: int | None = None
    all_faces: bool = False

    @abstractmethod
    def of(self, photo: np.ndarray, image_id: str) -> list[View]:
        """Return the faces of a photo, RGB uint8 (H, W, 3).

        Raises
        ------
        ImageFailure
            The photo has no face, or its faces cannot be used.
        """

    @abstractmethod
    def names(self, image_id: str, count: int) -> list[str]:
        """Return the names of the results of a photo with `count` faces."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Return the settings that views depend on, for the record of a run."""

    @abstractmethod
    def require_distinct(self, image_ids: Collection[str], *, where: object) -> None:
        """Refuse photos whose results would have the same names.

        Parameters
        ----------
        image_ids : collection of str
            Ids of all photos in a folder.
        where : object
            The folder, for the error message.

        Raises
        ------
        ArgumentError
            There are such photos.
        """


class WholeImages(Views):
    """Images of aligned faces, used as they are."""

    def of(self, photo: np.ndarray, image_id: str) -> list[View]:
        """Return the photo itself."""
        return [View(image_id, photo)]

    def names(self, image_id: str, count: int) -> list[str]:
        """Return the image id."""
        return [image_id]

    def settings(self) -> dict[str, object]:
        """Return the settings: no alignment."""
        return {"align": None}

    def require_distinct(self, image_ids: Collection[str], *, where: object) -> None:
        """Do nothing: results have the names of their photos."""


class AlignedFaces(Views):
    """Faces that are found in photos, cut out and rotated as in FFHQ.

    Parameters
    ----------
    landmarks : Path, optional
        A table of the positions of eyes and mouth; see `landmarks.read_landmarks`. The face
        mesh finds them if it is not given.
    all_faces : bool
        Use every face of a photo, instead of refusing photos with several faces. The results have
        the names ``<image id>.face1`` and so on, the largest face first, or in the order of the
        table.
    size : int
        Rows and columns of a view.

    Raises
    ------
    ArgumentError
        The table cannot be read.
    """

    def __init__(
        self, landmarks: Path | None = None, *, all_faces: bool = False, size: int = FFHQ_SIZE
    ) -> None:
        self.all_faces = all_faces
        self.aligned_size: int = size
        self._landmarks = landmarks
        self._known: Mapping[str, Sequence[Landmarks]] | None = None
        if landmarks:
            self._known = read_landmarks(landmarks)
            self._source = f"landmarks {sha256_of(landmarks)[:12]}"
        else:
            from .mesh import MeshFinder  # loads torch

            self._finder = MeshFinder()
            self._source = f"face mesh {self._finder.weights_sha256[:12]}"

    def __reduce__(self) -> tuple[object, ...]:
        """Return what creates a copy in another process."""
        make = partial(AlignedFaces, all_faces=self.all_faces, size=self.aligned_size)
        return make, (self._landmarks,)

    def of(self, photo: np.ndarray, image_id: str) -> list[View]:
        """Cut out the faces of a photo.

        Raises
        ------
        AlignmentError
            The photo has no face, or several and `all_faces` is not set.
        """
        if self.all_faces and named_like_faces([image_id]):
            raise AlignmentError(
                "names that end in .faceN are reserved for results of --all-faces; rename the file"
            )
        if self._known is None:
            faces: Sequence[Landmarks] = [face.landmarks for face in self._finder.find(photo)]
        elif image_id_of(image_id) in self._known:
            faces = self._known[image_id_of(image_id)]
        else:
            raise AlignmentError("the table of landmarks has no face with this id")
        chosen = choose_faces(faces, all_faces=self.all_faces)
        views = []
        for name, landmarks in zip(self.names(image_id, len(chosen)), chosen, strict=True):
            alignment = ffhq_alignment(landmarks, self.aligned_size)
            views.append(View(name, alignment.aligned(photo), alignment, landmarks))
        return views

    def require_distinct(self, image_ids: Collection[str], *, where: object) -> None:
        """Refuse photos called like the faces of others, or with the same rows of landmarks."""
        if self.all_faces:
            for image_id in sorted(named_like_faces(image_ids)):
                whole = _NUMBERED.sub("", image_id)
                if whole in image_ids:
                    raise ArgumentError(
                        f"{where} has the images {whole} and {image_id}, but with --all-faces "
                        f"{image_id} is the name of a face of {whole}; rename one of them"
                    )
        if self._known is not None:
            require_distinct_ids(image_ids, where=where)

    def names(self, image_id: str, count: int) -> list[str]:
        """Return the image id, followed by the number of the face if all faces are used."""
        if not self.all_faces:
            return [image_id]
        return [f"{image_id}.face{number}" for number in range(1, count + 1)]

    def settings(self) -> dict[str, object]:
        """Return the source of the landmarks, whether all faces are used, and the size."""
        return {
            "align": self._source,
            "all_faces": self.all_faces,
            "aligned_size": self.aligned_size,
        }
