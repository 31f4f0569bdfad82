"""Listing: everything that exports hold, before any pixel is decoded or any file is written."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..errors import counted, first_few
from ..results.failures import Failure
from .annotation import Annotation, State
from .catalogue import Tool, may_be, tool_of
from .export_files import ExportError, ExportFile, UnknownExportError, export_files
from .people import People, without_addresses

log = logging.getLogger(__name__)

_INNER = {"ann", "img", "annotations", "labels", "images", "segmentationclass"}


class Source(NamedTuple):
    """A file of an export and the tool that reads it."""

    file: ExportFile
    tool: Tool


class ShapeNote(NamedTuple):
    """A shape without its pixels."""

    kind: str
    label: str | None
    place: str
    has_area: bool
    needs_width: bool
    remark: str


class Entry(NamedTuple):
    """An annotation without its pixels.

    Attributes
    ----------
    source, position : int
        The number of its file, and its place in it.
    person : int
        Number in `Listing.people`; -1 if nobody in particular, as for predictions.
    is_named : bool
        Whether the tool names the person, and not the file or folder.
    """

    source: int
    position: int
    person: int
    image_name: str
    size: tuple[int, int] | None
    state: State
    submission: str
    submitted: str
    looked: bool
    remarks: tuple[str, ...]
    shapes: tuple[ShapeNote, ...]
    is_named: bool


@dataclass
class Listing:
    """The content of exports.

    Attributes
    ----------
    sources : list of Source
    entries : list of Entry
        In the order in which `annotations` yields what they describe.
    people : People
    failures : list of Failure
        Files of single images that cannot be read.
    """

    sources: list[Source]
    entries: list[Entry] = field(default_factory=list)
    people: People = field(default_factory=People)
    failures: list[Failure] = field(default_factory=list)

    def annotations(self) -> Iterator[tuple[Entry, Annotation]]:
        """Read the exports again, and yield each annotation with its entry."""
        entries = iter(self.entries)
        broken = {failure.path for failure in self.failures}
        for source in self.sources:
            if without_addresses(str(source.file)) in broken:
                continue
            for annotation in source.tool.read(source.file):
                yield next(entries), annotation


def list_exports(arguments: Sequence[Path], format_name: str | None = None) -> Listing:
    """List what is in exports.

    Parameters
    ----------
    arguments : sequence of Path
        Files, folders and archives.
    format_name : str, optional
        The format of all of them, instead of recognising each file.

    Raises
    ------
    ExportError
        An argument is not an export that is read, or is damaged.
    """
    sources = [source for path in arguments for source in _sources(path, format_name)]
    if any(source.tool.name == "label-studio" for source in sources):
        # These hold the same brushes.
        sources = [source for source in sources if source.tool.name != "label-studio-png"]
    listing = Listing(sources)
    for number, source in enumerate(listing.sources):
        try:
            entries = [
                _entry(listing.people, number, position, source, annotation)
                for position, annotation in enumerate(source.tool.read(source.file))
            ]
        except ExportError as error:
            if not source.tool.per_image or len(listing.sources) == 1:
                raise
            name = without_addresses(str(source.file))
            listing.failures.append(Failure(name, "read", without_addresses(str(error))))
            continue
        listing.entries += entries
    listing.entries = _without_unnamed(listing)
    return listing


def _without_unnamed(listing: Listing) -> list[Entry]:
    """Return the entries, with nobody for images without shapes in tools that name who drew.

    These tools name people by their shapes; the name of the folder would be one person too many.
    """
    naming = {
        listing.sources[entry.source].tool.name for entry in listing.entries if entry.is_named
    }
    return [
        entry._replace(person=-1)
        if not (entry.is_named or entry.shapes or entry.looked)
        and listing.sources[entry.source].tool.name in naming
        else entry
        for entry in listing.entries
    ]


def _sources(path: Path, format_name: str | None) -> list[Source]:
    """Return the files of one argument that are read; photographs beside them are not masks."""
    sources, unknown = [], []
    for file in export_files(path):
        try:
            tool = tool_of(file, format_name)
            if format_name and file.is_inside and not may_be(tool, file):
                raise UnknownExportError(f"{file}: not an export of the format {format_name}")
            sources.append(Source(file, tool))
        except UnknownExportError as error:
            unknown.append((file, error))
    if not sources:
        if unknown:
            raise unknown[0][1]
        raise UnknownExportError(f"{path} holds no file")
    if any(source.tool.name != "masks" for source in sources):
        sources = [source for source in sources if source.tool.name != "masks"]
    if unknown:
        names = [without_addresses(file.name) for file, _ in unknown]
        log.info("%s: not read are %s: %s", path, counted(len(names), "file"), first_few(names))
    return sources


def _entry(
    people: People, number: int, position: int, source: Source, annotation: Annotation
) -> Entry:
    drew = annotation.state in (State.SUBMITTED, State.SKIPPED)
    person = -1
    if drew and annotation.people:
        person = people.person(annotation.people, source=source.tool.name)
    elif drew:
        person = people.person(_names_of_place(source), source="")
    return Entry(
        source=number,
        position=position,
        person=person,
        image_name=annotation.image_name,
        size=annotation.size,
        state=annotation.state,
        submission=annotation.submission,
        submitted=annotation.submitted,
        looked=annotation.looked,
        remarks=annotation.remarks,
        shapes=tuple(
            ShapeNote(
                shape.kind,
                shape.label,
                shape.place,
                bool(shape.areas),
                shape.needs_width,
                shape.remark,
            )
            for shape in annotation.shapes
        ),
        is_named=bool(annotation.people),
    )


def _names_of_place(source: Source) -> tuple[str, ...]:
    """Return the names of a person after whom a file or its folder is called."""
    file = source.file
    argument = file.argument
    if not source.tool.per_image:
        alone = file.archive is not None or not argument.is_dir()
        path = argument if alone else Path(file.name)
        return (path.stem, path.name)
    folders = [
        folder for folder in file.folders if not folder.isdigit() and folder.lower() not in _INNER
    ]
    if folders:
        return tuple(dict.fromkeys(("/".join(folders), folders[-1])))
    if file.archive is not None:
        return (argument.stem, argument.name)
    folder = argument if argument.is_dir() else argument.parent
    folder = folder.absolute()
    while folder.name.isdigit() or folder.name.lower() in _INNER:
        folder = folder.parent
    return (folder.name,)
