"""Train the rows of the paper's Tables 3 and 4 on a small set of real faces and score them.

`python tools/measure_training.py FOLDER OUT [--jobs 2]`

FOLDER holds photos in `images/` and hand-drawn wrinkle masks of the same names in `masks/`.

1. The tool writes photos and masks at half size to OUT and splits them once: 60 images to train
   on, 3 in 10 of the others to validate, the rest to test.
2. `ffhq-wrinkle train` trains every recipe on all labels and on 5 % of them, with three seeds. Each
   run has one core, and `--jobs` runs go on at once. If interrupted, start the tool again: finished
   runs are kept.
3. `ffhq-wrinkle compare` sets the scores beside the paper's, in one folder of OUT for each share of
   the labels and kind of network. U-Nets and Swin UNETR are apart as their crops differ in size.
4. The tool prints how pretraining on texture maps and texture maps as input change the scores, and
   whether that depends on the length of pretraining and the learning rate of finetuning. The
   differences are paired by image and seed, with 95 % bootstrap intervals over images. A second
   table has the errors of the texture maps that the pretrained networks predict.

`--tables` does the last two steps for the runs that are finished, and trains nothing.
"""

import argparse
import csv
import itertools
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np
import torch

from ffhq_wrinkle.dataset.layout import find_images
from ffhq_wrinkle.images.masks import read_mask
from ffhq_wrinkle.images.photographs import decode_gray, read_image
from ffhq_wrinkle.images.png import encode_png
from ffhq_wrinkle.measures.bootstrap import bootstrap_intervals
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint
from ffhq_wrinkle.segmentation.experiments.paper_tables import ROWS
from ffhq_wrinkle.segmentation.training.recipes import read_recipe
from ffhq_wrinkle.storage.writing import csv_bytes, write_bytes

COMMAND = Path(sys.executable).with_name("ffhq-wrinkle")
DONE = "measured.txt"
TRAINED_ON = 60
SEEDS = (0, 1, 2)
RATE = "1e-3"
PRETRAINED_EPOCHS, LONG = 20, 100
# Finetuning by share of the labels: (epochs, epochs between validations). With batches of 3 that is
# 300 steps for 60 images and 100 steps for 3.
LENGTHS = {"1.0": (15, 1), "0.05": (100, 10)}
# Side of the random crops. Swin UNETR requires multiples of 64, and at least 128.
UNET_SIZE, SWIN_SIZE = "96", "128"
EVERYWHERE = ["--precision", "bf16", "--parser", "mesh", "--accelerator", "cpu"]
EVERYWHERE += ["--workers", "0"]


class Cell(NamedTuple):
    """A network to finetune: its recipe, its length of pretraining and its learning rate."""

    recipe: str
    share: str
    seed: int
    pretrained_epochs: int = PRETRAINED_EPOCHS
    rate: str = RATE

    @property
    def folder(self) -> str:
        """Name of the folder of its run."""
        name = f"{self.recipe}-{round(100 * float(self.share))}-{self.seed}"
        if self.pretrained_epochs != PRETRAINED_EPOCHS:
            name += f"-pretrained{self.pretrained_epochs}"
        return name if self.rate == RATE else f"{name}-rate{self.rate}"

    @property
    def pretraining(self) -> str:
        """Name of the folder of the run that pretrains it; empty without pretraining."""
        if read_recipe(self.recipe).pretrain is None:
            return ""
        # Pretraining does not depend on the input of the finetuned network.
        return f"pretrain-{self.recipe.removesuffix('_rgb')}-{self.seed}-{self.pretrained_epochs}"


def rows(seed: int, recipes: Iterable[str] = ROWS) -> list[Cell]:
    """Return the rows of the tables."""
    return [Cell(recipe, share, seed) for share in LENGTHS for recipe in recipes]


def study(seed: int) -> list[Cell]:
    """Return RGB U-Nets pretrained for longer, finetuned at the paper's rate, or both."""
    return [
        Cell(recipe, share, seed, epochs, rate)
        for share in LENGTHS
        for recipe, epochs, rate in (
            ("unet_none", PRETRAINED_EPOCHS, "1e-4"),
            ("unet_texture_rgb", PRETRAINED_EPOCHS, "1e-4"),
            ("unet_texture_rgb", LONG, "1e-4"),
            ("unet_texture_rgb", LONG, RATE),
        )
    ]


TABLE_4 = ("unet_none", "unet_none_rgbt", "unet_texture_rgb", "unet_texture")
OTHER_UNETS = [name for name in ROWS if name not in TABLE_4 and not name.startswith("swin")]
SWINS = ("swin_unetr_none", "swin_unetr_texture", "swin_unetr_mim", "swin_unetr_imagenet")
# The most informative cells come first.
CELLS = [
    *rows(0, [*TABLE_4, *OTHER_UNETS]),
    *rows(1, TABLE_4),
    *rows(0, SWINS[:2]),
    *rows(2, TABLE_4),
    *study(0),
    *rows(0, SWINS[2:]),
    *study(1),
    *study(2),
    *(cell for seed in (1, 2) for cell in rows(seed, [*OTHER_UNETS, *SWINS])),
]


def main() -> None:
    """Prepare, train, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--tables", action="store_true", help="print the tables of finished runs; train nothing"
    )
    options = parser.parse_args()
    runs = options.out / "runs"
    if not options.tables:
        trainings = Trainings(prepare(options.folder, options.out), runs)
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(trainings.finetune, CELLS))
    for share, kind in itertools.product(LENGTHS, ("unet", "swin")):
        compare(runs, share, kind, options.out)
    print(differences(runs), end="\n\n")
    print(pretraining_errors(options.out))


class Trainings:
    """Runs of `train` on one data set."""

    def __init__(self, data: Path, runs: Path) -> None:
        self.data = data
        self.runs = runs
        self._locks = {name: Lock() for name in {cell.pretraining for cell in CELLS}}
        # Make the weak masks now, before several runs would make them at once.
        self._train("unet_texture", "first", ["--stage", "pretrain", "--epochs", "1"])

    def finetune(self, cell: Cell) -> None:
        """Finetune one network, after its pretraining if it has one."""
        options = ["--stage", "finetune", "--seed", str(cell.seed), "--fraction", cell.share]
        epochs, every = LENGTHS[cell.share]
        options += ["--epochs", str(epochs), "--first-period", str(epochs)]
        options += ["--validate-every", str(every), "--batch-size", "3", "--peak-rate", cell.rate]
        if cell.pretraining:
            with self._locks[cell.pretraining]:
                self._pretrain(cell)
            options += ["--init", str(self.runs / cell.pretraining / "pretrain" / "best.pt")]
        if cell.recipe.endswith("_imagenet"):
            # Random weights: they show how the network scores without ImageNet's.
            options += ["--initial", "random-stand-in"]
        self._train(cell.recipe, cell.folder, options)

    def _pretrain(self, cell: Cell) -> None:
        epochs = str(cell.pretrained_epochs)
        options = ["--stage", "pretrain", "--seed", str(cell.seed), "--batch-size", "4"]
        options += ["--epochs", epochs, "--first-period", epochs, "--peak-rate", "1e-3"]
        options += ["--validate-every", str(cell.pretrained_epochs // 10)]
        self._train(cell.recipe.removesuffix("_rgb"), cell.pretraining, options)

    def _train(self, recipe: str, name: str, options: Sequence[str]) -> None:
        """Run the command on one core, unless it was run, with its output in a log file."""
        run = self.runs / name
        if (run / DONE).exists():
            return
        run.mkdir(parents=True, exist_ok=True)
        size = SWIN_SIZE if recipe.startswith("swin") else UNET_SIZE
        command = ["train", recipe, str(self.data), str(run), *options, "--size", size]
        command += EVERYWHERE
        started = time.monotonic()
        with (self.runs / f"{name}.log").open("a") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            subprocess.run(
                [str(COMMAND), *command], env=environment, stdout=log, stderr=log, check=True
            )
        seconds = time.monotonic() - started
        print(f"{name}: {seconds:.0f} s", flush=True)
        note = f"ffhq-wrinkle {shlex.join(command)}\n{seconds:.0f} s\n"
        write_bytes(run / DONE, note.encode())


def compare(runs: Path, share: str, kind: str, out: Path) -> None:
    """Compare the runs of one kind of network at one share with the paper, in a folder of OUT."""
    recipes = [name for name in ROWS if name.startswith("swin") == (kind == "swin")]
    cells = [cell for seed in SEEDS for cell in rows(seed, recipes) if cell.share == share]
    wanted = dict.fromkeys(name for cell in cells for name in (cell.folder, cell.pretraining))
    paths = [str(runs / name) for name in wanted if name and (runs / name / DONE).exists()]
    if paths:
        tables = out / f"compare-{kind}-{round(100 * float(share))}"
        subprocess.run([str(COMMAND), "compare", *paths, "--out", str(tables)], check=True)


def differences(runs: Path) -> str:
    """Return a Markdown table of how pretraining and texture input change Table 4."""
    lines = ["| difference | labels | seeds | JSI | F1 |", "| --- " * 5 + "|"]
    long = f"pretrained {LONG} epochs"
    for share in LENGTHS:
        for title, minuend, subtrahend in (
            ("texture minus none, RGB", ("unet_texture_rgb",), ("unet_none",)),
            ("texture minus none, RGB+T", ("unet_texture",), ("unet_none_rgbt",)),
            ("RGB+T minus RGB, none", ("unet_none_rgbt",), ("unet_none",)),
            ("RGB+T minus RGB, texture", ("unet_texture",), ("unet_texture_rgb",)),
            (f"texture minus none, RGB, {long}", ("unet_texture_rgb", LONG), ("unet_none",)),
            (
                "texture minus none, RGB, rate 1e-4",
                ("unet_texture_rgb", PRETRAINED_EPOCHS, "1e-4"),
                ("unet_none", PRETRAINED_EPOCHS, "1e-4"),
            ),
            (
                f"texture minus none, RGB, rate 1e-4, {long}",
                ("unet_texture_rgb", LONG, "1e-4"),
                ("unet_none", PRETRAINED_EPOCHS, "1e-4"),
            ),
        ):
            pairs = [
                [
                    runs / Cell(recipe, share, seed, *settings).folder
                    for recipe, *settings in (minuend, subtrahend)
                ]
                for seed in SEEDS
            ]
            pairs = [pair for pair in pairs if all((run / DONE).exists() for run in pair)]
            if pairs:
                change = np.stack([read_scores(a) - read_scores(b) for a, b in pairs])
                figures = " | ".join(with_interval(change[..., score]) for score in (0, 1))
                lines.append(f"| {title} | {float(share):.0%} | {len(pairs)} | {figures} |")
    return "\n".join(lines)


@torch.inference_mode()
def pretraining_errors(out: Path) -> str:
    """Return a Markdown table of the errors of texture maps predicted for the test images."""
    lines = ["| pretrained | seed | error inside faces | error elsewhere |", "| --- " * 4 + "|"]
    with (out / "data.csv").open() as file:
        image_ids = [row["image_id"] for row in csv.DictReader(file) if row["split"] == "test"]
    (cache,) = (out / ".ffhq-wrinkle-cache").iterdir()
    samples = [
        (
            read_image(out / "images" / f"{image_id}.png"),
            decode_gray((cache / "weak" / f"{image_id}.png").read_bytes()),
            read_mask(cache / "face_masks" / f"{image_id}.png"),
        )
        for image_id in image_ids
    ]
    black = np.mean(
        [rms_errors(np.zeros_like(target), target, face) for _, target, face in samples], axis=0
    )
    lines.append("| not: all black | - | {:.1f} | {:.1f} |".format(*black))
    for best in sorted((out / "runs").glob("pretrain-unet_texture-*/pretrain/best.pt")):
        model = load_checkpoint(best).model
        errors = []
        for image, target, face in samples:
            batch = torch.from_numpy(image.transpose(2, 0, 1))[None]
            levels = (model(model.scaled(batch))[0, 0].float().numpy() + 1) * 127.5
            errors.append(rms_errors(levels, target, face))
        *_, seed, epochs = best.parents[1].name.split("-")
        inside, elsewhere = np.mean(errors, axis=0)
        lines.append(f"| {epochs} epochs | {seed} | {inside:.1f} | {elsewhere:.1f} |")
    return "\n".join(lines)


def rms_errors(predicted: np.ndarray, target: np.ndarray, face: np.ndarray) -> tuple[float, float]:
    """Return the root mean squared error, in levels, inside the face and elsewhere."""
    squares = (predicted.astype(float) - target) ** 2
    return float(np.sqrt(squares[face].mean())), float(np.sqrt(squares[~face].mean()))


def read_scores(run: Path) -> np.ndarray:
    """Read JSI and F1 of each test image, (images, 2)."""
    with (run / "test.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["image_id"])
    return np.array([[float(row[name] or "nan") for name in ("jsi", "f1")] for row in rows])


def with_interval(change: np.ndarray) -> str:
    """Return the mean of differences (seeds, images), with its 95 % interval over images."""
    of_image = change.mean(axis=0)

    def mean(counts: np.ndarray) -> np.ndarray:
        means: np.ndarray = counts @ of_image / counts.sum(axis=1)
        return means[:, None]

    low, high = bootstrap_intervals(mean, len(of_image))
    return f"{of_image.mean():+.4f} ({low[0]:+.4f} to {high[0]:+.4f})"


def prepare(folder: Path, out: Path) -> Path:
    """Write images and masks at half size and the listing with its split; return its path."""
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
        # A pixel is wrinkle if any of its four pixels was, so that lines stay connected.
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
