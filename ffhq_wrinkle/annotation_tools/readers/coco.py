"""COCO: one JSON file with all images, as polygons or run lengths column by column.

Coordinates are those of corners. The parts of a polygon are a union, since COCO has no holes. Runs
are compressed text, or a list of lengths if `iscrowd` is 1. The format has no annotators; a file is
one person's, except that Label Studio's "Brush labels to COCO" names an annotator, and has an image
for each annotation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import ijson
import numpy as np

from ...errors import ArgumentError
from ...images.rasters import checked_points
from ..annotation import Annotation, Area, Pixels, Polygon, Shape
from ..export_files import ExportError, ExportFile
from ..json_files import JsonErrors, JsonSignature, skip_mark
from ..runs import coco_lengths, runs_mask

SIGNATURES = (JsonSignature("object", frozenset({"images", "annotations"})),)
_FROM_POLYGONS = (
    "polygons of COCO: lines thinner than 3 px may be missing or thinner than drawn; if they were "
    "drawn with a brush, import the tool's own export instead"
)


def read_coco(file: ExportFile) -> Iterator[Annotation]:
    """Yield an annotation for each image, and for each annotator if the file names some.

    Raises
    ------
    ExportError
        The file is damaged, or not of this kind.
    """
    images, labels, left = _listed(file)
    if not left:
        raise ExportError(
            f"{file}: it has no annotation at all; Label Studio writes such a file for brushes and "
            "bitmasks: export as JSON"
        )
    waiting: dict[tuple[Any, str], list[Shape]] = {}
    people_of: dict[Any, set[str]] = {}
    named = False
    with file.opened() as content, JsonErrors(file):
        for number, entry in enumerate(_items(content, "annotations.item"), start=1):
            where = f"{file}, annotation {_get(entry, 'id', file, number)}"
            image_id = _get(entry, "image_id", file, number)
            if image_id not in images:
                raise ExportError(f"{where}: there is no image {image_id}")
            person = str(entry.get("annotator") or "")
            named = named or bool(person)
            if number == 1 and not named:
                _require_one_entry_for_each_name(images, file)
            people_of.setdefault(image_id, set()).add(person)
            shape = _shape(entry, _size(images[image_id], where), labels, where)
            waiting.setdefault((image_id, person), []).append(shape)
            left[image_id] -= 1
            if not left[image_id]:  # the rest of the file is about other images
                for one in sorted(people_of.pop(image_id)):
                    shapes = waiting.pop((image_id, one))
                    yield _annotation(images[image_id], tuple(shapes), one, file)
    if not named:
        for image_id, image in images.items():
            if image_id not in left:
                yield _annotation(image, (), "", file)


def _require_one_entry_for_each_name(images: Mapping[Any, Any], file: ExportFile) -> None:
    names: dict[Any, Any] = {}
    for image_id, image in images.items():
        name = image.get("file_name")
        if name in names:
            raise ExportError(
                f"{file}: images {names[name]} and {image_id} are both {name}, as Label Studio "
                "writes for each annotation, and the file does not say who drew: export as JSON"
            )
        names[name] = image_id


def _items(content: Any, prefix: str) -> Iterator[Any]:  # noqa: ANN401  # files and JSON
    items: Iterator[Any] = ijson.items(skip_mark(content), prefix, use_float=True)
    return items


def _listed(file: ExportFile) -> tuple[dict[Any, Any], dict[Any, str], dict[Any, int]]:
    """Return images and labels by id, and the number of annotations of each image that has some."""
    images: dict[Any, Any] = {}
    labels: dict[Any, str] = {}
    left: dict[Any, int] = {}
    with file.opened() as content, JsonErrors(file):
        for number, image in enumerate(_items(content, "images.item"), start=1):
            key = _get(image, "id", file, number)
            if key in images:
                raise ExportError(f"{file}: two images have the id {key}")
            names = {"file_name", "width", "height", "id"}
            images[key] = {name: image[name] for name in names & image.keys()}
    with file.opened() as content, JsonErrors(file):
        for number, category in enumerate(_items(content, "categories.item"), start=1):
            labels[_get(category, "id", file, number)] = str(category.get("name"))
    with file.opened() as content, JsonErrors(file):
        for image_id in _items(content, "annotations.item.image_id"):
            left[image_id] = left.get(image_id, 0) + 1
    return images, labels, left


def _get(entry: Any, key: str, file: ExportFile, number: int) -> Any:  # noqa: ANN401  # JSON
    if not isinstance(entry, Mapping) or key not in entry:
        raise ExportError(f"{file}: entry {number} has no {key}, as COCO requires")
    return entry[key]


def _size(image: Mapping[str, Any], where: str) -> tuple[int, int]:
    try:
        return int(image["height"]), int(image["width"])
    except (KeyError, TypeError, ValueError) as error:
        raise ExportError(f"{where}: its image has no height and width") from error


def _annotation(
    image: Mapping[str, Any], shapes: tuple[Shape, ...], person: str, file: ExportFile
) -> Annotation:
    where = f"{file}, image {image['id']}"
    if not isinstance(image.get("file_name"), str):
        raise ExportError(f"{where}: it has no file_name")
    return Annotation(
        image_name=image["file_name"],
        shapes=shapes,
        size=_size(image, where),
        people=(person,) if person else (),
        submission=f"image {image['id']}",
        looked=bool(shapes),
    )


def _shape(
    entry: Mapping[str, Any], size: tuple[int, int], labels: Mapping[Any, str], where: str
) -> Shape:
    category, place = entry.get("category_id"), f"annotation {entry['id']}"
    if category is not None and labels and category not in labels:
        raise ExportError(f"{where}: there is no category {category}")
    label = labels.get(category)
    segmentation = entry.get("segmentation")
    if not segmentation:
        return Shape("box", label, (), place, "it has a box only, without a mask")
    if isinstance(segmentation, Mapping):
        return Shape("mask", label, (_mask(segmentation, size, where),), place)
    try:
        rings = [checked_points(part) for part in segmentation]
    except (ArgumentError, TypeError) as error:
        raise ExportError(f"{where}: {error}") from error
    areas: tuple[Area, ...] = tuple(Polygon((ring,)) for ring in rings)
    return Shape("polygon", label, areas, place, _FROM_POLYGONS)


def _mask(segmentation: Mapping[str, Any], size: tuple[int, int], where: str) -> Pixels:
    counts, stored_size = segmentation.get("counts"), segmentation.get("size", list(size))
    if list(stored_size) != list(size):
        raise ExportError(
            f"{where}: its mask is {'x'.join(map(str, stored_size[::-1]))}, but its image is "
            f"{size[1]}x{size[0]}"
        )

    def decode() -> np.ndarray:
        try:
            lengths = coco_lengths(counts) if isinstance(counts, str) else np.array(counts)
            # Column by column.
            return runs_mask(lengths, size[0] * size[1]).reshape(size[::-1]).T
        except (ArgumentError, TypeError, ValueError) as error:
            raise ExportError(f"{where}: {error}") from error

    return Pixels(decode)
