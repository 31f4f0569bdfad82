"""Runs are made up: their settings, tables and checkpoints, without training."""

import csv
import json
import re

import numpy as np
import pytest
import tomli_w
import torch
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from ffhq_wrinkle.measures.metrics import accuracy
from ffhq_wrinkle.segmentation.evaluation.measures import MEASURES, Measure
from ffhq_wrinkle.segmentation.experiments.experiment_tables import (
    markdown,
    printed,
    record,
    table_csv,
)
from ffhq_wrinkle.segmentation.experiments.experiments import compare_runs
from ffhq_wrinkle.segmentation.experiments.paper_tables import ROWS, TABLES, paper_scores
from ffhq_wrinkle.segmentation.networks.parameters import parameter_counts
from ffhq_wrinkle.segmentation.training.recipes import read_recipe, shipped_recipes
from ffhq_wrinkle.segmentation.training.stage_state import COLUMNS
from ffhq_wrinkle.storage.writing import csv_bytes, sha256_of

# Of each image: JSI, F1, accuracy, and pixels true positive, false positive, false negative, true
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


def table(header, rows):
    return csv_bytes(header, rows)


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
        (run / "split.csv").write_bytes(table(("image_id", "part", "used"), parts))
        for stage in chosen.record():
            epochs = chosen.stage(stage).epochs
            rows = [[n, 1e-4, 0.5, 0.5, "", "", seconds, 1.0, memory] for n in range(1, epochs + 1)]
            (run / stage).mkdir()
            if stage == "pretrain":
                learned = [(image_id, "train", "yes") for image_id in pretrained_on]
                split = table(("image_id", "part", "used"), learned)
                (run / stage / "split.csv").write_bytes(split)
            (run / stage / "metrics.csv").write_bytes(table(COLUMNS, rows))
            of_stage = pretrain_data if stage == "pretrain" and pretrain_data else data
            note = {"data_sha256": of_stage, "name": f"{name} {stage}"}
            torch.save({"model": {"weight": torch.zeros(1)}, **note}, run / stage / "best.pt")
        if finished and only != "pretrain":
            names = ("true_positive", "false_positive", "false_negative", "true_negative")
            header = ("image_id", "jsi", "f1", "accuracy", *names)
            rows = [(image_id, *figures) for image_id, figures in reversed(scores.items())]
            (run / "test.csv").write_bytes(table(header, rows))
            sha256 = sha256_of(run / "finetune" / "best.pt")
            (run / "test.json").write_text(json.dumps({"checkpoint_sha256": sha256}))
        return run

    return make


def compared(*runs, resamples=200):
    return compare_runs(runs, resamples=resamples)


def why(experiments):
    return {one.run.path.name: one.why for one in experiments.apart}


def test_the_paper_s_rows_are_the_shipped_recipes():
    assert sorted(ROWS) == shipped_recipes()
    assert [len(one.rows) for one in TABLES] == [10, 4]


def test_the_paper_s_f1_is_near_what_follows_from_its_jsi():
    """Per image F1 = 2J/(1+J), which is concave: means lie a little below, misprints do not."""
    for name, row in ROWS.items():
        for scores in row.scores.values():
            bound = 2 * scores.jsi / (1 + scores.jsi)
            assert bound - 0.03 < scores.f1 < bound + 1e-4, name
            assert scores.accuracy > 0.98


def test_the_paper_has_nothing_for_other_recipes_and_fractions():
    assert paper_scores("mine", 1.0) is None
    assert paper_scores("unet_none", 0.1) is None
    assert paper_scores("unet_denoising", 0.05) == (0.2840, 0.4338, 0.9898)


def test_parameters_are_counted_without_relative_positions_and_with():
    assert parameter_counts("swin_unetr", 4, 2) == (25_154_738, 25_241_228)  # 25.155M
    assert parameter_counts("striped_wrinet", 3, 2) == (6_222_530, 6_222_530)


def test_figures_are_means_over_images_then_seeds(make_run):
    found = compared(make_run("a", seed=3), make_run("b", scores=BAD, seed=1))
    (cell,) = found.cells
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
    found = compared(make_run("a", scores=high, seed=0), make_run("b", scores=low, seed=1))
    jsi = found.cells[0].figures[0]
    assert (jsi.low, jsi.high) == pytest.approx((0.4, 0.4))
    (alone,) = compared(make_run("c", scores=high)).cells
    assert alone.figures[0].low < 0.35 < 0.45 < alone.figures[0].high


def test_one_image_has_no_interval(make_run):
    found = compared(make_run("a", scores={"00001": GOOD["00001"]}))
    assert np.isnan(found.cells[0].figures[0].low)
    assert "0.5000 " in printed(found)
    assert "NaN" not in json.dumps(record(found), allow_nan=False)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"data": "d1"}, "data d1 instead of d0"),
        ({"limit": 7}, "limit 7 instead of none"),
        ({"precision": "bf16"}, "precision bf16 instead of 32"),
        ({"size": 64}, "size 64 instead of whole images"),
        ({"epochs": 3}, "epochs 3 instead of 2"),
        ({"batch_size": 1}, "batch size 1 instead of 4"),
        ({"augment": False}, "augmentation no instead of yes"),
        ({"peak_rate": 1e-3}, "[finetune] peak_rate 0.001 instead of 0.0001"),
        ({"initial": "random-stand-in", "network": "unet_resnet50"},
         "[finetune] network unet_resnet50, the recipe's is unet, "
         "[finetune] initial random-stand-in, the recipe's is random"),
        ({"init": "ab" * 32},
         "began with a checkpoint (--init) of none of these runs; name its run too"),
        ({"seed": 0}, "seed 0 again, as in "),
    ],
)  # fmt: skip
def test_what_differs_is_not_averaged(make_run, other, reason):
    good = [make_run("a", seed=0), make_run("b", seed=1)]
    found = compared(make_run("other", scores=BAD, **{"seed": 2, **other}), *good)
    if "again" in reason:  # the first named counts
        assert why(found) == {"a": f"{reason}{good[0].parent / 'other'}"}
        return
    assert why(found) == {"other": reason}
    assert [run.path for run in found.cells[0].runs] == good
    assert found.cells[0].figures[0].value == pytest.approx(0.375)
    assert found.apart[0].figures[0].value == pytest.approx(0.15)
    assert reason in printed(found).replace("\n", " ")


def test_gradient_checkpointing_makes_no_difference(make_run):
    recipe = "swin_unetr_none"
    found = compared(
        make_run("a", recipe), make_run("b", recipe, seed=1, gradient_checkpointing=True)
    )
    assert len(found.cells[0].runs) == 2


def test_another_test_part_is_named(make_run):
    fewer = {image_id: GOOD[image_id] for image_id in ("00001", "00003")}
    found = compared(make_run("a"), make_run("b", scores=fewer, seed=1))
    assert re.fullmatch(
        r"test part 2 images \([0-9a-f]{8}\) instead of 3 images \([0-9a-f]{8}\)", why(found)["b"]
    )


def test_the_first_named_of_two_groups_of_one_size_is_kept(make_run):
    runs = [make_run("a", data="x"), make_run("b", data="y", seed=1)]
    assert why(compared(*runs)) == {"b": "data y instead of x"}
    assert why(compared(*reversed(runs))) == {"a": "data x instead of y"}


def test_each_recipe_s_own_budget_is_comparable_but_not_with_a_shorter_one(make_run):
    swin, unet = read_recipe("swin_unetr_none").finetune, read_recipe("unet_none").finetune
    assert (swin.epochs, unet.epochs) == (300, 150)
    found = compared(
        make_run("swin", "swin_unetr_none", epochs=300, batch_size=14),
        make_run("unet", epochs=150, batch_size=14),
        make_run("short", epochs=20, batch_size=14, seed=1),
    )
    assert [cell.recipe for cell in found.cells] == ["swin_unetr_none", "unet_none"]
    assert why(found) == {"short": "epochs 20 instead of the recipe's"}


def test_runs_of_another_pretraining_are_apart_and_those_without_stay(make_run):
    found = compared(
        make_run("none"),
        make_run("texture", "unet_texture"),
        make_run("denoising", "unet_denoising"),
        make_run("unpretrained", "unet_texture", only="finetune", seed=1),
    )
    assert [cell.recipe for cell in found.cells] == ["unet_none", "unet_texture", "unet_denoising"]
    assert why(found) == {"unpretrained": "without the recipe's pretraining"}
    assert [cell.seconds for cell in found.cells] == [20, 40, 40]


def test_pretraining_with_another_budget_is_apart(make_run):
    runs = [make_run(f"n{n}", "unet_texture", seed=n) for n in range(2)]
    long = make_run("long", "unet_texture", seed=2)
    config = (long / "config.toml").read_text()
    (long / "config.toml").write_text(config.replace("epochs = 2", "epochs = 1", 1))
    assert why(compared(long, *runs)) == {"long": "pretraining epochs 1 instead of 2"}


def test_a_pretraining_that_another_run_began_with_is_found(make_run):
    source = make_run("source", "unet_texture", only="pretrain", seconds=100.0)
    init = sha256_of(source / "pretrain" / "best.pt")
    five = make_run("five", "unet_texture", only="finetune", init=init, fraction=0.05)
    found = compared(five, source)
    assert found.cell("unet_texture", 0.05).seconds == 220
    assert not found.unfinished
    alone = compared(five, make_run("whole", "unet_texture"))
    assert "name its run too" in why(alone)["five"]


def test_unfinished_runs_are_named_with_what_they_lack(make_run):
    stopped = make_run("stopped", finished=False)
    header, first, *_ = (stopped / "finetune" / "metrics.csv").read_bytes().splitlines(True)
    (stopped / "finetune" / "metrics.csv").write_bytes(header + first)
    later = make_run("later")
    torch.save({"data_sha256": "d0", "more": 1}, later / "finetune" / "best.pt")
    older = make_run("older")
    (older / "test.csv").unlink()
    found = compared(
        make_run("a"), stopped, later, older, make_run("unscored", finished=False),
        make_run("early", "unet_texture", only="pretrain"),
    )  # fmt: skip
    assert {one.run.path.name: one.why for one in found.unfinished} == {
        "stopped": "finetune has 1 of 2 epochs",
        "later": "test.json is of another checkpoint than finetune/best.pt",
        "older": "there is no test.csv; remove test.json, and the same `train` scores it again",
        "unscored": "there is no test.json",
        "early": "pretraining alone, which has no scores",
    }
    assert "finetune has 1 of 2 epochs" in printed(found)


def rows_of(text, title):
    """The cells of a Markdown table, by recipe."""
    (block,) = re.findall(rf"## {re.escape(title)}\n\n(.*?)(?:\n\n|\n?\Z)", text, re.DOTALL)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}


def test_tables_have_all_rows_of_the_paper_and_their_own_for_the_rest(make_run):
    found = compared(
        make_run("a"), make_run("b", "unet_none_rgbt"), make_run("c", fraction=0.05),
        make_run("d", fraction=0.5), make_run("e", title="mine"), resamples=0,
    )  # fmt: skip
    text = markdown(found)
    third = rows_of(text, "Table 3 at 100 % of the training images")
    assert list(third) == [row.recipe for row in TABLES[0].rows]
    assert third["unet_none"] == [
        "U-Net, none", "1", "0.3750", "0.4638", "0.5333", "0.6278", "0.9467", "0.9955",
        "0.3750 to 0.3750",
    ]  # fmt: skip
    assert third["striped_wrinet"] == [
        "Striped WriNet", "-", "-", "0.4665", "-", "0.6294", "-", "0.9956", "-",
    ]  # fmt: skip
    fourth = rows_of(text, "Table 4 at 100 % of the training images")
    assert list(fourth) == ["unet_none", "unet_none_rgbt", "unet_texture_rgb", "unet_texture"]
    assert fourth["unet_none_rgbt"][2:4] == ["0.3750", "0.4606"]
    at_five = rows_of(text, "Table 3 at 5 % of the training images")
    assert at_five["unet_none"][2:4] == ["0.3750", "0.3021"]
    mine = rows_of(text, "Not in the paper, at 100 % of the training images")
    assert mine["mine"] == ["-", "1", *("0.3750", "-", "0.5333", "-", "0.9467", "-"),
                            "0.3750 to 0.3750"]  # fmt: skip
    assert list(rows_of(text, "Not in the paper, at 50 % of the training images")) == ["unet_none"]
    cost = rows_of(text, "Cost")
    assert cost["unet_none_rgbt"] == ["100 %", "17,263,618", "17,263,618", "20.0 s", "-"]


def test_without_a_comparable_run_there_are_no_tables(make_run, tmp_path):
    run = make_run("a", "unet_texture", only="finetune")
    said = CliRunner().invoke(main, ["compare", str(run), "--out", str(tmp_path / "out")])
    assert said.exit_code == 0, said.output
    assert said.output.startswith("No run is what its recipe's name says")
    assert "Table 3" not in said.output
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["cells"] == []


def test_memory_is_the_most_that_a_run_noted(make_run):
    found = compared(make_run("a", memory=900), make_run("b", memory=1200, seed=1))
    assert found.cells[0].memory_mib == 1200
    assert rows_of(markdown(found), "Cost")["unet_none"][-1] == "1,200 MiB"


def test_memory_and_time_of_older_runs_may_be_absent(make_run):
    run = make_run("a")
    path = run / "finetune" / "metrics.csv"
    path.write_text("epoch,lr\n1,0.1\n2,0.1\n")
    (cell,) = compared(run).cells
    assert (cell.seconds, cell.memory_mib) == (None, None)


def test_the_command_writes_tables_and_a_plot(make_run, tmp_path):
    runs = [
        make_run("a"), make_run("b", seed=1, scores=BAD), make_run("c", data="d1", seed=2),
        make_run("d", fraction=0.05), make_run("e", finished=False),
    ]  # fmt: skip
    out = tmp_path / "deep" / "out"
    command = ["compare", *map(str, runs), "--out", str(out), "--resamples", "50"]
    said = CliRunner().invoke(main, command)
    assert said.exit_code == 0, said.output
    assert "Table 3 at 5 % of the training images" in said.output
    assert {path.name for path in out.glob("[!.]*")} == {
        "compare.csv", "compare.json", "compare.md", "compare.png",
    }  # fmt: skip
    with (out / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["comparable"] for row in rows] == ["yes", "yes", "no", "no"]
    assert (rows[0]["seeds"], rows[0]["jsi_paper"]) == ("0 1", "0.4638")
    assert float(rows[0]["jsi"]) == pytest.approx(0.2625)
    assert float(rows[0]["jsi_pooled"]) == pytest.approx((12 / 28 + 6 / 26) / 2)
    assert rows[2]["why_not"] == f"{runs[2]}: data d1 instead of d0"
    assert (float(rows[2]["jsi"]), rows[3]["jsi"]) == (0.375, "")
    found = json.loads((out / "compare.json").read_text())
    assert list(found) == [
        "command", "version", "bootstrap", "test_images", "common", "cells", "not_comparable",
        "unfinished",
    ]  # fmt: skip
    assert found["cells"][0]["runs"] == [str(run) for run in runs[:2]]
    assert found["cells"][0]["parameters"] == {"paper": 17_263_042, "whole": 17_263_042}
    assert found["unfinished"][0]["why"] == "there is no test.json"
    with Image.open(out / "compare.png") as image:
        assert min(image.size) > 200
    again = CliRunner().invoke(main, command)  # an earlier report is replaced
    assert again.exit_code == 0


def test_wrong_arguments_are_errors_of_one_line(make_run, tmp_path):
    run, unfinished = make_run("a"), make_run("b", finished=False)
    (tmp_path / "none").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for arguments, status, words in (
        ([tmp_path / "none"], 2, "none is no folder of `train`: it has no config.toml"),
        ([run, run], 2, "is named twice; a run counts once"),
        ([unfinished], 1, "of 1 runs none is finished; "),
        ([run, "--out", run], 2, "overlap; results need a folder of their own"),
        ([run, "--out", tmp_path / "other"], 1, "holds other files, such as "),
    ):
        said = CliRunner().invoke(main, ["compare", *map(str, arguments)])
        assert said.exit_code == status, said.output
        assert words in said.output
        assert len(said.output.splitlines()) == 1


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
    with pytest.raises(EvaluationError, match=r"test\.json can not be read"):
        compared(run)
    (run / "config.toml").write_text("recipe = 3 3")
    with pytest.raises(ArgumentError, match="can not be read as the settings of a run"):
        compared(run)
    (run / "config.toml").write_text('recipe = "mine"\n')
    with pytest.raises(ArgumentError, match="neither"):
        compared(run)


def test_pretraining_of_the_same_images_compares_whatever_else_it_learns_from(make_run):
    # Denoising needs no weak masks, which are part of what texture-map pretraining's hash is of.
    found = compared(
        make_run("texture", "unet_texture", pretrain_data="with weak masks"),
        make_run("again", "unet_texture", pretrain_data="with weak masks", seed=1),
        make_run("noise", "unet_denoising", pretrain_data="images alone"),
    )
    cells = [(one.recipe, len(one.runs)) for one in found.cells]
    assert cells == [("unet_texture", 2), ("unet_denoising", 1)]


def test_pretraining_of_other_images_is_kept_apart(make_run):
    found = compared(
        make_run("texture", "unet_texture"),
        make_run("again", "unet_texture", seed=1),
        make_run("noise", "unet_denoising", pretrained_on=("00009", "00010")),
    )
    assert list(why(found)) == ["noise"]
    assert "pretraining images" in why(found)["noise"]


def test_a_new_headline_measure_is_in_all_tables_though_the_paper_lacks_it(make_run, monkeypatch):
    measure = Measure(
        title="error rate", short_title="Err", exact=lambda counts: 1 - accuracy(counts),
        larger_is_better=False, headline=True, form=".3f",
    )  # fmt: skip
    monkeypatch.setitem(MEASURES, "error", measure)
    runs = [make_run("a", seed=0), make_run("b", scores=BAD, seed=1)]
    for run, errors in zip(runs, ((0.1, 0.0, 0.06), (0.15, 0.01, 0.04)), strict=True):
        header, *lines = (run / "test.csv").read_text().splitlines()
        with_error = [f"{line},{error}" for line, error in zip(lines, errors[::-1], strict=True)]
        (run / "test.csv").write_text("\n".join([f"{header},error", *with_error, ""]))
    found = compared(*runs, resamples=0)
    error = found.cells[0].figure("error")
    assert error.value == pytest.approx((0.16 / 3 + 0.20 / 3) / 2)
    assert error.pooled == pytest.approx((16 + 20) / 600)
    row = rows_of(markdown(found), "Table 3 at 100 % of the training images")["unet_none"]
    assert row[-3:] == ["0.060", "-", "0.1500 to 0.3750"]
    header, first, *_ = csv.reader(table_csv(found).decode().splitlines())
    cells = dict(zip(header, first, strict=True))
    assert float(cells["error"]) == pytest.approx(0.06)
    assert cells["error_paper"] == ""
