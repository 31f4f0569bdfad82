"""Catalogue: the annotation tools whose exports are read, and how each is recognised.

To add a tool, write a module of `readers` and enter it in `TOOLS`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..errors import ArgumentError
from .annotation import Annotation
from .export_files import ExportFile, UnknownExportError
from .readers.cvat import is_cvat, read_cvat


class Tool(NamedTuple):
    """A format of an annotation tool.

    Attributes
    ----------
    name : str
        The format's name on the command line.
    title : str
        Its name in messages.
    recognises : callable
        Returns whether a file is of this format, by its content.
    read : callable
        Yields the annotations of a file, one after another, so that memory does not grow with
        their number. Raises `ExportError`.
    per_image : bool
        Whether each file is about one image, so that its folder, and not its name, tells who drew.
    """

    name: str
    title: str
    recognises: Callable[[ExportFile], bool]
    read: Callable[[ExportFile], Iterator[Annotation]]
    per_image: bool = False


# In the order in which files are tried.
TOOLS = {
    tool.name: tool
    for tool in (Tool("cvat", "CVAT for images or for video 1.1", is_cvat, read_cvat),)
}


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
    for tool in TOOLS.values():
        if tool.recognises(file):
            return tool
    titles = ", ".join(tool.title for tool in TOOLS.values())
    raise UnknownExportError(f"{file}: not an export that is read ({titles})")
