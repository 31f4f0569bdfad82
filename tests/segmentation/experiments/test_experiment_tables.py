import csv
import json

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import official_test_ids
from ffhq_wrinkle.measures.metrics import accuracy
from ffhq_wrinkle.segmentation.evaluation.measures import MEASURES, Measure
from ffhq_wrinkle.segmentation.experiments.experiment_tables import (
    markdown,
    printed,
    record,
    table_csv,
)
from ffhq_wrinkle.segmentation.experiments.paper_tables import TABLES
from tests.helpers.commands import run
from tests.helpers.experiments import BAD, GOOD, compared, rows_of


def test_one_image_has_no_interval(make_run):
    experiments = compared(make_run("a", scores={"00001": GOOD["00001"]}))
    assert np.isnan(experiments.cells[0].figures[0].low)
    assert "0.5000 " in printed(experiments)
    assert "NaN" not in json.dumps(record(experiments), allow_nan=False)


def test_tables_have_all_rows_of_the_paper_and_their_own_for_the_rest(make_run):
    experiments = compared(
        make_run("a"), make_run("b", "unet_none_rgbt"), make_run("c", fraction=0.05),
        make_run("d", fraction=0.5), make_run("e", title="mine"), resamples=0,
    )  # fmt: skip
    text = markdown(experiments)
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


def test_without_a_comparable_run_no_tables_are_made(make_run, tmp_path):
    unfit = make_run("a", "unet_texture", only="finetune")
    said = run("compare", unfit, "--out", tmp_path / "out")
    assert said.exit_code == 0, said.output
    assert said.output.startswith(
        "No run can be compared.\n\nNo run is what its recipe's name says"
    )
    assert "Table 3" not in said.output
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["cells"] == []


def test_the_command_writes_tables_and_a_plot(make_run, tmp_path):
    runs = [
        make_run("a"), make_run("b", seed=1, scores=BAD), make_run("c", data="d1", seed=2),
        make_run("d", fraction=0.05), make_run("e", finished=False),
    ]  # fmt: skip
    out = tmp_path / "deep" / "out"
    command = ["compare", *runs, "--out", out, "--resamples", 50, "--with-paper"]
    said = run(*command)
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
    content = json.loads((out / "compare.json").read_text())
    assert list(content) == [
        "command", "version", "bootstrap", "test_images", "common", "cells", "not_comparable",
        "unfinished",
    ]  # fmt: skip
    assert content["cells"][0]["runs"] == [str(run) for run in runs[:2]]
    assert content["cells"][0]["parameters"] == {"paper": 17_263_042, "whole": 17_263_042}
    assert content["unfinished"][0]["why"] == "there is no test.json"
    with Image.open(out / "compare.png") as image:
        assert min(image.size) > 200
    refused = run(*command)
    assert refused.exit_code == 1
    assert f"{out} holds a report already; choose another folder, or --overwrite" in refused.output
    before = (out / "compare.json").stat().st_ino
    assert run(*command, "--overwrite").exit_code == 0
    assert (out / "compare.json").stat().st_ino != before


def test_wrong_arguments_are_one_line_errors(make_run, tmp_path):
    finished, unfinished = make_run("a"), make_run("b", finished=False)
    (tmp_path / "none").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for arguments, status, words in (
        ([tmp_path / "none"], 2, "none is not a folder of `train`: it has no config.toml"),
        ([finished, finished], 2, "is named twice; a run counts once"),
        ([unfinished], 1, "of 1 run none is finished; "),
        ([finished, "--out", finished], 2, "overlap; results need a folder of their own"),
        ([finished, "--out", tmp_path / "other"], 1, "holds other files, such as "),
    ):
        said = run("compare", *arguments)
        assert said.exit_code == status, said.output
        assert words in said.output
        assert len(said.output.splitlines()) == 1


def test_a_new_headline_measure_is_in_all_tables_though_the_paper_lacks_it(make_run, monkeypatch):
    measure = Measure(
        title="error rate", short_title="Err", exact=lambda counts: 1 - accuracy(counts),
        larger_is_better=False, headline=True, form=".3f",
    )  # fmt: skip
    monkeypatch.setitem(MEASURES, "error", measure)
    runs = [make_run("a", seed=0), make_run("b", scores=BAD, seed=1)]
    for folder, errors in zip(runs, ((0.1, 0.0, 0.06), (0.15, 0.01, 0.04)), strict=True):
        header, *lines = (folder / "test.csv").read_text().splitlines()
        with_error = [f"{line},{error}" for line, error in zip(lines, errors[::-1], strict=True)]
        (folder / "test.csv").write_text("\n".join([f"{header},error", *with_error, ""]))
    experiments = compared(*runs, resamples=0)
    error = experiments.cells[0].figure("error")
    assert error.value == pytest.approx((0.16 / 3 + 0.20 / 3) / 2)
    assert error.pooled == pytest.approx((16 + 20) / 600)
    row = rows_of(markdown(experiments), "Table 3 at 100 % of the training images")["unet_none"]
    assert row[-3:] == ["0.060", "-", "0.1500 to 0.3750"]
    header, first, *_ = csv.reader(table_csv(experiments).decode().splitlines())
    cells = dict(zip(header, first, strict=True))
    assert float(cells["error"]) == pytest.approx(0.06)
    assert cells["error_paper"] == ""


def test_runs_on_other_images_stand_without_the_paper_s_scores(make_run):
    own = compared(make_run("own"), resamples=0, with_paper=False)
    official = {image_id: GOOD["00001"] for image_id in official_test_ids()}
    some = dict(list(official.items())[:50])
    on_official = compared(make_run("off", scores=official), resamples=0, with_paper=False)
    on_some = compared(make_run("some", scores=some), resamples=0, with_paper=False)
    assert [each.with_paper for each in (own, on_some, on_official)] == [False, False, True]
    assert rows_of(markdown(on_official), "Table 3 at 100 % of the training images")
    for text in (markdown(own), printed(own)):
        assert "Table 3" not in text
        assert "0.4638" not in text  # the paper's JSI
        assert "--with-paper adds them" in text
    table = rows_of(markdown(own), "At 100 % of the training images")
    assert table == {
        "unet_none": ["U-Net, none", "1", "0.3750", "0.5333", "0.9467", "0.3750 to 0.3750"]
    }
    assert record(own)["cells"][0]["paper"] is None
    header, row = csv.reader(table_csv(own).decode().splitlines())
    assert dict(zip(header, row, strict=True))["jsi_paper"] == ""


def test_the_headline_names_the_best_run(make_run):
    runs = [make_run("a", scores=BAD), make_run("b", "unet_none_rgbt"), make_run("c", seed=1)]
    first, *_ = printed(compared(*runs, resamples=0)).splitlines()
    assert first == (
        "unet_none_rgbt has the highest JSI, 0.38, with 100 % of the training images (one seed)."
    )
