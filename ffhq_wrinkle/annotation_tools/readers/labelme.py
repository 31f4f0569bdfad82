"""LabelMe (Wada): a JSON file beside each picture.

Coordinates are those of corners. The corners of a mask are inclusive, and its own PNG decides how
large it is, since a mask that was dragged has fractions there. The tool does not say who drew, so
everybody has a folder. It writes no file for pictures that were looked at and left empty.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Ellipse, Line, Pixels, Polygon, Shape
from ..export_files import ExportError, ExportFile
from ..json_files import JsonSignature, read_json
from ..stored_images import base64_bytes, png_levels

SIGNATURES = (JsonSignature("object", frozenset({"shapes", "imagePath"})),)
_NO_PIXELS = ("point", "points")


def read_labelme(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of a LabelMe file.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    document = read_json(file)
    try:
        name = str(document["imagePath"])
        size = _size(document)
        shapes = tuple(
            _shape(shape, number, f"{file}, shape {number}")
            for number, shape in enumerate(document["shapes"], start=1)
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ExportError(f"{file}: not as LabelMe writes it: {error!r}") from error
    yield Annotation(image_name=name, shapes=shapes, size=size)


def _size(document: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = document.get("imageHeight"), document.get("imageWidth")
    return None if height is None or width is None else (int(height), int(width))


def _shape(shape: Mapping[str, Any], number: int, where: str) -> Shape:
    kind = shape.get("shape_type") or "polygon"
    try:
        points = checked_points(shape["points"])
        areas = _areas(kind, points, shape, where)
    except ArgumentError as error:
        raise ExportError(f"{where}: {error}") from error
    label = shape.get("label")
    return Shape(kind, None if label is None else str(label), areas, f"shape {number}")


def _areas(kind: str, points: np.ndarray, shape: Mapping[str, Any], where: str) -> tuple[Area, ...]:
    if kind in _NO_PIXELS:
        return ()
    if kind == "mask":
        return (_mask(points, shape.get("mask"), where),)
    if kind in ("linestrip", "line"):
        return (Line(points),)
    if kind in ("polygon", "oriented_rectangle"):
        return (Polygon((points,)),)
    if kind == "rectangle":
        (left, top), (right, bottom) = _two(points, where)
        return (Polygon((np.array([[left, top], [right, top], [right, bottom], [left, bottom]]),)),)
    if kind == "circle":
        centre, edge = _two(points, where)
        radius = float(np.linalg.norm(edge - centre))
        return (Ellipse((float(centre[0]), float(centre[1])), (radius, radius)),)
    raise ExportError(f"{where}: a shape of the type {kind!r}, which is not known")


def _two(points: np.ndarray, where: str) -> np.ndarray:
    if len(points) != 2:
        raise ExportError(f"{where}: it has {len(points)} points, not two")
    return points


def _mask(points: np.ndarray, stored: object, where: str) -> Pixels:
    corners = _two(points, where)
    left, top = (math.floor(value + 0.5) for value in corners.min(axis=0))
    whole = bool((corners == np.round(corners)).all())

    def decode() -> np.ndarray:
        pixels = png_levels(base64_bytes(stored, where), where, values=True)
        width, height = (np.ptp(corners, axis=0) + 1).astype(int)
        if whole and pixels.shape != (height, width):
            raise ExportError(
                f"{where}: its mask is {pixels.shape[1]}x{pixels.shape[0]}, but its box is "
                f"{width}x{height}"
            )
        return pixels > 0

    return Pixels(decode, left, top, may_leave=not whole)
