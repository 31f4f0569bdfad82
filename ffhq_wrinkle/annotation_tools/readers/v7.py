"""V7 Darwin 2.0: a JSON file for each picture, with one raster layer for all masks.

Coordinates are those of corners. Several paths of a polygon are one shape by the even-odd rule. The
raster layer has pairs of value and count, row by row, and each mask has a value in it.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Ellipse, Line, Pixels, Polygon, Shape
from ..export_files import ExportError, ExportFile
from ..geometry import turned_box
from ..json_files import JsonSignature, read_json
from ..runs import repeated

SIGNATURES = (JsonSignature("object", frozenset({"item", "annotations"})),)
_LAYER = "raster_layer"


def read_v7(file: ExportFile) -> Iterator[Annotation]:
    """Yield an annotation for each person who drew on a picture.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    document = read_json(file)
    by_person: dict[tuple[str, ...], list[Shape]] = {}
    try:
        item = document["item"]
        slots = item["slots"]
        if len(slots) != 1:
            raise ExportError(f"{file}: it has {len(slots)} slots; only single images are read")
        size = int(slots[0]["height"]), int(slots[0]["width"])
        layer = next((one for one in document["annotations"] if _LAYER in one), None)
        for number, drawn in enumerate(document["annotations"], start=1):
            if _LAYER not in drawn:
                where = f"{file}, annotation {number}"
                shape = _shape(drawn, number, layer, size, where)
                by_person.setdefault(_people(drawn), []).append(shape)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ExportError(f"{file}: not as V7 writes it: {error!r}") from error
    for people, shapes in by_person.items() or [((), [])]:
        yield Annotation(
            image_name=str(item["name"]),
            shapes=tuple(shapes),
            size=size,
            people=people,
            looked=bool(shapes),
        )


def _people(drawn: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of who drew a shape; the export has them if authorship is included."""
    listed = drawn.get("annotators") or []
    names = [listed[0].get(key) for key in ("full_name", "email")] if listed else []
    return tuple(str(name) for name in names if name)


def _shape(
    drawn: Mapping[str, Any],
    number: int,
    layer: Mapping[str, Any] | None,
    size: tuple[int, int],
    where: str,
) -> Shape:
    kinds = ("mask", "polygon", "line", "ellipse", "bounding_box")  # a polygon has a box, too
    kind = next((one for one in kinds if one in drawn), "tag")
    try:
        areas = () if kind == "tag" else (_area(kind, drawn, layer, size, where),)
    except ArgumentError as error:
        raise ExportError(f"{where}: {error}") from error
    people = drawn.get("annotators") or []
    remark = "several people drew or changed this shape" if len(people) > 1 else ""
    return Shape(kind, str(drawn["name"]), areas, f"annotation {number}", remark)


def _area(
    kind: str,
    drawn: Mapping[str, Any],
    layer: Mapping[str, Any] | None,
    size: tuple[int, int],
    where: str,
) -> Area:
    if kind == "mask":
        return _mask(str(drawn["id"]), layer, size, where)
    geometry = drawn[kind]
    if kind == "polygon":
        paths = geometry["paths"] if "paths" in geometry else [geometry["path"]]
        return Polygon(tuple(_points(path) for path in paths))
    if kind == "line":
        return Line(_points(geometry["path"]))
    if kind == "ellipse":
        ((x, y),) = _points([geometry["center"]])
        ((along, across),) = _points([geometry["radius"]])
        turn = math.degrees(float(geometry.get("angle") or 0))
        return Ellipse((float(x), float(y)), (float(along), float(across)), turn)
    left_top = np.array([geometry["x"], geometry["y"]], float)
    return Polygon(
        (turned_box(left_top, np.array([geometry["w"], geometry["h"]]), 0, about=left_top),)
    )


def _points(path: list[Mapping[str, Any]]) -> np.ndarray:
    return checked_points([[point["x"], point["y"]] for point in path])


def _mask(
    identity: str, layer: Mapping[str, Any] | None, size: tuple[int, int], where: str
) -> Pixels:
    if layer is None:
        raise ExportError(f"{where}: a mask, but the file has no raster layer")
    raster = layer[_LAYER]
    values = raster["mask_annotation_ids_mapping"]
    if identity not in values:
        raise ExportError(f"{where}: the raster layer has no value for the mask {identity}")

    def decode() -> np.ndarray:
        try:
            pairs = np.array(raster["dense_rle"], np.int64).reshape(-1, 2)
            pixels = repeated(pairs[:, 0] == int(values[identity]), pairs[:, 1], size[0] * size[1])
        except (ValueError, TypeError, OverflowError, ArgumentError) as error:
            raise ExportError(f"{where}: {error}") from error
        return pixels.reshape(size)

    return Pixels(decode)
