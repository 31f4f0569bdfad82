"""Benchmark of the work that grows with a run and that one process does, even on a cluster."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import psutil

from ffhq_wrinkle.dataset.layout import ImageFile, released_path
from ffhq_wrinkle.results.failures import FAILURES, Failure, update_failures
from ffhq_wrinkle.results.outputs import OutputFolder
from ffhq_wrinkle.results.result_files import State
from ffhq_wrinkle.runs.cluster import connected
from ffhq_wrinkle.runs.folder_run import choose_images
from ffhq_wrinkle.runs.shards import Work
from timing import print_machine, scratch


@contextmanager
def timed(task: str, count: int) -> Iterator[None]:
    """Print how long a task took, and by how much this process's memory grew."""
    before, started = psutil.Process().memory_info().rss, time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    bytes_each = (psutil.Process().memory_info().rss - before) / count
    print(
        f"{task:36} {seconds:6.2f} s, {1e6 * seconds / count:7.1f} us and {bytes_each:.0f} B each"
    )


class Nothing(Work[ImageFile, ImageFile]):
    """Work whose results all exist, so that only the distribution of shards is timed."""

    batch_size = 1
    overwrite = False
    input_tables = ()

    def __init__(self) -> None:
        super().__init__([], self)

    def complete(self, file: ImageFile) -> bool:
        """Return True: every result exists."""
        return True

    def load(self, file: ImageFile) -> ImageFile:
        """Never called."""
        return file

    def infer(self, batch: list[ImageFile]) -> list[ImageFile]:
        """Never called."""
        return batch

    def write(self, file: ImageFile, result: ImageFile) -> None:
        """Never called."""

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Record nothing."""

    def finish(self, made: int) -> None:
        """Nothing to note."""

    def require_shared(self) -> None:
        """Nothing is shared."""

    remove_partials = require_shared

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Never called with any."""


@click.command("cluster")
@click.option("--count", default=200_000, show_default=True, help="Images.")
@click.option("--workers", default=2, show_default=True, help="Workers of a local cluster.")
def cluster_benchmark(count: int, workers: int) -> None:
    """Time listing, looking for results, tables, and shards that have nothing to do."""
    print_machine()
    print(f"{count} images, 1000 in a folder; half of them done; one failure in a hundred")
    with scratch() as folder:
        for number in range(count):
            for images in ("images", "out") if number % 2 else ("images",):
                path = folder / images / f"{number // 1000 * 1000:08d}" / f"{number:08d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        with timed("listing", count):
            files = choose_images(folder / "images").images
        # After a finished run, a result counts by its name.
        output = OutputFolder(folder / "out", {}, note="")
        with timed("looking for results", count):
            done = sum(output.state(file.mirrored(".png")) is State.OURS for file in files)
        with timed("counting results", done):
            output.results()
        _time_state_after_interruption(folder / "interrupted")
        failures = [
            Failure(file.path, "read", "damaged or cut short: image file is truncated")
            for file in files[::100]
        ]
        with timed("writing failures", len(failures)):
            update_failures(folder, failures, about=None)
        size = (folder / FAILURES).stat().st_size
        print(f"{FAILURES} of {len(failures)} rows: {size / 1e6:.2f} MB")
    with (
        connected(f"local:{workers}") as cluster,
        timed("shards, each image", count),
        cluster.execution(files, Nothing(), jobs=1) as execution,
    ):
        counted = sum(1 for _ in execution)
    print(f"{counted} images, {workers} workers")


def _time_state_after_interruption(folder: Path, count: int = 200) -> None:
    """Time the check of each 1024x1024 result that follows an interrupted run."""
    mask = np.random.default_rng(0).integers(0, 40, (1024, 1024), np.uint8)
    with OutputFolder(folder, {}, note="mask") as output:
        output.begin()
        for number in range(count):
            output.write(released_path(f"{number:05d}", ".png"), mask)
    with (
        OutputFolder(folder, {}, note="mask") as output,
        timed("checking after an interruption", count),
    ):
        if not all(
            output.state(released_path(f"{number:05d}", ".png")) is State.OURS
            for number in range(count)
        ):
            raise RuntimeError("results of this run were not recognised as its own")


if __name__ == "__main__":
    cluster_benchmark()
