"""Annotation tools: masks from the exports of drawing tools, and masks for these tools."""

from collections.abc import Mapping, Sequence
from typing import Literal

from ..annotation_tools.choices import Empty, ImportSettings, Submission
from ..annotation_tools.exporting import (
    ExportFormat,
    ExportReport,
    ExportSettings,
    export_folder,
)
from ..annotation_tools.import_report import ImportReport
from ..annotation_tools.importing import import_folder
from ..annotation_tools.pixels import ALPHA
from ..annotation_tools.writers.drawing import Per
from ..runs.cores import available_cores
from .arguments import AnyPath, as_path


def import_labels(
    exports: Sequence[AnyPath],
    out: AnyPath,
    *,
    format: str | None = None,  # the option's name
    line_width: float | None = None,
    alpha: int = ALPHA,
    labels: Sequence[str] = (),
    names: Mapping[str, str] | Sequence[str] = (),
    submission: Submission = "last",
    empty: Empty = "drew-nothing",
    images: AnyPath | None = None,
    resize: Literal["nearest"] | None = None,
    keep_names: bool = False,
    jobs: int | None = None,
    overwrite: bool = False,
) -> ImportReport:
    """Write the masks that exports of annotation tools hold; the command `import-labels`.

    Parameters
    ----------
    exports : sequence of str or Path
        Files, folders and zip archives.
    out : str or Path
        Folder for a folder of 0/255 PNG for each annotator, `import.csv` and `import.json`.
    format : str, optional
        Format of the exports, instead of recognising it by their content; see
        `annotation_tools.catalogue.TOOLS`.
    line_width : float, optional
        Width of lines in pixels, which no tool stores; required if there are lines.
    alpha : int
        The lowest level, 1 to 255, at which antialiased strokes count as drawn.
    labels : sequence of str
        Labels to import; the only one if not given.
    names : mapping of str to str, or sequence of str
        Names of annotators by the names that the tool knows them by, or ``KNOWN=NAME``;
        ``annotator_1`` and so on if not given.
    submission : {"last", "first"}
        Which of several submissions of one image by one person counts.
    empty : {"drew-nothing", "missing"}
        Whether an image without shapes gets a black mask, or none.
    images : str or Path, optional
        Folder of the photographs, against which names and sizes are checked.
    resize : {"nearest"}, optional
        With `images`: adapt annotations of another size than the photograph's.
    keep_names : bool
        Take the names of pictures as they are, without undoing what tools add to them.
    jobs : int, optional
        Number of threads; one per core if not given.
    overwrite : bool
        Replace existing masks.

    Returns
    -------
    ImportReport

    Raises
    ------
    ArgumentError, ExportError, OutputError, RunInterrupted
        As in `annotation_tools.importing.import_folder`.
    """
    if isinstance(names, Mapping):
        names = [f"{known}={given}" for known, given in names.items()]
    return import_folder(
        [as_path(export) for export in exports],
        as_path(out),
        settings=ImportSettings(
            labels=tuple(labels),
            line_width=line_width,
            alpha=alpha,
            submission=submission,
            empty=empty,
            resize=resize,
            keep_names=keep_names,
        ),
        names=list(names),
        format_name=format,
        images=as_path(images),
        jobs=jobs or available_cores(),
        overwrite=overwrite,
    )


def export_labels(
    masks: AnyPath,
    out: AnyPath,
    *,
    format: ExportFormat,  # the option's name
    images: AnyPath | None = None,
    label: str = "wrinkle",
    per: Per = "component",
    threshold: int | None = None,
    prefix: str = "",
    model_version: str = "ffhq-wrinkle",
    jobs: int | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write masks as a first version to correct in a tool; the command `export-labels`.

    Parameters
    ----------
    masks : str or Path
        Folder of masks, such as annotators' masks, fused masks or predictions.
    out : str or Path
        Folder for the tool's files.
    format : {"cvat", "label-studio", "labelme", "coco"}
        The tool.
    images : str or Path, optional
        Folder of the photographs, whose names and sizes the tool knows.
    label : str
        Name of the class of all shapes.
    per : {"component", "image"}
        A shape for each connected component, or one for each image.
    threshold : int, optional
        For masks with more than two values: pixels of at least this value are drawn.
    prefix : str
        Text before the name of each image, such as an address that the tool reads.
    model_version : str
        For Label Studio: name of the predictions.
    jobs : int, optional
        Number of threads; one per core if not given.
    overwrite : bool
        Replace files of an earlier export.

    Returns
    -------
    ExportReport

    Raises
    ------
    ArgumentError, OutputError
        As in `annotation_tools.exporting.export_folder`.
    """
    return export_folder(
        as_path(masks),
        as_path(out),
        ExportSettings(
            format=format,
            label=label,
            per=per,
            threshold=threshold,
            prefix=prefix,
            model_version=model_version,
        ),
        images=as_path(images),
        jobs=jobs or available_cores(),
        overwrite=overwrite,
    )
