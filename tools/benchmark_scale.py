"""Benchmarks of how `build-weak` scales with the number of images, on synthetic images."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import psutil
from PIL import Image

from benchmark_weak import make_images
from ffhq_wrinkle.dataset.layout import released_path
from timing import print_machine, scratch

_COMMAND = Path(sys.executable).with_name("ffhq-wrinkle")


def run_command(options: Sequence[object], first_result: Path | None = None) -> tuple[float, float]:
    """Return seconds and peak megabytes of the command, until it ends or a result exists."""
    started = time.perf_counter()
    command = [str(_COMMAND), "--quiet", "build-weak", *map(str, options)]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None and not (first_result and first_result.exists()):
        with contextlib.suppress(psutil.Error):  # it may just have ended
            peak = max(peak, process.memory_info().rss)
        time.sleep(0.01)
    seconds = time.perf_counter() - started
    if process.poll() is None:
        process.kill()
        process.wait()
    elif process.returncode:
        raise SystemExit(f"build-weak failed: {' '.join(command)}")
    return seconds, peak / 1e6


@click.command()
@click.option("--count", multiple=True, type=int, default=(100, 1000, 10_000), show_default=True)
@click.option("--side", default=128, show_default=True, help="Side of the images in pixels.")
@click.option("--jobs", default=2, show_default=True)
def scaling(count: tuple[int, ...], side: int, jobs: int) -> None:
    """Measure time and peak memory for each number of images, including program start."""
    print_machine()
    for number in count:
        with scratch() as folder:
            images, labels = make_images(folder, 20, side)
            for copy in range(20, number):  # hard links to the 20 pictures
                for root, suffix in ((images, ".png"), (labels, ".npy")):
                    place = released_path(f"{copy:05d}", suffix)
                    (root / place).parent.mkdir(exist_ok=True)
                    like = f"{copy % 20:05d}{suffix}"
                    source = root / (like if root == labels else released_path(like[:5], suffix))
                    (root / place).hardlink_to(source)
            options = [images, folder / "out", "--parser", "labels", "--jobs", jobs]
            seconds, peak = run_command(options)
            made = sum(1 for _ in folder.glob("out/*/*.png"))
            print(
                f"{number:7} images of {side}x{side}: {seconds:7.2f} s, "
                f"{1000 * seconds / number:6.2f} ms per image, peak {peak:4.0f} MB, {made} made"
            )


@click.command()
@click.option(
    "--count", default=1_000_000, show_default=True, help="Image files; only one is not empty."
)
def plan(count: int) -> None:
    """Time start and planning of a large run: until the first mask, and when all masks exist."""
    print_machine()
    with scratch() as folder:
        images, labels, out = (folder / name for name in ("images", "labels", "out"))
        labels.mkdir()
        for number in range(0, count, 1000):
            (images / f"{number:06d}").mkdir(parents=True)
            for image in range(number, min(number + 1000, count)):
                touch(images / f"{number:06d}" / f"{image:06d}.png")
        first = Path("000000") / "000000.png"
        Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(images / first)
        np.save(labels / "000000.npy", np.ones((512, 512), np.uint8))
        options: list[object] = [images, out, "--parser", "labels", "--labels", labels, "--jobs", 2]
        started = time.perf_counter()
        listed = sum(len(names) for _, _, names in os.walk(images))
        print(f"{listed} files; only listing them: {time.perf_counter() - started:.1f} s")
        for name, chosen in (("all", []), ("by --ids", ["--ids", f"000000-{count - 1:06d}"])):
            seconds, peak = run_command([*options, *chosen], out / first)
            print(f"{name:10} first mask after {seconds:5.1f} s, peak {peak:5.0f} MB")
            shutil.rmtree(out)
        run_command([*options, "--limit", 1])
        for number in range(0, count, 1000):
            (out / f"{number:06d}").mkdir(exist_ok=True)
            for image in range(number, min(number + 1000, count)):
                touch(out / f"{number:06d}" / f"{image:06d}.png")
        for title in ("all done", "again"):  # at first without rows of their inputs, then with them
            seconds, peak = run_command(options)
            print(f"{title:10} nothing to do, ended after {seconds:5.1f} s, peak {peak:5.0f} MB")


def touch(path: Path) -> None:
    """Create an empty file unless it exists, faster than `Path.touch`."""
    os.close(os.open(path, os.O_CREAT))
