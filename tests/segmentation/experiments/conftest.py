"""Runs are made up: their settings, tables and checkpoints, without training."""

import json

import pytest
import tomli_w
import torch

from ffhq_wrinkle.segmentation.training.recipes import read_recipe
from ffhq_wrinkle.segmentation.training.stage_state import COLUMNS
from ffhq_wrinkle.storage.writing import csv_bytes, sha256_of
from tests.helpers.experiments import GOOD


@pytest.fixture
def make_run(tmp_path):
    """Write a folder as `train` leaves it."""

    def make(
        name, recipe="unet_none", *, scores=GOOD, seed=0, fraction=1.0, data="d0", limit=None,
        precision="32", init="", only=None, finished=True, seconds=10.0, title=None,
        memory="", pretrained_on=("00009",), pretrain_data=None, **options,
    ):  # fmt: skip
        run = tmp_path / name
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
            note = {"data_sha256": of_stage, "name": f"{name} {stage}"}
            torch.save({"model": {"weight": torch.zeros(1)}, **note}, run / stage / "best.pt")
        if finished and only != "pretrain":
            names = ("true_positive", "false_positive", "false_negative", "true_negative")
            header = ("image_id", "jsi", "f1", "accuracy", *names)
            rows = [(image_id, *figures) for image_id, figures in reversed(scores.items())]
            (run / "test.csv").write_bytes(csv_bytes(header, rows))
            sha256 = sha256_of(run / "finetune" / "best.pt")
            (run / "test.json").write_text(json.dumps({"checkpoint_sha256": sha256}))
        return run

    return make
