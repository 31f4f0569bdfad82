"""Review: reviewers decide, on a local page, what is wrinkle where annotators disagree."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from ..adjudication.adjudicated import ReviewReport, review_folder
from ..adjudication.entries import require_reviewer
from ..adjudication.exported import export_page
from ..adjudication.review import Review
from ..adjudication.settings import ReviewSettings
from ..dataset.layout import find_images, image_folder
from ..errors import ArgumentError
from ..human_labels.annotators import AnnotationSettings, Missing
from ..reports.overlays import Photographs
from ..runs.cores import available_cores
from .arguments import AnyIds, AnyPath, as_ids, as_path
from .human_masks import Annotators, parsed_annotators

if TYPE_CHECKING:
    import socket


def review(
    annotators: Annotators,
    out: AnyPath | None = None,
    *,
    images: AnyPath | None = None,
    reviewer: str | None = None,
    port: int | None = None,
    browser: bool = True,
    tolerance_px: float = 1.0,
    second_look: float = 0.0,
    blind: bool = False,
    export: AnyPath | None = None,
    within: AnyPath | None = None,
    missing: Missing = "error",
    threshold: int | None = None,
    resize: Literal["nearest"] | None = None,
    ids: AnyIds | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
    show: Callable[[str], object] = print,
) -> ReviewReport | None:
    """Serve a page on which reviewers decide; the command `review`.

    Parameters
    ----------
    annotators, within, missing, threshold, resize, ids, jobs
        As in `human_masks.fuse_labels`.
    out : str or Path, optional
        Folder for decisions, masks and tables; needed unless `export` is given, for which it is the
        folder whose decisions are shown.
    images : str or Path, optional
        Folder of photographs to show.
    reviewer : str, optional
        Name of the reviewer; the page asks for it if not given.
    port : int, optional
        Port of this machine; a free one if not given.
    browser : bool
        Whether to open the page in the browser.
    tolerance_px : float
        Parts are settled by the majority if all annotators lie within this distance of each other.
    second_look : float
        Share of the parts, 0 to 1, that a second reviewer also decides, blind.
    blind : bool
        Whether to show annotators as numbers, in an order drawn for each image.
    export : str or Path, optional
        Write the page of one image, that of `ids` or the most disputed, to this file instead.
    overwrite : bool
        Write all masks again, whatever their settings and origin; decisions are kept. With
        `export`, replace the file.
    show : callable
        Gets the address of the page.

    Returns
    -------
    ReviewReport or None
        After Ctrl-C; None after an export.

    Raises
    ------
    ArgumentError, OutputError
        As in `adjudication.adjudicated.review_folder`; the extra `review` is not installed; or the
        port is in use.
    """
    folder, photo_folder, page = as_path(out), as_path(images), as_path(export)
    parsed = parsed_annotators(annotators)
    settings = AnnotationSettings(
        threshold=threshold, resize=resize, missing=missing, within=as_path(within)
    )
    review_settings = ReviewSettings(
        tolerance_px=tolerance_px, second_look=second_look, blind=blind
    )
    if reviewer is not None:
        require_reviewer(reviewer)
    if photo_folder:
        find_images(image_folder(photo_folder))
    photos = Photographs(photo_folder) if photo_folder else None
    jobs = jobs or available_cores()
    if page:
        export_page(
            page,
            parsed,
            settings,
            review_settings,
            decisions_of=folder,
            photos=photos,
            ids=as_ids(ids),
            jobs=jobs,
            overwrite=overwrite,
        )
        return None
    if folder is None:
        raise ArgumentError("decisions and masks need a folder: name it with --out")
    try:
        from ..adjudication.server import review_app
        from ..adjudication.serving import bind, new_token, serve
    except ImportError as error:
        raise ArgumentError(
            f"{error.name} is not installed: pip install 'ffhq-wrinkle[review]'"
        ) from error
    listener: socket.socket = bind(port)
    token = new_token()

    def run(review: Review) -> None:
        app = review_app(review, token, photos=photos, reviewer=reviewer)
        serve(app, listener, token, show=show, opens=browser)

    try:
        return review_folder(
            parsed,
            folder,
            run,
            settings=settings,
            review_settings=review_settings,
            ids=as_ids(ids),
            jobs=jobs,
            overwrite=overwrite,
            photos=photo_folder,
        )
    finally:
        listener.close()
