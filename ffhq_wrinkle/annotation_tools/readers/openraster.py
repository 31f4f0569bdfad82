"""OpenRaster: drawings of GIMP and Krita, with a layer for each annotator.

A layer holds a box and its place. Its alpha is what counts, whatever its colour. A layer that
covers the whole image opaquely is the photograph, and is left out.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..annotation import Annotation
from ..export_files import ExportError, ExportFile, members_of
from ..stored_images import png_levels
from .layers import Layer, layer_annotations


def is_openraster(file: ExportFile) -> bool:
    """Return whether a file is an OpenRaster drawing."""
    return b"mimetypeimage/openraster" in file.head


def read_openraster(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of each layer.

    Raises
    ------
    ExportError
        The file is damaged, or its names lead out of it.
    """
    members = members_of(file)
    if "stack.xml" not in members:
        raise ExportError(f"{file}: it has no stack.xml")
    try:
        image = fromstring(members["stack.xml"]())
        size = int(image.attrib["h"]), int(image.attrib["w"])
        layers = list(_layers(image, 0, 0))
    except (ParseError, DefusedXmlException, KeyError, ValueError) as error:
        raise ExportError(f"{file}, stack.xml: damaged: {error!r}") from error
    listed = []
    for element, left, top in layers:
        name, source = element.get("name") or "", element.get("src") or ""
        where = f"{file}, layer {name!r}"
        if source not in members:
            raise ExportError(f"{where}: there is no {source} in the file")
        levels = png_levels(members[source](), where)
        listed.append(Layer(name, left, top, levels, element.get("visibility") != "hidden"))
    yield from layer_annotations(file, listed, size)


def _layers(element: Element, left: int, top: int) -> Iterator[tuple[Element, int, int]]:
    """Yield the layers of a stack and those within it, with their places in the image."""
    for child in element:
        x, y = left + int(child.get("x") or 0), top + int(child.get("y") or 0)
        if child.tag == "layer":
            yield child, x, y
        elif child.tag == "stack":
            yield from _layers(child, x, y)
