"""Evaluation report: an `Evaluation` as a folder of tables and pictures of the worst images."""

import json
from collections.abc import Sequence
from pathlib import Path

from ...images.png import encode_png
from ...reports.html_page import html_page
from ...reports.overlays import Photographs
from ...reports.report_folder import ReportFolder
from ...storage.writing import text_bytes
from .comparison import Comparison
from .evaluation import Evaluation
from .evaluation_pictures import thumbnails, worst_pictures
from .evaluation_tables import (
    LISTED,
    html,
    markdown,
    per_image_csv,
    per_image_rows,
    record,
    regions_csv,
)

_RECORD = "evaluation.json"
REGIONS_TABLE = "regions.csv"  # only if regions were scored
_FILES = ("per_image.csv", "evaluation.md", "report.html", REGIONS_TABLE)


def _folder(out: Path) -> ReportFolder:
    return ReportFolder(out, _FILES, record=_RECORD, pictures="worst")


def require_report(
    out: Path,
    read: Sequence[Path | None] = (),
    *,
    photos: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Check, before the work begins, that `write_report` can write; as `ReportFolder.require`."""
    _folder(out).require(read, photos=photos, overwrite=overwrite)


def write_report(
    evaluation: Evaluation,
    out: Path,
    *,
    comparison: Comparison | None = None,
    photos: Path | None = None,
    jobs: int = 1,
) -> None:
    """Write tables and pictures of the worst images, in place of those of an earlier report.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation; without files there are no pictures.
    out : Path
        Folder for the report alone; see `require_report`.
    comparison : Comparison, optional
        Its comparison with another evaluation.
    photos : Path, optional
        Photographs to draw masks on: those of the worst images, and those of all images small.
    jobs : int
        Threads that draw the images.

    Raises
    ------
    OutputError
        A file cannot be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require(photos=photos)
    record_text = json.dumps(record(evaluation, comparison), indent=2, allow_nan=False) + "\n"
    photographs = Photographs(photos)
    worst = worst_pictures(evaluation, photographs, count=LISTED)
    pictures = {
        image_id: (folder.picture_name(rank, image_id), encode_png(picture))
        for rank, (image_id, picture) in enumerate(worst, start=1)
    }
    files = {
        **dict(pictures.values()),
        "per_image.csv": per_image_csv(evaluation, comparison),
        "evaluation.md": text_bytes(markdown(evaluation, comparison)),
        "report.html": html_page(
            "Evaluation",
            html(evaluation, comparison),
            list(per_image_rows(evaluation, comparison)),
            thumbnails(evaluation, photographs, jobs=jobs),
            {image_id: path for image_id, (path, _) in pictures.items()},
        ),
        **({REGIONS_TABLE: regions_csv(evaluation)} if evaluation.by_region else {}),
        _RECORD: record_text.encode(),
    }
    folder.write(files)
