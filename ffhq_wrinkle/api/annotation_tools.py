"""Annotation tools: masks from the exports of drawing tools, and masks for these tools."""

from collections.abc import Mapping, Sequence
from typing import Literal

from ..annotation_tools.choices import Empty, ImportSettings, Submission
from ..annotation_tools.import_report import ImportReport
from ..annotation_tools.importing import import_folder
from ..annotation_tools.pixels import ALPHA
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
