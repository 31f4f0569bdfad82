"""Benchmark of `build-weak` on a GPU: throughput, use of the GPU and the cores, and each step."""

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import cv2
import psutil
import torch

from benchmark_weak import make_many, make_weights
from ffhq_wrinkle.faces.bisenet import BiSeNetParser
from ffhq_wrinkle.faces.labels import FaceParser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.images.photographs import read_image
from ffhq_wrinkle.images.png import encode_png
from ffhq_wrinkle.storage.writing import write_bytes
from ffhq_wrinkle.weak_labels.gpu_texture import GpuWeakMasks, WeakOnGpu
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from timing import in_turns, print_machine, scratch

DIFFERENT = 48  # images


@contextmanager
def gpu_busy() -> Iterator[list[float]]:
    """Sample the GPU's utilisation, as its driver reports it, five times per second."""
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    shares: list[float] = []
    if not shutil.which(command[0]):
        yield shares
        return
    with subprocess.Popen([*command, "-lms", "200"], stdout=subprocess.PIPE, text=True) as process:
        yield shares
        process.terminate()
        shares += [float(line) / 100 for line in (process.stdout or []) if line.strip()]


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the child processes it has waited for."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


@click.command("gpu")
@click.option("--count", default=1920, show_default=True, help="Images of 1024x1024.")
@click.option("--jobs", default=16, show_default=True, help="Threads of all processes together.")
@click.option("--parser", type=click.Choice(["labels", "bisenet"]), multiple=True)
@click.option("--processes", multiple=True, type=int, default=(1, 4), show_default=True)
@click.option("--batch-size", default=16, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--device", default="cuda", show_default=True)
def gpu_benchmark(
    count: int,
    jobs: int,
    parser: tuple[str, ...],
    processes: tuple[int, ...],
    batch_size: int,
    rounds: int,
    device: str,
) -> None:
    """Time `build-weak` on a GPU: images per second, use of the GPU and the cores, and each step.

    More than one process means `--scheduler local:N`. These processes start again in every round,
    so no warm-up round is needed.
    """
    print_machine()
    if device != "cpu":
        print(torch.cuda.get_device_name(device))
    with scratch() as folder:
        images, labels = make_many(folder, count, different=DIFFERENT)
        make_weights(folder / "weights.pth")
        bisenet = BiSeNetParser(
            folder / "weights.pth", device=device, batch_size=batch_size, engine="torch"
        )
        _time_steps(sorted(images.rglob("*.png"))[:DIFFERENT], bisenet, folder)
        parsers: list[FaceParser] = [ReadyLabels(labels), bisenet]
        for face_parser in parsers:
            for number in processes if not parser or face_parser.name in parser else ():
                scheduler = f"local:{number}" if number > 1 else None

                def run(
                    limit: int | None = None,
                    parser: FaceParser = face_parser,
                    number: int = number,
                    scheduler: str | None = scheduler,
                ) -> None:
                    build_weak(
                        images,
                        folder / f"out_{parser.name}",
                        parser=parser,
                        jobs=jobs // number,
                        limit=limit,
                        overwrite=True,
                        scheduler=scheduler,
                    )

                name = f"{face_parser.name}, {number} processes"
                _time_runs(name, run, count, rounds, warm_up=number == 1)


def _time_runs(
    name: str, run: Callable[..., None], count: int, rounds: int, *, warm_up: bool
) -> None:
    """Time whole runs, and their rate after subtracting a short run, which removes the start."""
    short = count // 8
    rates, whole, shares, cores = [], [], [], []
    for number in range(rounds + warm_up):
        started = time.perf_counter()
        run(limit=short)
        short_seconds = time.perf_counter() - started
        before, started = cpu_seconds(), time.perf_counter()
        with gpu_busy() as busy:
            run()
            seconds = time.perf_counter() - started
        if number >= warm_up:
            rates.append((count - short) / (seconds - short_seconds))
            whole.append(count / seconds)
            shares.append(statistics.mean(busy) if busy else 0.0)
            cores.append((cpu_seconds() - before) / seconds)
    print(
        f"{name:24} {statistics.median(rates):6.1f} images/s ({min(rates):.1f} to "
        f"{max(rates):.1f}), {statistics.median(whole):.1f} with start and end; GPU busy "
        f"{100 * statistics.median(shares):.0f} %, {statistics.median(cores):.1f} cores busy",
        flush=True,
    )


def _time_steps(paths: list[Path], parser: BiSeNetParser, folder: Path) -> None:
    """Time each step alone, on one core."""
    cv2.setNumThreads(1)
    image = read_image(paths[0])
    batch = [parser.prepare(read_image(path), "x") for path in paths[: parser.batch_size]]
    weak_masks = GpuWeakMasks(TextureSettings())

    def on_gpu() -> list[WeakOnGpu]:
        parsed = parser.on_gpu(batch)
        if parsed is None:
            raise click.UsageError("this benchmark needs a GPU: --device cuda")
        return weak_masks(parsed)

    result = on_gpu()[0]
    png = encode_png(result.weak_mask)
    ways: dict[str, Callable[[], object]] = {
        "read the image": lambda: read_image(paths[0]),
        "copy it for the GPU": lambda: parser.prepare(image, "x"),
        "parse, a batch": lambda: parser.label_maps(batch),
        "parse, texture, a batch": on_gpu,
        "face mask from its bits": lambda: result.face(),
        "encode the mask": lambda: encode_png(result.weak_mask),
        "write the mask": lambda: write_bytes(folder / "mask.png", png),
    }
    for name, seconds in zip(ways, in_turns(20, *ways.values()), strict=True):
        print(f"{name:30} {1000 * statistics.median(seconds):6.2f} ms", flush=True)
    print(f"{result.face().mean():.2f} of the image is face")
    print(f"at most {torch.cuda.max_memory_reserved() / 1e9:.1f} GB of GPU memory")
