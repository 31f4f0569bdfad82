"""Network: the published weights give the same logits, and the card the figures of training."""

import json
import platform
import shutil

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint
from ffhq_wrinkle.segmentation.checkpoints.trained_on import ids_sha256
from ffhq_wrinkle.segmentation.training_data.split_file import read_split
from tests.helpers.faces import Dataset
from tests.helpers.training import run
from tests.helpers.training_data import draw_masks

safetensors = pytest.importorskip("safetensors.torch")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one stage on twelve drawn faces of 64x64."""
    root = tmp_path_factory.mktemp("run")
    dataset = Dataset(root / "data", list(range(12)), side=64)
    draw_masks(dataset.root / "manual_wrinkle_masks", [f"{n:05d}" for n in range(12)], side=64)
    recipe = """
[finetune]
network = "unet"
input = "rgb+texture"
loss = "soft_dice"
epochs = 1
batch_size = 4
peak_rate = 1e-3
first_period = 3
features = 12
"""
    run(dataset, root / "run", recipe)
    return root / "run"


@pytest.fixture
def record(trained):
    return json.loads((trained / "finetune/model.json").read_text())


def test_the_record_beside_the_checkpoint_says_what_it_was_trained_on(trained, record):
    split = read_split(trained / "split.csv")
    assert record["data"]["trained_on"] == {
        "images": len(split.ids("train")),
        "ids_sha256": ids_sha256(split.ids("train")),
    }
    assert record["network"] == "unet"
    assert record["texture"]["recipe"] == "paper"
    assert record["data"]["source_and_licence"] == "FFHQ and FFHQ-Wrinkle, CC BY-NC-SA 4.0"
    assert record["versions"]["python"] == platform.python_version()


def test_the_record_has_the_scores_of_the_test_part_with_intervals(trained, record):
    scored = json.loads((trained / "test.json").read_text())["estimates"]
    names = ("measure", "aggregate", "tolerance_px", "images", "value", "low", "high")
    assert record["scores"] == [{name: row.get(name) for name in names} for row in scored]


def test_published_weights_give_the_same_logits(trained, tmp_path):
    fw.publish(trained, tmp_path / "out", target="huggingface")
    config = json.loads((tmp_path / "out/config.json").read_text())
    network = fw.create_model(**config["create_model"])
    network.load_state_dict(safetensors.load_file(tmp_path / "out/model.safetensors"))
    expected = load_checkpoint(trained / "finetune/best.pt").model
    image = torch.rand(1, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        np.testing.assert_array_equal(network.eval()(image), expected(image))


def test_the_card_has_the_figures_of_the_record(trained, record, tmp_path):
    fw.publish(trained, tmp_path / "out", target="huggingface", title="Lines")
    card = ModelCard((tmp_path / "out/README.md").read_text())
    assert card.data.model_name == "Lines"
    assert card.data.license == "cc-by-nc-sa-4.0"
    values = {(row["measure"], row["aggregate"]): row["value"] for row in record["scores"]
              if row["tolerance_px"] is None}  # fmt: skip
    results = {
        (result.metric_type, result.metric_name.split(", ")[1]): result.metric_value
        for result in card.data.eval_results
    }
    assert results
    assert results == {key: values[key] for key in results}
    assert f"{record['data']['trained_on']['images']:,}" in card.text
    assert record["checkpoint"]["sha256"] in card.text


def test_a_run_without_its_record_is_refused(trained, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    (copy / "finetune/model.json").write_text("{}")
    with pytest.raises(ArgumentError, match=r"model\.json is missing or of another checkpoint"):
        fw.publish(copy, tmp_path / "out", target="huggingface")


def test_a_network_has_one_form(trained, tmp_path):
    with pytest.raises(ArgumentError, match="networks are published as huggingface only"):
        fw.publish(trained, tmp_path / "out", target="coco")
