"""What pretraining, texture maps and more labels are worth, trained on a small set of real faces.

`python tools/measure_training.py FOLDER OUT [--jobs 2]`

FOLDER holds photos in `images/` and wrinkle masks drawn by people in `masks/`, of the same names.
They are halved into OUT and split once, 60 to train on and, of the others, 3 in 10 to validate and
the rest to test. Then each network of the grid is trained for each of three seeds, by the command
`ffhq-wrinkle train` on one core, as many at once as there are jobs; begun again, the tool goes on
where it was left. Printed are tables of the scores on the test part: means over images and seeds,
with 95 % intervals of the bootstrap over images, and the range of the seeds.
"""

import argparse
import csv
import itertools
import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ffhq_wrinkle.bootstrap import bootstrap_intervals
from ffhq_wrinkle.files import csv_bytes, read_image, write_bytes
from ffhq_wrinkle.manifest import find_images
from ffhq_wrinkle.masks import read_mask
from ffhq_wrinkle.png import encode_png

SEEDS = (0, 1, 2)
TRAINED_ON = 60
PRETRAIN = ["--batch-size", "4", "--epochs", "12", "--first-period", "12"]
EVERYWHERE = ["--size", "128", "--parser", "template", "--accelerator", "cpu", "--workers", "0"]
DONE = "measured.txt"
FINETUNE = ["--batch-size", "3", "--peak-rate", "1e-3"]
EPOCHS = {"1.0": "12", "0.1": "40"}  # by share of the labels: 240 and 80 steps


class Cell(NamedTuple):
    """A network of the grid: what it began with, what it sees, of how many labels it learns."""

    begins: str
    sees: str
    share: str
    seed: int

    @property
    def folder(self) -> str:
        """Of its run."""
        return f"{self.begins}_{self.sees.replace('+texture', 't')}_{self.share}_{self.seed}"


CELLS = [
    Cell(begins, sees, share, seed)
    for seed, begins, sees, share in itertools.product(
        SEEDS, ("none", "texture"), ("rgb", "rgb+texture"), EPOCHS
    )
]


def main() -> None:
    """Prepare, train and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("out", type=Path)
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = asked.parse_args()
    data = prepared(given.folder, given.out)
    # Weak masks are made once, before any two runs would.
    train(data, given.out / "runs" / "first", ["--stage", "pretrain", "--epochs", "1"])
    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(lambda seed: pretrain(data, given.out / "runs", seed), SEEDS))
        list(pool.map(lambda cell: finetune(data, given.out / "runs", cell), CELLS))
    print(tables(given.out / "runs"))


def pretrain(data: Path, runs: Path, seed: int) -> None:
    """Train a network to make texture maps."""
    run = runs / f"pretrain_{seed}"
    train(data, run, ["--stage", "pretrain", "--seed", str(seed), *PRETRAIN])


def finetune(data: Path, runs: Path, cell: Cell) -> None:
    """Train one network of the grid."""
    options = ["--stage", "finetune", "--seed", str(cell.seed), *FINETUNE, "--input", cell.sees]
    epochs = EPOCHS[cell.share]
    options += ["--fraction", cell.share, "--epochs", epochs, "--first-period", epochs]
    if cell.begins == "texture":
        options += ["--init", str(runs / f"pretrain_{cell.seed}" / "pretrain" / "best.pt")]
    train(data, runs / cell.folder, options)


def train(data: Path, run: Path, options: Sequence[str]) -> None:
    """Run the command on one core, unless that was done; what it says goes into a file."""
    if (run / DONE).exists():
        return
    run.mkdir(parents=True, exist_ok=True)
    command = ["ffhq-wrinkle", "train", "unet_texture", str(data), str(run), *options, *EVERYWHERE]
    started = time.monotonic()
    with (run.parent / f"{run.name}.log").open("a") as log:
        print(shlex.join(command), file=log, flush=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, env=environment, stdout=log, stderr=log, check=True)
    seconds = time.monotonic() - started
    print(f"{run.name}: {seconds:.0f} s", flush=True)
    write_bytes(run / DONE, f"{shlex.join(command)}\n{seconds:.0f} s\n".encode())


def tables(runs: Path) -> str:
    """Scores of each kind of network on the test part, and what differs, as Markdown."""
    kinds = list(dict.fromkeys(cell[:3] for cell in CELLS))
    scores: dict[tuple[str, ...], np.ndarray] = {
        kind: np.stack([read(runs / Cell(*kind, seed).folder) for seed in SEEDS]) for kind in kinds
    }
    lines = ["| begins with | sees | labels | JSI | seeds | F1 | seeds |", "| --- " * 7 + "|"]
    for kind in kinds:
        cells = [
            f"{with_interval(scores[kind][..., at])} | {spread(scores[kind][..., at])}"
            for at in (0, 1)
        ]
        lines.append(f"| {' | '.join([*named(kind), *cells])} |")
    lines += ["", "| difference | at | JSI | F1 |", "| --- " * 4 + "|"]
    for at, (one, other) in enumerate((("texture", "none"), ("rgb+texture", "rgb"))):
        for kind in kinds:
            if kind[at] == one:
                base = tuple(other if place == at else part for place, part in enumerate(kind))
                rest = ", ".join(part for place, part in enumerate(named(kind)) if place != at)
                away = scores[kind] - scores[base]
                cells = [with_interval(away[..., place], "+.4f") for place in (0, 1)]
                lines.append(f"| {one} minus {other} | {rest} | {' | '.join(cells)} |")
    return "\n".join(lines)


def named(kind: Sequence[str]) -> list[str]:
    """A kind as the table has it."""
    begins, sees, share = kind
    return [begins, sees, f"{float(share):.0%}"]


def read(run: Path) -> np.ndarray:
    """JSI and F1 of each test image, (images, 2)."""
    with (run / "test.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["image_id"])
    return np.array([[float(row[one] or "nan") for one in ("jsi", "f1")] for row in rows])


def with_interval(scores: np.ndarray, how: str = ".4f") -> str:
    """The mean over images and seeds, (seeds, images), and its 95 % interval over images."""
    of_image = scores.mean(axis=0)

    def mean(counts: np.ndarray) -> np.ndarray:
        means: np.ndarray = counts @ of_image / counts.sum(axis=1)
        return means[:, None]

    low, high = bootstrap_intervals(mean, len(of_image))
    return f"{of_image.mean():{how}} ({low[0]:{how}} to {high[0]:{how}})"


def spread(scores: np.ndarray) -> str:
    """The means of the seeds, from the least to the largest."""
    of_seed = scores.mean(axis=1)
    return f"{of_seed.min():.4f} to {of_seed.max():.4f}"


def prepared(folder: Path, out: Path) -> Path:
    """Halve images and masks, and write the listing with its split; the path of the listing."""
    listing = out / "data.csv"
    if listing.exists():
        return listing
    drawn = find_images(folder / "masks")
    images = find_images(folder / "images")
    order = np.random.default_rng(0).permutation(len(images))
    parts = ["train"] * TRAINED_ON
    parts += ["val"] * round(0.3 * (len(images) - TRAINED_ON))
    parts += ["test"] * (len(images) - len(parts))
    rows = []
    for place, (image_id, file) in zip(order, images.items(), strict=True):
        image = read_image(folder / "images" / file.path)
        mask = read_mask(folder / "masks" / drawn[image_id].path).astype(np.uint8)
        size = (image.shape[1] // 2, image.shape[0] // 2)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        # A pixel is a wrinkle's where any of the four was: lines stay whole.
        lines = cv2.resize(mask * 255.0, size, interpolation=cv2.INTER_AREA) > 0
        for kind, array in (("images", small), ("masks", lines * np.uint8(255))):
            (out / kind).mkdir(parents=True, exist_ok=True)
            write_bytes(out / kind / f"{image_id}.png", encode_png(array))
        name = f"{image_id}.png"
        rows.append([image_id, f"images/{name}", f"masks/{name}", parts[place]])
    write_bytes(listing, csv_bytes(["image_id", "image", "mask", "split"], rows))
    return listing


if __name__ == "__main__":
    main()
