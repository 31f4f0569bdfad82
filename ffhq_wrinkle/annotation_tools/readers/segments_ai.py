"""Segments.ai: the JSON of a release, with its bitmaps in files beside it.

A bitmap is RGBA, and a pixel's object is R + 256 G + 65536 B. The JSON has addresses of bitmaps;
the tool's own package downloads them under the name of the sample. Coordinates of polygons are
those of corners.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ...errors import ArgumentError, ImageError
from ...images.opening import opened
from ...images.photographs import stored_pixels
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Line, Polygon, Shape, State
from ..export_files import ExportError, ExportFile
from ..geometry import turned_box
from ..json_files import JsonSignature, read_json
from .label_values import shapes_of_values

SIGNATURES = (JsonSignature("object", frozenset({"name", "dataset"})),)
_SKIPPED = ("SKIPPED",)
_NOT_BEGUN = ("UNLABELED", "PRELABELED", "LABELING_IN_PROGRESS")


def read_segments_ai(file: ExportFile) -> Iterator[Annotation]:
    """Yield an annotation for each sample and set of labels of a release.

    Raises
    ------
    ExportError
        The file is damaged, or a bitmap is not beside it.
    """
    document = read_json(file)
    try:
        dataset = document["dataset"]
        listed = (dataset.get("task_attributes") or {}).get("categories") or []
        categories = {int(one["id"]): str(one["name"]) for one in listed}
        for sample in dataset["samples"]:
            for name, label in (sample.get("labels") or {}).items():
                if label:
                    yield _annotation(file, sample, str(name), label, categories)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ExportError(f"{file}: not as Segments.ai writes it: {error!r}") from error


def _annotation(
    file: ExportFile,
    sample: Mapping[str, Any],
    labelset: str,
    label: Mapping[str, Any],
    categories: Mapping[int, str],
) -> Annotation:
    status = str(label.get("label_status") or "")
    state = State.SKIPPED if status in _SKIPPED else State.SUBMITTED
    state = State.DRAFT if status in _NOT_BEGUN else state
    name = str(sample["name"])
    where = f"{file}, sample {name}, {labelset}"
    attributes = label.get("attributes") or {}
    shapes: tuple[Shape, ...] = ()
    size = None
    if state is State.SUBMITTED and attributes.get("segmentation_bitmap"):
        values = _bitmap(file, name, labelset, attributes["segmentation_bitmap"], where)
        size = (values.shape[0], values.shape[1])
        names = {
            int(one["id"]): categories.get(int(one["category_id"]), str(one["category_id"]))
            for one in attributes.get("annotations") or ()
        }
        shapes = shapes_of_values(values, names)
    elif state is State.SUBMITTED:
        shapes = tuple(
            _shape(one, number, categories, f"{where}, annotation {number}")
            for number, one in enumerate(attributes.get("annotations") or (), start=1)
        )
    return Annotation(
        image_name=name,
        shapes=shapes,
        size=size,
        people=(labelset,),
        state=state,
        submission=labelset,
        submitted=str(label.get("updated_at") or label.get("created_at") or ""),
        looked=bool(shapes) or status in ("LABELED", "REVIEWED"),
    )


def _bitmap(
    file: ExportFile, name: str, labelset: str, bitmap: Mapping[str, Any], where: str
) -> np.ndarray:
    address = PurePosixPath(urlsplit(str(bitmap.get("url") or "")).path).name
    stem = PurePosixPath(name).stem
    wanted = [address, f"{stem}_label_{labelset}.png", f"{stem}.png"]
    stored = next((one for one in map(file.beside, filter(None, wanted)) if one), None)
    if stored is None:
        raise ExportError(
            f"{where}: its bitmap is not beside the JSON, under none of the names "
            f"{', '.join(filter(None, wanted))}; download it"
        )
    content = stored.content()
    try:
        with opened(content) as image:
            pixels = stored_pixels(image, content)
    except ImageError as error:
        raise ExportError(f"{stored}: {error}") from error
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] < 3:
        return pixels[:, :, 0]
    return pixels[:, :, :3].astype(np.int64) @ np.array([1, 1 << 8, 1 << 16])


def _shape(
    drawn: Mapping[str, Any], number: int, categories: Mapping[int, str], where: str
) -> Shape:
    kind = str(drawn.get("type") or "")
    category = drawn.get("category_id")
    label = None if category is None else categories.get(int(category), str(category))
    try:
        points = checked_points(drawn.get("points") or [])
    except ArgumentError as error:
        raise ExportError(f"{where}: {error}") from error
    areas: tuple[Area, ...] = ()
    if kind == "polygon":
        areas = (Polygon((points,)),)
    elif kind == "polyline":
        areas = (Line(points),)
    elif kind == "bbox" and len(points) == 2:
        size = points[1] - points[0]
        areas = (Polygon((turned_box(points[0], size, 0, about=points[0]),)),)
    elif kind != "point":
        raise ExportError(f"{where}: a shape of the type {kind!r}, which is not known")
    return Shape(kind, label, areas, f"annotation {number}")
