"""CVAT: "CVAT for images 1.1" and "CVAT for video 1.1", XML.

Coordinates are those of corners, as (x, y). A `<mask>` has runs row by row within its box. The
export of a job names its assignee; that of a project names the assignee of each of its tasks.
"""

import math
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ...errors import ArgumentError
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Ellipse, Line, Pixels, Polygon, Shape
from ..export_files import ExportError, ExportFile
from ..geometry import turned_box
from ..runs import runs_mask

_NO_PIXELS = {"points", "cuboid", "skeleton", "tag"}
_SHAPES = {"mask", "polygon", "polyline", "box", "ellipse", *_NO_PIXELS}


def is_cvat(file: ExportFile) -> bool:
    """Return whether a file is an XML export of CVAT."""
    head = file.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and b"<annotations" in head


def read_cvat(file: ExportFile) -> Iterator[Annotation]:
    """Yield an annotation for each image, or each frame of a video, of a CVAT export.

    Raises
    ------
    ExportError
        The file is not complete XML of CVAT, or declares entities.
    """
    reader = _Reader(file)
    try:
        with file.opened() as content:
            yield from reader.annotations(content)
    except DefusedXmlException as error:
        raise ExportError(
            f"{file}: it declares XML entities, as no export of CVAT does; it was not read"
        ) from error
    except ParseError as error:
        line, column = error.position
        raise ExportError(
            f"{file}:{line}: damaged or cut short at column {column}: {error}"
        ) from error


class _Reader:
    """The state of reading one file: who drew, and the frames of tracks."""

    def __init__(self, file: ExportFile) -> None:
        self.file = file
        self.people: tuple[str, ...] = ()
        self.people_of_task: dict[str, tuple[str, ...]] = {}
        self.submitted = ""
        self.submission = ""
        self.size: tuple[int, int] | None = None
        self.frames: range | None = None
        self.tracked: dict[int, list[Shape]] = {}

    def annotations(self, content: Any) -> Iterator[Annotation]:  # noqa: ANN401  # a binary file
        depth = 0
        root: Element | None = None
        for event, element in iterparse(content, events=("start", "end")):
            if event == "start":
                depth += 1
                root = element if root is None else root
                continue
            depth -= 1
            if depth != 1:
                continue
            if element.tag == "meta":
                self._take_meta(element)
            elif element.tag == "image":
                yield self._image(element)
            elif element.tag == "track":
                self._take_track(element)
            if root is not None:
                root.clear()  # memory does not grow with the number of images
        yield from self._video()

    def _take_meta(self, meta: Element) -> None:
        for kind in ("job", "task", "project"):
            about = meta.find(kind)
            if about is None:
                continue
            self.people = _people(about.find("assignee"))
            self.submitted = about.findtext("updated") or ""
            self.submission = f"{kind} {about.findtext('id')}" if about.findtext("id") else ""
            for task in about.iterfind("tasks/task"):
                self.people_of_task[task.findtext("id") or ""] = _people(task.find("assignee"))
            start, stop = about.findtext("start_frame"), about.findtext("stop_frame")
            if start and stop and start.isdigit() and stop.isdigit():
                self.frames = range(int(start), int(stop) + 1)
        size = meta.find(".//original_size")
        if size is not None:
            self.size = (
                _whole(size.findtext("height"), self.file, "original_size"),
                _whole(size.findtext("width"), self.file, "original_size"),
            )

    def _image(self, image: Element) -> Annotation:
        name = image.get("name") or ""
        where = f"image {name or image.get('id')}"
        if not name:
            raise ExportError(f"{self.file}: {where} has no name")
        size = (
            _whole(image.get("height"), self.file, where),
            _whole(image.get("width"), self.file, where),
        )
        shapes = tuple(
            self._shape(shape, f"shape {number}", f"{where}, shape {number}")
            for number, shape in enumerate(
                (child for child in image if child.tag in _SHAPES), start=1
            )
        )
        task = image.get("task_id") or ""
        return Annotation(
            image_name=name,
            shapes=shapes,
            size=size,
            people=self.people_of_task.get(task) or self.people,
            submission=f"task {task}" if task else self.submission,
            submitted=self.submitted,
            looked=bool(shapes),
        )

    def _take_track(self, track: Element) -> None:
        number = track.get("id") or "?"
        label = track.get("label")
        for shape in track:
            if shape.tag not in _SHAPES or shape.get("outside") == "1":
                continue
            frame = _whole(shape.get("frame"), self.file, f"track {number}")
            place = f"track {number}, frame {frame}"
            self.tracked.setdefault(frame, []).append(self._shape(shape, place, place, label=label))

    def _video(self) -> Iterator[Annotation]:
        """Yield the frames of a video, also those without shapes, if the export is of one."""
        if not self.tracked:
            return
        for frame in sorted({*self.tracked, *(self.frames or ())}):
            shapes = tuple(self.tracked.get(frame, ()))
            yield Annotation(
                image_name=f"frame_{frame:06d}",
                shapes=shapes,
                size=self.size,
                people=self.people,
                submission=self.submission,
                submitted=self.submitted,
                looked=bool(shapes),
            )

    def _shape(self, shape: Element, place: str, where: str, *, label: str | None = None) -> Shape:
        name = shape.get("label") or label
        where = f"{self.file}, {where}"
        areas: tuple[Area, ...] = ()
        try:
            if shape.tag == "mask":
                areas = (_mask(shape, where),)
            elif shape.tag in ("polygon", "polyline"):
                points = _points(shape.get("points") or "")
                areas = (Polygon((points,)) if shape.tag == "polygon" else Line(points),)
            elif shape.tag == "box":
                areas = (_box(shape),)
            elif shape.tag == "ellipse":
                cx, cy, rx, ry = (_number(shape, key) for key in ("cx", "cy", "rx", "ry"))
                areas = (Ellipse((cx, cy), (rx, ry), _number(shape, "rotation", 0)),)
        except (ValueError, ArgumentError) as error:
            raise ExportError(f"{where}: {error}") from error
        return Shape(shape.tag, name, areas, place)


def _people(assignee: Element | None) -> tuple[str, ...]:
    if assignee is None:
        return ()
    names = (assignee.findtext("username"), assignee.findtext("email"), assignee.text)
    return tuple(name.strip() for name in names if name and name.strip())


def _mask(shape: Element, where: str) -> Pixels:
    left, top, width, height = (
        int(_number(shape, key)) for key in ("left", "top", "width", "height")
    )
    if width < 0 or height < 0:
        raise ValueError(f"a mask of {width}x{height} pixels")
    runs = shape.get("rle") or ""

    def decode() -> np.ndarray:
        try:
            lengths = np.array([int(length) for length in runs.split(",")] if runs else [])
            return runs_mask(lengths, width * height).reshape(height, width)
        except (ValueError, ArgumentError, OverflowError) as error:
            raise ExportError(f"{where}: {error}, a box of {width}x{height}") from error

    return Pixels(decode, left, top)


def _box(shape: Element) -> Polygon:
    left, top, right, bottom = (_number(shape, key) for key in ("xtl", "ytl", "xbr", "ybr"))
    left_top, size_wh = np.array([left, top]), np.array([right - left, bottom - top])
    turn = _number(shape, "rotation", 0)
    return Polygon((turned_box(left_top, size_wh, turn, about=left_top + size_wh / 2),))


def _points(text: str) -> np.ndarray:
    """Parse points such as ``10.00,20.50;30.00,40.00``."""
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"points {text[:40]!r} are not pairs of numbers")
    return checked_points([[float(x), float(y)] for x, y in pairs])


def _number(shape: Element, key: str, default: float | None = None) -> float:
    text = shape.get(key)
    if text is None and default is not None:
        return default
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{key} is {text!r}, not a number")
    return number


def _whole(text: str | None, file: ExportFile, where: str) -> int:
    if not (text or "").isdigit():
        raise ExportError(f"{file}, {where}: {text!r} is not a whole number")
    return int(text or "")
