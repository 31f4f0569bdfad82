import pytest
import torch

from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from ffhq_wrinkle.segmentation.experiments.experiment_tables import (
    markdown,
    printed,
)
from ffhq_wrinkle.segmentation.networks.parameters import parameter_counts
from tests.helpers.experiments import BAD, compared, rows_of


def test_parameters_are_counted_without_relative_positions_and_with():
    assert parameter_counts("swin_unetr", 4, 2) == (25_154_738, 25_241_228)  # 25.155M
    assert parameter_counts("striped_wrinet", 3, 2) == (6_222_530, 6_222_530)


def test_figures_are_means_over_images_then_seeds(make_run):
    experiments = compared(make_run("a", seed=3), make_run("b", scores=BAD, seed=1))
    (cell,) = experiments.cells
    assert [run.seed for run in cell.runs] == [1, 3]
    jsi, f1, accuracy = cell.figures
    # GOOD: (.5 + .25) / 2, the undefined left out; BAD: (.25 + 0 + .2) / 3.
    assert jsi.value == pytest.approx((0.375 + 0.15) / 2)
    assert (jsi.least, jsi.most) == pytest.approx((0.15, 0.375))
    assert f1.value == pytest.approx(((2 / 3 + 0.4) / 2 + (0.4 + 1 / 3) / 3) / 2)
    assert accuracy.value == pytest.approx((2.84 / 3 + 2.8 / 3) / 2)
    # Pooled: 12 / (12 + 9 + 7) and 6 / (6 + 7 + 13).
    assert jsi.pooled == pytest.approx((12 / 28 + 6 / 26) / 2)
    assert f1.pooled == pytest.approx((24 / 40 + 12 / 32) / 2)
    assert accuracy.pooled == pytest.approx((284 + 280) / 600)
    assert jsi.low < jsi.value < jsi.high


def test_the_interval_draws_the_same_images_of_every_seed(make_run):
    """Where the seeds' images cancel out there is nothing to vary."""
    high = {f"0000{n}": (0.2 * n, 0.5, 0.9, 1, 1, 1, 7) for n in range(1, 4)}
    low = {f"0000{n}": (0.8 - 0.2 * n, 0.5, 0.9, 1, 1, 1, 7) for n in range(1, 4)}
    experiments = compared(make_run("a", scores=high, seed=0), make_run("b", scores=low, seed=1))
    jsi = experiments.cells[0].figures[0]
    assert (jsi.low, jsi.high) == pytest.approx((0.4, 0.4))
    (alone,) = compared(make_run("c", scores=high)).cells
    assert alone.figures[0].low < 0.35 < 0.45 < alone.figures[0].high


def test_unfinished_runs_are_listed_with_their_missing_files(make_run):
    stopped = make_run("stopped", finished=False)
    header, first, *_ = (stopped / "finetune" / "metrics.csv").read_bytes().splitlines(True)
    (stopped / "finetune" / "metrics.csv").write_bytes(header + first)
    later = make_run("later")
    torch.save({"data_sha256": "d0", "more": 1}, later / "finetune" / "best.pt")
    older = make_run("older")
    (older / "test.csv").unlink()
    experiments = compared(
        make_run("a"), stopped, later, older, make_run("unscored", finished=False),
        make_run("early", "unet_texture", only="pretrain"),
    )  # fmt: skip
    assert {one.run.path.name: one.why for one in experiments.unfinished} == {
        "stopped": "finetune has 1 of 2 epochs",
        "later": "test.json is of another checkpoint than finetune/best.pt",
        "older": "there is no test.csv; remove test.json, and the same `train` scores it again",
        "unscored": "there is no test.json",
        "early": "pretraining alone, which has no scores",
    }
    assert "finetune has 1 of 2 epochs" in printed(experiments)


def test_memory_is_the_maximum_that_a_run_recorded(make_run):
    experiments = compared(make_run("a", memory=900), make_run("b", memory=1200, seed=1))
    assert experiments.cells[0].memory_mib == 1200
    assert rows_of(markdown(experiments), "Cost")["unet_none"][-1] == "1,200 MiB"


def test_memory_and_time_of_older_runs_may_be_absent(make_run):
    run = make_run("a")
    path = run / "finetune" / "metrics.csv"
    path.write_text("epoch,lr\n1,0.1\n2,0.1\n")
    (cell,) = compared(run).cells
    assert (cell.seconds, cell.memory_mib) == (None, None)


def test_damaged_runs_are_refused(make_run):
    run = make_run("a")
    lines = (run / "test.csv").read_text().splitlines(True)
    (run / "test.csv").write_text("".join(lines[:-1]))
    with pytest.raises(EvaluationError, match="other images than the test part"):
        compared(run)
    (run / "test.csv").write_text("image_id,jsi\n")
    with pytest.raises(EvaluationError, match="lacks the column f1"):
        compared(run)
    (run / "test.json").write_text("{")
    with pytest.raises(EvaluationError, match=r"test\.json cannot be read"):
        compared(run)
    (run / "config.toml").write_text("recipe = 3 3")
    with pytest.raises(ArgumentError, match="cannot be read as the settings of a run"):
        compared(run)
    (run / "config.toml").write_text('recipe = "mine"\n')
    with pytest.raises(ArgumentError, match="neither"):
        compared(run)
