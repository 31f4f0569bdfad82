"""`demo` as a new user calls it."""

import numpy as np

from tests.helpers.commands import run
from tests.helpers.pictures import pixels


def test_the_demo_goes_from_a_face_to_a_report_without_a_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("demo")
    assert result.exit_code == 0, result.output
    out = tmp_path / "ffhq-wrinkle-demo"
    assert "overview.png" in result.output
    masks = [
        pixels(out / "annotators" / name / "astronaut.png") for name in ("anna", "ben", "chris")
    ]
    votes = np.sum([mask > 0 for mask in masks], axis=0)
    np.testing.assert_array_equal(pixels(out / "manual" / "astronaut.png") > 0, votes >= 2)
    assert (votes >= 2).any()
    assert pixels(out / "weak" / "astronaut.png").any()
    assert "Three annotators agree" in (out / "report" / "report.html").read_text(encoding="utf-8")
    assert pixels(out / "overview.png").shape[1] > 4000


def test_the_demo_leaves_files_of_others_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    result = run("demo", tmp_path)
    assert result.exit_code == 1
    assert "is not an empty folder" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
