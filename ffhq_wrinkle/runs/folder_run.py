"""Folder run: the images of a folder carried through a pipeline, failures noted, resumable."""

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from ..dataset.ids import Ids
from ..dataset.layout import ImageFile, find_images, released_path, select_images
from ..results.failures import FAILURES, Failure, update_failures
from ..storage.places import Place
from .cluster import connected
from .interruption import Interruption
from .progress import Progress
from .shards import Execution, Loaded, LocalExecution, Result, Work

log = logging.getLogger(__name__)


class Selection(NamedTuple):
    """Which images a run is about.

    Attributes
    ----------
    images : list of ImageFile
        Those that are there.
    missing : list of str
        Ids that were asked for and are not.
    everything : bool
        Whether nothing was chosen by id or number.
    """

    images: list[ImageFile]
    missing: list[str]
    everything: bool


def choose_images(folder: Place, ids: Ids | None = None, limit: int | None = None) -> Selection:
    """Choose from a folder's images.

    Raises
    ------
    ArgumentError
        There are no such images.
    """
    images, missing = select_images(find_images(folder), ids, limit)
    return Selection(images, missing, ids is None and limit is None)


@dataclass(frozen=True)
class RunReport:
    """What a run did: images it was about, results made, already there, and failures.

    `what` is what the results are called.
    """

    images: int
    made: int
    kept: int
    failed: int
    what: str = "results"

    def summary(self, out: Place) -> str:
        """One line for people."""
        left = self.images - self.made - self.kept - self.failed
        parts = [f"{self.made} {self.what} written", f"{self.kept} were there already"]
        parts += [f"{self.failed} failed, see {out / FAILURES}"] if self.failed else []
        parts += [f"{left} left to do"] if left else []
        return ", ".join(parts)


def run_folder(
    selection: Selection,
    out: Place,
    *,
    title: str,
    what: str,
    work: Work[Loaded, Result],
    jobs: int = 1,
    scheduler: str | None = None,
) -> RunReport:
    """Make what is missing of the results of each image.

    Parameters
    ----------
    selection : Selection
        The images.
    out : Place
        Where `failures.csv` goes.
    title, what : str
        What the run and its results are called.
    work : Work
        What to do to each image, and where its results go.
    jobs : int
        Threads; on a cluster those of each worker, 0 for as many as it has cores.
    scheduler : str, optional
        Which cluster does it, see `cluster.connected`; this process if not given.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError, ClusterError
        As `cluster.connected` and `cluster.ClusterExecution`.
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    chosen, missing, everything = selection
    results = work.results
    todo = [file for file in chosen if not results.complete(file)]
    if len(todo) < len(chosen):
        log.info("%d %s are there already", len(chosen) - len(todo), what)
    interruption = Interruption()
    with connected(scheduler) if scheduler and todo else nullcontext() as cluster:
        results.begin()
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
    report = RunReport(
        images=len(chosen) + len(missing),
        made=execution.made,
        kept=len(chosen) - len(todo),
        failed=len(failures),
        what=what,
    )
    about = None if everything else {*missing, *(file.image_id for file in chosen)}
    update_failures(out, failures, about=about)
    interruption.raise_with(report.summary(out))
    results.finish()
    return report
