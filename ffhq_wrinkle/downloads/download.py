"""Download: FFHQ with its labels and weights, into the released layout, verified and resumable.

`download_part` downloads one part into a `DataSet` with the functions of `image_download`,
`file_download` and `archive_download`. A file is done when it has been verified. The ledger records
that, so that a later run makes no requests for it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ..dataset.ids import Ids
from ..errors import SourceError
from .archive_download import download_archive
from .archive_places import ArchiveKind
from .data_set import DataSet, DownloadReport
from .file_download import download_file, download_weights
from .image_download import download_images

PARTS = ("metadata", "images", "labels", "weights", "checkpoints", "aging-labels")
LABELS: dict[str, ArchiveKind] = {
    "manual": "manual-masks", "weak": "weak-masks", "parsed": "face-parsed-labels",
}  # fmt: skip


def download_part(
    data: DataSet,
    part: str,
    ids: Ids | None = None,
    *,
    source_text: str = "huggingface",
    only: Sequence[str] = (),
    keep_webp: bool = False,
) -> Iterator[DownloadReport]:
    """Download one of `PARTS`, and yield a report for each kind of file in it.

    A source that cannot be queried, or has wrong content, is reported as a failure.

    Parameters
    ----------
    data : DataSet
        Destination.
    part : str
        One of `PARTS`.
    ids : Ids, optional
        Ids of the images; 00000 to 49999 if not given.
    source_text : str
        Source of the images; see `image_download.download_images`.
    only : sequence of str
        Kinds of labels, keys of `LABELS`; all if empty.
    keep_webp : bool
        Whether WebP files of the images are kept, as in `image_download.download_images`.

    Raises
    ------
    ArgumentError, OutputError, RunInterrupted
        In the cases of `image_download.download_images` and `archive_download.download_archive`.
    """
    steps: list[tuple[str, Callable[[], DownloadReport]]]
    if part == "images":
        download = partial(download_images, data, ids, source_text=source_text, keep_webp=keep_webp)
        steps = [(part, download)]
    elif part == "labels":
        kinds = [LABELS[name] for name in only or LABELS]
        steps = [(kind, partial(download_archive, data, kind)) for kind in kinds]
    elif part == "checkpoints":
        steps = [(part, partial(download_archive, data, "checkpoints"))]
    elif part == "weights":
        steps = [(part, partial(download_weights, data))]
    else:
        published = {"metadata": "ffhq-metadata"}.get(part, part)
        steps = [(part, partial(download_file, data, published))]
    for name, step in steps:
        try:
            yield step()
        except SourceError as error:
            yield DownloadReport(data.path, name, 1, 0, 0, {"source": 1}, str(error))
