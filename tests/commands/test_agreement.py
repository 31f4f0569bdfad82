"""`agreement` as a user calls it."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.helpers.commands import run
from tests.helpers.tables import rows_of


def test_agreement_prints_its_tables(annotators):
    result = run("agreement", *annotators)
    assert result.exit_code == 0
    assert "4 images; 3 annotators: A, B, C" in result.stdout
    assert re.search(
        r"^average( +0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]){4} +-$", result.stdout, re.MULTILINE
    )
    assert run("agreement", *annotators).stdout == result.stdout
    few = [
        run("agreement", *annotators, "--resamples", 5, "--seed", seed).stdout for seed in (0, 1)
    ]
    assert few[0] != few[1]
    assert "[" not in run("agreement", *annotators, "--resamples", 0).stdout


@pytest.mark.parametrize("width", [80, 60, 120])
def test_the_tables_fit_the_terminal(annotators, width):
    result = run("agreement", *annotators, "--tolerance-px", 2, "--resamples", 50, width=width)
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    first = " ".join(result.stdout.split("\n\n")[0].splitlines())
    assert re.fullmatch(
        r"Three annotators agree at Jaccard [\d.]+ \[[\d., ]+\]; at 2 px tolerance [\d.]+\.", first
    )


def test_agreement_writes_a_report(annotators, tmp_path, caplog):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(np.full((9, 9, 3), 90, np.uint8)).save(photos / "00000.png")
    out = tmp_path / "report"
    result = run("agreement", *annotators, "--out", out, "--images", photos)
    assert result.exit_code == 0, result.output
    assert f"Tables and pictures are in {out}." in result.stdout
    assert "no photograph beneath 00001" in caplog.text
    assert {path.name for path in out.glob("[!.]*")} == {
        "agreement.csv", "per_image.csv", "agreement.json", "agreement.md", "pairs.png",
        "distribution.png", "disputed", "report.html",
    }  # fmt: skip
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Three annotators agree at Jaccard" in page
    links = re.findall(r'href="(disputed/[^"]+)"', page)
    assert sorted(links) == sorted(f"disputed/{path.name}" for path in (out / "disputed").iterdir())


def test_figures_have_the_forms_that_are_asked_for(annotators, tmp_path):
    out = tmp_path / "report"
    command = ["agreement", *annotators, "--out", out, "--resamples", 0, "--figures"]
    assert run(*command, "pdf,svg").exit_code == 0
    assert {path.suffix for path in out.glob("pairs.*")} == {".pdf", ".svg"}
    assert run(*command, "png", "--overwrite").exit_code == 0  # figures of the report are removed
    assert {path.suffix for path in out.glob("pairs.*")} == {".png"}
    with Image.open(out / "pairs.png") as image:
        assert image.size[0] == 700  # a column of 3.5 inches at 200 dpi
    refused = run(*command, "png,jpg")
    assert (refused.exit_code, refused.output) == (
        2, "Error: --figures: 'jpg' is not one of png, pdf, svg\n",
    )  # fmt: skip


def test_an_earlier_report_is_replaced_only_with_overwrite(annotators, tmp_path):
    out = tmp_path / "report"
    assert run("agreement", *annotators, "--out", out).exit_code == 0
    earlier = (out / "agreement.json").read_bytes()
    command = ("agreement", *annotators[:2], "--resamples", 0, "--out", out)
    result = run(*command)
    assert result.exit_code == 1
    assert f"{out} holds a report already; choose another folder, or --overwrite" in result.stderr
    assert (out / "agreement.json").read_bytes() == earlier
    assert run(*command, "--overwrite").exit_code == 0
    assert (out / "agreement.json").read_bytes() != earlier


@pytest.mark.parametrize(
    "options",
    [
        ["--tolerance-px", "0", "1", "2.5"],
        ["--tolerance-px", "2.5", "--tolerance-px", "0", "1"],
        ["--tolerance-px", "1", "0", "2.5", "0", "--jobs", "2"],
        ["--tolerance-px=1", "0", "2.5"],
    ],
)
def test_several_tolerances_follow_one_option(annotators, tmp_path, options):
    result = run("agreement", *options, *annotators, "--resamples", 0, "--out", tmp_path / "report")
    assert result.exit_code == 0, result.output
    tolerances = [row["tolerance_px"] for row in rows_of(tmp_path / "report" / "agreement.csv")]
    assert list(dict.fromkeys(tolerances)) == ["", "0.0", "1.0", "2.5"]


@pytest.mark.parametrize("options", [["--tolerance-px"], ["--tolerance-px", "--jobs", "1"]])
def test_a_tolerance_without_a_number_is_wrong_usage(annotators, options):
    assert run("agreement", *annotators, *options).exit_code == 2


def test_photographs_without_a_report_are_refused(annotators):
    result = run("agreement", *annotators, "--images", annotators[0])
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "--out" in result.output
