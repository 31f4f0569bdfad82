"""Benchmarks of `agreement` and `fuse-labels` on synthetic masks."""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import click
import cv2
import imagecodecs
import numpy as np
import SimpleITK
from PIL import Image
from scipy.stats import pearsonr
from sklearn.metrics import cohen_kappa_score, f1_score, jaccard_score

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.human_labels.agreement import measure_agreement
from ffhq_wrinkle.human_labels.annotators import parse_annotators
from ffhq_wrinkle.human_labels.fused import fuse_folder
from ffhq_wrinkle.human_labels.staple import staple
from ffhq_wrinkle.human_labels.votes import drawn_votes
from timing import SIDE, in_turns, print_machine, scratch


def make_annotations(folder: Path, count: int, different: int = 40) -> list[Path]:
    """Write masks like those of three annotators of wrinkles, and return their folders.

    The lines are three pixels wide and cover about one pixel in fifty. Only the first `different`
    images differ; the rest are hard links to them, which cost the same to read.
    """
    folders = [folder / name for name in ("anna", "ben", "chris")]
    for annotator in folders:
        annotator.mkdir(parents=True)
    for number in range(count):
        name = f"{number:05d}.png"
        random = np.random.default_rng(number)
        common = draw_lines(random, 15) if number < different else None
        for annotator in folders:
            if common is None:
                (annotator / name).hardlink_to(annotator / f"{number % different:05d}.png")
            else:
                moved = np.roll(common, tuple(random.integers(-1, 2, 2)), (0, 1))
                Image.fromarray(moved | draw_lines(random, 10)).save(annotator / name)
    return folders


THICKNESS = 2  # three pixels across: OpenCV draws 1, 3, 5, 5 of 1, 2, 3, 4


def draw_lines(random: np.random.Generator, lines: int) -> np.ndarray:
    """Draw crooked lines, 255 on 0 and three pixels wide."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(lines):
        steps = random.integers(-40, 41, (7, 2))
        points = random.integers(100, SIDE - 100, 2) + steps.cumsum(axis=0)
        cv2.polylines(canvas, [points.astype(np.int32)], False, 255, THICKNESS)
    return canvas


def naive_agreement(folders: Sequence[Path], names: Sequence[str]) -> dict[str, list[float]]:
    """Measure every pair of every image with scikit-learn and SciPy, in a plain loop."""
    values: dict[str, list[float]] = {"jaccard": [], "pearson": [], "dice": [], "cohen_kappa": []}
    for name in names:
        masks = [np.array(Image.open(folder / name)).ravel() > 127 for folder in folders]
        for first, second in combinations(masks, 2):
            values["jaccard"].append(jaccard_score(first, second))
            values["pearson"].append(pearsonr(first.astype(float), second.astype(float))[0])
            values["dice"].append(f1_score(first, second))
            values["cohen_kappa"].append(cohen_kappa_score(first, second))
    return values


def read_only(paths: Sequence[Path], jobs: int) -> None:
    """Decode PNG files on `jobs` threads and discard the pixels."""
    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(lambda path: imagecodecs.png_decode(path.read_bytes()), paths):
            pass


@click.command("agreement")
@click.option("--count", default=1000, show_default=True, help="Images of 1024x1024.")
@click.option("--naive-count", default=8, show_default=True, help="Images for the naive loop.")
@click.option("--rounds", default=5, show_default=True, help="Turns of each way.")
@click.option("--jobs", default=2, show_default=True)
def agreement_benchmark(count: int, naive_count: int, rounds: int, jobs: int) -> None:
    """Time agreement and fusion of three annotators against reading alone and a naive loop."""
    print_machine()
    with scratch() as folder:
        folders = make_annotations(folder / "annotators", count)
        paths = [path for annotator in folders for path in sorted(annotator.iterdir())]
        size = sum(path.stat().st_size for path in paths) / len(paths)
        print(f"3 x {count} masks of {SIDE}x{SIDE}, {size / 1e3:.1f} kB as PNG")
        annotators = parse_annotators([str(path) for path in folders])
        names = [f"{number:05d}.png" for number in range(naive_count)]
        naive = naive_agreement(folders, names)
        checked = measure_agreement(annotators, ids=parse_ids(f"0-{naive_count - 1}"))
        worst = 0.0
        for estimate in checked.estimates:
            if estimate.column.kind == "average" and estimate.aggregate == "mean over images":
                expected = float(np.mean(naive[estimate.column.measure]))
                worst = max(worst, abs(estimate.value - expected))
        print(f"averages over pairs differ from the naive loop's by at most {worst:.0e}")
        tolerances_px = [0.0, 1.0, 2.0, 3.0]
        ways: dict[str, Callable[[], object]] = {
            "only reading": lambda: read_only(paths, jobs),
            "agreement": lambda: measure_agreement(annotators, jobs=jobs).estimates,
            "agreement, 4 tolerances": lambda: (
                measure_agreement(annotators, tolerances_px=tolerances_px, jobs=jobs).estimates
            ),
            "fuse-labels": lambda: fuse_folder(
                annotators, folder / "out", jobs=jobs, overwrite=True
            ),
            "fuse-labels, staple": lambda: fuse_folder(
                annotators, folder / "staple", method="staple", jobs=jobs, overwrite=True
            ),
        }
        *seconds, naive_seconds = in_turns(
            rounds, *ways.values(), lambda: naive_agreement(folders, names)
        )
        medians = [1000 * statistics.median(taken) / count for taken in seconds]
        naive_each = 1000 * statistics.median(naive_seconds) / naive_count
        for name, taken, each in zip(ways, seconds, medians, strict=True):
            print(
                f"{name:24} {jobs} jobs: {each:6.2f} ms per image "
                f"({1000 * min(taken) / count:.2f} to {1000 * max(taken) / count:.2f}), "
                f"{each / medians[0]:.2f} times as long as only reading; the naive loop takes "
                f"{naive_each / each:.1f} times as long"
            )
        print(f"{'naive loop':24} 1 job:  {naive_each:6.1f} ms per image, on {naive_count} images")


@click.command("staple")
@click.option("--count", default=12, show_default=True, help="Images of 1024x1024.")
def staple_benchmark(count: int) -> None:
    """Time our STAPLE against SimpleITK's filter, and compare their results."""
    print_machine()
    with scratch() as folder:
        folders = make_annotations(folder / "annotators", count)
        seconds: list[tuple[float, float]] = []
        differences: list[float] = []
        labels = 0
        for path in sorted(folders[0].iterdir()):
            masks = [np.array(Image.open(annotator / path.name)) > 0 for annotator in folders]
            images = [SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in masks]
            started = time.perf_counter()
            by_itk = SimpleITK.STAPLEImageFilter()
            by_itk.SetForegroundValue(1)
            theirs = SimpleITK.GetArrayFromImage(by_itk.Execute(images))
            between = time.perf_counter()
            votes = drawn_votes(masks)
            counts = votes.counted(masks[0].size)
            estimate = staple(counts)
            seconds.append((between - started, time.perf_counter() - between))
            patterns = votes.spread(votes.patterns)
            ours = np.zeros(2 ** len(masks))
            ours[counts.patterns] = estimate.probability
            differences.append(np.abs(ours[patterns] - theirs).max())
            labels += int(np.count_nonzero((ours[patterns] >= 0.5) != (theirs >= 0.5)))
        itk, own = (1000 * statistics.median(taken) for taken in zip(*seconds, strict=True))
        print(
            f"{count} images: SimpleITK {itk:.0f} ms per image, ours {own:.2f} ms, ratio "
            f"{itk / own:.0f}; probabilities differ by at most {max(differences):.0e}, {labels} "
            "labels differ"
        )
