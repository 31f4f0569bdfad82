"""Training: a run learns, writes its files, and passes weights on."""

import json
import tomllib

import cv2
import numpy as np
import pytest
import torch

from ffhq_wrinkle.errors import ArgumentError, TrainingError
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.networks.catalogue import create_model
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.networks import FEATURES, small_model
from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE, run, same, weights


def test_both_stages_write_all_promised_files(data, tmp_path):
    folder = tmp_path / "run"
    report = run(data, folder)
    assert "1 test image, mean over images: JSI" in report.summary()
    assert tomllib.loads((folder / "config.toml").read_text())["finetune"]["epochs"] == 2
    parts = [row["part"] for row in rows_of(folder / "split.csv")]
    assert sorted(parts, key=["train", "val", "test"].index) == ["train"] * 10 + ["val", "test"]
    pretrain, finetune = (rows_of(folder / stage / "metrics.csv") for stage in
                          ("pretrain", "finetune"))  # fmt: skip
    assert [row["epoch"] for row in finetune] == ["1", "2"]
    assert float(finetune[0]["lr"]) == 1e-3
    assert pretrain[0]["val_jsi"] == ""
    assert 0 <= float(finetune[-1]["val_loss"]) <= 1
    assert list((folder / "finetune").glob("events.out.tfevents.*"))
    sheets = sorted(path.name for path in (folder / "finetune").glob("*.png"))
    assert sheets == ["curves.png", "epoch_0001.png", "epoch_0002.png"]
    for stage, channels in (("pretrain", (3, 1)), ("finetune", (4, 2))):
        for name in ("best.pt", "last.pt"):
            checkpoint = load_checkpoint(folder / stage / name)
            assert (checkpoint.model.in_channels, checkpoint.model.out_channels) == channels
            assert checkpoint.texture == TextureSettings()
    content = torch.load(folder / "finetune" / "last.pt", weights_only=True)
    assert {"optimizer", "progress", "recipe", "versions", "data_sha256"} <= set(content)
    scores = json.loads((folder / "test.json").read_text())
    assert scores["images"] == 1
    (row,) = rows_of(folder / "test.csv")
    assert [row["image_id"], "test"] in [
        list(one.values())[:2] for one in rows_of(folder / "split.csv")
    ]
    (jsi,) = (
        one["value"]
        for one in scores["estimates"]
        if one["measure"] == "jsi" and one["aggregate"] == "pooled" and one["tolerance_px"] is None
    )
    assert float(row["jsi"] or "nan") == pytest.approx(jsi or float("nan"), abs=1e-4, nan_ok=True)
    assert scores["bootstrap"]["resamples"] == 9999


@pytest.mark.parametrize(
    ("network", "size", "fitting"), [("unet", 100, 112), ("swin_unetr", 96, 128)]
)
def test_crops_that_would_be_padded_are_refused(network, size, fitting, data, tmp_path):
    recipe = RECIPE.replace('"unet"', f'"{network}"').replace("loss", f"size = {size}\nloss")
    with pytest.raises(ArgumentError, match=f"size is {size}; {network} .* use {fitting}$"):
        run(data, tmp_path / "run", recipe)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("network", "size"), [("unet", 112), ("swin_unetr", 128)])
def test_a_crop_that_fits_gets_no_margin(network, size):
    model = small_model(network, 3, 2)
    shapes = []
    first_layer = model.get_submodule(model.input_layers[0])
    first_layer.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))
    for side in (size, size - 1):
        assert model(torch.zeros(1, 3, side, side)).shape == (1, 2, side, side)
    assert shapes == [(1, 3, size, size)] * 2


def test_epochs_that_are_not_validated_leave_blanks_and_the_same_network(data, tmp_path):
    recipe = RECIPE[RECIPE.index("[finetune]") :].replace("epochs = 2", "epochs = 3")
    for name, every in (("each", 1), ("some", 2)):
        run(data, tmp_path / name, f"{recipe}validate_every = {every}\n")
    each, some = (
        [row["val_jsi"] for row in rows_of(tmp_path / name / "finetune" / "metrics.csv")]
        for name in ("each", "some")
    )
    assert some == ["", *each[1:]]  # the last is validated, whatever its number
    same(*(weights(tmp_path / name / "finetune" / "last.pt") for name in ("each", "some")))


def test_the_loss_falls(data, tmp_path):
    recipe = RECIPE.replace("epochs = 2", "epochs = 6").replace("epochs = 1\n", "epochs = 4\n")
    recipe = recipe.replace("period = 3", "period = 6").replace("rate = 1e-3", "rate = 1e-2")
    run(data, tmp_path / "run", recipe)
    for stage in ("pretrain", "finetune"):
        rows = rows_of(tmp_path / "run" / stage / "metrics.csv")
        losses = [float(row["train_loss"]) for row in rows]
        assert losses[-1] < 0.8 * losses[0], losses


def test_two_runs_are_identical_and_another_seed_is_not(data, tmp_path):
    recipe = RECIPE[RECIPE.index("[finetune]") :]
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        run(data, tmp_path / name, recipe, settings={"seed": seed})
    one, two, three = (
        weights(tmp_path / name / "finetune" / "last.pt") for name in ("one", "two", "three")
    )
    same(one, two)
    assert not torch.equal(one["outc.conv.weight"], three["outc.conv.weight"])


def test_the_number_of_workers_changes_nothing(data, tmp_path):
    recipe = RECIPE[RECIPE.index("[finetune]") :]
    run(data, tmp_path / "none", recipe, workers=0)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (21, 21), 5)  # on OpenCV's own threads
    run(data, tmp_path / "two", recipe, workers=2)
    same(*(weights(tmp_path / name / "finetune" / "last.pt") for name in ("none", "two")))


def test_pretrained_weights_arrive_in_the_network(data, tmp_path):
    """A network that cannot learn keeps its initial weights."""
    frozen = RECIPE[RECIPE.index("[finetune]") :].replace("peak_rate = 1e-3", "peak_rate = 1e-30")
    frozen += "weight_decay = 0.0\n"
    begun = create_model("unet", 3, 1, features=FEATURES)
    begun.state_dict()["down2.maxpool_conv.1.double_conv.3.weight"][3, 4, 1, 1] = 42.0
    save_checkpoint(tmp_path / "w.pt", begun, "unet", texture=TextureSettings(), side=32)
    run(data, tmp_path / "run", frozen, init=tmp_path / "w.pt")
    trained = weights(tmp_path / "run" / "finetune" / "last.pt")
    assert trained["down2.maxpool_conv.1.double_conv.3.weight"][3, 4, 1, 1] == 42.0
    torch.testing.assert_close(
        trained["inc.double_conv.0.weight"][:, :3], begun.state_dict()["inc.double_conv.0.weight"]
    )
    assert trained["inc.double_conv.0.weight"][:, 3].abs().max() < 1e-20


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_images(data, tmp_path):
    begun = create_model("unet", 4, 2, features=FEATURES)
    begun.state_dict()["outc.conv.bias"][0] = 3e38
    begun.state_dict()["outc.conv.weight"][0] = 3e38
    save_checkpoint(tmp_path / "w.pt", begun, "unet", texture=TextureSettings(), side=32)
    recipe = RECIPE[RECIPE.index("[finetune]") :]
    with pytest.raises(
        TrainingError, match=r"the loss is nan in epoch 1, step 1, for the images 0"
    ):
        run(data, tmp_path / "run", recipe, init=tmp_path / "w.pt")
    run(data, tmp_path / "run", recipe)  # nothing was trained, so different settings are accepted
    assert (tmp_path / "run" / "test.json").exists()


def test_accumulated_batches_have_the_gradients_of_whole_ones_if_losses_add_up(data, tmp_path):
    """The mean squared error of a batch is the mean of its parts'; Swin UNETR has no batch norm."""
    recipe = RECIPE[: RECIPE.index("[finetune]")].replace('"unet"', '"swin_unetr"')
    for name, accumulate in (("whole", 1), ("parts", 3)):  # of 2, 1 and 1 images
        settings = {"accumulate": accumulate, "limit": 10}
        run(data, tmp_path / name, recipe, settings=settings)
    whole, parts = (
        weights(tmp_path / name / "pretrain" / "last.pt") for name in ("whole", "parts")
    )
    for name in ("out.conv.conv.weight", "encoder1.layer.conv1.conv.weight"):
        torch.testing.assert_close(whole[name], parts[name], atol=2e-4, rtol=1e-3)
    losses = [
        float(rows_of(tmp_path / name / "pretrain" / "metrics.csv")[0]["train_loss"])
        for name in ("whole", "parts")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
