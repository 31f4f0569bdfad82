"""Supervisely: a JSON file for each picture, named after it; each object names who drew it.

Coordinates are those of corners, as the tool's page writes them. A bitmap is PNG, perhaps packed by
zlib, in base64; its alpha counts if it has one.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Line, Pixels, Polygon, Shape
from ..export_files import MAX_BYTES, ExportError, ExportFile
from ..geometry import turned_box
from ..json_files import JsonSignature, read_json
from ..stored_images import base64_bytes, png_levels

SIGNATURES = (JsonSignature("object", frozenset({"size", "objects"})),)
_BITMAPS = ("bitmap", "alpha_mask", "alphaMask")
_LINES = ("line", "polyline")
_NO_PIXELS = ("point", "graph", "cuboid", "cuboid_2d", "any")


def read_supervisely(file: ExportFile) -> Iterator[Annotation]:
    """Yield an annotation for each person who drew objects on a picture.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    document = read_json(file)
    by_person: dict[tuple[str, ...], list[tuple[Shape, str]]] = {}
    try:
        size = int(document["size"]["height"]), int(document["size"]["width"])
        for number, figure in enumerate(document["objects"], start=1):
            shape = _shape(figure, number, f"{file}, object {number}")
            login = figure.get("labelerLogin")
            people: tuple[str, ...] = (str(login),) if login else ()
            saved = str(figure.get("updatedAt") or "")
            by_person.setdefault(people, []).append((shape, saved))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ExportError(f"{file}: not as Supervisely writes it: {error!r}") from error
    for people, drawn in by_person.items() or [((), [])]:
        yield Annotation(
            image_name=file.stem,
            shapes=tuple(shape for shape, _ in drawn),
            size=size,
            people=people,
            submitted=max((saved for _, saved in drawn), default=""),
            looked=bool(drawn),
        )


def _shape(figure: Mapping[str, Any], number: int, where: str) -> Shape:
    kind = str(figure.get("geometryType") or "")
    try:
        areas = _areas(kind, figure, where)
    except ArgumentError as error:
        raise ExportError(f"{where}: {error}") from error
    title = figure.get("classTitle")
    return Shape(kind, None if title is None else str(title), areas, f"object {number}")


def _areas(kind: str, figure: Mapping[str, Any], where: str) -> tuple[Area, ...]:
    if kind in _NO_PIXELS:
        return ()
    if kind in _BITMAPS:
        bitmap = figure["bitmap"]
        left, top = (int(value) for value in bitmap["origin"])
        return (Pixels(lambda: _bitmap(bitmap["data"], where), left, top),)
    exterior = checked_points(figure["points"]["exterior"])
    if kind in _LINES:
        return (Line(exterior),)
    if kind == "polygon":
        holes = (checked_points(ring) for ring in figure["points"].get("interior") or ())
        return (Polygon((exterior, *holes)),)
    if kind == "rectangle":
        left_top, right_bottom = exterior.min(axis=0), exterior.max(axis=0)
        corners = turned_box(left_top, right_bottom - left_top, 0, about=left_top)
        return (Polygon((corners,)),)
    raise ExportError(f"{where}: a geometry of the type {kind!r}, which is not known")


def _bitmap(text: object, where: str) -> np.ndarray:
    content = base64_bytes(text, where)
    if not content.startswith(b"\x89PNG"):
        try:
            content = zlib.decompressobj().decompress(content, MAX_BYTES)
        except zlib.error as error:
            raise ExportError(f"{where}: its bitmap is neither PNG nor packed: {error}") from error
    return png_levels(content, where, values=True)
