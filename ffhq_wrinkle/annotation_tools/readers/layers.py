"""Layers: the layers of a drawing, one for each annotator."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..annotation import Annotation, Pixels, Shape
from ..export_files import ExportError, ExportFile

log = logging.getLogger(__name__)

_OPAQUE = 255


class Layer(NamedTuple):
    """A layer: its name, the place of its box, its alpha, uint8 (h, w), and whether it is shown."""

    name: str
    left: int
    top: int
    levels: np.ndarray
    is_shown: bool


def layer_annotations(
    file: ExportFile, layers: Sequence[Layer], size: tuple[int, int]
) -> Iterator[Annotation]:
    """Yield an annotation for each layer but those that cover the image opaquely.

    Parameters
    ----------
    file : ExportFile
        The drawing, named after its image.
    layers : sequence of Layer
    size : tuple of int
        Rows and columns of the image.

    Raises
    ------
    ExportError
        No layer is left, or two have the same name.
    """
    drawn = [
        layer for layer in layers if not (layer.levels.shape == size and _is_opaque(layer.levels))
    ]
    names = [layer.name for layer in drawn]
    twin = next((name for name in names if names.count(name) > 1), None)
    if twin is not None:
        raise ExportError(f"{file}: two layers are called {twin!r}; name each after its annotator")
    if not drawn:
        raise ExportError(f"{file}: it has no layer but the photograph; draw on transparent layers")
    for layer in layers:
        if layer.name not in names:
            log.info("%s: the layer %s fills the image: not a drawing", file, layer.name)
    for layer in drawn:
        area = Pixels(_levels(layer), layer.left, layer.top, may_leave=True)
        remark = "" if layer.is_shown else "a hidden layer"
        yield Annotation(
            image_name=file.stem,
            shapes=(Shape("layer", None, (area,), f"layer {layer.name!r}", remark),),
            size=size,
            people=(layer.name,),
        )


def _is_opaque(levels: np.ndarray) -> bool:
    return bool(levels.size) and int(levels.min()) == _OPAQUE


def _levels(layer: Layer) -> Callable[[], np.ndarray]:
    return lambda: layer.levels
