"""Launch: several processes of one run, each as a real process."""

import shutil
import subprocess
import sys

import pytest
import torch

from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE, run, weights

# Only in the first process is a checkpoint due, after each step; all must save it together.
TWO = """
import os
import sys
from pathlib import Path

from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.training.recipes import read_recipe
from ffhq_wrinkle.segmentation.training.settings import TrainSettings
from ffhq_wrinkle.segmentation.training.training import train

data, folder, labels = map(Path, sys.argv[2:])
rank = os.environ.get("LOCAL_RANK", "0")


def parser():
    Path(f"{folder}.parser-of-process-{rank}").touch()
    return ReadyLabels(labels)


train(
    read_recipe(sys.argv[1]),
    data,
    folder,
    parser=parser,
    settings=TrainSettings(precision="64"),
    accelerator="cpu",
    devices=2,
    save_every_s=0 if rank == "0" else 1e9,
)
"""


def test_two_processes_get_the_weights_of_one_with_the_same_batch(data, tmp_path):
    # One step for each stage, in double precision: in single precision, AdamW, batch
    # normalisation and ReLU soon lead to different networks, on one device or two. One process
    # has 5 of the 9 images, the other 4.
    data.labels = data.labels.rename(tmp_path / "labels")  # so that a parser is needed
    recipe = RECIPE.replace("epochs = 2", "epochs = 1").replace("batch_size = 4", "batch_size = 9")
    run(data, tmp_path / "one", recipe, settings={"precision": "64"})
    (tmp_path / "two.py").write_text(TWO)
    (tmp_path / "small.toml").write_text(recipe)
    arguments = (tmp_path / "small.toml", data.root, tmp_path / "two", data.labels)
    subprocess.run(
        [sys.executable, tmp_path / "two.py", *arguments],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    for stage in ("pretrain", "finetune"):
        folders = [tmp_path / name / stage for name in ("one", "two")]
        one, two = (weights(folder / "last.pt") for folder in folders)
        # AdamW's first step is 1e-3 along the sign of each gradient. Many wrong gradients would
        # have the other sign; a few that are almost 0 change sign with their last digits.
        away = torch.cat([(one[name].double() - two[name]).abs().flatten() for name in one])
        assert float((away > 1e-4).double().mean()) < 1e-3
        first, second = (rows_of(folder / "metrics.csv")[0] for folder in folders)
        for loss in ("train_loss", "val_loss"):
            assert float(first[loss]) == pytest.approx(float(second[loss]), abs=1e-6)
    prepared_by = [path.name for path in tmp_path.glob("two.parser-of-process-*")]
    assert prepared_by == ["two.parser-of-process-0"]


def test_if_the_first_process_fails_the_others_end_silently(data, tmp_path, start):
    shutil.rmtree(data.root / "images1024x1024")
    process = start(tmp_path / "run", "--devices", "2")
    _, messages = process.communicate(timeout=120)
    assert process.returncode == 2
    assert messages.count("is not training data") == 1
    assert "Traceback" not in messages
