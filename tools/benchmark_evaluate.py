"""Benchmark of `evaluate` on synthetic masks."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import cv2
import imagecodecs
import numpy as np
from PIL import Image
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)

from benchmark_annotators import make_annotations, read_only
from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.measures.estimates import MEAN
from ffhq_wrinkle.segmentation.evaluation.evaluation import Evaluation
from ffhq_wrinkle.segmentation.evaluation.pairs import EvaluationSettings
from ffhq_wrinkle.segmentation.evaluation.scoring import evaluate_folders
from timing import SIDE, in_turns, print_machine, scratch

_NAIVE = {
    "jsi": jaccard_score,
    "f1": f1_score,
    "accuracy": accuracy_score,
    "precision": precision_score,
    "recall": recall_score,
}
_EXACT = EvaluationSettings(tolerances_px=(), centrelines=False)


def make_probabilities(masks: Path, folder: Path, different: int = 40) -> None:
    """Write 16-bit PNG like a network's output: blurred masks with some noise near the lines."""
    folder.mkdir()
    for number, path in enumerate(sorted(masks.iterdir())):
        if number >= different:
            (folder / path.name).hardlink_to(folder / f"{number % different:05d}.png")
            continue
        drawn = np.array(Image.open(path)).astype(np.float32) / 255
        near = cv2.GaussianBlur(drawn, (0, 0), 3)
        noise = np.random.default_rng(number).random(near.shape, np.float32)
        levels = np.round(np.clip(near * (1 + noise), 0, 1) * 65535).astype(np.uint16)
        (folder / path.name).write_bytes(imagecodecs.png_encode(levels))


def naive_masks(predictions: Path, references: Path, names: Sequence[str]) -> dict[str, float]:
    """Score masks with scikit-learn in a plain loop, five calls per image."""
    scores: dict[str, list[float]] = {measure: [] for measure in _NAIVE}
    for name in names:
        reference, predicted = (
            np.array(Image.open(folder / name)).ravel() > 127
            for folder in (references, predictions)
        )
        for measure, score in _NAIVE.items():
            scores[measure].append(score(reference, predicted))
    return {measure: float(np.mean(values)) for measure, values in scores.items()}


def naive_probabilities(
    probabilities: Path, references: Path, names: Sequence[str]
) -> dict[str, float]:
    """Score probabilities likewise, including the area under the precision-recall curve."""
    scores: dict[str, list[float]] = {measure: [] for measure in (*_NAIVE, "average_precision")}
    for name in names:
        reference = np.array(Image.open(references / name)).ravel() > 127
        probability = np.array(Image.open(probabilities / name)).ravel() / 65535
        for measure, score in _NAIVE.items():
            scores[measure].append(score(reference, probability > 0.5))
        scores["average_precision"].append(average_precision_score(reference, probability))
    return {measure: float(np.mean(values)) for measure, values in scores.items()}


def difference(evaluation: Evaluation, naive: dict[str, float]) -> float:
    """Return the largest difference of a mean over images from the naive loop's."""
    return max(
        abs(estimate.value - naive[estimate.column.measure])
        for estimate in evaluation.estimates
        if estimate.aggregate == MEAN
        and estimate.column.tolerance_px is None
        and estimate.column.measure in naive
    )


@click.command("evaluate")
@click.option("--count", default=1000, show_default=True, help="Images of 1024x1024.")
@click.option("--naive-count", default=8, show_default=True, help="Images for the naive loop.")
@click.option("--rounds", default=5, show_default=True, help="Turns of each way.")
@click.option("--jobs", default=2, show_default=True)
def evaluate_benchmark(count: int, naive_count: int, rounds: int, jobs: int) -> None:
    """Time `evaluate` against reading alone and a loop that calls scikit-learn."""
    print_machine()
    with scratch() as folder:
        predictions, references, _ = make_annotations(folder, count)
        probabilities = folder / "probabilities"
        make_probabilities(predictions, probabilities)
        names = [f"{number:05d}.png" for number in range(naive_count)]
        ids = parse_ids(f"0-{naive_count - 1}")
        masks = sorted([*predictions.iterdir(), *references.iterdir()])
        soft = sorted([*probabilities.iterdir(), *references.iterdir()])
        sizes = [path.stat().st_size for path in (*predictions.iterdir(), *probabilities.iterdir())]
        print(
            f"{count} images of {SIDE}x{SIDE}; {np.mean(sizes[:count]) / 1e3:.1f} kB per mask, "
            f"{np.mean(sizes[count:]) / 1e3:.1f} kB per probability map"
        )
        for kind, naive in ((predictions, naive_masks), (probabilities, naive_probabilities)):
            ours = evaluate_folders(kind, references, _EXACT, ids=ids, resamples=0)
            worst = difference(ours, naive(kind, references, names))
            print(f"means differ from the naive loop's by at most {worst:.0e}")

        def evaluate(kind: Path, settings: EvaluationSettings) -> object:
            return evaluate_folders(kind, references, settings, jobs=jobs).estimates

        ways: dict[str, Callable[[], object]] = {
            "only reading masks": lambda: read_only(masks, jobs),
            "evaluate --exact-only": lambda: evaluate(predictions, _EXACT),
            "evaluate": lambda: evaluate(predictions, EvaluationSettings()),
            "only reading probabilities": lambda: read_only(soft, jobs),
            "probabilities --exact-only": lambda: evaluate(probabilities, _EXACT),
        }
        *seconds, mask_seconds, probability_seconds = in_turns(
            rounds,
            *ways.values(),
            lambda: naive_masks(predictions, references, names),
            lambda: naive_probabilities(probabilities, references, names),
        )
        each = {
            name: 1000 * statistics.median(taken) / count
            for name, taken in zip(ways, seconds, strict=True)
        }
        naive_each = [
            1000 * statistics.median(taken) / naive_count
            for taken in (mask_seconds, probability_seconds)
        ]
        for name, taken in zip(ways, seconds, strict=True):
            is_soft = "probabilities" in name
            reading = each["only reading probabilities" if is_soft else "only reading masks"]
            print(
                f"{name:26} {jobs} jobs: {each[name]:6.2f} ms per image "
                f"({1000 * min(taken) / count:.2f} to {1000 * max(taken) / count:.2f}), "
                f"{each[name] / reading:.2f} times as long as only reading; the naive loop takes "
                f"{naive_each[is_soft] / each[name]:.1f} times as long"
            )
        for name, naive_ms in zip(("masks", "probabilities"), naive_each, strict=True):
            print(f"naive loop, {name}: 1 job {naive_ms:.1f} ms per image, on {naive_count} images")
