"""The table of formulas: a third formula works everywhere once it is an entry there."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.inference.gpu_images import GpuBatch, fetched, on_device
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.segmentation.training_data.sample_files import find_sample_files
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.gpu_texture import GpuWeakMasks, masked_texture_maps
from ffhq_wrinkle.weak_labels.texture import TextureSettings, masked_texture_map, texture_map
from tests.helpers import ROOT
from tests.helpers.faces import drawn_face
from tests.helpers.formulas import DIFFERENCE, REFERENCES, reference_map
from tests.helpers.networks import WRINKLE_LEVEL, threshold_unet
from tests.helpers.pictures import gray_pixels
from tests.helpers.weak_masks import StaysOnGpu, build, expected_mask

CPU = torch.device("cpu")
REFUSED = "'difference' is computed on the CPU alone"


@pytest.fixture
def third(monkeypatch):
    """A third formula in the table, which a GPU can compute too."""
    monkeypatch.setitem(FORMULAS, DIFFERENCE.name, DIFFERENCE)
    return TextureSettings(recipe=DIFFERENCE.name)


@pytest.fixture
def third_on_cpu(monkeypatch):
    """A third formula in the table, which has no version for a GPU."""
    monkeypatch.setitem(FORMULAS, DIFFERENCE.name, replace(DIFFERENCE, levels_on_gpu=None))
    return TextureSettings(recipe=DIFFERENCE.name)


def test_every_formula_has_a_literal_reference():
    assert {*FORMULAS, DIFFERENCE.name} == set(REFERENCES)


def test_every_formula_is_described_in_the_docs():
    described = re.findall(
        r"^\| `(\w+)` \| (?:T|d) = ", (ROOT / "docs/methods.md").read_text(), re.M
    )
    assert described == list(FORMULAS)


@pytest.mark.usefixtures("third")
def test_a_third_formula_is_computed_on_arrays():
    image, label_map = drawn_face(512)
    expected = reference_map(image, "difference")
    assert (expected > 100).any()
    assert_array_equal(texture_map(image, recipe="difference"), expected)
    face = np.isin(label_map, (1, 10))
    assert_array_equal(masked_texture_map(image, face, recipe="difference"), expected * face)


def on_torch(image, face):
    maps = masked_texture_maps(
        on_device([image], CPU),
        torch.from_numpy(face)[None],
        kernel_size=21,
        sigma=5.0,
        recipe="difference",
    )
    return fetched(maps)[0]


def test_a_third_formula_is_computed_by_pytorch(third):
    image, label_map = drawn_face(512)
    face = np.isin(label_map, (1, 10))
    expected = reference_map(image, "difference") * face
    assert_array_equal(on_torch(image, face), expected)
    batch = GpuBatch(on_device([image], CPU), on_device([label_map], CPU), 1)
    assert_array_equal(GpuWeakMasks(third)(batch)[0].weak_mask, expected)


def test_a_third_formula_without_a_gpu_version_is_refused_on_a_gpu_by_name(third_on_cpu):
    image, _ = drawn_face(64)
    with pytest.raises(ArgumentError, match=REFUSED):
        on_torch(image, np.ones((64, 64), bool))
    with pytest.raises(ArgumentError, match=REFUSED):
        GpuWeakMasks(third_on_cpu)


def assert_weak_masks(dataset, out):
    for image_id in dataset.ids:
        (path,) = out.rglob(f"{image_id}.png")
        expected = expected_mask(dataset, image_id, recipe="difference")
        assert expected.any()
        assert_array_equal(gray_pixels(path), expected)


def test_a_third_formula_makes_weak_masks_of_a_folder(dataset, third):
    out = dataset.root / "weak_wrinkle_masks"
    assert build(dataset, out, texture=third).made == 6
    assert_weak_masks(dataset, out)


@pytest.mark.parametrize(("formula", "batches"), [("third", [4, 2]), ("third_on_cpu", [])])
def test_a_third_formula_is_computed_where_it_can_be(dataset, tmp_path, request, formula, batches):
    parser = StaysOnGpu(dataset.labels)
    texture = request.getfixturevalue(formula)
    assert build(dataset, tmp_path / "out", parser=parser, texture=texture).made == 6
    assert_weak_masks(dataset, tmp_path / "out")
    assert parser.batches == batches


def test_a_record_that_names_a_third_formula_is_read_back(dataset, third):
    out = dataset.root / "weak_wrinkle_masks"
    build(dataset, out, texture=third, limit=2)
    assert json.loads((out / "build.json").read_text())["settings"]["recipe"] == "difference"
    assert find_sample_files(dataset.root).texture == third
    report = build(dataset, out, texture=third)
    assert (report.made, report.kept) == (4, 2)


def test_a_network_predicts_with_the_third_formula_that_its_checkpoint_names(
    dataset, tmp_path, third
):
    save_checkpoint(tmp_path / "net.pt", threshold_unet(), "unet", texture=third, side=128)
    command = ["predict", dataset.images, tmp_path / "out", "--checkpoint", tmp_path / "net.pt"]
    options = ["--parser", "labels", "--device", "cpu"]
    result = CliRunner().invoke(main, [str(part) for part in (*command, *options)])
    assert result.exit_code == 0, result.output
    for image_id in dataset.ids:
        expected = expected_mask(dataset, image_id, recipe="difference") > WRINKLE_LEVEL
        assert 0 < expected.mean() < 1
        with Image.open(tmp_path / "out" / "masks" / f"{image_id}.png") as mask:
            assert_array_equal(np.asarray(mask) > 0, expected)


WITH_A_THIRD_FORMULA = """
import sys
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from tests.helpers.formulas import DIFFERENCE
FORMULAS[DIFFERENCE.name] = DIFFERENCE
from ffhq_wrinkle.cli import main
main(sys.argv[1:])
"""


def run(*arguments):
    command = [sys.executable, "-c", WITH_A_THIRD_FORMULA, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("command", ["build-weak", "predict"])
def test_help_offers_a_third_formula(command):
    names = "|".join([*FORMULAS, DIFFERENCE.name])
    assert f"--recipe [{names}]" in run(command, "--help").stdout


def test_help_describes_a_third_formula():
    said = " ".join(run("build-weak", "--help").stdout.split())
    assert "difference (darker than its surroundings)" in said


def test_the_option_of_build_weak_takes_a_third_formula(dataset, tmp_path):
    options = ["--parser", "labels", "--recipe", "difference"]
    process = run("build-weak", dataset.images, tmp_path / "out", *options)
    assert process.returncode == 0, process.stderr
    assert_weak_masks(dataset, tmp_path / "out")


def test_a_formula_that_is_not_in_the_table_is_refused_with_the_names_of_all(third):
    with pytest.raises(ArgumentError, match=f"choose one of {', '.join(FORMULAS)}$"):
        replace(third, recipe="quotient")
