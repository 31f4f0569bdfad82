"""Exported page: one image's dispute as a page that needs no server, to send to somebody."""

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

from ..dataset.ids import Ids
from ..errors import ArgumentError, OutputError
from ..human_labels.annotators import AnnotationSettings, Annotator, find_annotations
from ..reports.overlays import Photographs
from ..storage.writing import text_bytes, valid_text, write_bytes
from .decisions import Decisions
from .description import described_colours, described_image, described_part, packed_masks
from .images import ReviewedImages
from .journal import FOLDER, Journal
from .page_files import page_file, photo_jpeg
from .queue import make_queue
from .settings import ReviewSettings

_MODULES = ("masks.js", "viewer.js", "static.js")
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def export_page(
    page: Path,
    annotators: list[Annotator],
    settings: AnnotationSettings,
    review_settings: ReviewSettings,
    *,
    decisions_of: Path | None = None,
    photos: Photographs | None = None,
    ids: Ids | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> None:
    """Write the page of the most disputed of some images.

    Parameters
    ----------
    page : Path
        The HTML file.
    annotators, settings, ids, jobs
        As in `adjudicated.review_folder`.
    review_settings : ReviewSettings
        As in the review.
    decisions_of : Path, optional
        Folder of a review whose decisions are shown.
    photos : Photographs, optional
        Photographs; that of the image is included.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ArgumentError
        As `annotators.find_annotations`, no image can be read, or the folder of decisions does not
        exist.
    ImageFailure, OutputError
        The image cannot be read, or the page exists or cannot be written.
    """
    if page.exists() and not overwrite:
        raise OutputError(f"{page} exists; choose another file, or --overwrite")
    if decisions_of and not (decisions_of / FOLDER).is_dir():
        raise ArgumentError(f"there are no decisions in {decisions_of}")
    annotations = find_annotations(annotators, settings, ids=ids)
    queue, failures, *_ = make_queue(annotators, annotations, settings, jobs=jobs)
    if not queue.images:
        raise ArgumentError(f"no image can be read; the first: {failures[0].reason}")
    image_id = queue.images[0].file.image_id
    images = ReviewedImages(
        {image_id: queue.images[0]}, queue.names, settings, review_settings.tolerance_px
    )
    image = images.read(image_id)
    decisions = Decisions(Journal(decisions_of).read() if decisions_of else ())
    order = review_settings.order(image_id, len(queue.names))
    described = described_image(image, queue, 0, order, blind=review_settings.blind)
    names = [queue.names[number] for number in order]
    described["parts"] = []
    for part_id, part in image.parts.items():
        state = decisions.state((image_id, part_id))
        described["parts"].append(described_part(part, names, state.holding, state.remarks))
    photo = photo_jpeg(photos, image_id, image.shape)
    content = {
        "image": described,
        **described_colours(len(queue.names)),
        "packed": base64.b64encode(packed_masks(image, order)).decode(),
        "photo": f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}" if photo else None,
    }
    write_bytes(page, text_bytes(_page(image_id, content)))


def _page(title: str, content: dict[str, Any]) -> str:
    """Return the page: style, modules and content in one file."""
    modules = (_EXPORT.sub("", _IMPORT.sub("", page_file(name))) for name in _MODULES)
    filled = {
        "TITLE": html.escape(valid_text(title)),
        "STYLE": page_file("style.css"),
        # Text of people must not end the element that it is in.
        "CONTENT": json.dumps(content).replace("<", "\\u003c"),
        "SCRIPT": "\n".join(modules),
    }
    return re.sub(
        "TITLE|STYLE|CONTENT|SCRIPT", lambda name: filled[name[0]], page_file("static.html")
    )
