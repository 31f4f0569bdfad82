"""Download: FFHQ and what belongs to it, into the released layout, verified, resumable.

`download_part` brings one part of it into a `DataSet`, by the functions of `image_download`,
`file_download` and `archive_download`. A file counts once it was verified; the ledger remembers
that, so that a later run asks nobody for what is there.
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
) -> Iterator[DownloadReport]:
    """Bring one of `PARTS`, and give a report of each kind of file in it.

    A source that can not be asked, or is not what it should be, is a failure like any other.

    Parameters
    ----------
    data, ids, source_text
        As `download_images`.
    part : str
        Which.
    only : sequence of str
        Of the labels, only these kinds of `LABELS`.
    """
    steps: list[tuple[str, Callable[[], DownloadReport]]]
    if part == "images":
        steps = [(part, partial(download_images, data, ids, source_text=source_text))]
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
            yield DownloadReport(name, 1, 0, 0, {"source": 1}, str(error))
