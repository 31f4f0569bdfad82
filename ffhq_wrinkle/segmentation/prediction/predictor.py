"""Predictor: wrinkles of photographs, by a trained network and all that its input requires."""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self, overload

import numpy as np
from PIL import Image
from scipy.special import expit

from ...errors import ImageError, ImageFailure
from ...faces.labels import FaceParser
from ...faces.parsing import create_parser
from ...faces.regions import region_map
from ...faces.views import AlignedFaces, View, Views, WholeImages
from ...images.arrays import plain_array
from ...images.named import read_named
from ...images.photographs import read_image
from ...reports.overlays import wrinkle_overlay
from ...results.tabular import LONGEST_SIDE
from ...storage.places import Place, parse_place
from ..checkpoints.official import checkpoint_path
from .ingredients import Ingredients, Prepared
from .network_files import load_network
from .trained_network import Precision, TrainedNetwork

log = logging.getLogger(__name__)

_PHOTO_ID = "photo"  # id of an array, which has no file name


class Face(NamedTuple):
    """The results of a network for one face.

    Attributes
    ----------
    logits : np.ndarray
        float32 (H, W): the logit of wrinkle minus that of background.
    mask : np.ndarray
        bool (H, W): the face mask.
    regions : np.ndarray or None
        uint8 (512, 512), as `regions.region_map`; None if they are not known.
    """

    logits: np.ndarray
    mask: np.ndarray
    regions: np.ndarray | None


class Photo(NamedTuple):
    """A photo in memory, RGB uint8 (H, W, 3), its faces, and the prepared input of each face."""

    image: np.ndarray
    views: list[View]
    prepared: list[Prepared]


@dataclass(frozen=True)
class Wrinkles:
    """The wrinkles of a photo.

    Attributes
    ----------
    mask : np.ndarray
        bool (H, W), of the size of the photo: True where there is wrinkle.
    photo : np.ndarray
        The photo, RGB uint8 (H, W, 3).
    views : list of View
        The faces as the network saw them. Without alignment, this is the photo itself.
    faces : list of Face
        The results of the network for each view.
    """

    mask: np.ndarray
    photo: np.ndarray
    views: list[View]
    faces: list[Face]

    @property
    def probability(self) -> np.ndarray:
        """Probability of wrinkle, float32 (H, W), in the first view; the photo if not aligned."""
        return np.asarray(expit(self.faces[0].logits))

    def overlay(self) -> np.ndarray:
        """Return the photo with the wrinkles in colour, RGB uint8 (H, W, 3)."""
        return wrinkle_overlay(self.photo, self.mask)

    def _repr_png_(self) -> bytes:
        picture = Image.fromarray(self.overlay())
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()


class Predictor:
    """A network with a face parser, called with photographs to predict their wrinkles.

    Parameters
    ----------
    network : TrainedNetwork
        The network; see `network_files.load_network`.
    ingredients : Ingredients
        Face parser and texture settings, from which the input of the network is made.
    views : Views, optional
        How faces are cut out of photos; photos are used as they are if not given.
    flip : bool
        Average the results for the image and for its mirror image.
    """

    def __init__(
        self,
        network: TrainedNetwork,
        ingredients: Ingredients,
        views: Views | None = None,
        *,
        flip: bool = False,
    ) -> None:
        self.network = network
        self.ingredients = ingredients
        self.views = views or WholeImages()
        self.flip = flip

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: str | Path,
        *,
        parser: str | FaceParser = "auto",
        align: bool = False,
        all_faces: bool = False,
        recipe: str | None = None,
        flip: bool = False,
        device: str = "auto",
        precision: Precision = "32",
        batch_size: int | None = None,
    ) -> Self:
        """Create a predictor: load its network, and create a face parser.

        Parameters
        ----------
        checkpoint : str or Path
            A checkpoint file, an ``.onnx`` file, or ``official-unet`` or ``official-swin-unetr``,
            which are downloaded once.
        parser : str or FaceParser
            ``auto``, ``bisenet``, ``mesh``, or an existing parser.
        align : bool
            First find the face in each photo and cut it out as in FFHQ; for photos that are not
            aligned.
        all_faces : bool
            With `align`: use every face of a photo, instead of refusing photos with several faces.
        recipe : str, optional
            Formula of the texture map; the one that the network was trained with if not given.
            Networks that do not record it need this argument.
        flip : bool
            Average the results for the image and for its mirror image.
        device : str
            Device for the networks: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        precision : {"32", "bf16"}
            Precision of the network's arithmetic: float32, or bfloat16 where possible, on CUDA
            only.
        batch_size : int, optional
            Images per batch of the network; 4 on a GPU and 1 on the CPU if not given.

        Raises
        ------
        ArgumentError, SourceError
            The checkpoint, the parser or the device does not exist, or cannot be used.
        """
        network = load_network(
            checkpoint_path(str(checkpoint)),
            device=device,
            precision=precision,
            batch_size=batch_size,
        )
        if isinstance(parser, str):
            parser = create_parser(parser, device=device, batch_size=network.batch_size)
        texture = network.texture_settings(recipe)
        views = AlignedFaces(all_faces=all_faces) if align else WholeImages()
        return cls(network, Ingredients(parser, texture), views, flip=flip)

    @overload  # str overlaps with the sequence of str below, as a sequence of characters
    def __call__(  # type: ignore[overload-overlap]
        self, photos: np.ndarray | str | Place
    ) -> Wrinkles: ...
    @overload
    def __call__(self, photos: Sequence[np.ndarray | str | Place]) -> list[Wrinkles]: ...
    def __call__(
        self, photos: np.ndarray | str | Place | Sequence[np.ndarray | str | Place]
    ) -> Wrinkles | list[Wrinkles]:
        """Predict the wrinkles of one photo or of several.

        Parameters
        ----------
        photos : np.ndarray, str or Path, or a sequence of them
            RGB uint8 (H, W, 3), or an image file.

        Returns
        -------
        Wrinkles or list of Wrinkles
            One for each photo.

        Raises
        ------
        ImageFailure
            A photo cannot be read, has no face, or is too large or too small.
        """
        if isinstance(photos, Sequence) and not isinstance(photos, str):
            return [self(photo) for photo in photos]
        if isinstance(photos, np.ndarray):
            image, image_id = plain_array(photos), _PHOTO_ID
        else:
            place = parse_place(photos) if isinstance(photos, str) else photos
            image, image_id = read_named(place, read_image), place.stem
        photo = self.look(image, image_id)
        (faces,) = self.faces([photo])
        if isinstance(faces, ImageFailure):
            raise faces
        mask = np.zeros(image.shape[:2], bool)
        for view, face in zip(photo.views, faces, strict=True):
            mask |= view.onto_photo(face.logits > 0, image.shape[:2])
        return Wrinkles(mask, image, photo.views, faces)

    def settings(self) -> dict[str, object]:
        """Return the settings that results depend on, for the record of a run."""
        return {
            "network": self.network.name,
            "checkpoint_sha256": self.network.sha256,
            "flip": self.flip,
            **self.ingredients.settings(),
            **self.views.settings(),
            "precision": self.network.precision,
        }

    def look(self, image: np.ndarray, image_id: str) -> Photo:
        """Find the faces of a photo and prepare their inputs; called on any thread.

        Raises
        ------
        ImageFailure
            The photo has no face, or is too small for the network.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ImageError(f"a photo should be uint8 (H, W, 3), not {image.dtype} {image.shape}")
        views = self.views.of(image, image_id)
        for view in views:
            _require_side(view.image.shape[:2], self.network.least_side)
        prepared = [self.ingredients.prepare(view.image, view.name) for view in views]
        return Photo(image, views, prepared)

    def faces(self, photos: Sequence[Photo]) -> list[list[Face] | ImageFailure]:
        """Run the network on the faces of a batch of photos.

        Returns
        -------
        list of list of Face or of ImageFailure
            For each photo, its faces or its failure. A failure does not affect other photos.
        """
        parts = [part for photo in photos for part in photo.prepared]
        label_maps = iter(self.ingredients.label_maps(parts))
        inputs: list[list[np.ndarray] | ImageFailure] = []
        known: list[list[tuple[np.ndarray, np.ndarray | None]]] = []
        for photo in photos:
            of_views = [next(label_maps) for _ in photo.views]
            network_inputs, masks = [], []
            try:
                for view, part, label_map in zip(
                    photo.views, photo.prepared, of_views, strict=True
                ):
                    x, mask = self.ingredients.network_input(view.image, part, label_map)
                    network_inputs.append(x)
                    regions = region_map(view.image.shape[:2], part.meshes, label_map)
                    masks.append((mask, regions))
                inputs.append(network_inputs)
            except ImageFailure as failure:
                inputs.append(failure)
            known.append(masks)
        return [
            logits
            if isinstance(logits, ImageFailure)
            else [Face(values, *facts) for values, facts in zip(logits, masks, strict=True)]
            for logits, masks in zip(self._logits(inputs), known, strict=True)
        ]

    def _logits(
        self, inputs: Sequence[list[np.ndarray] | ImageFailure]
    ) -> list[list[np.ndarray] | ImageFailure]:
        """Return the logits of the faces of each photo, or its failure for lack of memory."""
        batch = [x for of_photo in inputs if isinstance(of_photo, list) for x in of_photo]
        try:
            logits = iter(self.network.logits(batch, flip=self.flip))
            return [
                of_photo
                if isinstance(of_photo, ImageFailure)
                else _finite([next(logits) for _ in of_photo])
                for of_photo in inputs
            ]
        except MemoryError:
            if self.network.batch_size > 1:
                log.warning(
                    "batches of %d images need too much memory; trying one image at a time "
                    "(--batch-size)",
                    self.network.batch_size,
                )
        return [
            of_photo if isinstance(of_photo, ImageFailure) else self._logits_alone(of_photo)
            for of_photo in inputs
        ]

    def _logits_alone(self, inputs: list[np.ndarray]) -> list[np.ndarray] | ImageFailure:
        """Return the logits of the faces of one photo, computed one at a time."""
        try:
            return _finite(self.network.logits(inputs, flip=self.flip, batch_size=1))
        except MemoryError:
            height, width = inputs[0].shape[:2]
            return ImageError(
                f"{width}x{height} pixels need more memory than is available; downsample the "
                "image, or cut out the face with --align"
            )


def _finite(logits: list[np.ndarray]) -> list[np.ndarray] | ImageFailure:
    """Return the logits, or a failure if any is not finite."""
    if all(np.isfinite(values).all() for values in logits):
        return logits
    return ImageError("the output of the network is not finite; is the checkpoint damaged?")


def _require_side(shape: tuple[int, ...], least: int) -> None:
    """Refuse images that are too small for the network."""
    if min(shape) < least:
        raise ImageError(
            f"{shape[1]}x{shape[0]} pixels; this network requires at least {least} pixels a side"
        )
