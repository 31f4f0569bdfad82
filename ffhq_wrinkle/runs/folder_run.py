"""Folder run: a resumable run over the images of a folder, which lists its failures."""

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..dataset.ids import Ids, id_of_path, top_folders
from ..dataset.layout import (
    ImageFile,
    find_images,
    released_path,
    select_images,
    warn_of_unread_subfolders,
)
from ..errors import counted, plural, some_images
from ..results.failures import FAILURES, Failure, update_failures
from ..results.tabular import Tabular
from ..storage.places import Place
from .changed_inputs import plan, record_stored
from .cluster import connected
from .cores import available_cores
from .interruption import Interruption
from .progress import Progress
from .shards import Execution, Loaded, LocalExecution, Result, Work

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_SHOWN = 4  # pictures in a notebook


class Selection(NamedTuple):
    """The images that a run processes.

    Attributes
    ----------
    images : list of ImageFile
        The images that exist.
    missing : list of str
        Requested ids without an image.
    everything : bool
        Whether the selection is the whole folder, not limited by ids or a number.
    """

    images: list[ImageFile]
    missing: list[str]
    everything: bool

    @property
    def id_folders(self) -> set[str]:
        """The folders of the images, as `OutputFolder` takes them."""
        return top_folders(file.image_id for file in self.images)


def choose_images(folder: Place, ids: Ids | None = None, limit: int | None = None) -> Selection:
    """Select images of a folder by ids, up to a limit.

    Raises
    ------
    ArgumentError
        There are no such images.
    """
    images = find_images(folder)
    warn_of_unread_subfolders(folder)
    return choose_among(images, ids, limit)


def choose_among(
    images: dict[str, ImageFile], ids: Ids | None = None, limit: int | None = None
) -> Selection:
    """Select listed images by ids, up to a limit; as `choose_images`."""
    chosen, missing = select_images(images, ids, limit)
    return Selection(chosen, missing, ids is None and limit is None)


@dataclass(frozen=True, repr=False)
class RunReport(Tabular):
    """The outcome of a run.

    Attributes
    ----------
    out : Place
        The folder of results.
    images : int
        Images that the run was about.
    made, kept, failed : int
        Results that were written, and that existed already; images that failed.
    noun : str
        Name of the results, such as "weak masks".
    shown : str
        Pictures that a notebook shows, as a pattern of files in `out`.
    """

    out: Place
    images: int
    made: int
    kept: int
    failed: int
    noun: str = "results"
    shown: str = ""

    def summary(self) -> str:
        """Return the outcome as one line of text."""
        left = self.images - self.made - self.kept - self.failed
        parts = [f"{_counted(self.made, self.noun)} written", f"{self.kept} existed already"]
        parts += [f"{self.failed} failed, see {self.out / FAILURES}"] if self.failed else []
        parts += [f"{left} left to do"] if left else []
        return ", ".join(parts)

    def to_frame(self) -> "pd.DataFrame":
        """Return the numbers as a pandas DataFrame of one row."""
        import pandas as pd

        names = ("images", "made", "kept", "failed")
        return pd.DataFrame([[getattr(self, name) for name in names]], columns=names)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield the first few pictures of the run."""
        if self.shown and isinstance(self.out, Path):
            for path in sorted(self.out.glob(self.shown))[:_SHOWN]:
                yield path.stem, path.read_bytes()


def run_folder(
    selection: Selection,
    out: Place,
    *,
    title: str,
    noun: str,
    work: Work[Loaded, Result],
    shown: str = "",
    jobs: int = 1,
    scheduler: str | None = None,
) -> RunReport:
    """Make the missing results of each image.

    Parameters
    ----------
    selection : Selection
        The images.
    out : Place
        Folder for `failures.csv`.
    title, noun : str
        Names of the run and of its results.
    work : Work
        Work to do on each image, with the folders of its results.
    shown : str
        As `RunReport`.
    jobs : int
        Threads; on a cluster those of each worker, 0 for as many as it has cores.
    scheduler : str, optional
        The cluster to use; see `cluster.connected`. Default: this process.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError, ClusterError
        As for `cluster.connected` and `cluster.ClusterExecution`.
    RunInterrupted
        Ctrl-C; completed results are kept, and the same call resumes the run.
    """
    chosen, missing, everything = selection
    results = work.results
    todo, kept, changed, unknown = plan(chosen, work, jobs=jobs or available_cores())
    if kept:
        log.info("%s %s already", _counted(kept, noun), plural(kept, "exists", "exist"))
    if changed:
        log.info(
            "files that %s was made from have been replaced: %s; their %s are made again",
            *(out, some_images([file.image_id for file in changed]), noun),
        )
    if unknown:
        log.info(
            "input files were not recorded for %s; whether they have been replaced is not known",
            _counted(unknown, noun),
        )
    interruption = Interruption()
    with connected(scheduler) if scheduler and todo else nullcontext() as cluster:
        results.remove(changed)
        results.begin(todo)
        recorded = record_stored(todo, work)
        for table in results.input_tables:
            table.save()
        execution: Execution = (
            cluster.execution(todo, work, jobs=jobs)
            if cluster
            else LocalExecution(todo, work, jobs=jobs)
        )
        with Progress(len(todo), title) as progress, interruption, execution:
            for failed in execution:
                progress.advance(failed=failed)
    if cluster:
        results.remove_partials()
    failures = [
        Failure(released_path(image_id, ".png"), "find", "no image of this id")
        for image_id in missing
    ]
    failures += execution.failures
    for table in recorded:
        for failure in execution.failures:
            table.discard(id_of_path(failure.path))
    report = RunReport(
        out=out,
        images=len(chosen) + len(missing),
        made=execution.made,
        kept=kept,
        failed=len(failures),
        noun=noun,
        shown=shown,
    )
    processed = {*missing, *(file.image_id for file in chosen)}
    update_failures(
        out, failures, about=None if everything else lambda path: id_of_path(path) in processed
    )
    interruption.raise_with(report.summary())
    results.finish(report.made)
    return report


def _counted(count: int, noun: str) -> str:
    """Return a number with its noun, which is given in the plural."""
    return counted(count, noun.removesuffix("s"))
