"""docs/questions.md and the recipe of the data card: commands that exist, and code that runs."""

import re
import shlex

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.dataset.ids import official_test_ids
from ffhq_wrinkle.weak_labels.texture import KERNEL_SIZE, SIGMA, scaled_kernel, texture_map
from tests.helpers import ROOT
from tests.helpers.commands import run

QUESTIONS = (ROOT / "docs" / "questions.md").read_text()
CARD = (ROOT / "docs" / "data_card.md").read_text()


def commands(page):
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            yield shlex.split(line, comments=True)


@pytest.mark.parametrize("command", list(commands(QUESTIONS)), ids=" ".join)
def test_the_commands_and_options_of_the_answers_exist(command):
    program, name, *arguments = command
    assert program == "ffhq-wrinkle"
    options = {text for option in main.commands[name].params for text in option.opts}
    assert {text for text in arguments if text.startswith("--")} <= options


def test_the_table_of_kernels_is_what_scaling_gives():
    rows = re.findall(r"^\| (\d+) \| (\d+) \| ([\d.]+) \|$", QUESTIONS, re.MULTILINE)
    assert len(rows) == 5
    for side, kernel_size, sigma in rows:
        scaled = scaled_kernel(KERNEL_SIZE, SIGMA, int(side) / 1024)
        assert scaled == (int(kernel_size), float(sigma))


def test_levels_of_even_skin_and_of_black_are_as_the_answers_say():
    skin = np.full((64, 64, 3), 150, np.uint8)
    assert texture_map(skin)[32, 32] == 2  # (1 - 150 / 151) * 255 = 1.69
    # d = trunc(255 * 150 / 151) = 253, and 257 - 253 = 4
    assert texture_map(skin, recipe="released")[32, 32] == 4
    skin[32, 32] = 0
    assert texture_map(skin, recipe="released")[32, 32] == 1
    assert texture_map(skin)[32, 32] == 255


def test_only_two_official_test_ids_have_a_mask_of_the_student():
    assert {"01012", "01033"} <= set(official_test_ids())


@pytest.mark.parametrize("inclusive", [0, 1])
def test_the_recipe_pastes_crops_back_and_agreement_compares_them(tmp_path, monkeypatch, inclusive):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crops" / "masks").mkdir(parents=True)
    (tmp_path / "ffhq" / "manual_wrinkle_masks").mkdir(parents=True)
    limits = [(7, 100, 300, 50, 450), (2999, 0, 64, 900, 1023)]
    np.save(tmp_path / "crops" / "crop_limits.npy", np.array(limits, np.int32))
    whole = {}
    for number, top, bottom, left, right in limits:
        crop = np.zeros((bottom - top + inclusive, right - left + inclusive), np.uint8)
        crop[10:13, 5:60] = 255
        Image.fromarray(crop).save(tmp_path / "crops" / "masks" / f"mask_{number}.bmp")
        whole[f"{number:05d}"] = np.zeros((1024, 1024), np.uint8)
        whole[f"{number:05d}"][top + 10 : top + 13, left + 5 : left + 60] = 255
    for image_id in ("00007", "00008"):
        mask = whole.get(image_id, whole["00007"])
        Image.fromarray(mask).save(tmp_path / "ffhq" / "manual_wrinkle_masks" / f"{image_id}.png")
    (code,) = re.findall(r"```python\n(.*?)```", CARD, re.DOTALL)
    exec(code, {})
    for image_id, mask in whole.items():
        with Image.open(tmp_path / "student" / f"{image_id}.png") as made:
            np.testing.assert_array_equal(np.asarray(made), mask)
    (command,) = [each for each in commands(CARD) if each[1] == "agreement"]
    result = run(*command[1:])
    assert result.exit_code == 0, result.output
    assert "1.0000" in result.output


def test_the_recipe_stops_at_a_crop_of_another_size(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crops").mkdir()
    np.save(tmp_path / "crops" / "crop_limits.npy", np.array([(7, 0, 20, 0, 30)], np.int32))
    Image.new("L", (40, 20), 255).save(tmp_path / "crops" / "7.bmp")
    (code,) = re.findall(r"```python\n(.*?)```", CARD, re.DOTALL)
    with pytest.raises(SystemExit, match=r"7\.bmp is \(20, 40\)"):
        exec(code, {})
