"""NRRD: label pictures, and segmentations of 3D Slicer (`.seg.nrrd`), read by `pynrrd`.

Arrays are (x, y), (x, y, 1), or with overlapping segments (layer, x, y, 1). Slicer crops a
segmentation to what is drawn: the origin over the spacing says where it is, and the file does not
say how large the picture is. An empty segmentation is one voxel.
"""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ..annotation import Annotation, Shape
from ..export_files import ExportError, ExportFile
from .extras import missing_extra
from .label_values import shapes_of_values


def is_nrrd(file: ExportFile) -> bool:
    """Return whether a file is NRRD."""
    return file.head.startswith(b"NRRD0")


def read_nrrd(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of a label picture or a segmentation.

    Raises
    ------
    ExportError
        The file is damaged, is not a picture of one slice, or `pynrrd` is not installed.
    """
    try:
        import nrrd
    except ImportError as error:
        raise missing_extra(file, "nrrd") from error
    try:
        content = io.BytesIO(file.content())
        header = nrrd.read_header(content)
        values = nrrd.read_data(header, fh=content, filename=None, index_order="F")
    except (nrrd.NRRDError, ValueError, OSError, EOFError, KeyError, TypeError) as error:
        raise ExportError(f"{file}: damaged or cut short: {error}") from error
    if values.dtype.kind not in "iu":
        raise ExportError(f"{file}: labels should be whole numbers, are {values.dtype}")
    try:
        layers = _layers(values, header)
        left, top = _offset(header, has_layers=values.ndim == 4)
        shapes = _shapes(layers, header, left, top)
    except (ArgumentError, ValueError, TypeError, KeyError) as error:
        raise ExportError(f"{file}: {error}") from error
    is_cropped = any(key.startswith("Segment0_") for key in header) or left or top
    name = file.stem.removesuffix(".seg")
    size = None if is_cropped else (layers[0].shape[0], layers[0].shape[1])
    yield Annotation(image_name=name, shapes=shapes, size=size)


def _layers(values: np.ndarray, header: Mapping[str, Any]) -> list[np.ndarray]:
    """Return the layers of a file, each (rows, columns)."""
    kinds = header.get("kinds") or []
    if values.ndim == 4:
        if list(kinds)[:1] not in (["list"], ["vector"], ["???"]):
            raise ArgumentError(f"four axes of the kinds {', '.join(map(str, kinds))}")
        layers = list(values)
    else:
        layers = [values]
    flat = []
    for layer in layers:
        if layer.ndim == 3 and layer.shape[2] != 1:
            raise ArgumentError(f"{layer.shape[2]} slices; a picture has one")
        flat.append((layer[:, :, 0] if layer.ndim == 3 else layer).T)
    if flat[0].ndim != 2:
        raise ArgumentError(f"{values.ndim} axes; a picture has two, or three with one slice")
    return flat


def _offset(header: Mapping[str, Any], *, has_layers: bool) -> tuple[int, int]:
    """Return the column and row of the upper left voxel in the picture."""
    directions, origin = header.get("space directions"), header.get("space origin")
    if directions is None or origin is None:
        return 0, 0
    axes = np.array(directions, float)
    axes = axes[1:] if has_layers else axes
    plane = axes[:2, :2]
    if (plane.diagonal() <= 0).any() or np.abs(plane - np.diag(plane.diagonal())).max() > 1e-9:
        raise ArgumentError(
            f"space directions {axes.tolist()}: only pictures whose axes are x and y are read"
        )
    offset = np.array(origin, float)[:2] / plane.diagonal()
    whole = np.round(offset)
    if np.abs(offset - whole).max() > 1e-3:
        raise ArgumentError(f"its origin is {offset.tolist()} pixels, not a whole number")
    return int(whole[0]), int(whole[1])


def _shapes(
    layers: list[np.ndarray], header: Mapping[str, Any], left: int, top: int
) -> tuple[Shape, ...]:
    names: list[dict[int, str]] = [{} for _ in layers]
    number = 0
    while f"Segment{number}_ID" in header or f"Segment{number}_Name" in header:
        value = int(header.get(f"Segment{number}_LabelValue", 1))
        layer = int(header.get(f"Segment{number}_Layer", 0))
        if not 0 <= layer < len(layers):
            raise ArgumentError(f"segment {number} is in layer {layer} of {len(layers)}")
        names[layer][value] = str(header.get(f"Segment{number}_Name", f"Segment_{number + 1}"))
        number += 1
    if not number:
        return tuple(
            shape for layer in layers for shape in shapes_of_values(layer, left=left, top=top)
        )
    return tuple(
        shape
        for layer, named in zip(layers, names, strict=True)
        for shape in shapes_of_values(layer, named, left=left, top=top)
    )
