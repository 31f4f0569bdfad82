"""Ingredients: the face mask and texture map of an image, made on the way or ready in a folder."""

from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from ...dataset.ids import image_id_of
from ...dataset.layout import find_images
from ...errors import ArgumentError, ImageError, ParsingError
from ...faces.labels import FaceParser, face_mask
from ...images.masks import read_mask
from ...images.photographs import read_image
from ...images.sizes import require_size
from ...results.records import WEAK_RECORD, settings_if_readable
from ...storage.places import Place
from ...weak_labels.texture import TextureSettings
from ..networks.inputs import network_input


class Prepared(NamedTuple):
    """What one image brings to its batch: parts of it, as far as they are known."""

    parsed: np.ndarray | None
    face: np.ndarray | None
    texture: np.ndarray | None


class Ingredients:
    """Makes network inputs of images.

    Parameters
    ----------
    parser : FaceParser or None
        Finds the faces; may be None if there are ready face masks.
    texture : TextureSettings or None
        How texture maps are computed; None for networks that take none.
    textures, face_masks : Place, optional
        Folders of ready texture maps, 8-bit gray, and of face masks, by image id.

    Raises
    ------
    ArgumentError
        Nothing says where the face is, a folder has no images, or its texture maps were made with
        other settings.
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
            raise ArgumentError("a face parser or ready face masks have to say where the face is")
        if textures and texture is None:
            raise ArgumentError("this network takes no texture map; leave --texture out")
        self.parser = parser
        self.texture = texture
        self.folders = {"textures": textures, "face_masks": face_masks}
        self._textures = _Ready(textures, "texture map") if textures else None
        self._face_masks = _Ready(face_masks, "face mask") if face_masks else None
        if textures and texture:
            _require_same_texture(textures, texture)

    def __reduce__(self) -> tuple[object, ...]:
        """What makes them anew in another process."""
        return _remade, (self.parser, self.texture, self.folders)

    def read_folders(self) -> list[Place | None]:
        """Folders that are read, where no result may be written."""
        return [self.parser.folder if self.parser else None, *self.folders.values()]

    def settings(self) -> dict[str, object]:
        """What inputs depend on, for the record of a run."""
        parsing = self.parser.settings() if self.parser else {"parser": None}
        ready = {name: str(path.resolve()) for name, path in self.folders.items() if path}
        return {**parsing, "texture": asdict(self.texture) if self.texture else None, **ready}

    def prepare(self, image: np.ndarray, image_id: str) -> Prepared:
        """Do what one image needs before its batch, on any thread.

        Raises
        ------
        ImageFailure
            The image can not be parsed, or something ready is missing or of another size.
        """
        shape = image.shape[:2]
        return Prepared(
            self.parser.prepare(image, image_id) if self.parser else None,
            self._face_masks.mask(image_id, shape) if self._face_masks else None,
            self._textures.gray(image_id, shape) if self._textures else None,
        )

    def label_maps(self, prepared: list[Prepared]) -> list[np.ndarray | None]:
        """Label maps of a batch; None without a parser."""
        if self.parser is None:
            return [None] * len(prepared)
        return list(
            self.parser.label_maps([one.parsed for one in prepared if one.parsed is not None])
        )

    def network_input(
        self, image: np.ndarray, prepared: Prepared, label_map: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the network sees, uint8 (H, W, C), and the face mask, bool (H, W).

        Raises
        ------
        ParsingError
            There is no face.
        """
        face = prepared.face
        if face is None and label_map is not None:
            face = face_mask(label_map, image.shape[:2])
        if face is None or not face.any():
            raise ParsingError("no face found: neither skin nor nose")
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


class _Ready:
    """Files of a folder, by image id."""

    def __init__(self, folder: Place, what: str) -> None:
        self.folder = folder
        self.what = what
        self._files = find_images(folder)
        # 7.png is number 7 too, where there is no 00007.png.
        self._numbered = {image_id_of(name): file for name, file in self._files.items()}

    def mask(self, image_id: str, shape: tuple[int, int]) -> np.ndarray:
        return self._of_size(read_mask(self._path(image_id)), image_id, shape)

    def gray(self, image_id: str, shape: tuple[int, int]) -> np.ndarray:
        return self._of_size(read_image(self._path(image_id))[:, :, 0], image_id, shape)

    def _path(self, image_id: str) -> Place:
        file = self._files.get(image_id) or self._numbered.get(image_id_of(image_id))
        if file is None:
            raise ImageError(f"{self.folder} has no {self.what} of this id")
        return self.folder / file.path

    def _of_size(self, array: np.ndarray, image_id: str, shape: tuple[int, int]) -> np.ndarray:
        name = f"its {self.what} {self._path(image_id)}"
        require_size(array.shape, shape, name=name, of="the image")
        return array


def _require_same_texture(folder: Place, wanted: TextureSettings) -> None:
    """Refuse texture maps of which `build-weak` noted other settings."""
    # Without a record they were not made by us, and whoever names the folder knows.
    noted = settings_if_readable(folder, WEAK_RECORD)
    differing = [
        f"{key} {noted[key]} there and {value} here"
        for key, value in asdict(wanted).items()
        if key in noted and noted[key] != value
    ]
    if differing:
        raise ArgumentError(
            f"the texture maps in {folder} are not such as the network was trained on: "
            f"{', '.join(differing)}"
        )
