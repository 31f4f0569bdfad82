"""Catalogue: the annotation tools whose exports are read, and how each is recognised.

To add a tool, write a module of `readers` and enter it in `TOOLS`.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..errors import ArgumentError
from .annotation import Annotation
from .export_files import ExportFile, UnknownExportError
from .json_files import JsonSignature, is_json, matching_signature
from .readers import coco, label_studio, labelme, qupath, segments_ai, supervisely, v7, via
from .readers.coco import read_coco
from .readers.cvat import is_cvat, read_cvat
from .readers.label_studio import read_label_studio
from .readers.label_studio_png import is_brush_file, read_brush_file
from .readers.labelme import read_labelme
from .readers.masks import is_mask, read_masks
from .readers.napari import (
    is_napari_labels,
    is_napari_shapes,
    read_napari_labels,
    read_napari_shapes,
)
from .readers.nifti import is_nifti, read_nifti
from .readers.nrrd import is_nrrd, read_nrrd
from .readers.openraster import is_openraster, read_openraster
from .readers.photoshop import is_photoshop, read_photoshop
from .readers.qupath import read_qupath
from .readers.segments_ai import read_segments_ai
from .readers.supervisely import read_supervisely
from .readers.v7 import read_v7
from .readers.via import read_via2, read_via3


class Tool(NamedTuple):
    """A format of an annotation tool.

    Attributes
    ----------
    name : str
        The format's name on the command line.
    title : str
        Its name in messages.
    recognises : callable or sequence of JsonSignature
        Returns whether a file is of this format, by its content; or the keys of its JSON.
    read : callable
        Yields the annotations of a file, one after another, so that memory does not grow with
        their number. Raises `ExportError`.
    per_image : bool
        Whether each file is about one image, so that its folder, and not its name, tells who drew.
    """

    name: str
    title: str
    recognises: Callable[[ExportFile], bool] | tuple[JsonSignature, ...]
    read: Callable[[ExportFile], Iterator[Annotation]]
    per_image: bool = False


# In the order in which files are tried.
TOOLS = {
    tool.name: tool
    for tool in (
        Tool("cvat", "CVAT for images or for video 1.1", is_cvat, read_cvat),
        Tool("label-studio", "Label Studio JSON", label_studio.SIGNATURES, read_label_studio),
        Tool("labelme", "LabelMe JSON", labelme.SIGNATURES, read_labelme, per_image=True),
        Tool("coco", "COCO JSON", coco.SIGNATURES, read_coco),
        Tool(
            "supervisely", "Supervisely JSON", supervisely.SIGNATURES, read_supervisely,
            per_image=True,
        ),
        Tool("v7", "V7 Darwin JSON 2.0", v7.SIGNATURES, read_v7, per_image=True),
        Tool("via2", "VIA 2 JSON", via.SIGNATURES_2, read_via2),
        Tool("via3", "VIA 3 JSON", via.SIGNATURES_3, read_via3),
        Tool("qupath", "QuPath GeoJSON", qupath.SIGNATURES, read_qupath, per_image=True),
        Tool("segments-ai", "Segments.ai JSON", segments_ai.SIGNATURES, read_segments_ai),
        Tool("nrrd", "NRRD", is_nrrd, read_nrrd, per_image=True),
        Tool("nifti", "NIfTI", is_nifti, read_nifti, per_image=True),
        Tool("psd", "Photoshop", is_photoshop, read_photoshop, per_image=True),
        Tool("ora", "OpenRaster", is_openraster, read_openraster, per_image=True),
        Tool(
            "napari-shapes", "napari shapes", is_napari_shapes, read_napari_shapes, per_image=True
        ),
        Tool(
            "napari-labels", "napari labels", is_napari_labels, read_napari_labels, per_image=True
        ),
        Tool("label-studio-png", "Label Studio's brush files", is_brush_file, read_brush_file),
        Tool("masks", "masks, a picture each", is_mask, read_masks, per_image=True),
    )
}  # fmt: skip
_ADVICE = {
    rb"\Agimp xcf": "save it as PSD, or export it as OpenRaster",
    rb"mimetypeapplication/x-krita": "export it as OpenRaster (.ora)",
    rb"\A\s*<annotation>": "this is XML of LabelMe (MIT) or VOC; export as CVAT for images 1.1",
    rb"\A\s*\d+( [01]\.\d+){6,}": "YOLO's polygons lose thin lines; take the tool's own format",
}


def may_be(tool: Tool, file: ExportFile) -> bool:
    """Return whether a file of a folder may be one of a tool that the user named."""
    return tool.recognises(file) if callable(tool.recognises) else is_json(file)


def tool_of(file: ExportFile, name: str | None = None) -> Tool:
    """Return the tool that wrote a file.

    Parameters
    ----------
    file : ExportFile
    name : str, optional
        The format, if the user named it.

    Raises
    ------
    ArgumentError
        There is no format of this name.
    UnknownExportError
        The file is of none of the formats.
    ExportError
        The file cannot be read.
    """
    if name is not None:
        if name not in TOOLS:
            raise ArgumentError(f"format is {name!r}; there are {', '.join(TOOLS)}")
        return TOOLS[name]
    if is_json(file):
        signatures = {
            signature: tool
            for tool in TOOLS.values()
            if not callable(tool.recognises)
            for signature in tool.recognises
        }
        signature = matching_signature(file, signatures)
        if signature:
            return signatures[signature]
    else:
        for tool in TOOLS.values():
            if callable(tool.recognises) and tool.recognises(file):
                return tool
    for mark, advice in _ADVICE.items():
        if re.search(mark, file.head):
            raise UnknownExportError(f"{file}: files of this kind are not read; {advice}")
    titles = ", ".join(tool.title for tool in TOOLS.values())
    raise UnknownExportError(f"{file}: not an export that is read ({titles})")
