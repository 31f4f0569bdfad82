"""Adjudicated folder: a folder of results in which a review is begun, resumed and recorded."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..dataset.ids import Ids, id_of_path, top_folders
from ..errors import ArgumentError, counted, some_images
from ..human_labels.annotators import AnnotationSettings, Annotator, find_annotations
from ..results.failures import FAILURES, Failure, update_failures
from ..results.outputs import OutputFolder, require_separate
from ..results.records import REVIEW_RECORD, DamagedRecordError, parse_record
from ..results.tabular import Tabular
from ..storage.writing import write_bytes
from .queue import make_queue
from .review import Review
from .review_tables import PAGE, TABLE, review_csv, review_markdown
from .row_store import RowStore
from .settings import ReviewSettings
from .tally_store import TallyStore

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewReport(Tabular):
    """The state of a review when it ended.

    Attributes
    ----------
    out : Path
        The folder of masks.
    images, done : int
        Number of images in the review, and of those that have a mask.
    decided : dict of str to int
        Number of parts that each reviewer has decided.
    failed : int
        Number of images that cannot be read.
    strangers : list of str
        Ids of images whose masks this command did not write, and left alone.
    """

    out: Path
    images: int
    done: int
    decided: dict[str, int]
    failed: int
    strangers: list[str]

    def summary(self) -> str:
        """Return one line for people."""
        decided = ", ".join(f"{name} {count}" for name, count in self.decided.items())
        parts = [f"{self.done} of {counted(self.images, 'image')} done, in {self.out}"]
        parts += [f"parts decided: {decided}"] if decided else []
        if self.failed:
            parts.append(f"{self.failed} cannot be read, see {self.out / FAILURES}")
        if self.strangers:
            parts.append(
                f"left alone, because this command did not write them: the masks of "
                f"{some_images(self.strangers)}; --overwrite replaces them"
            )
        return "; ".join(parts)

    def to_frame(self) -> "pd.DataFrame":
        """Return the numbers of decided parts as a pandas DataFrame, a row for each reviewer."""
        import pandas as pd

        return pd.DataFrame({"reviewer": list(self.decided), "parts": list(self.decided.values())})


def review_folder(
    annotators: Sequence[Annotator],
    out: Path,
    run: Callable[[Review], None],
    *,
    settings: AnnotationSettings | None = None,
    review_settings: ReviewSettings | None = None,
    ids: Ids | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    photos: Path | None = None,
) -> ReviewReport:
    """Review the images of annotators, and write masks and tables.

    Parameters
    ----------
    annotators : sequence of Annotator
        As `annotators.parse_annotators` gives them.
    out : Path
        Gets `decisions/`, masks (0/255 PNG), `review.csv`, `review.md`, `review.json`, and
        `failures.csv` if images cannot be read.
    run : callable
        Lets reviewers decide, and returns when they have finished for now.
    settings : AnnotationSettings, optional
        How masks are read and matched.
    review_settings : ReviewSettings, optional
        How the review is done.
    ids : Ids, optional
        Images to review; all if not given.
    jobs : int
        Threads that read masks at the beginning.
    overwrite : bool
        Write all masks again, whatever their settings and origin. Decisions are kept.
    photos : Path, optional
        Folder of photographs, which must be another folder.

    Raises
    ------
    ArgumentError
        As `annotators.find_annotations`, folders overlap, or no image can be read.
    OutputError
        Results cannot be written, would mix with results of different settings, or decisions
        cannot be read.
    """
    settings = settings or AnnotationSettings()
    review_settings = review_settings or ReviewSettings()
    read = [*(annotator.folder for annotator in annotators), settings.within, photos]
    require_separate(read, [out])
    annotations = find_annotations(annotators, settings, ids=ids)
    id_folders = top_folders(image.file.image_id for image in annotations.images)
    require_separate(read, [out], id_folders=id_folders)
    made_with = {
        "annotators": [
            f"{annotator.name}={annotator.folder.resolve()}" for annotator in annotators
        ],
        **settings.record(),
        "tolerance_px": review_settings.tolerance_px,
    }
    with OutputFolder(
        out,
        made_with,
        note=f"reviewed mask of {counted(len(annotators), 'annotator')}; ffhq-wrinkle review",
        record=REVIEW_RECORD,
        id_folders=id_folders,
        overwrite=overwrite,
    ) as folder:
        store = TallyStore(out, settings, len(annotators))
        queue = make_queue(annotators, annotations, settings, jobs=jobs, store=store)
        if not queue.images.images:
            raise ArgumentError(f"no image can be read; the first: {queue.failures[0].reason}")
        if queue.failures:
            log.warning(
                "%s left out; the first: %s",
                counted(len(queue.failures), "image"),
                queue.failures[0].reason,
            )
        rows = RowStore(out)
        try:
            rows.restore(_earlier_rows(out))
            folder.begin()
            store.save(queue.keys, queue.tallies, all_images=ids is None)
            review = Review(folder, rows, queue.images, review_settings)
            review.results.resume()
            try:
                with review:
                    run(review)
            finally:
                report = _finish(folder, review, rows, queue.failures, all_images=ids is None)
        except BaseException:
            rows.close()
            raise
        rows.close(remove=True)
    return report


def _earlier_rows(out: Path) -> list[Any]:
    """Return what the record of an earlier review has on each image."""
    try:
        rows = parse_record((out / REVIEW_RECORD).read_bytes()).get("images")
    except (OSError, DamagedRecordError):
        return []
    return rows if isinstance(rows, list) else []


def _finish(
    folder: OutputFolder,
    review: Review,
    rows: RowStore,
    failures: Sequence[Failure],
    *,
    all_images: bool,
) -> ReviewReport:
    """Write the tables and the record.

    A review of some of the images keeps the rows of the others.
    """
    out, results = Path(str(folder.path)), review.results
    late = list(results.failures.values())
    processed = set(review.image_ids) | {id_of_path(failure.path) for failure in failures}
    update_failures(
        out,
        [*failures, *late],
        about=None if all_images else lambda path: id_of_path(path) in processed,
    )
    others = [image_id for image_id in rows.digests() if image_id not in processed]
    image_ids = [*review.image_ids, *([] if all_images else others)]
    table = list(rows.rows(image_ids))
    reviewers = review.decisions.reviewers
    write_bytes(out / TABLE, review_csv(review.names, table))
    summary = review_markdown(review.names, table, reviewers=reviewers, images=len(image_ids))
    write_bytes(out / PAGE, summary)
    folder.finish(
        {
            "command": "review",
            "version": __version__,
            "reviewers": review.decisions.counts(),
            "second_look": review.settings.second_look,
            "blind": review.settings.blind,
            "skipped": sorted(review.queue.skipped),
        },
        rows=rows.texts(image_ids),
    )
    return ReviewReport(
        out=out,
        images=len(review.image_ids),
        done=results.progress()["images_done"],
        decided=review.decisions.counts(),
        failed=len(failures) + len(late),
        strangers=sorted(results.strangers),
    )
