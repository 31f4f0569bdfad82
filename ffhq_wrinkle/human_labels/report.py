"""Report: an `Agreement` as a folder of tables and pictures."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..errors import ImageFailure
from ..images.png import encode_png
from ..reports.figures import FigureForm
from ..reports.html_page import html_page
from ..reports.overlays import Photographs
from ..reports.report_folder import ReportFolder
from ..runs.pipeline import run_each
from ..storage.writing import text_bytes
from .agreement import Agreement
from .annotations import read_annotations
from .annotator_figures import annotators_thumbnail, distribution, overlay, pair_matrix
from .annotators import AnnotatedImage
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
    jobs: int = 1,
) -> None:
    """Write tables and pictures of an agreement, in place of those of an earlier report.

    Parameters
    ----------
    agreement : Agreement
        The agreement.
    out : Path
        Folder for the report alone; see `require_report`.
    photos : Path, optional
        Photographs to draw masks on: the most disputed ones, and those of all images small.
    figures : sequence of {"png", "pdf", "svg"}
        Forms of the figures.
    jobs : int
        Threads that draw the images.

    Raises
    ------
    OutputError
        A file cannot be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require(photos=photos)
    record_text = json.dumps(record(agreement), indent=2, allow_nan=False) + "\n"
    photographs = Photographs(photos)
    disputed = dict(_disputed_pictures(agreement, folder, photographs))
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
            _thumbnails(agreement, photographs, jobs),
            {image_id: path for image_id, (path, _) in disputed.items()},
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
        masks = _inside(agreement, image)
        title = f"{image_id}  disagreement {agreement.disagreement[number]:.2f}"
        photo = photos.beneath(image_id, masks[0].shape)
        picture = overlay(masks, agreement.names, photo, title)
        yield image_id, (folder.picture_name(rank, image_id), encode_png(picture))


def _thumbnails(agreement: Agreement, photos: Photographs, jobs: int) -> dict[str, bytes]:
    """Return a thumbnail of each image by its id.

    Raises
    ------
    ImageFailure
        A mask cannot be read again.
    """

    def drawn(image: AnnotatedImage) -> bytes:
        masks = _inside(agreement, image)
        photo = photos.beneath(image.file.image_id, masks[0].shape, warn=False)
        return annotators_thumbnail(masks, photo)

    thumbnails: dict[str, bytes] = {}
    with run_each(agreement.images, drawn, jobs=jobs) as outcomes:
        for image, outcome in outcomes:
            if isinstance(outcome, ImageFailure):
                raise outcome
            thumbnails[image.file.image_id] = outcome
    return thumbnails


def _inside(agreement: Agreement, image: AnnotatedImage) -> list[np.ndarray]:
    """Read the masks of an image, inside its face mask if there is one."""
    masks, region, _ = read_annotations(image, agreement.settings)
    return list(masks) if region is None else [mask & region for mask in masks]
