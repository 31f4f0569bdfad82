"""Invented runs, their scores, and the result of `compare` for such runs."""

import json
import re

import tomli_w
import torch

from ffhq_wrinkle.segmentation.experiments.experiments import compare_runs
from ffhq_wrinkle.segmentation.training.recipes import read_recipe
from ffhq_wrinkle.segmentation.training.stage_state import COLUMNS
from ffhq_wrinkle.storage.writing import csv_bytes, sha256_of

# For each image: JSI, F1, accuracy, and pixels true positive, false positive, false negative, true
# negative. The second has no wrinkle in either mask, so that JSI and F1 are undefined.
GOOD = {
    "00001": (0.5, 2 / 3, 0.9, 10, 5, 5, 80),
    "00002": ("", "", 1.0, 0, 0, 0, 100),
    "00003": (0.25, 0.4, 0.94, 2, 4, 2, 92),
}


BAD = {
    "00001": (0.25, 0.4, 0.85, 5, 5, 10, 80),
    "00002": (0.0, 0.0, 0.99, 0, 1, 0, 99),
    "00003": (0.2, 1 / 3, 0.96, 1, 1, 3, 95),
}


def write_run(
    run, recipe="unet_none", *, scores=GOOD, seed=0, fraction=1.0, data="d0", limit=None,
    precision="32", init="", only=None, finished=True, seconds=10.0, title=None,
    memory="", pretrained_on=("00009",), pretrain_data=None, **options,
):  # fmt: skip
    """Write a folder as `train` leaves it, without training; return it."""
    chosen = read_recipe(recipe)
    chosen = chosen.only(only) if only else chosen
    chosen = chosen.changed({"epochs": 2, "batch_size": 4, **options})
    settings = {
        "recipe": title or recipe, "init": init, "seed": seed, "fraction": fraction,
        "precision": precision, **({"limit": limit} if limit else {}), **chosen.record(),
    }  # fmt: skip
    run.mkdir()
    (run / "config.toml").write_text(tomli_w.dumps({"data": "/data", **settings}))
    parts = [("00009", "train", "yes"), ("00008", "val", "yes")]
    parts += [(image_id, "test", "yes") for image_id in scores]
    (run / "split.csv").write_bytes(csv_bytes(("image_id", "part", "used"), parts))
    for stage in chosen.record():
        epochs = chosen.stage(stage).epochs
        rows = [[n, 1e-4, 0.5, 0.5, "", "", seconds, 1.0, memory] for n in range(1, epochs + 1)]
        (run / stage).mkdir()
        if stage == "pretrain":
            learned = [(image_id, "train", "yes") for image_id in pretrained_on]
            split = csv_bytes(("image_id", "part", "used"), learned)
            (run / stage / "split.csv").write_bytes(split)
        (run / stage / "metrics.csv").write_bytes(csv_bytes(COLUMNS, rows))
        of_stage = pretrain_data if stage == "pretrain" and pretrain_data else data
        note = {"data_sha256": of_stage, "name": f"{run.name} {stage}"}
        torch.save({"model": {"weight": torch.zeros(1)}, **note}, run / stage / "best.pt")
    if finished and only != "pretrain":
        names = ("true_positive", "false_positive", "false_negative", "true_negative")
        header = ("image_id", "jsi", "f1", "accuracy", *names)
        rows = [(image_id, *figures) for image_id, figures in reversed(scores.items())]
        (run / "test.csv").write_bytes(csv_bytes(header, rows))
        sha256 = sha256_of(run / "finetune" / "best.pt")
        (run / "test.json").write_text(json.dumps({"checkpoint_sha256": sha256}))
    return run


def compared(*runs, resamples=200, with_paper=True):
    return compare_runs(runs, resamples=resamples, with_paper=with_paper)


def why(experiments):
    return {one.run.path.name: one.why for one in experiments.apart}


def rows_of(text, title):
    """The cells of a Markdown table, by recipe."""
    (block,) = re.findall(rf"## {re.escape(title)}\n\n(.*?)(?:\n\n|\n?\Z)", text, re.DOTALL)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}
