"""napari: a layer of labels as TIFF, or a layer of shapes as CSV, named after the image.

napari's whole numbers are the centres of pixels, and its first axis is that of rows. Its labels
have 32 bits; each value but 0 is a class, by its number. A layer does not say who drew, so
everybody has a folder, and a CSV has neither widths nor the size of the image.
"""

import csv
import math
from collections.abc import Iterator

import numpy as np

from ...errors import ArgumentError, ImageError
from ...images.opening import opened
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Ellipse, Line, Polygon, Shape
from ..export_files import ExportError, ExportFile
from .label_values import shapes_of_values

_COLUMNS = ("index", "shape-type", "vertex-index")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_napari_shapes(file: ExportFile) -> bool:
    """Return whether a file is a CSV of shapes."""
    return file.head.lstrip(b"\xef\xbb\xbf").startswith(",".join(_COLUMNS).encode())


def is_napari_labels(file: ExportFile) -> bool:
    """Return whether a file is a TIFF of 32-bit numbers, as napari writes labels."""
    if not file.head.startswith(_TIFF):
        return False
    try:
        with opened(file.content(), also=("I",)) as image:
            return image.mode == "I"
    except ImageError:
        return False


def read_napari_labels(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of a layer of labels, with a shape for each value.

    Raises
    ------
    ExportError
        The file is damaged.
    """
    try:
        with opened(file.content(), also=("I",)) as image:
            values = np.array(image)
    except ImageError as error:
        raise ExportError(f"{file}: {error}") from error
    if values.ndim != 2:
        raise ExportError(f"{file}: labels should have two dimensions, have {values.ndim}")
    yield Annotation(
        image_name=file.stem,
        shapes=shapes_of_values(values),
        size=(values.shape[0], values.shape[1]),
    )


def read_napari_shapes(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of a layer of shapes.

    Raises
    ------
    ExportError
        The file is damaged, or has other than two axes.
    """
    text = file.content().decode("utf-8-sig", "replace")
    rows = csv.reader(text.splitlines())
    header = next(rows, [])
    if tuple(header) != (*_COLUMNS, "axis-0", "axis-1"):
        raise ExportError(
            f"{file}: its columns are {', '.join(header)}; shapes of two axes have "
            f"{', '.join(_COLUMNS)}, axis-0, axis-1"
        )
    corners: dict[int, list[tuple[float, float]]] = {}
    kinds: dict[int, str] = {}
    for line, row in enumerate(rows, start=2):
        try:
            index, kind, _, down, right = row
            corners.setdefault(int(float(index)), []).append(
                (float(right) + 0.5, float(down) + 0.5)
            )
            kinds[int(float(index))] = kind
        except ValueError as error:
            raise ExportError(f"{file}:{line}: not a row of shapes: {error}") from error
    try:
        shapes = tuple(
            Shape(
                kinds[index], None, (_area(kinds[index], checked_points(points)),), f"shape {index}"
            )
            for index, points in corners.items()
        )
    except ArgumentError as error:
        raise ExportError(f"{file}: {error}") from error
    yield Annotation(image_name=file.stem, shapes=shapes)


def _area(kind: str, points: np.ndarray) -> Area:
    if kind in ("path", "line"):
        return Line(points)
    if kind in ("polygon", "rectangle"):
        return Polygon((points,))
    if kind == "ellipse" and len(points) == 4:
        along, across = points[1] - points[0], points[3] - points[0]
        centre = points.mean(axis=0)
        return Ellipse(
            (float(centre[0]), float(centre[1])),
            (float(np.linalg.norm(along)) / 2, float(np.linalg.norm(across)) / 2),
            math.degrees(math.atan2(along[1], along[0])),
        )
    raise ArgumentError(f"a shape of the type {kind!r} with {len(points)} corners is not known")
