"""`import-labels` as a user calls it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle import read_mask
from ffhq_wrinkle.annotation_tools.catalogue import TOOLS
from ffhq_wrinkle.cli import main
from tests.helpers.annotation_exports import cvat_file, cvat_shape
from tests.helpers.commands import run


@pytest.fixture
def jobs(tmp_path):
    return [
        cvat_file(tmp_path / f"{name}.xml", {"00000/00007.png": cvat_shape()}, name)
        for name in ("anna", "ben")
    ]


def test_exports_become_folders_and_the_next_command_is_named(jobs, tmp_path):
    out = tmp_path / "my ann"
    result = run("import-labels", *jobs, "--out", out, "--name", "ben=b")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2 masks written, 0 existed already",
        "masks by annotator: annotator_1 1, b 1",
        f"Next: ffhq-wrinkle agreement '{out}/annotator_1' '{out}/b'",
    ]
    expected = np.zeros((20, 30), bool)
    expected[3:5, 2:6] = True
    assert_array_equal(read_mask(out / "b" / "00007.png"), expected)
    assert run("agreement", out / "annotator_1", out / "b").exit_code == 0


def test_failed_annotations_give_exit_status_1(tmp_path):
    broken = cvat_shape("mask", rle="1", left=0, top=0, width=2, height=2)
    path = cvat_file(tmp_path / "a.xml", {"1.png": broken, "2.png": cvat_shape()})
    result = run("import-labels", path, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "1 failed, see" in result.stdout
    assert "shape 1: its runs have 1 pixels, not 4, a box of 2x2" in result.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<annotations>", "a.xml:1: damaged or cut short"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><annotations>&x;</annotations>", "declares XML entities"),
        ("[1, 2]", "not an export that is read"),
        ('[{"annotations": [], "data": {"image": "1.png"}}', "damaged or cut short"),
        ("", "not an export that is read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line_and_nothing_is_written(tmp_path, content, said):
    (tmp_path / "a.xml").write_text(content)
    result = run("import-labels", tmp_path / "a.xml", "--out", tmp_path / "out")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "a.xml" in line
    assert said in line
    assert not (tmp_path / "out").exists()


def test_a_wrong_value_is_wrong_usage(jobs, tmp_path):
    for options in (["--name", "carl=c"], ["--label", "mole"], ["--line-width", "0"]):
        result = run("import-labels", *jobs, "--out", tmp_path / "out", *options)
        assert result.exit_code == 2, options


def test_the_formats_are_those_of_the_catalogue():
    options = {option.name: option for option in main.commands["import-labels"].params}
    hidden = {"label-studio-png"}  # which is only recognised to say what to export instead
    assert set(options["format_name"].type.choices) == TOOLS.keys() - hidden
