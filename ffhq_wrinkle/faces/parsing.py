"""Parsing: the three face parsers, of which `create_parser` creates one.

`bisenet` needs trained weights, `labels` reads existing label maps, and `template` makes a guess
from the position of faces in FFHQ. Their base class is `labels.FaceParser`.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ..dataset.layout import LABEL_MAPS_FOLDERS, image_folder, released_path
from ..dataset.sources import fetch_weights
from ..errors import ArgumentError, ParsingError
from ..storage.places import Place, exists, is_folder
from .labels import FaceParser, read_label_map

if TYPE_CHECKING:
    from .bisenet import Engine

ParserName = Literal["bisenet", "labels", "template"]
PARSERS: tuple[ParserName, ...] = get_args(ParserName)


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
        self.note = f"ready label maps, {folder.resolve().name}"

    def settings(self) -> dict[str, str | None]:
        """Return the settings of any parser, and the whole path, since folder names repeat."""
        return {**super().settings(), "labels": str(self.folder.resolve())}

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Read the image's label map."""
        for suffix in (".npy", ".png"):
            for name in (f"{image_id}{suffix}", released_path(image_id, suffix)):
                path = self.folder / name
                if os.path.lexists(path) if isinstance(path, Path) else exists(path):
                    return read_label_map(path)
        raise ParsingError(f"{self.folder} has no label map {image_id}.npy or {image_id}.png")


def create_parser(
    name: ParserName,
    *,
    weights: Path | None = None,
    labels: Place | None = None,
    images: Place | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    engine: "Engine" = "auto",
) -> FaceParser:
    """Create a face parser.

    Parameters
    ----------
    name : {"bisenet", "labels", "template"}
    weights : Path, optional
        BiSeNet's weights; fetched into the cache if not given.
    labels : Place, optional
        Folder of existing label maps. Default: the folder of the released layout beside `images`.
    images : Place, optional
        Folder of the images.
    device, batch_size
        Device that BiSeNet runs on, and number of images that it parses at once.
    engine : {"auto", "torch", "ncnn"}
        Backend for BiSeNet; see `bisenet.BiSeNetParser`.

    Returns
    -------
    FaceParser

    Raises
    ------
    ArgumentError
        A setting belongs to another parser, or a required setting is missing.
    SourceError
        BiSeNet's weights are neither given nor in the cache and cannot be fetched, or they are not
        the right ones.
    """
    if weights and name != "bisenet":
        raise ArgumentError(f"weights belong to the parser bisenet, not to {name}")
    if labels and name != "labels":
        raise ArgumentError(f"a folder of label maps belongs to the parser labels, not to {name}")
    if name == "labels":
        return ReadyLabels(labels or _released_labels(images))
    if name == "template":
        from .template import TemplateParser

        return TemplateParser()
    if name == "bisenet":
        path = weights or fetch_weights(
            "bisenet",
            "BiSeNet's",
            "name it with --weights FILE, or use --parser labels or --parser template, which need "
            "no weights",
        )
        from .bisenet import BiSeNetParser  # loads torch and facexlib, so only here

        return BiSeNetParser(path, device=device, batch_size=batch_size, engine=engine)
    raise ArgumentError(f"parser is {name!r}; choose one of {', '.join(PARSERS)}")


def _released_labels(images: Place | None) -> Place:
    """Return the folder of label maps beside `images` in the released layout."""
    data_set = image_folder(images.resolve()).parent if images else Path()
    for folder in (data_set / name for name in LABEL_MAPS_FOLDERS):
        if images and is_folder(folder):
            return folder
    raise ArgumentError("the parser labels needs a folder of label maps: --labels FOLDER")
