"""Resuming: a run that was stopped, killed or begun with other settings."""

import signal
import time

import pytest
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import RunInterrupted, TrainingError
from ffhq_wrinkle.segmentation import save_checkpoint
from tests.helpers.processes import wait_for
from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE, run, same, weights

pytestmark = pytest.mark.usefixtures("narrow_unet")


class StopAfter:
    """Stands for a signal after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0


# After the first stage's steps, in its validation; and within an epoch of the second.
@pytest.mark.parametrize("steps", [2, 5])
def test_stopped_at_any_step_and_taken_up_again_the_weights_are_the_same(
    data, tmp_path, monkeypatch, steps
):
    run(data, tmp_path / "straight")
    from ffhq_wrinkle.segmentation.training import training

    with monkeypatch.context() as patch:
        from contextlib import contextmanager

        @contextmanager
        def signals():
            yield StopAfter(steps)

        patch.setattr(training, "stop_asked_for", signals)
        with pytest.raises(RunInterrupted, match="the same command goes on from there"):
            run(data, tmp_path / "stopped")
    run(data, tmp_path / "stopped")
    for stage in ("pretrain", "finetune"):
        for name in ("last.pt", "best.pt"):
            same(*(weights(tmp_path / folder / stage / name) for folder in ("straight", "stopped")))
    first, second = (
        [{k: v for k, v in row.items() if k not in ("seconds", "images_per_s")} for row in
         rows_of(tmp_path / folder / "finetune" / "metrics.csv")]
        for folder in ("straight", "stopped")
    )  # fmt: skip
    assert first == second


def test_what_is_killed_between_metrics_and_checkpoint_leaves_no_gap(data, tmp_path, monkeypatch):
    from ffhq_wrinkle.segmentation.training import trainer

    def dying(path, *arguments, **options):
        if path.name == "last.pt" and options["more"]["progress"]["epoch"] == 2:
            raise KeyboardInterrupt
        save_checkpoint(path, *arguments, **options)

    recipe = RECIPE[RECIPE.index("[finetune]") :]
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "save_checkpoint", dying)
        with pytest.raises(KeyboardInterrupt):
            run(data, tmp_path / "run", recipe)
    assert not (tmp_path / "run" / "test.json").exists()
    run(data, tmp_path / "run", recipe)
    rows = rows_of(tmp_path / "run" / "finetune" / "metrics.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]


def test_killed_at_any_moment_the_weights_are_those_of_an_uninterrupted_run(
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
    assert "another process trains in" in other.output
    process.send_signal(signal.SIGTERM)
    before = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - before < 20
    assert process.returncode == 130
    assert "Interrupted: pretrain stopped in epoch" in said
    assert "Traceback" not in said


def test_other_settings_are_refused_with_the_difference(data, tmp_path):
    run(data, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"finetune\.epochs 2 there and 4 now"):
        run(data, tmp_path / "run", RECIPE.replace("epochs = 2", "epochs = 4"))
    with pytest.raises(TrainingError, match="seed 0 there and 5 now"):
        run(data, tmp_path / "run", settings={"seed": 5})
    with pytest.raises(TrainingError, match="holds a run already"):
        run(data, tmp_path / "run", resume=False)
    before = weights(tmp_path / "run" / "finetune" / "last.pt")
    run(data, tmp_path / "run")  # all done: nothing is trained again
    same(before, weights(tmp_path / "run" / "finetune" / "last.pt"))
    data.root = data.root.rename(tmp_path / "moved")
    run(data, tmp_path / "run")
    Image.new("L", (32, 32), 255).save(data.root / "manual_wrinkle_masks" / "00003.png")
    with pytest.raises(TrainingError, match="was trained on other data"):
        run(data, tmp_path / "run")


def test_a_folder_with_other_files_is_refused(data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("")
    with pytest.raises(TrainingError, match=r"holds other files, such as mine\.txt"):
        run(data, tmp_path / "run")
