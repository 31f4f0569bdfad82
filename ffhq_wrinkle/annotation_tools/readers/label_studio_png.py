"""Label Studio's "Brush labels to PNG" and "to NumPy": files that do not name their picture.

Their names have the numbers of task and annotation, which only the JSON export joins to a picture,
and the JSON holds the same brushes.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ..annotation import Annotation
from ..export_files import ExportError, ExportFile

_NAME = re.compile(r"task-\d+-annotation-\d+-by-.*\.(png|npy)")


def is_brush_file(file: ExportFile) -> bool:
    """Return whether a file is one of the stroke files of Label Studio."""
    return _NAME.fullmatch(PurePosixPath(file.name).name) is not None


def read_brush_file(file: ExportFile) -> Iterator[Annotation]:
    """Refuse a file that does not name its picture.

    Raises
    ------
    ExportError
        Always.
    """
    raise ExportError(
        f"{file}: files of brushes do not say which picture they are of; give the JSON export, "
        "alone or together with them: it holds the same brushes"
    )
