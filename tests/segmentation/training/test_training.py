"""Training: it learns, stops and goes on with the same bits, and hands weights over."""

import json
import signal
import subprocess
import sys
import time
import tomllib

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import ArgumentError, ImageError, RunInterrupted, TrainingError
from ffhq_wrinkle.faces.parsing import ReadyLabels
from ffhq_wrinkle.runs.opencv_threads import one_opencv_thread
from ffhq_wrinkle.segmentation import create_model, load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.training.loader import batches
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe
from ffhq_wrinkle.segmentation.training.training import TrainSettings, train
from ffhq_wrinkle.segmentation.training.training_set import Order, Place, TrainingSet
from ffhq_wrinkle.segmentation.training_data.samples import Sample
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.networks import FEATURES
from tests.helpers.processes import COMMAND, wait_for
from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE, weights


def run(data, folder, recipe=RECIPE, **options):
    settings = TrainSettings(**options.pop("settings", {}))
    return train(
        parse_recipe(recipe, "small.toml"),
        data.root,
        folder,
        parser=lambda: ReadyLabels(data.labels),
        settings=settings,
        accelerator="cpu",
        **options,
    )


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def test_both_stages_leave_all_that_was_promised(data, tmp_path):
    folder = tmp_path / "run"
    report = run(data, folder)
    assert "test images, mean over images: JSI" in report.summary()
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
    assert sheets == ["epoch_0001.png", "epoch_0002.png"]
    for stage, channels in (("pretrain", (3, 1)), ("finetune", (4, 2))):
        for name in ("best.pt", "last.pt"):
            found = load_checkpoint(folder / stage / name)
            assert (found.model.in_channels, found.model.out_channels) == channels
            assert found.texture == TextureSettings()
    content = torch.load(folder / "finetune" / "last.pt", weights_only=True)
    assert {"optimizer", "progress", "random", "recipe", "versions", "data_sha256"} <= set(content)
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
def test_crops_that_would_be_filled_up_are_refused(network, size, fitting, data, tmp_path):
    recipe = RECIPE.replace('"unet"', f'"{network}"').replace("loss", f"size = {size}\nloss")
    with pytest.raises(ArgumentError, match=f"size is {size}; {network} .* take {fitting}$"):
        run(data, tmp_path / "run", recipe)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("network", "size"), [("unet", 112), ("swin_unetr", 128)])
def test_a_crop_that_fits_gets_no_margin(network, size, monkeypatch):
    model = create_model(network, 3, 2)
    shapes = []
    monkeypatch.setattr(model, "logits", lambda x: shapes.append(tuple(x.shape)) or x[:, :2])
    for side in (size, size - 1):
        model(torch.zeros(1, 3, side, side))
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


class StopAfter:
    """Stands for a signal after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0


# After the first stage's steps, in its validation; and within an epoch of the second.
@pytest.mark.parametrize("steps", [2, 5])
def test_stopped_at_any_step_and_taken_up_again_the_weights_are_the_same(
    data, tmp_path, monkeypatch, steps
):
    run(data, tmp_path / "straight")
    from ffhq_wrinkle.segmentation.training import training

    with monkeypatch.context() as patch:
        from contextlib import contextmanager

        @contextmanager
        def signals():
            yield StopAfter(steps)

        patch.setattr(training, "stop_asked_for", signals)
        with pytest.raises(RunInterrupted, match="the same command goes on from there"):
            run(data, tmp_path / "stopped")
    run(data, tmp_path / "stopped")
    for stage in ("pretrain", "finetune"):
        for name in ("last.pt", "best.pt"):
            same(*(weights(tmp_path / folder / stage / name) for folder in ("straight", "stopped")))
    first, second = (
        [{k: v for k, v in row.items() if k not in ("seconds", "images_per_s")} for row in
         rows_of(tmp_path / folder / "finetune" / "metrics.csv")]
        for folder in ("straight", "stopped")
    )  # fmt: skip
    assert first == second


def test_what_is_killed_between_metrics_and_checkpoint_leaves_no_gap(data, tmp_path, monkeypatch):
    from ffhq_wrinkle.segmentation.training import trainer

    def dying(path, *arguments, **options):
        if path.name == "last.pt" and options["more"]["progress"]["epoch"] == 2:
            raise KeyboardInterrupt
        save_checkpoint(path, *arguments, **options)

    recipe = RECIPE[RECIPE.index("[finetune]") :]
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "save_checkpoint", dying)
        with pytest.raises(KeyboardInterrupt):
            run(data, tmp_path / "run", recipe)
    assert not (tmp_path / "run" / "test.json").exists()
    run(data, tmp_path / "run", recipe)
    rows = rows_of(tmp_path / "run" / "finetune" / "metrics.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]


def test_the_number_of_workers_changes_nothing(data, tmp_path):
    recipe = RECIPE[RECIPE.index("[finetune]") :]
    run(data, tmp_path / "none", recipe, workers=0)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (21, 21), 5)  # on OpenCV's own threads
    run(data, tmp_path / "two", recipe, workers=2)
    same(*(weights(tmp_path / name / "finetune" / "last.pt") for name in ("none", "two")))


def test_pretrained_weights_really_arrive(data, tmp_path):
    """A network that can not learn keeps what it was begun with."""
    frozen = RECIPE[RECIPE.index("[finetune]") :].replace("peak_rate = 1e-3", "peak_rate = 1e-30")
    frozen += "weight_decay = 0.0\n"
    begun = create_model("unet", 3, 1, features=FEATURES)
    begun.state_dict()["down2.maxpool_conv.1.double_conv.3.weight"][3, 4, 1, 1] = 42.0
    save_checkpoint(tmp_path / "w.pt", begun, "unet", texture=TextureSettings(), side=32)
    run(data, tmp_path / "run", frozen, init=tmp_path / "w.pt")
    found = weights(tmp_path / "run" / "finetune" / "last.pt")
    assert found["down2.maxpool_conv.1.double_conv.3.weight"][3, 4, 1, 1] == 42.0
    torch.testing.assert_close(
        found["inc.double_conv.0.weight"][:, :3], begun.state_dict()["inc.double_conv.0.weight"]
    )
    assert found["inc.double_conv.0.weight"][:, 3].abs().max() < 1e-20


def test_other_settings_are_refused_with_the_difference(data, tmp_path):
    run(data, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"finetune\.epochs 2 there and 4 now"):
        run(data, tmp_path / "run", RECIPE.replace("epochs = 2", "epochs = 4"))
    with pytest.raises(TrainingError, match="seed 0 there and 5 now"):
        run(data, tmp_path / "run", settings={"seed": 5})
    with pytest.raises(TrainingError, match="holds a run already"):
        run(data, tmp_path / "run", resume=False)
    before = weights(tmp_path / "run" / "finetune" / "last.pt")
    run(data, tmp_path / "run")  # all done: nothing is trained again
    same(before, weights(tmp_path / "run" / "finetune" / "last.pt"))
    data.root = data.root.rename(tmp_path / "moved")
    run(data, tmp_path / "run")
    Image.new("L", (32, 32), 255).save(data.root / "manual_wrinkle_masks" / "00003.png")
    with pytest.raises(TrainingError, match="was trained on other data"):
        run(data, tmp_path / "run")


def test_a_folder_with_other_files_is_refused(data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("")
    with pytest.raises(TrainingError, match=r"holds other files, such as mine\.txt"):
        run(data, tmp_path / "run")


def test_a_loss_that_is_no_number_stops_with_the_images(data, tmp_path):
    begun = create_model("unet", 4, 2, features=FEATURES)
    begun.state_dict()["outc.conv.bias"][0] = 3e38
    begun.state_dict()["outc.conv.weight"][0] = 3e38
    save_checkpoint(tmp_path / "w.pt", begun, "unet", texture=TextureSettings(), side=32)
    recipe = RECIPE[RECIPE.index("[finetune]") :]
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 1, step 1, of the images 0"):
        run(data, tmp_path / "run", recipe, init=tmp_path / "w.pt")
    run(data, tmp_path / "run", recipe)  # nothing was trained, so that other settings may follow
    assert (tmp_path / "run" / "test.json").exists()


def test_accumulated_batches_teach_what_whole_ones_do_where_losses_add_up(data, tmp_path):
    """The mean squared error of equal parts is the mean of theirs; but for batch normalisation."""
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


def test_order_deals_every_sample_once_an_epoch_and_differs_between_epochs():
    order = Order(10, 3, epochs=4, seed=1)
    epochs = [order.of_epoch(epoch) for epoch in range(4)]
    assert all(epoch.shape == (3, 3) for epoch in epochs)
    assert all(len(np.unique(epoch)) == 9 for epoch in epochs)
    assert any((epochs[0] != epoch).any() for epoch in epochs[1:])
    everything = list(order)
    assert len(everything) == len(order) == 12
    later = Order(10, 3, epochs=4, seed=1, start=(2, 1))
    assert list(later) == everything[7:]
    assert len(later) == 5


def test_devices_share_a_batch():
    whole = list(Order(8, 4, epochs=1, seed=0))
    shared = [list(Order(8, 4, epochs=1, seed=0, device=d, devices=2)) for d in (0, 1)]
    for batch, *parts in zip(whole, *shared, strict=True):
        assert sorted(batch) == sorted([*parts[0], *parts[1]])
        assert len(parts[0]) == len(parts[1]) == 2
    assert Order(3, 14, epochs=1, seed=0).batch_size == 3
    uneven = [list(Order(8, 5, epochs=1, seed=0, device=d, devices=2)) for d in (0, 1)]
    assert [len(batch) for (batch,) in uneven] == [3, 2]
    with pytest.raises(ArgumentError, match="a batch has 3 images for 4 devices"):
        Order(3, 14, epochs=1, seed=0, devices=4)


def test_what_a_loading_process_can_not_read_is_one_line(data):
    image = data.image_path("00003")
    image.write_bytes(b"no image")
    weak = data.root / "manual_wrinkle_masks" / "00003.png"
    config = parse_recipe(RECIPE, "small.toml").pretrain
    samples = TrainingSet([Sample("00003", image, weak=weak)], config, seed=0, training=False)
    with one_opencv_thread(), pytest.raises(ImageError) as caught:
        list(batches(samples, workers=1, pinned=False, sampler=[Place(0, 0)]))
    assert str(image) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def arguments(data, tmp_path):
    """Of the command that trains a small recipe in a folder."""

    def of(folder, *options, recipe=RECIPE):
        (tmp_path / "small.toml").write_text(recipe)
        fixed = ["--parser", "labels", "--accelerator", "cpu", "--workers", "0"]
        command = ["train", tmp_path / "small.toml", data.root, folder, *fixed, *options]
        return [str(part) for part in command]

    return of


@pytest.fixture
def start(arguments):
    def begin(folder, *options, command=(COMMAND,), recipe=RECIPE):
        return subprocess.Popen(
            [*command, *arguments(folder, *options, recipe=recipe)],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    return begin


def finished(process):
    said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return said


# The first process alone finds it time to save, after each step.
TWO = """
import os
from ffhq_wrinkle.segmentation.training import trainer
from ffhq_wrinkle.cli import main
trainer.SAVE_EVERY_S = 0 if os.environ.get("LOCAL_RANK", "0") == "0" else 1e9
main()
"""


def test_two_processes_get_the_weights_of_one_with_the_same_batch(data, tmp_path, start):
    # One step a stage in double precision: of single precision AdamW, batch normalisations and
    # ReLU soon make another network, be it on one device or two. One has 5 images, the other 4.
    recipe = RECIPE.replace("epochs = 2", "epochs = 1").replace("batch_size = 4", "batch_size = 9")
    run(data, tmp_path / "one", recipe, settings={"precision": "64"})
    (tmp_path / "two.py").write_text(TWO)
    options = ["--precision", "64", "--epochs", "1", "--batch-size", "9", "--devices", "2"]
    command = (sys.executable, tmp_path / "two.py")
    finished(start(tmp_path / "two", *options, command=command))
    for stage in ("pretrain", "finetune"):
        folders = [tmp_path / name / stage for name in ("one", "two")]
        one, two = (weights(folder / "last.pt") for folder in folders)
        # AdamW's first step is 1e-3 along each gradient's sign: of wrong gradients many go the
        # other way. A few that are next to nothing turn with their last digits.
        away = torch.cat([(one[name].double() - two[name]).abs().flatten() for name in one])
        assert float((away > 1e-4).double().mean()) < 1e-3
        first, second = (rows_of(folder / "metrics.csv")[0] for folder in folders)
        for loss in ("train_loss", "val_loss"):
            assert float(first[loss]) == pytest.approx(float(second[loss]), abs=1e-6)


def test_killed_at_any_moment_the_weights_are_those_of_an_uninterrupted_run(
    data, tmp_path, start, arguments
):
    recipe = RECIPE.replace("epochs = 2", "epochs = 4")
    run(data, tmp_path / "straight", recipe)
    folder = tmp_path / "killed"
    for seen in ("pretrain/last.pt", "finetune/last.pt"):
        process = start(folder, recipe=recipe)
        wait_for(lambda seen=seen: (folder / seen).exists(), process)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (folder / "test.json").exists()
    result = CliRunner().invoke(main, arguments(folder, recipe=recipe))
    assert result.exit_code == 0, result.output
    for stage in ("pretrain", "finetune"):
        same(*(weights(tmp_path / name / stage / "last.pt") for name in ("straight", "killed")))
    assert (folder / "test.json").exists()


def test_sigterm_stops_after_the_step_and_a_second_run_is_refused_meanwhile(
    tmp_path, start, arguments
):
    folder = tmp_path / "run"
    process = start(folder, "--epochs", "500")
    wait_for(lambda: (folder / "pretrain" / "last.pt").exists(), process)
    other = CliRunner().invoke(main, arguments(folder, "--epochs", "500"))
    assert other.exit_code == 1
    assert "another process trains in" in other.output
    process.send_signal(signal.SIGTERM)
    before = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - before < 20
    assert process.returncode == 130
    assert "Interrupted: pretrain stopped in epoch" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fraction", "0"], "fraction is 0.0"),
        (["--epochs", "0"], "is not in the range"),
        (["--stage", "finetune", "--loss", "mse"], "should be soft_dice"),
        (["--network", "vnet"], "choose one of unet"),
        (["--init", "none.pt"], "does not exist"),
    ],
)
def test_wrong_values_are_found_before_anything_is_written(data, tmp_path, options, message):
    command = ["train", "unet_texture", str(data.root), str(tmp_path / "run"), *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_not_there_suggests_one(data, tmp_path):
    result = CliRunner().invoke(main, ["train", "unet_textur", str(data.root), str(tmp_path / "r")])
    assert result.exit_code == 2
    assert "did you mean 'unet_texture'" in result.output


def test_troubles_of_the_data_are_found_before_the_first_epoch(data, tmp_path):
    Image.new("L", (30, 32)).save(data.root / "manual_wrinkle_masks" / "00003.png")
    data.image_path("00005").write_bytes(b"no image")
    command = [
        "train",
        "unet_texture",
        str(data.root),
        str(tmp_path / "run"),
        "--stage",
        "finetune",
    ]
    result = CliRunner().invoke(main, [*command, "--parser", "labels", "--accelerator", "cpu"])
    assert result.exit_code == 1
    assert "00003" in result.output
    assert "00005" in result.output
    assert not list((tmp_path / "run").glob("finetune/*"))
