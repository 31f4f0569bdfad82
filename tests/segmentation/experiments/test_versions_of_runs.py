"""Runs that were trained or scored by different versions of the package."""

import json

import pytest
import torch

from ffhq_wrinkle.segmentation.experiments.experiment_tables import html, markdown, printed, record
from ffhq_wrinkle.segmentation.experiments.experiments import compare_runs
from ffhq_wrinkle.storage.writing import sha256_of

REMARK = "These runs were trained or scored by different versions of ffhq-wrinkle"


@pytest.fixture
def run_by(make_run):
    """Make up a run whose checkpoint and scores say which versions made them."""

    def make(name, trained_by, scored_by, **options):
        run = make_run(name, **options)
        best = run / "finetune" / "best.pt"
        note = {"trained_by": trained_by} if isinstance(trained_by, list) else {}
        note |= {"version": trained_by} if isinstance(trained_by, str) else {}
        torch.save({**torch.load(best, weights_only=True), **note}, best)
        scores = {"checkpoint_sha256": sha256_of(best), "version": scored_by}
        (run / "test.json").write_text(json.dumps(scores))
        return run

    return make


def test_runs_of_different_versions_are_averaged_with_a_remark(run_by):
    first = run_by("first", ["0.0.8", "0.0.9"], "0.1.0", seed=0)
    second = run_by("second", ["0.1.0"], "0.1.0", seed=1)
    earlier = run_by("earlier", "0.0.9", "0.0.9", seed=2)  # which had no trained_by
    compared = compare_runs([first, second, earlier], resamples=0)
    assert len(compared.cells[0].runs) == 3
    assert compared.versions == {
        "0.0.8": (first,),
        "0.0.9": (first, earlier),
        "0.1.0": (first, second),
    }
    for text in (printed(compared), markdown(compared), html(compared)):
        assert REMARK in text
        assert f"0.0.9 (2 runs, such as {first})" in text
    assert record(compared)["versions"]["0.0.9"] == [str(first), str(earlier)]


def test_runs_of_one_version_need_no_remark(run_by):
    runs = [run_by(f"{seed}", ["0.1.0"], "0.1.0", seed=seed) for seed in range(2)]
    compared = compare_runs(runs, resamples=0)
    assert REMARK not in printed(compared)
    assert "versions" not in record(compared)


def test_a_version_that_is_not_recorded_is_unknown(run_by):
    runs = [run_by("0", ["0.1.0"], "0.1.0", seed=0), run_by("1", None, "0.1.0", seed=1)]
    assert set(compare_runs(runs, resamples=0).versions) == {"0.1.0", "unknown"}


def test_the_version_of_a_pretraining_in_another_folder_counts(run_by, make_run):
    pretrained = make_run("pretrained", "unet_texture", only="pretrain")
    best = pretrained / "pretrain" / "best.pt"
    torch.save({**torch.load(best, weights_only=True), "trained_by": ["0.0.9"]}, best)
    finetuned = run_by(
        "finetuned",
        ["0.1.0"],
        "0.1.0",
        recipe="unet_texture",
        only="finetune",
        init=sha256_of(best),
    )
    compared = compare_runs([pretrained, finetuned], resamples=0)
    assert compared.versions == {"0.0.9": (finetuned,), "0.1.0": (finetuned,)}
