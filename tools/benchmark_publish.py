"""Benchmark of `publish --as huggingface` against `Dataset.from_generator(...).to_parquet()`."""

import contextlib
import io
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import click
import cv2
import numpy as np
import psutil
from PIL import Image

from ffhq_wrinkle.api.human_masks import fuse_labels
from ffhq_wrinkle.dataset.layout import released_path
from timing import SIDE, print_machine, report, scratch

_DISTINCT = 100
_COMMAND = (str(Path(sys.executable).with_name("ffhq-wrinkle")), "--quiet")
# With paths the library copies the files, and neither decodes nor encodes them.
_NAIVE = """
import sys
from pathlib import Path
import numpy as np
from datasets import Dataset, Features, Image, Value
from PIL import Image as Pictures

def rows():
    for path in sorted(Path(sys.argv[1]).rglob("*.png")):
        mask = str(path) if sys.argv[4] == "paths" else np.asarray(Pictures.open(path))
        yield {"image_id": path.stem, "mask": mask}

features = Features({"image_id": Value("string"), "mask": Image()})
made = Dataset.from_generator(rows, features=features, cache_dir=sys.argv[2])
made.to_parquet(sys.argv[3])
"""


@click.command("publish")
@click.option("--count", default=50_000, show_default=True, help="Number of ids.")
@click.option(
    "--yields",
    type=click.Choice(["paths", "arrays"]),
    default="paths",
    show_default=True,
    help="Kind of values that the generator yields.",
)
@click.option("--rounds", default=3, show_default=True)
@click.option("--jobs", default=2, show_default=True)
def publish_benchmark(count: int, yields: str, rounds: int, jobs: int) -> None:
    """Publish fused masks of 1024x1024 without photographs, program start included."""
    import pyarrow.parquet as pq

    print_machine()
    with scratch() as folder:
        data = _make_data(folder / "data", count)
        masks = data / "manual_wrinkle_masks"
        naive: list[_Cost] = []
        ours: list[_Cost] = []
        for number in range(rounds):
            at = folder / f"round{number}"
            at.mkdir()
            made = (masks, at / "cache", at / "naive.parquet", yields)
            naive.append(_run([sys.executable, "-c", _NAIVE, *made]))
            command = [*_COMMAND, "publish", data, at / "out", "--as", "huggingface"]
            ours.append(_run([*command, "--jobs", jobs]))
            published = {
                row["image_id"]: row["mask"]["bytes"]
                for path in (at / "out/data").iterdir()
                for batch in pq.ParquetFile(path).iter_batches(1000)
                for row in batch.to_pylist()
            }
            first = min(published)
            pixels = np.asarray(Image.open(io.BytesIO(published[first])))
            expected = np.asarray(Image.open(masks / f"{first}.png"))
            if len(published) != count or not np.array_equal(pixels, expected):
                raise SystemExit("the published masks are not those of the data set")
        report("publish", count, jobs, [c.seconds for c in naive], [c.seconds for c in ours])
        # On a machine that does other work, the time of the processor says more.
        report("publish, CPU time", count, jobs, [c.cpu_s for c in naive], [c.cpu_s for c in ours])
        print(f"peak memory {max(cost.peak_mb for cost in ours):.0f} MB")


def _make_data(data: Path, count: int) -> Path:
    """Make a data set in the released layout: masks are hard links to some that were fused."""
    random = np.random.default_rng(0)
    annotators = {}
    for name in "ABC":
        annotators[name] = data.with_name(name)
        annotators[name].mkdir()
        for number in range(_DISTINCT):
            mask = np.zeros((SIDE, SIDE), np.uint8)
            for start in np.random.default_rng(number).integers(200, 800, (20, 2)):
                steps = random.integers(-2, 3, (6, 2)) + np.array([12, 4])
                line = np.concatenate([start[None], start + np.cumsum(steps, axis=0)])
                cv2.polylines(mask, [line.astype(np.int32)], False, (255,), 4)
            Image.fromarray(mask).save(annotators[name] / f"{number:05d}.png")
    fused = data.with_name("fused")
    fuse_labels(annotators, fused)
    files = sorted(fused.rglob("*.png"))
    photograph = data.with_name("photograph.png")
    Image.fromarray(np.zeros((SIDE, SIDE, 3), np.uint8)).save(photograph)
    masks = data / "manual_wrinkle_masks"
    masks.mkdir(parents=True)
    (masks / "fusion.json").write_bytes((fused / "fusion.json").read_bytes())
    for number in range(count):
        (masks / f"{number:05d}.png").hardlink_to(files[number % _DISTINCT])
        image = data / "images1024x1024" / released_path(f"{number:05d}", ".png")
        image.parent.mkdir(parents=True, exist_ok=True)
        image.hardlink_to(photograph)
    return data


class _Cost(NamedTuple):
    """Seconds, seconds of the processor, and peak megabytes of a process."""

    seconds: float
    cpu_s: float
    peak_mb: float


def _run(command: list[object]) -> _Cost:
    """Run a process, and return what it costs."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = psutil.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):  # it may just have ended
            peak = max(peak, process.memory_info().rss)
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"failed: {command}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return _Cost(time.perf_counter() - started, cpu_s, peak / 1e6)


if __name__ == "__main__":
    publish_benchmark()
