"""Benchmarks of `agreement` and `fuse-labels`, on masks that are drawn here."""

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
    """Write masks of three annotators as they draw wrinkles; give their folders.

    Lines of three pixels on one pixel in fifty. So many images are different; the rest are these
    under other names, which cost the same to read.
    """
    folders = [folder / name for name in ("anna", "ben", "chris")]
    for one in folders:
        one.mkdir(parents=True)
    for number in range(count):
        name = f"{number:05d}.png"
        random = np.random.default_rng(number)
        common = draw_lines(random, 15) if number < different else None
        for one in folders:
            if common is None:
                (one / name).hardlink_to(one / f"{number % different:05d}.png")
            else:
                moved = np.roll(common, tuple(random.integers(-1, 2, 2)), (0, 1))
                Image.fromarray(moved | draw_lines(random, 10)).save(one / name)
    return folders


THICKNESS = 2  # three pixels across: OpenCV draws 1, 3, 5, 5 of 1, 2, 3, 4


def draw_lines(random: np.random.Generator, lines: int) -> np.ndarray:
    """Crooked lines of 255, three pixels wide, on 0."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(lines):
        steps = random.integers(-40, 41, (7, 2))
        points = random.integers(100, SIDE - 100, 2) + steps.cumsum(axis=0)
        cv2.polylines(canvas, [points.astype(np.int32)], False, 255, THICKNESS)
    return canvas


def naive_agreement(folders: Sequence[Path], names: Sequence[str]) -> dict[str, list[float]]:
    """Measure pairs as one would write it in an afternoon: every pair of every image."""
    found: dict[str, list[float]] = {"jaccard": [], "pearson": [], "dice": [], "cohen_kappa": []}
    for name in names:
        masks = [np.array(Image.open(folder / name)).ravel() > 127 for folder in folders]
        for first, second in combinations(masks, 2):
            found["jaccard"].append(jaccard_score(first, second))
            found["pearson"].append(pearsonr(first.astype(float), second.astype(float))[0])
            found["dice"].append(f1_score(first, second))
            found["cohen_kappa"].append(cohen_kappa_score(first, second))
    return found


def read_only(paths: Sequence[Path], jobs: int) -> None:
    """Decode PNG files and do nothing with them, on so many threads."""
    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(lambda path: imagecodecs.png_decode(path.read_bytes()), paths):
            pass


@click.command("agreement")
@click.option("--count", default=1000, show_default=True, help="Images of 1024x1024.")
@click.option("--naive-count", default=8, show_default=True, help="Images for the naive loop.")
@click.option("--rounds", default=5, show_default=True, help="Turns of each way.")
@click.option("--jobs", default=2, show_default=True)
def agreement_benchmark(count: int, naive_count: int, rounds: int, jobs: int) -> None:
    """Agreement and fusion of three annotators: only reading, the naive loop, and ours."""
    print_machine()
    with scratch() as folder:
        folders = make_annotations(folder / "annotators", count)
        paths = [path for one in folders for path in sorted(one.iterdir())]
        size = sum(path.stat().st_size for path in paths) / len(paths)
        print(f"3 x {count} masks of {SIDE}x{SIDE}, {size / 1e3:.1f} kB as PNG")
        annotators = parse_annotators([str(one) for one in folders])
        names = [f"{number:05d}.png" for number in range(naive_count)]
        naive = naive_agreement(folders, names)
        checked = measure_agreement(annotators, ids=parse_ids(f"0-{naive_count - 1}"))
        worst = 0.0
        for one in checked.estimates:
            if one.column.kind == "average" and one.aggregate == "mean over images":
                difference = abs(one.value - float(np.mean(naive[one.column.measure])))
                worst = max(worst, difference)
        print(f"averages over pairs differ from the naive loop's by at most {worst:.0e}")
        tolerant = [float(far) for far in (0, 1, 2, 3)]
        ways: dict[str, Callable[[], object]] = {
            "only reading": lambda: read_only(paths, jobs),
            "agreement": lambda: measure_agreement(annotators, jobs=jobs).estimates,
            "agreement, 4 tolerances": lambda: (
                measure_agreement(annotators, tolerances_px=tolerant, jobs=jobs).estimates
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
                f"{name:24} {jobs} jobs: {each:6.2f} ms an image "
                f"({1000 * min(taken) / count:.2f} to {1000 * max(taken) / count:.2f}), "
                f"{each / medians[0]:.2f} times only reading, the naive loop takes "
                f"{naive_each / each:.1f} times as long"
            )
        print(f"{'naive loop':24} 1 job:  {naive_each:6.1f} ms an image, on {naive_count} images")


@click.command("staple")
@click.option("--count", default=12, show_default=True, help="Images of 1024x1024.")
def staple_benchmark(count: int) -> None:
    """STAPLE: SimpleITK's filter against ours, with how far they differ."""
    print_machine()
    with scratch() as folder:
        folders = make_annotations(folder / "annotators", count)
        seconds: list[tuple[float, float]] = []
        differences: list[float] = []
        labels = 0
        for path in sorted(folders[0].iterdir()):
            masks = [np.array(Image.open(one / path.name)) > 0 for one in folders]
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
            f"{count} images: SimpleITK {itk:.0f} ms an image, ours {own:.2f} ms, ratio "
            f"{itk / own:.0f}; probabilities differ by at most {max(differences):.0e}, {labels} "
            "labels differ"
        )
