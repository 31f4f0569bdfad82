"""Label Studio: JSON and JSON-MIN, with brushes, bitmasks, polygons, vectors and boxes.

Coordinates are those of corners, in per cent of width and height. JSON has everything; JSON-MIN
lacks skipped tasks, drafts, and who changed whose annotation. A brush is a list of up to a million
numbers, which is cut out of the text before that is parsed, and decoded when its pixels are needed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...images.rasters import checked_points, curve_points
from ..annotation import Annotation, Area, Ellipse, Line, Pixels, Polygon, Shape, State
from ..export_files import ExportError, ExportFile
from ..geometry import turned_box
from ..json_files import JsonSignature, array_elements, parse_json
from ..rle_pack import decode_alpha
from ..stored_images import base64_bytes, png_levels

SIGNATURES = (
    JsonSignature("first", frozenset({"annotations", "data"})),
    JsonSignature("first", frozenset({"annotation_id", "annotator"})),
)
_RLE = re.compile(rb'("rle"\s*:\s*)\[([0-9,\s]*)\]')
_IMAGE = re.compile(r"\.(png|jpe?g|webp|tiff?|bmp)\b", re.IGNORECASE)
_NO_PIXELS = ("keypointlabels", "keypoint")
_SUFFIX = "labels"  # the key of a region's labels ends so: "brushlabels", "labels"


def read_label_studio(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotations of a Label Studio export, in JSON or JSON-MIN.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    for number, content in enumerate(array_elements(file), start=1):
        runs: list[bytes] = []

        def cut(match: re.Match[bytes], runs: list[bytes] = runs) -> bytes:
            runs.append(match[2])
            return match[1] + str(len(runs) - 1).encode()

        task = parse_json(_RLE.sub(cut, content), f"{file}, element {number}")
        try:
            yield from _Task(file, task, runs).annotations()
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ExportError(
                f"{file}, task {task.get('id', number)}: not as Label Studio writes it: {error!r}"
            ) from error


class _Task:
    """One element of an export: a task with its annotations, or in JSON-MIN one annotation."""

    def __init__(self, file: ExportFile, task: Mapping[str, Any], runs: list[bytes]) -> None:
        self.file = file
        self.task = task
        self.runs = runs
        self.where = f"task {task.get('id')}"

    def annotations(self) -> Iterator[Annotation]:
        if "annotations" not in self.task:
            yield self._minimal()
            return
        name = _image_name(self.task)
        for annotation in self.task["annotations"]:
            yield self._annotation(name, annotation)
        for draft in self.task.get("drafts") or ():
            whole = draft if isinstance(draft, Mapping) else {}
            yield Annotation(
                image_name=name,
                shapes=(),
                people=_people(whole.get("user")),
                state=State.DRAFT,
                submission=f"{self.where}, draft {whole.get('id', draft)}",
            )
        for prediction in self.task.get("predictions") or ():
            whole = prediction if isinstance(prediction, Mapping) else {}
            yield Annotation(
                image_name=name,
                shapes=(),
                state=State.PREDICTION,
                submission=f"{self.where}, prediction {whole.get('id', prediction)}",
            )

    def _annotation(self, name: str, annotation: Mapping[str, Any]) -> Annotation:
        submission = f"{self.where}, annotation {annotation.get('id')}"
        people = _people(annotation.get("completed_by"))
        remarks = []
        changed_by = _people(annotation.get("updated_by"))
        if changed_by and people and changed_by[0] not in people:
            remarks.append("somebody else changed it with the Update button")
        parent = annotation.get("parent_annotation")
        if parent is not None:
            remarks.append(f"begun as a copy of annotation {parent}: not independent")
        if annotation.get("parent_prediction") is not None:
            remarks.append("begun from a prediction: not independent")
        regions = [region for region in annotation["result"] if "value" in region]
        shapes, size = self._shapes(
            [
                (
                    region["value"],
                    region,
                    str(region.get("type") or ""),
                    str(region.get("id") or number),
                )
                for number, region in enumerate(regions, start=1)
            ],
            submission,
        )
        return Annotation(
            image_name=name,
            shapes=shapes,
            size=size,
            people=people,
            state=State.SKIPPED if annotation.get("was_cancelled") else State.SUBMITTED,
            submission=submission,
            submitted=str(annotation.get("updated_at") or annotation.get("created_at") or ""),
            remarks=tuple(remarks),
        )

    def _minimal(self) -> Annotation:
        """Return the annotation of an element of JSON-MIN, where each control has a list."""
        submission = f"{self.where}, annotation {self.task['annotation_id']}"
        regions = [
            (region, region, "", f"{control} {number}")
            for control, listed in self.task.items()
            if isinstance(listed, list)
            for number, region in enumerate(listed, start=1)
            if isinstance(region, Mapping) and "original_width" in region
        ]
        shapes, size = self._shapes(regions, submission)
        return Annotation(
            image_name=_image_name({"data": self.task}),
            shapes=shapes,
            size=size,
            people=_people(self.task["annotator"]),
            submission=submission,
            submitted=str(self.task.get("updated_at") or ""),
        )

    def _shapes(
        self, regions: list[tuple[Mapping[str, Any], Mapping[str, Any], str, str]], submission: str
    ) -> tuple[tuple[Shape, ...], tuple[int, int] | None]:
        """Return the shapes of regions, each with its value, sizes, type and place."""
        size: tuple[int, int] | None = None
        shapes: list[tuple[Shape, bytes | str]] = []
        for value, sizes, kind, place in regions:
            if not _has_area(value):
                continue  # a choice, a rating or a text
            region_size = int(sizes["original_height"]), int(sizes["original_width"])
            where = f"{self.file}, {submission}, region {place}"
            if size is not None and region_size != size:
                raise ExportError(f"{where}: its image has another size than that of other regions")
            size = region_size
            try:
                areas, remark = self._areas(value, size, where)
            except ArgumentError as error:
                raise ExportError(f"{where}: {error}") from error
            labels = next((value[key] for key in value if key.endswith(_SUFFIX)), None) or [""]
            kind = _kind(kind, value)
            identity = self.runs[value["rle"]] if isinstance(value.get("rle"), int) else place
            shapes += [
                (Shape(kind, label, areas, f"region {place}", remark), identity) for label in labels
            ]
        # With <Labels> and <Brush>, every region is there twice, once without a label.
        labelled = {identity for shape, identity in shapes if shape.label}
        kept = tuple(shape for shape, identity in shapes if shape.label or identity not in labelled)
        return kept, size

    def _areas(
        self, value: Mapping[str, Any], size: tuple[int, int], where: str
    ) -> tuple[tuple[Area, ...], str]:
        height, width = size
        per_cent = np.array([width, height]) / 100
        if "rle" in value:
            return (self._brush(value["rle"], size, where),), ""
        if "imageDataURL" in value:
            return (_bitmask(value["imageDataURL"], size, where),), ""
        if "vertices" in value:
            points = _path(value["vertices"], per_cent, closed=bool(value.get("closed")))
            return ((Polygon((points,)) if value.get("closed") else Line(points)),), ""
        if "points" in value:
            points = checked_points(value["points"]) * per_cent
            return ((Line(points) if value.get("closed") is False else Polygon((points,))),), ""
        if "radiusX" in value:
            centre = np.array([value["x"], value["y"]], float) * per_cent
            radii = np.array([value["radiusX"], value["radiusY"]], float) * per_cent
            turn = float(value.get("rotation") or 0)
            return (Ellipse((centre[0], centre[1]), (radii[0], radii[1]), turn),), ""
        if "touches" in value:
            return (), "a brush that the tool has not turned into pixels, as in drafts"
        if "height" not in value or any(key in _NO_PIXELS for key in value):
            return (), ""
        left_top = np.array([value["x"], value["y"]], float) * per_cent
        box_wh = np.array([value["width"], value["height"]], float) * per_cent
        corners = turned_box(left_top, box_wh, float(value.get("rotation") or 0), about=left_top)
        return (Polygon((corners,)),), ""

    def _brush(self, number: object, size: tuple[int, int], where: str) -> Pixels:
        if not isinstance(number, int):
            raise ExportError(f"{where}: its rle is not a list of whole numbers")
        text = self.runs[number]

        def decode() -> np.ndarray:
            try:
                values = np.fromstring(text, np.int64, sep=",")
                if values.size and values.max() > 255:
                    raise ArgumentError(f"its rle has the value {values.max()}, which is above 255")
                return decode_alpha(values.astype(np.uint8), size[0] * size[1]).reshape(size)
            except (ArgumentError, ValueError, DeprecationWarning) as error:
                raise ExportError(f"{where}: {error}") from error

        return Pixels(decode)


def _kind(kind: str, value: Mapping[str, Any]) -> str:
    """Return the tool's word for a region, without "labels"."""
    kinds = {"rle": "brush", "imageDataURL": "bitmask", "vertices": "vector", "points": "polygon"}
    told = kind.removesuffix(_SUFFIX)
    return told or next((word for key, word in kinds.items() if key in value), "region")


def _has_area(value: Mapping[str, Any]) -> bool:
    keys = {"rle", "imageDataURL", "vertices", "points", "touches", "x"}
    return not keys.isdisjoint(value)


def _bitmask(address: object, size: tuple[int, int], where: str) -> Pixels:
    def decode() -> np.ndarray:
        levels = png_levels(base64_bytes(address, where), where)
        if levels.shape != size:
            raise ExportError(
                f"{where}: its bitmask is {levels.shape[1]}x{levels.shape[0]}, but its image is "
                f"{size[1]}x{size[0]}"
            )
        return levels

    return Pixels(decode)


def _path(vertices: list[Mapping[str, Any]], per_cent: np.ndarray, *, closed: bool) -> np.ndarray:
    """Return the points of a path of straight pieces and Bezier curves."""
    corners = [np.array([vertex["x"], vertex["y"]], float) * per_cent for vertex in vertices]
    points = [corner[None] for corner in corners[:1]]
    pieces = range(1, len(vertices) + closed)
    for index in pieces:
        before, after = vertices[index - 1], vertices[index % len(vertices)]
        start, end = corners[index - 1], corners[index % len(vertices)]
        out, into = before.get("controlPoint2"), after.get("controlPoint1")
        if not out and not into:
            points.append(end[None])
            continue
        first, second = (
            np.array([control["x"], control["y"]], float) * per_cent if control else corner
            for control, corner in ((out, start), (into, end))
        )
        points.append(curve_points(start, first, second, end)[1:])
    return checked_points(np.concatenate(points)) if points else np.zeros((0, 2))


def _image_name(task: Mapping[str, Any]) -> str:
    """Return the name of a task's image: its data have one under a name that the project chose."""
    data = task.get("data") or {}
    texts = [value for value in data.values() if isinstance(value, str)]
    preferred = [data["image"]] if isinstance(data.get("image"), str) else []
    names = [text for text in (*preferred, *texts) if _IMAGE.search(text[:2000])]
    name = names[0] if names else task.get("file_upload") or (preferred or [""])[0]
    if not name or name.startswith("data:"):
        raise ValueError("its data name no image")
    return str(name)


def _people(person: object) -> tuple[str, ...]:
    """Return the names of a person: a number, or an object with a number and an address."""
    if isinstance(person, Mapping):
        names = (person.get(key) for key in ("id", "username", "email"))
        return tuple(str(name) for name in names if name not in (None, ""))
    return () if person is None else (str(person),)
