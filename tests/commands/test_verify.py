"""The command `verify`: what it prints and writes, and its exit status."""

import json

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.verification import verification
from ffhq_wrinkle.verification.published import published_figures
from tests.helpers.commands import run
from tests.helpers.published import SAMPLE, PublishedData, network_figures


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data set that has all published figures, which are the known ones here."""
    made = PublishedData(tmp_path / "root").make()
    monkeypatch.setattr(verification, "published_figures", made.figures)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    made.weights.unlink()
    return made


def test_the_exit_status_is_0_until_something_differs_and_the_report_names_it(data, tmp_path):
    figures = data.figures()
    verification.published_figures = lambda: figures
    out = tmp_path / "report"
    result = run("verify", data.data, "--out", out)
    assert result.exit_code == 0, result.output
    assert "27 checks: 25 equal, 0 close, 0 different, 2 absent." in result.output
    assert result.output.rstrip().endswith(f"Tables and pictures are in {out}.")

    Image.fromarray(np.roll(data.levels("00004"), 5, axis=1)).save(data.weak("00004"))
    refused = run("verify", data.data, "--out", out)
    assert (refused.exit_code, "--overwrite" in refused.output) == (1, True)
    result = run("verify", data.data, "--out", out, "--overwrite")
    assert result.exit_code == 1
    assert "Differs: weak masks of the test ids." in result.output
    record = json.loads((out / "verify.json").read_text())
    assert record["differs"]
    assert [check["name"] for check in record["checks"] if check["root"]] == [
        "weak masks of the test ids"
    ]
    assert record["verdicts"][1] == "The weak mask of 00004 is shifted by 0 rows and 5 columns."
    text = (out / "verify.md").read_text()
    assert "| weak masks of the test ids" in text
    assert "(pictures/01_00004.png)" in text
    with Image.open(out / "pictures" / "01_00004.png") as picture:
        assert picture.size == (3 * 128, 128)
        different = np.asarray(picture)[:, 256:, 0]
    assert set(np.unique(different)) == {0, 255}


def test_quick_prints_json(data):
    result = run("verify", data.data, "--quick", "--json")
    names = {check["name"]: check["state"] for check in json.loads(result.stdout)["checks"]}
    assert names[f"weak mask of {SAMPLE}, pixels"] == "equal"
    assert "weak masks of the test ids" not in names


def test_a_folder_that_does_not_exist_is_wrong_usage(tmp_path):
    assert run("verify", tmp_path / "none").exit_code == 2


def test_the_known_figures_agree_with_each_other():
    published = published_figures()
    for figures in published.networks.values():
        tp, fp, fn, tn = (
            figures.true_positive, figures.false_positive, figures.false_negative,
            figures.true_negative,
        )  # fmt: skip
        assert tp + fn == published.manual_pixels
        assert tp + fp + fn + tn == 100 * 1024 * 1024
        assert figures.pooled_f1 == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-9)
        assert figures.pooled_jsi == pytest.approx(tp / (tp + fp + fn), abs=1e-9)
    for name, faces in (("all", 50_000), ("manual", 1000)):
        assert {sum(groups.values()) for groups in published.people[name].values()} == {faces}
    assert network_figures([(np.eye(2) > 0, np.ones((2, 2), bool))]).pooled_jsi == 0.5
