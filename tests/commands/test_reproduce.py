"""The command `reproduce`: a whole grid of small runs, killed in the middle and run again."""

import csv
import json

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.helpers.commands import run
from tests.helpers.faces import Dataset
from tests.helpers.networks import FEATURES
from tests.helpers.processes import kill, start, wait_for

SIDE, PARTS = 32, ["train"] * 8 + ["val"] * 2 + ["test"] * 2
ROWS = ("unet_none", "unet_texture")
GRID = [f"{row}-{share}-{seed}" for row in ROWS for share in (100, 50) for seed in (0, 1)]
SMALL = ["--workers", "0", "--parser", "labels", "--devices", "cpu"]
for option in ("epochs=1", "batch_size=4", "augment=false", f"features={FEATURES}"):
    SMALL += ["--option", option]


@pytest.fixture
def data(tmp_path):
    """Twelve drawn faces with masks and a split, as a CSV."""
    made = Dataset(tmp_path / "faces", list(range(len(PARTS))), SIDE)
    rows = []
    for number, (image_id, part) in enumerate(zip(made.ids, PARTS, strict=True)):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[8 : 10 + number % 3, 10:22] = 255
        path = tmp_path / "faces" / f"mask{image_id}.png"
        Image.fromarray(mask).save(path)
        labels = made.labels / f"{image_id}.npy"
        rows.append([image_id, made.image_path(image_id), path, labels, part])
    with (tmp_path / "data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "image", "mask", "face_mask", "split"])
        table.writerows(rows)
    return tmp_path / "data.csv"


def grid(data, runs, *more, rows=ROWS):
    chosen = ["--rows", ",".join(rows), "--fractions", "1,0.5", "--seeds", "0,1"]
    return ["reproduce", data, runs, *chosen, *SMALL, *more]


def trained(runs):
    """Time at which the last checkpoint of each run was written."""
    return {path.parts[-3]: path.stat().st_mtime_ns for path in runs.glob("*/*/last.pt")}


def finished(runs):
    return {path.parent.name for path in runs.glob("*/test.json")}


def test_a_grid_that_was_killed_in_the_middle_ends_in_its_tables(data, tmp_path):
    runs = tmp_path / "runs"
    process = start(*grid(data, runs))
    wait_for(lambda: trained(runs), process)
    wait_for(lambda: finished(runs), process)
    workers = psutil.Process(process.pid).children(recursive=True)
    kill(process)
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    before, done = trained(runs), finished(runs)
    assert 1 <= len(done) < len(GRID)

    result = run(*grid(data, runs))
    assert result.exit_code == 0, result.output
    assert finished(runs) == set(GRID)
    assert set(trained(runs)) == {*GRID, "pretrain-unet_texture"}
    after = trained(runs)
    assert {name: after[name] for name in done} == {name: before[name] for name in done}

    record = json.loads((runs / "tables" / "compare.json").read_text())
    cells = {(cell["recipe"], cell["fraction"]): cell["seeds"] for cell in record["cells"]}
    assert cells == {(row, fraction): [0, 1] for row in ROWS for fraction in (1.0, 0.5)}
    assert record["not_comparable"] == record["unfinished"] == []
    assert f"Tables and a plot are in {runs / 'tables'}." in result.output

    again = run(*grid(data, runs))
    assert again.stdout == result.stdout
    assert trained(runs) == after


def test_a_run_that_fails_does_not_stop_the_others_and_the_budget_is_named(data, tmp_path):
    runs = tmp_path / "runs"
    (runs / "unet_none-100-0").mkdir(parents=True)
    (runs / "unet_none-100-0" / "mine.txt").write_text("mine")
    arguments = ["reproduce", data, runs, "--rows", "unet_none", "--fractions", "1"]
    small = [text for text in SMALL if text != "epochs=1"]
    del small[small.index("--option")]
    result = run(*arguments, *small, "--seeds", "0,1", "--budget", "0.01")
    assert result.exit_code == 1
    assert finished(runs) == {"unet_none-100-1"}
    assert "unet_none-100-0 failed:" in result.output
    assert "holds other files, such as mine.txt" in result.output
    assert "All recipes were changed: epochs x 0.01, batch_size = 4" in result.output


def test_the_plan_counts_runs_time_and_space_and_trains_nothing(data, tmp_path):
    result = run(*grid(data, tmp_path / "runs", "--plan"))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "9 runs, 0 of them finished. Left: 1 to pretrain, 8 to finetune, about "
    )
    assert result.stdout.endswith(" of training steps on 1 device, and about 0.1 GB.\n")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rows", "unet_nine"], "is not a row"),
        (["--fractions", "x"], "numbers, separated by commas"),
        (["--budget", "2"], "budget"),
        (["--option", "size"], "should be KEY=VALUE"),
    ],
)
def test_wrong_usage_has_exit_status_2(data, tmp_path, options, said):
    result = run("reproduce", data, tmp_path / "runs", *options)
    assert result.exit_code == 2
    assert said in result.output
