"""Report: an `Agreement` as a folder of tables and pictures."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..images.png import encode_png
from ..reports.figures import FigureForm
from ..reports.html_page import html_page
from ..reports.overlays import Photographs
from ..reports.report_folder import ReportFolder
from ..storage.writing import text_bytes
from .agreement import Agreement
from .annotations import read_annotations
from .annotator_figures import distribution, overlay, pair_matrix
from .tables import (
    LISTED,
    html,
    markdown,
    pairs_csv,
    per_image_csv,
    per_image_rows,
    record,
)

_RECORD = "agreement.json"
_FILES = ("agreement.csv", "per_image.csv", "agreement.md", "report.html")
_FIGURES = {"pairs": pair_matrix, "distribution": distribution}


def _folder(out: Path) -> ReportFolder:
    return ReportFolder(out, _FILES, record=_RECORD, pictures="disputed", figures=_FIGURES)


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
    agreement: Agreement,
    out: Path,
    *,
    photos: Path | None = None,
    figures: Sequence[FigureForm] = ("png",),
) -> None:
    """Write tables and pictures of an agreement, in place of those of an earlier report.

    Parameters
    ----------
    agreement : Agreement
        The agreement.
    out : Path
        Folder for the report alone; see `require_report`.
    photos : Path, optional
        Photographs to draw the most disputed masks on.
    figures : sequence of {"png", "pdf", "svg"}
        Forms of the figures.

    Raises
    ------
    OutputError
        A file cannot be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require(photos=photos)
    record_text = json.dumps(record(agreement), indent=2, allow_nan=False) + "\n"
    disputed = dict(_disputed_pictures(agreement, folder, Photographs(photos)))
    files = {
        **dict(disputed.values()),
        **{
            f"{name}.{form}": draw(agreement, form)
            for name, draw in _FIGURES.items()
            for form in figures
        },
        "agreement.csv": pairs_csv(agreement),
        "per_image.csv": per_image_csv(agreement),
        "agreement.md": text_bytes(markdown(agreement)),
        "report.html": html_page(
            "Agreement of annotators",
            html(agreement),
            per_image_rows(agreement),
            disputed,
        ),
        _RECORD: record_text.encode(),
    }
    folder.write(files)


def _disputed_pictures(
    agreement: Agreement, folder: ReportFolder, photos: Photographs
) -> Iterable[tuple[str, tuple[str, bytes]]]:
    """Yield the id, and name and PNG of an overlay, of each of the most disputed images."""
    for rank, number in enumerate(agreement.disputed()[:LISTED], start=1):
        image = agreement.images[number]
        image_id = image.file.image_id
        masks, region, _ = read_annotations(image, agreement.settings)
        title = f"{image_id}  disagreement {agreement.disagreement[number]:.2f}"
        inside = masks if region is None else [mask & region for mask in masks]
        photo = photos.beneath(image_id, masks[0].shape)
        picture = overlay(inside, agreement.names, photo, title)
        yield image_id, (folder.picture_name(rank, image_id), encode_png(picture))
