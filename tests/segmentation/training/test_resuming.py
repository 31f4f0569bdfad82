"""Resuming: runs that were stopped, killed, or begun with different settings."""

import signal
import time

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import OutputError, RunInterrupted, TrainingError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.weak_labels.weak import build_weak
from tests.helpers.processes import wait_for
from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE, run, same, stop_after, weights


@pytest.mark.parametrize(
    ("network", "calls", "where"),
    [
        ("unet", 2, "pretrain stopped in epoch 1 of 1, after step 2"),  # of 2: in its validation
        ("unet", 4, "finetune stopped in epoch 1 of 2, after step 1"),
        ("swin_unetr", 4, "finetune stopped in epoch 1 of 2, after step 1"),
    ],
)
def test_a_run_that_was_stopped_and_resumed_has_the_weights_of_an_uninterrupted_one(
    data, tmp_path, network, calls, where
):
    recipe = RECIPE.replace('"unet"', f'"{network}"')
    run(data, tmp_path / "straight", recipe)
    with pytest.raises(RunInterrupted, match=where):
        run(data, tmp_path / "stopped", recipe, stopped=stop_after(calls))
    run(data, tmp_path / "stopped", recipe)
    for stage in ("pretrain", "finetune"):
        for name in ("last.pt", "best.pt"):
            same(*(weights(tmp_path / folder / stage / name) for folder in ("straight", "stopped")))
    first, second = (
        [{k: v for k, v in row.items() if k not in ("seconds", "images_per_s")} for row in
         rows_of(tmp_path / folder / "finetune" / "metrics.csv")]
        for folder in ("straight", "stopped")
    )  # fmt: skip
    assert first == second


def test_a_checkpoint_of_earlier_versions_which_kept_random_states_is_resumed(data, tmp_path):
    run(data, tmp_path / "straight")
    with pytest.raises(RunInterrupted):
        run(data, tmp_path / "stopped", stopped=stop_after(4))
    last = tmp_path / "stopped" / "finetune" / "last.pt"
    content = torch.load(last, weights_only=True)
    torch.save({**content, "random": {"cpu": torch.get_rng_state()}}, last)
    run(data, tmp_path / "stopped")
    same(*(weights(tmp_path / name / "finetune" / "last.pt") for name in ("straight", "stopped")))


def test_a_run_that_ends_between_metrics_and_checkpoint_leaves_no_gap(data, tmp_path):
    recipe = RECIPE[RECIPE.index("[finetune]") :]
    last, kept = (tmp_path / "run" / "finetune" / name for name in ("last.pt", "kept.pt"))

    def obstruct():
        """After the first epoch, put a folder where `last.pt` is to be written."""
        if last.is_file():
            last.rename(kept)
            last.mkdir()
        return False

    with pytest.raises(OutputError, match=r"last\.pt: "):
        run(data, tmp_path / "run", recipe, stopped=obstruct)
    metrics = tmp_path / "run" / "finetune" / "metrics.csv"
    assert [row["epoch"] for row in rows_of(metrics)] == ["1", "2"]
    assert not (tmp_path / "run" / "test.json").exists()
    last.rmdir()
    kept.rename(last)
    run(data, tmp_path / "run", recipe)
    assert [row["epoch"] for row in rows_of(metrics)] == ["1", "2"]
    run(data, tmp_path / "straight", recipe)
    same(*(weights(tmp_path / name / "finetune" / "last.pt") for name in ("run", "straight")))


def test_a_killed_run_when_resumed_has_the_weights_of_an_uninterrupted_one(
    data, tmp_path, start, arguments
):
    recipe = RECIPE.replace("epochs = 2", "epochs = 4")
    run(data, tmp_path / "straight", recipe)
    folder = tmp_path / "killed"
    for seen in ("pretrain/last.pt", "finetune/last.pt"):
        process = start(folder, recipe=recipe)
        wait_for(lambda seen=seen: (folder / seen).exists(), process)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (folder / "test.json").exists()
    result = CliRunner().invoke(main, arguments(folder, recipe=recipe))
    assert result.exit_code == 0, result.output
    for stage in ("pretrain", "finetune"):
        same(*(weights(tmp_path / name / stage / "last.pt") for name in ("straight", "killed")))
    assert (folder / "test.json").exists()


def test_sigterm_stops_after_the_step_and_a_second_run_is_refused_meanwhile(
    tmp_path, start, arguments
):
    folder = tmp_path / "run"
    process = start(folder, "--epochs", "500")
    wait_for(lambda: (folder / "pretrain" / "last.pt").exists(), process)
    other = CliRunner().invoke(main, arguments(folder, "--epochs", "500"))
    assert other.exit_code == 1
    assert "another process is training in" in other.output
    process.send_signal(signal.SIGTERM)
    before = time.monotonic()
    _, messages = process.communicate(timeout=60)
    assert time.monotonic() - before < 20
    assert process.returncode == 130
    assert "Interrupted: pretrain stopped in epoch" in messages
    assert "Traceback" not in messages


def test_different_settings_are_refused_by_name(data, tmp_path):
    run(data, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"finetune\.epochs 2 there and 4 now"):
        run(data, tmp_path / "run", RECIPE.replace("epochs = 2", "epochs = 4"))
    with pytest.raises(TrainingError, match="seed 0 there and 5 now"):
        run(data, tmp_path / "run", settings={"seed": 5})
    with pytest.raises(TrainingError, match="already holds a run"):
        run(data, tmp_path / "run", resume=False)
    before = weights(tmp_path / "run" / "finetune" / "last.pt")
    run(data, tmp_path / "run")  # everything is done already: nothing is trained again
    same(before, weights(tmp_path / "run" / "finetune" / "last.pt"))
    data.root = data.root.rename(tmp_path / "moved")
    run(data, tmp_path / "run")
    Image.new("L", (32, 32), 255).save(data.root / "manual_wrinkle_masks" / "00003.png")
    with pytest.raises(TrainingError, match="was trained on different data"):
        run(data, tmp_path / "run")


def test_a_folder_with_other_files_is_refused(data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("")
    with pytest.raises(TrainingError, match=r"holds other files, such as mine\.txt"):
        run(data, tmp_path / "run")


def test_a_lost_checkpoint_of_the_best_epoch_is_named(data, tmp_path):
    run(data, tmp_path / "run")
    best = tmp_path / "run" / "finetune" / "best.pt"
    whole = best.read_bytes()
    best.unlink()
    with pytest.raises(TrainingError, match=r"best\.pt is missing, the network of the best epoch"):
        run(data, tmp_path / "run")
    best.write_bytes(whole)
    run(data, tmp_path / "run")
    best.unlink()
    best.with_name("last.pt").unlink()  # as the message says
    run(data, tmp_path / "run")
    assert best.is_file()


def test_a_label_map_that_was_replaced_is_noticed_when_a_run_is_resumed(data, tmp_path):
    weak = data.root / "weak_wrinkle_masks"
    build_weak(data.images, weak, parser=ReadyLabels(data.labels))
    run(data, tmp_path / "run")
    run(data, tmp_path / "run")
    last = tmp_path / "run" / "finetune" / "last.pt"
    content = torch.load(last, weights_only=True)
    path = data.labels / "00003.npy"
    before = path.read_bytes()
    label_map = np.load(path)
    label_map[:, :256] = 0
    np.save(path, label_map)
    assert len(before) == path.stat().st_size
    with pytest.raises(TrainingError, match=r"masks or face masks have changed since then"):
        run(data, tmp_path / "run")
    content.pop("faces_sha256")  # earlier versions did not record it
    torch.save(content, last)
    run(data, tmp_path / "run")


def test_checkpoints_name_all_versions_that_trained_them(data, tmp_path, monkeypatch):
    trainer = "ffhq_wrinkle.segmentation.training.trainer"
    monkeypatch.setattr(f"{trainer}.__version__", "0.0.9")
    with pytest.raises(RunInterrupted):
        run(data, tmp_path / "run", stopped=stop_after(4))
    monkeypatch.setattr(f"{trainer}.__version__", "0.1.0")
    run(data, tmp_path / "run")
    trained_by = {
        stage: torch.load(tmp_path / "run" / stage / "last.pt", weights_only=True)["trained_by"]
        for stage in ("pretrain", "finetune")
    }
    assert trained_by == {"pretrain": ["0.0.9"], "finetune": ["0.0.9", "0.1.0"]}
