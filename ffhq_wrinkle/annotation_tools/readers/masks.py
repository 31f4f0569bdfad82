"""Masks: one picture for each image, as many tools export them, perhaps with a colour per class.

CVAT's "Segmentation mask 1.1" has a folder `SegmentationClass` and a file `labelmap.txt` beside it,
which names the colour of each class; its other folders repeat the same or have no masks.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ...errors import ImageError
from ...images.masks import decode_mask
from ...images.opening import IMAGE_SUFFIXES, opened
from ...images.photographs import stored_pixels
from ..annotation import Annotation, Pixels, Shape
from ..export_files import ExportError, ExportFile

_CLASSES, _OBJECTS, _LABELMAP = "SegmentationClass", "SegmentationObject", "labelmap.txt"
_BACKGROUND = "background"


def is_mask(file: ExportFile) -> bool:
    """Return whether a file may be a mask: a picture, though not one of CVAT's instances."""
    return file.suffix in IMAGE_SUFFIXES and _OBJECTS not in file.folders


def read_masks(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of a mask: a shape, or one for each class that a `labelmap.txt` names.

    Raises
    ------
    ExportError
        The file is damaged, not a mask of two values, or has a colour that no class has.
    """
    content = file.content()
    classes = _classes(file)
    if classes:
        yield _coloured(file, content, classes)
        return
    try:
        mask = decode_mask(content)
    except ImageError as error:
        raise ExportError(f"{file}: {error}") from error
    shapes = (Shape("mask", None, (Pixels(lambda: mask),)),) if mask.any() else ()
    yield Annotation(image_name=file.name, shapes=shapes, size=(mask.shape[0], mask.shape[1]))


def _classes(file: ExportFile) -> dict[tuple[int, int, int], str]:
    """Return the classes by colour that a file's labelmap names; empty without one."""
    if _CLASSES not in file.folders:
        return {}
    labelmap = file.at(*file.folders[: file.folders.index(_CLASSES)], _LABELMAP)
    classes = {}
    lines = labelmap.content().decode("utf-8-sig", "replace").splitlines() if labelmap else []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        channels = rest.split(":")[0].split(",")
        if len(channels) != 3 or not all(channel.strip().isdigit() for channel in channels):
            raise ExportError(f"{labelmap}:{number}: {line[:60]!r} has no colour such as 255,0,0")
        red, green, blue = (int(channel) for channel in channels)
        classes[red, green, blue] = name
    return classes


def _coloured(
    file: ExportFile, content: bytes, classes: dict[tuple[int, int, int], str]
) -> Annotation:
    try:
        with opened(content) as image:
            pixels = stored_pixels(image, content)
    except ImageError as error:
        raise ExportError(f"{file}: {error}") from error
    colours = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels[:, :, :3]
    codes = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    by_code = {
        (red << 16) + (green << 8) + blue: name for (red, green, blue), name in classes.items()
    }
    used = np.unique(codes).tolist()
    strange = [code for code in used if code not in by_code]
    if strange:
        raise ExportError(f"{file}: the colour {strange[0]:06x} is not in {_LABELMAP}")
    shapes = tuple(
        Shape("mask", by_code[code], (Pixels(_equal(codes, code)),), f"class {by_code[code]}")
        for code in used
        if by_code[code].lower() != _BACKGROUND
    )
    return Annotation(image_name=file.name, shapes=shapes, size=codes.shape, looked=bool(shapes))


def _equal(codes: np.ndarray, code: int) -> Callable[[], np.ndarray]:
    return lambda: codes == code
