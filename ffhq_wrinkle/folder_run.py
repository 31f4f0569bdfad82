"""Folder run: the images of a folder carried through a pipeline, failures noted, resumable."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from .errors import ImageFailure, RunInterrupted
from .failures import FAILURES, Failure, update_failures
from .manifest import Ids, ImageFile, find_images, released_path, select_images
from .pipeline import run_pipeline
from .progress import Progress

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")
Result = TypeVar("Result")


class Results(Protocol):
    """The folders that a run fills."""

    def complete(self, file: ImageFile) -> bool:
        """Whether everything asked for of this image is there."""

    def begin(self) -> None:
        """Note that work is under way."""

    def finish(self) -> None:
        """Note that all is done."""


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


def choose_images(folder: Path, ids: Ids | None = None, limit: int | None = None) -> Selection:
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

    def summary(self, out: Path) -> str:
        """One line for people."""
        left = self.images - self.made - self.kept - self.failed
        parts = [f"{self.made} {self.what} written", f"{self.kept} were there already"]
        parts += [f"{self.failed} failed, see {out / FAILURES}"] if self.failed else []
        parts += [f"{left} left to do"] if left else []
        return ", ".join(parts)


def run_folder(
    selection: Selection,
    out: Path,
    results: Results,
    *,
    title: str,
    what: str,
    load: Callable[[ImageFile], Loaded],
    infer: Callable[[list[Loaded]], list[Result]],
    write: Callable[[Loaded, Result], None],
    batch_size: int = 1,
    jobs: int = 1,
) -> RunReport:
    """Make what is missing of the results of each image.

    Parameters
    ----------
    selection : Selection
        The images.
    out : Path
        Where `failures.csv` goes.
    results : Results
        What is there, and what is to be noted of the run.
    title, what : str
        What the run and its results are called.
    load, infer, write, batch_size, jobs
        As `pipeline.run_pipeline`.

    Returns
    -------
    RunReport

    Raises
    ------
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    chosen, missing, everything = selection
    todo = [file for file in chosen if not results.complete(file)]
    if len(todo) < len(chosen):
        log.info("%d %s are there already", len(chosen) - len(todo), what)
    results.begin()
    failures = [
        Failure(released_path(image_id, ".png"), "find", "no image of this id")
        for image_id in missing
    ]
    made: list[None] = []  # added to where it is made, so true at any moment

    def written(one: Loaded, result: Result) -> None:
        write(one, result)
        made.append(None)

    interrupted = False
    try:
        with Progress(len(todo), title) as shown:

            def failed(file: ImageFile, failure: ImageFailure) -> None:
                failures.append(Failure(file.path, failure.step, str(failure)))
                shown.advance(failed=True)

            run_pipeline(
                todo,
                load=load,
                infer=infer,
                write=written,
                done=shown.advance,
                failed=failed,
                batch_size=batch_size,
                jobs=jobs,
            )
    except KeyboardInterrupt:
        interrupted = True
    report = RunReport(
        images=len(chosen) + len(missing),
        made=len(made),
        kept=len(chosen) - len(todo),
        failed=len(failures),
        what=what,
    )
    about = None if everything else {*missing, *(file.image_id for file in chosen)}
    update_failures(out, failures, about=about)
    if interrupted:
        raise RunInterrupted(report.summary(out))
    results.finish()
    return report
