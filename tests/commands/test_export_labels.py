"""`export-labels` as a user calls it."""

import json

import numpy as np
from PIL import Image

from ffhq_wrinkle.annotation_tools.exporting import FORMATS
from ffhq_wrinkle.cli import main
from tests.helpers.commands import run


def test_masks_are_written_and_counted(tmp_path):
    (tmp_path / "masks" / "00000").mkdir(parents=True)
    mask = np.zeros((9, 12), np.uint8)
    mask[2, 2:5] = mask[6, 6] = 255
    Image.fromarray(mask).save(tmp_path / "masks" / "00000" / "00007.png")
    out = tmp_path / "out"
    result = run("export-labels", tmp_path / "masks", out, "--format", "coco", "--label", "line")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"2 shapes of 1 image written to {out}/annotations.json\n"
    document = json.loads((out / "annotations.json").read_text())
    assert document["categories"] == [{"id": 1, "name": "line"}]
    assert json.loads((out / "export.json").read_text())["counts"]["shapes"] == 2


def test_masks_that_fail_give_exit_status_1(tmp_path):
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.array([[0, 80, 255]], np.uint8)).save(tmp_path / "masks" / "1.png")
    result = run("export-labels", tmp_path / "masks", tmp_path / "out", "--format", "cvat")
    assert result.exit_code == 1
    assert "1 failed, see" in result.stdout


def test_the_formats_are_those_of_the_library():
    options = {option.name: option for option in main.commands["export-labels"].params}
    assert tuple(options["format_name"].type.choices) == FORMATS
