"""Folder run: the images of a folder carried through a pipeline, failures noted, resumable."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

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
    folder: Path,
    out: Path,
    results: Results,
    *,
    title: str,
    what: str,
    load: Callable[[ImageFile], Loaded],
    infer: Callable[[list[Loaded]], list[Result]],
    write: Callable[[Loaded, Result], None],
    ids: Ids | None = None,
    limit: int | None = None,
    batch_size: int = 1,
    jobs: int = 1,
) -> RunReport:
    """Make what is missing of the results of each image in a folder.

    Parameters
    ----------
    folder : Path
        The images.
    out : Path
        Where `failures.csv` goes.
    results : Results
        What is there, and what is to be noted of the run.
    title, what : str
        What the run and its results are called.
    load, infer, write, batch_size, jobs
        As `pipeline.run_pipeline`.
    ids, limit
        Which images; all if not given.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        There are no such images.
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    chosen, missing = select_images(find_images(folder), ids, limit)
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
    everything = ids is None and limit is None
    about = None if everything else {*missing, *(file.image_id for file in chosen)}
    update_failures(out, failures, about=about)
    if interrupted:
        raise RunInterrupted(report.summary(out))
    results.finish()
    return report
