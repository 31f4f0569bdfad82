"""`predict` as real processes: killed, interrupted, out of room, and watched for memory."""

import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from ffhq_wrinkle.cli import main
from tests.helpers.files import files_of, partial_files
from tests.helpers.pictures import pixels
from tests.helpers.processes import file_limit, kill, run_after, start, wait_for


@pytest.fixture
def arguments(checkpoint):
    """Arguments of the command that predicts a data set into a folder."""

    def of(dataset, out):
        fixed = ["--checkpoint", checkpoint, "--parser", "labels", "--device", "cpu"]
        command = ["predict", dataset.images, out, *fixed, "--probabilities", "png"]
        return [str(part) for part in command]

    return of


@pytest.fixture
def begin(arguments):
    return lambda dataset, out: start(*arguments(dataset, out))


def masks(out):
    return list(out.glob("masks/0*.png"))


def test_a_run_killed_at_any_moment_and_started_again_has_the_same_result(
    make_dataset, tmp_path, begin, arguments
):
    dataset = make_dataset(range(40), side=160)
    dataset.image_path("00007").write_text("not an image")
    out, straight = tmp_path / "out", tmp_path / "straight"
    for reached in (1, 12):
        process = begin(dataset, out)
        wait_for(lambda reached=reached: len(masks(out)) >= reached, process)
        kill(process)
        assert not (out / "predict.json").exists()
        for path in masks(out):
            assert pixels(path).shape == (160, 160)  # whole
    assert len(masks(out)) < 39
    process = begin(dataset, out)
    said = process.communicate(timeout=120)
    result = CliRunner().invoke(main, arguments(dataset, straight))
    assert process.returncode == result.exit_code == 1, said
    assert len(masks(out)) == 39
    assert files_of(out) == files_of(straight)


def test_ctrl_c_stops_with_a_summary(make_dataset, tmp_path, begin):
    dataset = make_dataset(range(200), side=160)
    out = tmp_path / "out"
    process = begin(dataset, out)
    wait_for(lambda: len(masks(out)) >= 3, process)
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - before < 10
    assert process.returncode == 130
    assert "Traceback" not in said
    assert f"Interrupted: {len(masks(out))} predictions written" in said
    assert partial_files(out) == []


def test_a_write_that_fails_stops_the_run_in_one_line(make_dataset, tmp_path, checkpoint):
    dataset = make_dataset(range(3), side=256)  # overlays of more than 4,000 bytes
    out = tmp_path / "out"
    options = ["--checkpoint", checkpoint, "--parser", "labels", "--device", "cpu"]
    run = run_after(file_limit(4000), "predict", dataset.images, out, *options)
    assert run.returncode == 1
    assert "File too large; make room" in run.stderr
    assert "Traceback" not in run.stderr
    assert set(files_of(out)) == {".predict.json.under-way"}


CHEAP = """
import sys
from pathlib import Path
import numpy as np, psutil
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.segmentation.prediction.prediction import predict_folder
from ffhq_wrinkle.segmentation.prediction.predictor import Predictor
from ffhq_wrinkle.segmentation.prediction.trained_network import TrainedNetwork
from ffhq_wrinkle.weak_labels.texture import TextureSettings

class Cheap(TrainedNetwork):
    name, sha256, in_channels, texture, side = "cheap", "", 4, TextureSettings(), None
    seen, peaks = 0, [0, 0]

    def batch_logits(self, batch):
        self.seen += 1
        late = self.seen > 100
        self.peaks[late] = max(self.peaks[late], psutil.Process().memory_info().rss)
        return batch[..., 3].astype(np.float32) - 40.5

images, labels, out = map(Path, sys.argv[1:])
cheap = Cheap()
ingredients = Ingredients(ReadyLabels(labels), cheap.texture)
predict_folder(images, out, Predictor(cheap, ingredients), jobs=2)
print(cheap.seen, *cheap.peaks)
"""


def test_memory_does_not_grow_with_the_number_of_images(make_dataset, tmp_path):
    pytest.importorskip("psutil")
    dataset = make_dataset(range(10), side=400)
    for number in range(10, 200):  # the same pictures under other names
        os.link(dataset.image_path(f"{number % 10:05d}"), dataset.image_path(f"{number:05d}"))
        os.link(dataset.labels / f"{number % 10:05d}.npy", dataset.labels / f"{number:05d}.npy")
    command = [sys.executable, "-c", CHEAP, dataset.images, dataset.labels, tmp_path / "out"]
    said = subprocess.check_output([*command], text=True)
    seen, early, late = map(int, said.split())
    assert seen == 200
    # The photos and logits of 100 further images would be 112 MB.
    assert late - early < 30e6
