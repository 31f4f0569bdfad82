"""QuPath: GeoJSON, as a collection of features or a bare list of them.

Coordinates are those of corners, in pixels of the full resolution; brushes have corners on the
edges of pixels. The file names neither its image nor its annotator: it is called as the image, and
its folder as the annotator.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import ijson

from ...errors import ArgumentError
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Line, Polygon, Shape
from ..export_files import ExportError, ExportFile
from ..json_files import JsonErrors, JsonSignature, matching_signature, skip_mark

SIGNATURES = (
    JsonSignature("object", frozenset({"type", "features"})),
    JsonSignature("first", frozenset({"type", "geometry"})),
)


def read_qupath(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of a GeoJSON file.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    prefix = (
        "item" if file.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") else "features.item"
    )
    if prefix != "item" and matching_signature(file, SIGNATURES) is None:
        raise ExportError(f"{file}: it has no features, as GeoJSON of QuPath has")
    shapes = []
    with file.opened() as content, JsonErrors(file):
        features = ijson.items(skip_mark(content), prefix, use_float=True)
        for number, feature in enumerate(features, start=1):
            where = f"{file}, feature {number}"
            try:
                shapes.append(_shape(feature, number, where))
            except ArgumentError as error:
                raise ExportError(f"{where}: {error}") from error
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise ExportError(f"{where}: not as QuPath writes it: {error!r}") from error
    yield Annotation(image_name=_image_name(file), shapes=tuple(shapes), looked=bool(shapes))


def _image_name(file: ExportFile) -> str:
    """Return the file's name without ``.geojson``; it may keep the suffix of the image."""
    return file.stem


def _shape(feature: Mapping[str, Any], number: int, where: str) -> Shape:
    properties = feature.get("properties") or {}
    classification = properties.get("classification") or {}
    geometry = feature["geometry"]
    areas = tuple(_areas(geometry, where))
    return Shape(
        str(geometry["type"]), str(classification.get("name") or ""), areas, f"feature {number}"
    )


def _areas(geometry: Mapping[str, Any], where: str) -> Iterator[Area]:
    kind = geometry["type"]
    if kind == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _areas(part, where)
        return
    coordinates = geometry["coordinates"]
    if kind == "Polygon":
        yield _polygon(coordinates)
    elif kind == "MultiPolygon":
        yield from map(_polygon, coordinates)
    elif kind == "LineString":
        yield _line(coordinates)
    elif kind == "MultiLineString":
        yield from map(_line, coordinates)
    elif kind not in ("Point", "MultiPoint"):
        raise ExportError(f"{where}: a geometry of the type {kind!r}, which is not known")


def _polygon(rings: list[Any]) -> Polygon:
    return Polygon(tuple(checked_points([point[:2] for point in ring]) for ring in rings))


def _line(points: list[Any]) -> Line:
    return Line(checked_points([point[:2] for point in points]))
