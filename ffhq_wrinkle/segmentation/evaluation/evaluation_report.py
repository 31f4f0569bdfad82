"""Evaluation report: an `Evaluation` as a folder of tables and pictures of the worst images."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...images.png import encode_png
from ...reports.overlays import Photographs, error_overlay
from ...reports.report_folder import ReportFolder
from .comparison import Comparison
from .evaluation import RANKED_BY, Evaluation
from .evaluation_tables import LISTED, markdown, per_image_csv, record
from .pairs import read_pair

_RECORD = "evaluation.json"
_FILES = ("per_image.csv", "evaluation.md")


def _folder(out: Path) -> ReportFolder:
    return ReportFolder(out, _FILES, record=_RECORD, pictures="worst")


def require_report(
    out: Path, read: Sequence[Path | None] = (), *, photos: Path | None = None
) -> None:
    """Check, before the work begins, that `write_report` can write; as `ReportFolder.require`."""
    _folder(out).require(read, photos=photos)


def write_report(
    evaluation: Evaluation,
    out: Path,
    *,
    comparison: Comparison | None = None,
    photos: Path | None = None,
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
        Photographs to draw the masks of the worst images on.

    Raises
    ------
    OutputError
        A file cannot be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require(photos=photos)
    record_text = json.dumps(record(evaluation, comparison), indent=2, allow_nan=False) + "\n"
    files = {
        **dict(_worst_pictures(evaluation, folder, Photographs(photos))),
        "per_image.csv": per_image_csv(evaluation, comparison),
        "evaluation.md": markdown(evaluation, comparison).encode("utf-8", "surrogateescape"),
        _RECORD: record_text.encode(),
    }
    folder.write(files)


def _worst_pictures(
    evaluation: Evaluation, folder: ReportFolder, photos: Photographs
) -> Iterable[tuple[str, bytes]]:
    """Yield the name and PNG of an overlay of each of the worst images."""
    if evaluation.source is None:
        return
    jsi = evaluation.of_images(RANKED_BY)
    for rank, number in enumerate(evaluation.worst()[:LISTED], start=1):
        image_id = evaluation.image_ids[number]
        pair = read_pair(evaluation.source.files[number], evaluation.settings)
        reference, predicted = pair.reference, pair.mask(evaluation.settings.threshold)
        if pair.region is not None:
            reference, predicted = reference & pair.region, predicted & pair.region
        photo = photos.beneath(image_id, reference.shape)
        title = f"{image_id}  {RANKED_BY.title} {jsi[number]:.2f}"
        picture = error_overlay(reference, predicted, photo, title)
        yield folder.picture_name(rank, image_id), encode_png(picture)
