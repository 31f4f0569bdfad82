"""Ingredients: face mask, texture map and meshes of an image, computed or read from folders."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from ...dataset.ids import image_id_of
from ...dataset.layout import ImageFile, find_images
from ...errors import ArgumentError, ImageError, ParsingError
from ...faces.labels import FaceParser
from ...faces.mesh import MeshFace, MeshFinder
from ...faces.mesh_parser import trusted_faces
from ...images.masks import read_mask
from ...images.named import read_named
from ...images.photographs import read_gray
from ...images.sizes import require_size
from ...results.inputs import Candidates
from ...results.records import WEAK_RECORD, settings_if_readable
from ...storage.places import Place
from ...weak_labels.recognition import recognised_files
from ...weak_labels.texture import TextureSettings
from ..networks.inputs import network_input

log = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """The parts of an input that are prepared for each image, before its batch.

    Attributes
    ----------
    parsed : np.ndarray or None
        The result of `FaceParser.prepare`; None without a parser.
    face, texture : np.ndarray or None
        The existing face mask and texture map; None if they are computed.
    meshes : list of MeshFace
        The faces whose meshes can be trusted, for the regions.
    """

    parsed: np.ndarray | None
    face: np.ndarray | None
    texture: np.ndarray | None
    meshes: list[MeshFace]


class Ingredients:
    """Face masks and texture maps of images, from which the inputs of a network are made.

    Parameters
    ----------
    parser : FaceParser or None
        Face parser; may be None if there is a folder of face masks.
    texture : TextureSettings or None
        Settings of the texture maps; None for networks that do not use them.
    textures, face_masks : Place, optional
        Folders of existing texture maps, 8-bit gray, and face masks, matched by image id.

    Raises
    ------
    ArgumentError
        There is neither a parser nor a folder of face masks, a folder has no images, or its texture
        maps were made with different settings.
    """

    def __init__(
        self,
        parser: FaceParser | None,
        texture: TextureSettings | None,
        *,
        textures: Place | None = None,
        face_masks: Place | None = None,
    ) -> None:
        if parser is None and face_masks is None:
            raise ArgumentError("a face parser or a folder of face masks is required")
        if textures and texture is None:
            raise ArgumentError("this network does not use a texture map; leave --texture out")
        self.parser = parser
        self.texture = texture
        self._finder = MeshFinder()
        self.folders = {"textures": textures, "face_masks": face_masks}
        self._textures = _ExistingFiles(textures, "texture map") if textures else None
        self._face_masks = _ExistingFiles(face_masks, "face mask") if face_masks else None
        if textures and texture:
            _require_same_texture(textures, texture)

    def __reduce__(self) -> tuple[object, ...]:
        """Return what creates a copy in another process."""
        return _remade, (self.parser, self.texture, self.folders)

    @property
    def matches_numbers(self) -> bool:
        """Whether files are matched by number, so that 7.png and 00007.png are the same image."""
        return any(self.folders.values())

    def read_folders(self) -> list[Place | None]:
        """Return the folders that are read, to which no result must be written."""
        return [self.parser.folder if self.parser else None, *self.folders.values()]

    def inputs(self, image_id: str) -> list[Candidates]:
        """Return the files that are read for an image, besides the image."""
        existing = [files for files in (self._face_masks, self._textures) if files]
        return [
            *(self.parser.inputs(image_id) if self.parser else ()),
            *(files.candidates(image_id) for files in existing),
        ]

    def require_fitting_textures(self, photos: Sequence[tuple[str, Place]]) -> None:
        """Hold existing texture maps without a record against their photos.

        Parameters
        ----------
        photos : sequence of tuple of str and Place
            Ids and paths of some of the photos.

        Raises
        ------
        ArgumentError
            The pixels of the texture maps show different settings than those of the network.
        """
        maps, wanted = self._textures, self.texture
        if maps is None or wanted is None or settings_if_readable(maps.folder, WEAK_RECORD):
            return
        settings = recognised_files(
            [(place, photo) for name, photo in photos if (place := maps.find(name))]
        )
        if settings is None:
            log.warning(
                "it is not known with which formula the texture maps in %s were made", maps.folder
            )
        elif settings != wanted:
            raise ArgumentError(
                f"the texture maps in {maps.folder} were made with {settings}, as their pixels "
                f"show, and the network was trained on {wanted}"
            )

    def settings(self) -> dict[str, object]:
        """Return the settings that inputs depend on, for the record of a run."""
        parsing = self.parser.settings() if self.parser else {"parser": None}
        texture = asdict(self.texture) if self.texture else None
        folders = {name: str(path.resolve()) for name, path in self.folders.items() if path}
        regions = f"face mesh {self._finder.weights_sha256[:12]}"
        return {**parsing, "texture": texture, **folders, "regions": regions}

    def prepare(self, image: np.ndarray, image_id: str) -> Prepared:
        """Parse an image, find its meshes, and read its existing face mask and texture map.

        Called on any thread.

        Raises
        ------
        ImageFailure
            The image cannot be parsed, or its face mask or texture map is missing or differs from
            it in size.
        """
        shape = image.shape[:2]
        return Prepared(
            self.parser.prepare(image, image_id) if self.parser else None,
            self._face_masks.mask(image_id, shape) if self._face_masks else None,
            self._textures.gray(image_id, shape) if self._textures else None,
            trusted_faces(self._finder.find(image)),
        )

    def label_maps(self, prepared: list[Prepared]) -> list[np.ndarray | None]:
        """Return the label maps of a batch; without a parser, every entry is None."""
        if self.parser is None:
            return [None] * len(prepared)
        parsed = [parts.parsed for parts in prepared if parts.parsed is not None]
        return list(self.parser.label_maps(parsed))

    def network_input(
        self, image: np.ndarray, prepared: Prepared, label_map: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the input of the network, uint8 (H, W, C), and the face mask, bool (H, W).

        Raises
        ------
        ParsingError
            The image has no face.
        """
        face = prepared.face
        if face is None and label_map is not None and self.parser:
            face = self.parser.face(label_map, (image.shape[0], image.shape[1]))
        if face is None or not face.any():
            which = self.parser.no_face if self.parser else "the face mask is empty"
            raise ParsingError(f"no face found: {which}")
        texture = prepared.texture
        if texture is None and self.texture:
            texture = self.texture.weak_mask(image, face)
        elif texture is not None:
            texture = texture * face
        return network_input(image, face, texture), face


def _remade(
    parser: FaceParser | None, texture: TextureSettings | None, folders: dict[str, Place | None]
) -> Ingredients:
    return Ingredients(
        parser, texture, textures=folders["textures"], face_masks=folders["face_masks"]
    )


class _ExistingFiles:
    """The face masks or texture maps in a folder, by image id; `kind` names them in errors."""

    def __init__(self, folder: Place, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self._files = find_images(folder)
        # Without a file 00007.png, 7.png belongs to that id, too.
        self._numbered: dict[str, list[ImageFile]] = {}
        for name, file in self._files.items():
            self._numbered.setdefault(image_id_of(name), []).append(file)

    def mask(self, image_id: str, shape: tuple[int, int]) -> np.ndarray:
        return self._read(image_id, shape, read_mask)

    def gray(self, image_id: str, shape: tuple[int, int]) -> np.ndarray:
        return self._read(image_id, shape, read_gray)

    def candidates(self, image_id: str) -> Candidates:
        files = self._matching(image_id)
        return (f"{self.folder}/{files[0].path}",) if len(files) == 1 else ()

    def find(self, image_id: str) -> Place | None:
        files = self._matching(image_id)
        return self.folder / files[0].path if len(files) == 1 else None

    def _matching(self, image_id: str) -> list[ImageFile]:
        exact = self._files.get(image_id)
        return [exact] if exact else self._numbered.get(image_id_of(image_id), [])

    def _path(self, image_id: str) -> Place:
        path = self.find(image_id)
        if path is None:
            names = " and ".join(file.path for file in self._matching(image_id))
            if names:
                raise ImageError(f"{self.folder} has {names} for this id; rename one of them")
            raise ImageError(f"{self.folder} has no {self.kind} with this id")
        return path

    def _read(
        self, image_id: str, shape: tuple[int, int], read: Callable[[Place], np.ndarray]
    ) -> np.ndarray:
        path = self._path(image_id)
        name = f"its {self.kind} {path}"
        array = read_named(path, read, name=name)
        require_size(array.shape, shape, name=name, of="the image")
        return array


def _require_same_texture(folder: Place, wanted: TextureSettings) -> None:
    """Refuse texture maps for which `build-weak` recorded different settings."""
    # Without a record the maps come from elsewhere, and the user is responsible for them.
    recorded = settings_if_readable(folder, WEAK_RECORD)
    differing = [
        f"{key} is {recorded[key]} in the folder and {value} for the network"
        for key, value in asdict(wanted).items()
        if key in recorded and recorded[key] != value
    ]
    if differing:
        raise ArgumentError(
            f"the texture maps in {folder} differ from those that the network was trained on: "
            f"{', '.join(differing)}"
        )
