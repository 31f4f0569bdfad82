"""Helpers of the benchmarks: turns, medians, the machine, and a temporary folder."""

import contextlib
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

SIDE = 1024


def in_turns(rounds: int, *ways: Callable[[], object]) -> list[list[float]]:
    """Return the seconds of each way in each round, after one warm-up round."""
    seconds: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + 1):
        for way, taken in zip(ways, seconds, strict=True):
            started = time.perf_counter()
            way()
            if number:
                taken.append(time.perf_counter() - started)
    return seconds


def report(name: str, count: int, jobs: int, naive: list[float], ours: list[float]) -> None:
    """Print medians and spread in milliseconds per image, and the ratio."""
    for way, seconds in (("naive", naive), (f"ours, {jobs} jobs", ours)):
        each = [1000 * taken / count for taken in seconds]
        print(
            f"{name:24} {way:14} median {statistics.median(each):6.1f} ms per image "
            f"({min(each):.1f} to {max(each):.1f}), {1000 / statistics.median(each):5.1f} images/s"
        )
    ratio = statistics.median(naive) / statistics.median(ours)
    paired = [naive_s / our_s for naive_s, our_s in zip(naive, ours, strict=True)]
    print(f"{name:24} ratio          {ratio:.2f} ({min(paired):.2f} to {max(paired):.2f})")


def print_machine() -> None:
    """Print the processor and the versions that the figures were measured with."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor()
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    versions += f", OpenCV {cv2.__version__}, NumPy {np.__version__}"
    print(f"{name}, {os.cpu_count()} cores; {versions}")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Make a temporary folder, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="ffhq-wrinkle-benchmark-") as folder:
        yield Path(folder)
