"""VGG Image Annotator (VIA): projects and annotations of versions 1 to 3, in JSON.

Coordinates are those of corners. The files have no sizes of images. VIA does not say who drew, so
everybody has a file.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import ijson
import numpy as np

from ...errors import ArgumentError
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Ellipse, Line, Polygon, Shape
from ..export_files import ExportError, ExportFile
from ..geometry import turned_box
from ..json_files import JsonErrors, JsonSignature, read_json, skip_mark

_IMAGES = "_via_img_metadata"
SIGNATURES_2 = (
    JsonSignature("object", frozenset({_IMAGES})),
    JsonSignature("values", frozenset({"filename", "regions"})),
)
SIGNATURES_3 = (JsonSignature("object", frozenset({"project", "file", "metadata"})),)
_LABEL_NAMES = ("label", "class", "name", "type")  # attributes that mean a class, best first
_KINDS_3 = {
    1: "point", 2: "rect", 3: "circle", 4: "ellipse", 5: "line", 6: "polyline", 7: "polygon",
    8: "rect", 9: "circle",
}  # fmt: skip


def read_via2(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of each image of a project, or of annotations, of VIA 1 or 2.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    is_project = f'"{_IMAGES}"'.encode() in file.content()
    prefix = _IMAGES if is_project else ""
    with file.opened() as content, JsonErrors(file):
        for key, image in ijson.kvitems(skip_mark(content), prefix, use_float=True):
            try:
                regions = image["regions"]
                listed = regions.values() if isinstance(regions, Mapping) else regions
                shapes = tuple(
                    _region(region, number, f"{file}, image {image['filename']}, region {number}")
                    for number, region in enumerate(listed, start=1)
                )
                name = str(image["filename"])
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise ExportError(f"{file}, {key}: not as VIA writes it: {error!r}") from error
            yield Annotation(image_name=name, shapes=shapes, looked=bool(shapes))


def _region(region: Mapping[str, Any], number: int, where: str) -> Shape:
    geometry = region["shape_attributes"]
    kind = str(geometry["name"])
    try:
        areas = _areas(kind, geometry, where)
    except ArgumentError as error:
        raise ExportError(f"{where}: {error}") from error
    return Shape(kind, _label(region.get("region_attributes")), areas, f"region {number}")


def _label(attributes: object) -> str | None:
    if not isinstance(attributes, Mapping):
        return None
    named = [key for key in _LABEL_NAMES if attributes.get(key)]
    named += [key for key, value in attributes.items() if value and key not in named]
    if not named:
        return "" if attributes else None
    value = attributes[named[0]]
    if isinstance(value, Mapping):  # ticked boxes
        return ", ".join(sorted(str(key) for key, ticked in value.items() if ticked))
    return str(value)


def _areas(kind: str, geometry: Mapping[str, Any], where: str) -> tuple[Area, ...]:
    if kind == "point":
        return ()
    if kind in ("polygon", "polyline"):
        x, y = geometry["all_points_x"], geometry["all_points_y"]
        if len(x) != len(y):
            raise ArgumentError(f"it has {len(x)} x and {len(y)} y")
        points = checked_points(np.stack([x, y], axis=1) if x else [])
        return (Polygon((points,)),) if kind == "polygon" else (Line(points),)
    if kind == "rect":
        left_top = np.array([geometry["x"], geometry["y"]], float)
        size = np.array([geometry["width"], geometry["height"]], float)
        return (Polygon((turned_box(left_top, size, 0, about=left_top),)),)
    if kind in ("circle", "ellipse"):
        first = float(geometry["r" if kind == "circle" else "rx"])
        second = float(geometry["r" if kind == "circle" else "ry"])
        turn = math.degrees(float(geometry.get("theta") or 0))
        return (Ellipse((float(geometry["cx"]), float(geometry["cy"])), (first, second), turn),)
    raise ExportError(f"{where}: a shape called {kind!r}, which is not known")


def read_via3(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of each image of a project of VIA 3.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    document = read_json(file)
    shapes: dict[str, list[Shape]] = {}
    try:
        names = {str(key): str(entry["fname"]) for key, entry in document["file"].items()}
        views = {
            str(key): [str(name) for name in view["fid_list"]]
            for key, view in (document.get("view") or {}).items()
        }
        attributes = document.get("attribute") or {}
        for number, (key, drawn) in enumerate(document["metadata"].items(), start=1):
            if not drawn.get("xy"):
                continue  # a span of time, or a label of the whole image
            view = str(drawn["vid"])
            files = views.get(view, [view])
            if len(files) != 1 or files[0] not in names:
                raise ExportError(f"{file}, {key}: its view {view} is not of one image")
            shape = _shape3(drawn, number, attributes, f"{file}, metadata {key}")
            shapes.setdefault(files[0], []).append(shape)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ExportError(f"{file}: not as VIA 3 writes it: {error!r}") from error
    for key, name in names.items():
        listed = tuple(shapes.get(key, ()))
        yield Annotation(image_name=name, shapes=listed, looked=bool(listed))


def _shape3(
    drawn: Mapping[str, Any], number: int, attributes: Mapping[str, Any], where: str
) -> Shape:
    code, *values = drawn["xy"]
    kind = _KINDS_3.get(int(code))
    if kind is None:
        raise ExportError(f"{where}: a shape of the number {code}, which is not known")
    try:
        areas = _areas3(kind, values)
    except (ArgumentError, ValueError) as error:
        raise ExportError(f"{where}: {error}") from error
    return Shape(kind, _label(_named(drawn.get("av") or {}, attributes)), areas, f"shape {number}")


def _named(values: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of attributes by their names; options have numbers."""
    named = {}
    for key, value in values.items():
        attribute = attributes.get(key) or {}
        options = attribute.get("options") or {}
        named[str(attribute.get("aname", key))] = options.get(str(value), value)
    return named


def _areas3(kind: str, values: list[float]) -> tuple[Area, ...]:
    if kind == "point":
        return ()
    if kind == "rect":
        left, top, width, height = map(float, values)
        left_top = np.array([left, top])
        return (Polygon((turned_box(left_top, np.array([width, height]), 0, about=left_top),)),)
    if kind == "circle":
        x, y, radius = map(float, values)
        return (Ellipse((x, y), (radius, radius)),)
    if kind == "ellipse":
        x, y, along, across = map(float, values[:4])
        return (Ellipse((x, y), (along, across)),)
    points = checked_points(values)
    return (Polygon((points,)),) if kind == "polygon" else (Line(points),)
