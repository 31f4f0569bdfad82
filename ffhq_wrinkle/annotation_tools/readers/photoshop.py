"""Photoshop: PSD drawings with a layer for each annotator, read by `psd-tools`.

A layer holds a box and its place. Its alpha is what counts, whatever its colour. A layer that
covers the whole image opaquely is the photograph, and is left out.
"""

import io
from collections.abc import Iterator

import numpy as np

from ..annotation import Annotation
from ..export_files import ExportError, ExportFile
from .extras import missing_extra
from .layers import Layer, layer_annotations


def is_photoshop(file: ExportFile) -> bool:
    """Return whether a file is a PSD or PSB drawing."""
    return file.head.startswith(b"8BPS")


def read_photoshop(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of each layer.

    Raises
    ------
    ExportError
        The file is damaged, or `psd-tools` is not installed.
    """
    try:
        from psd_tools import PSDImage
    except ImportError as error:
        raise missing_extra(file, "psd") from error
    try:
        image = PSDImage.open(io.BytesIO(file.content()))
        layers = [
            _layer(layer) for layer in image.descendants() if not layer.is_group() and layer.width
        ]
    except (OSError, ValueError, KeyError, IndexError, AssertionError, TypeError) as error:
        raise ExportError(f"{file}: damaged or cut short: {error!r}") from error
    yield from layer_annotations(file, layers, (image.height, image.width))


def _layer(layer) -> Layer:  # type: ignore[no-untyped-def]  # noqa: ANN001  # of psd-tools
    picture = layer.topil()
    if picture is None:
        alpha = np.zeros((layer.height, layer.width), np.uint8)
    elif "A" in picture.getbands():
        alpha = np.asarray(picture.getchannel("A"))
    else:
        alpha = np.full((layer.height, layer.width), 255, np.uint8)
    return Layer(layer.name, layer.left, layer.top, alpha, layer.visible)
