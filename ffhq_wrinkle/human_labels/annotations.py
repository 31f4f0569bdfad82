"""Annotations: several annotators' masks of one image, read from their files, of one size.

`annotators` lists the files; `fused` fuses the masks and `agreement` compares them.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import AnnotationError, ImageError
from ..images.masks import decode_mask
from ..images.named import read_named
from ..images.opening import read_content
from ..images.photographs import decode_gray
from ..images.sizes import of_size, require_size
from .annotators import AnnotatedImage, AnnotationSettings


class Annotations(NamedTuple):
    """The masks of one image, bool (H, W) each, with its face mask and texture map.

    `region` is the face mask, bool (H, W), outside which nothing counts; None for everywhere.
    `texture` is the texture map, uint8 (H, W), if one is needed.
    """

    masks: list[np.ndarray]
    region: np.ndarray | None = None
    texture: np.ndarray | None = None


class MaskFile(NamedTuple):
    """A file and its content, not yet decoded."""

    path: Path
    content: bytes

    def decoded(self, threshold: int | None = None) -> np.ndarray:
        """Decode a mask, as `masks.decode_mask`; errors name the file."""
        return read_named(
            self.path,
            lambda _: decode_mask(self.content, threshold=threshold),
            keep_advice=True,
        )

    def levels(self) -> np.ndarray:
        """Decode gray levels, as `photographs.decode_gray`; errors name the file."""
        return read_named(self.path, lambda _: decode_gray(self.content))


class ImageFiles(NamedTuple):
    """The files of one image: each annotator's, None if missing, the face mask, the texture map."""

    masks: list[MaskFile | None]
    region: MaskFile | None = None
    texture: MaskFile | None = None

    def fingerprint(self) -> str:
        """Return a hash of the contents, whatever the files' names and times; hexadecimal."""
        digest = hashlib.sha256()
        for file in (*self.masks, self.region, *([self.texture] if self.texture else [])):
            digest.update(hashlib.sha256(file.content).digest() if file else b"none")
        return digest.hexdigest()


def read_files(image: AnnotatedImage) -> ImageFiles:
    """Read the files of one image.

    Raises
    ------
    ImageError
        A file cannot be read; the error names it.
    """
    masks = [_read(path) for path in image.masks]
    return ImageFiles(masks, _read(image.region), _read(image.texture))


def _read(path: Path | None) -> MaskFile | None:
    if path is None:
        return None
    return MaskFile(path, read_named(path, read_content))


def decode_annotations(files: ImageFiles, settings: AnnotationSettings) -> Annotations:
    """Turn the files of one image into masks of one size.

    Raises
    ------
    ImageError
        A file is not a mask, or the texture map not a gray picture; the error names it.
    AnnotationError
        Sizes differ, resizing leaves nothing of a drawing, or the face mask is empty.
    """
    drawn = [(file, file.decoded(settings.threshold)) for file in files.masks if file]
    first, shape = drawn[0][0].path, drawn[0][1].shape

    def sized(file: MaskFile, mask: np.ndarray) -> np.ndarray:
        resized = of_size(
            mask, shape, name=file.path, of=first, resize=settings.resize, error=AnnotationError
        )
        if mask.any() and not resized.any():
            raise AnnotationError(
                f"{file.path}: --resize {settings.resize} leaves nothing of its drawing at "
                f"{shape[1]}x{shape[0]}, the size of {first}"
            )
        return resized

    ready = iter([sized(file, mask) for file, mask in drawn])
    masks = [next(ready) if file else np.zeros(shape, bool) for file in files.masks]
    texture = files.texture.levels() if files.texture else None
    if files.texture and texture is not None:
        require_size(
            texture.shape,
            shape,
            name=files.texture.path,
            of=first,
            advice="a texture map must have the size of the masks",
            error=AnnotationError,
        )
    if not files.region:
        return Annotations(masks, texture=texture)
    region = sized(files.region, _region(files.region, settings.threshold))
    if not region.any():
        raise AnnotationError(f"{files.region.path} is empty: there is no face to look within")
    return Annotations(masks, region, texture)


def _region(file: MaskFile, threshold: int | None) -> np.ndarray:
    """Decode a face mask, which needs no threshold if it has two values."""
    try:
        return file.decoded()
    except ImageError:
        if threshold is None:
            raise
        return file.decoded(threshold)


def read_annotations(image: AnnotatedImage, settings: AnnotationSettings) -> Annotations:
    """Read the masks of one image; raises as `read_files` and `decode_annotations`."""
    return decode_annotations(read_files(image), settings)
