"""Networks made, trained, used, exported and compared from Python."""

import shutil

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError, TrainingError
from ffhq_wrinkle.segmentation.prediction.onnx_export import ExportReport
from tests.helpers.faces import Dataset
from tests.helpers.networks import FEATURES
from tests.helpers.notebooks import shown
from tests.helpers.pictures import pixels
from tests.helpers.tables import rows_of
from tests.helpers.training import RECIPE, weights
from tests.helpers.training_data import with_human_masks

OPTIONS = {"parser": "labels", "accelerator": "cpu", "workers": 0, "options": {"epochs": 1}}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve drawn faces of 32x32 with their forehead lines as masks."""
    dataset = Dataset(tmp_path_factory.mktemp("twelve") / "data", list(range(12)), side=32)
    return with_human_masks(dataset, dataset.ids)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE)
    return str(path)


@pytest.fixture(scope="module")
def trained(data, recipe, tmp_path_factory):
    return fw.train(recipe, data.root, tmp_path_factory.mktemp("trained") / "run", **OPTIONS)


@pytest.fixture(scope="module")
def finetuned(trained):
    return trained.checkpoints["finetune"]


def test_training_gives_the_best_network_of_each_stage(trained):
    assert list(trained.checkpoints) == ["pretrain", "finetune"]
    for path, channels in zip(trained.checkpoints.values(), (3, 4), strict=True):
        assert path.is_file()
        assert weights(path)["inc.double_conv.0.weight"].shape == (12, channels, 3, 3)
        assert str(path) in trained.summary()
    assert "1 test image, mean over images: JSI" in trained.scores


def test_the_frame_has_the_metrics_of_all_epochs(trained):
    frame = trained.to_frame()
    assert frame.stage.tolist() == ["pretrain", "finetune"]
    for stage, path in trained.checkpoints.items():
        (row,) = rows_of(path.with_name("metrics.csv"))
        ((_, series),) = frame[frame.stage == stage].iterrows()
        for name in ("epoch", "lr", "train_loss", "val_loss"):
            assert series[name] == pytest.approx(float(row[name])), name


def test_a_notebook_shows_the_last_images_of_each_stage(trained):
    page = shown(trained)
    assert page.texts["figcaption"] == [
        "pretrain, curves", "pretrain, epoch 0001", "finetune, curves", "finetune, epoch 0001",
    ]  # fmt: skip
    for picture, path in zip(page.opened[1::2], trained.checkpoints.values(), strict=True):
        height, width = pixels(path.with_name("epoch_0001.png")).shape[:2]
        assert max(picture.size) == min(900, max(height, width))
        assert picture.width / picture.height == pytest.approx(width / height, rel=0.01)
    assert page.texts["p"] == [trained.summary()]
    assert repr(trained).startswith("<TrainReport: pretrain: ")
    assert "\n" not in repr(trained)


def test_a_run_is_resumed_and_not_trained_again(trained, data, recipe, finetuned):
    run, before = finetuned.parents[1], finetuned.stat().st_mtime_ns
    again = fw.train(recipe, str(data.root), str(run), **OPTIONS)
    assert again.checkpoints == trained.checkpoints
    assert finetuned.stat().st_mtime_ns == before
    with pytest.raises(TrainingError, match="already holds a run; choose another folder"):
        fw.train(recipe, data.root, run, resume=False, **OPTIONS)


def test_one_stage_begins_with_a_checkpoint(data, recipe, trained, tmp_path):
    report = fw.train(
        recipe, data.root, tmp_path / "run", stage="finetune", limit=6, seed=1,
        init=trained.checkpoints["pretrain"], **OPTIONS,
    )  # fmt: skip
    assert list(report.checkpoints) == ["finetune"]
    split = rows_of(tmp_path / "run" / "split.csv")
    assert len(split) == 6


def test_a_trained_network_predicts_what_predict_writes(finetuned, data, tmp_path):
    predictor = fw.Predictor.from_checkpoint(finetuned, parser="mesh", device="cpu")
    photos = [data.image_path(image_id) for image_id in ("00007", "00002", "00011")]
    several = predictor(photos)
    fw.predict(
        data.root, tmp_path / "out", checkpoint=finetuned, parser="mesh", device="cpu",
        ids="2,7,11", probabilities="npy",
    )  # fmt: skip
    for path, wrinkles in zip(photos, several, strict=True):
        written = pixels(tmp_path / "out" / "masks" / path.name)
        assert_array_equal(wrinkles.mask, written == 255)
        assert_array_equal(predictor(pixels(path)).probability, wrinkles.probability)
        stored = np.load(tmp_path / "out" / "probabilities" / f"{path.stem}.npy")
        np.testing.assert_allclose(wrinkles.probability, stored, atol=1e-3)
        assert_array_equal(wrinkles.mask, wrinkles.probability > 0.5)
    assert len({wrinkles.probability.tobytes() for wrinkles in several}) == 3


def test_an_export_reports_what_was_written(finetuned, tmp_path, monkeypatch):
    """Exporting takes half a minute; test_onnx_export does it, by the command."""
    calls = []

    def exported(checkpoint, path):
        calls.append((checkpoint, path))
        return ExportReport(path, largest_difference=2e-6, largest_logit=3.5)

    monkeypatch.setattr("ffhq_wrinkle.api.training.export_onnx", exported)
    report = fw.export(str(tmp_path / "unet.onnx"), checkpoint=str(finetuned))
    assert calls == [(finetuned, tmp_path / "unet.onnx")]
    assert report.to_frame().to_dict("records") == [
        {"largest_difference": 2e-6, "largest_logit": 3.5}
    ]
    assert shown(report).texts["p"] == [report.summary()]
    assert repr(report) == f"<ExportReport: {report.summary()}>"
    with pytest.raises(ArgumentError, match=r"unet\.pt should end in \.onnx$"):
        fw.export(tmp_path / "unet.pt", checkpoint=finetuned)


def test_a_run_is_compared_by_its_test_scores(finetuned, tmp_path):
    run = finetuned.parents[1]
    compared = fw.compare_runs([str(run)], out=tmp_path / "out", resamples=0)
    (cell,) = compared.cells
    (scored,) = rows_of(run / "test.csv")
    assert (cell.recipe, cell.fraction, compared.test_images) == ("small", 1, 1)
    assert cell.figure("accuracy").value == pytest.approx(float(scored["accuracy"]))
    assert (tmp_path / "out" / "compare.json").is_file()


def test_training_that_cannot_begin_is_refused_in_one_line(data, recipe, tmp_path):
    shutil.copytree(data.images, tmp_path / "unlabelled")
    for arguments, options, kind, said in (
        (["unet_textur"], {}, ArgumentError, "there is no recipe 'unet_textur'; did you mean"),
        (["unet_none"], {"stage": "pretrain"}, ArgumentError, "unet_none has no [pretrain]"),
        ([recipe], {"options": {"epoch": 1}}, ArgumentError, "epoch"),
        ([recipe], {"options": {"epochs": 0}}, ArgumentError, "epochs is 0; the minimum is 1"),
        ([recipe], {"fraction": 2}, ArgumentError, "fraction is 2"),
        ([recipe, "s3://bucket/data"], {}, ArgumentError, "must be a path on this machine"),
        ([recipe, data.root, "s3://b/run"], {}, ArgumentError, "must be a path on this machine"),
        ([recipe, tmp_path / "unlabelled"], {}, fw.FfhqWrinkleError, str(tmp_path / "unlabelled")),
    ):
        filled = [*arguments, *[data.root, tmp_path / "run"][len(arguments) - 1 :]]
        with pytest.raises(kind) as error:
            fw.train(*filled, **{**OPTIONS, **options})
        assert said in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["unet", "unet_wds"])
def test_a_network_is_made_by_its_name_with_its_channels_and_features(name):
    """All of them are made in the tests of networks; some take seconds to import."""
    network = fw.create_model(name, 3, 2, features=FEATURES)
    assert isinstance(network, torch.nn.Module)
    state = network.state_dict()
    assert state["inc.double_conv.0.weight"].shape == (FEATURES, 3, 3, 3)
    assert state["outc.conv.weight"].shape == (2, FEATURES, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (["vnet", 3, 2], {}, "unet, swin_unetr"),
        (["unet", 0, 2], {}, "channels are 0 -> 2; 1 is the minimum"),
        (["swin_unetr", 3, 2], {"features": 13}, "swin_unetr needs a multiple of 12"),
        (["unet", 3, 2], {"gradient_checkpointing": True}, "unet has no gradient checkpointing"),
    ],
)
def test_networks_that_do_not_exist_are_refused_in_one_line(arguments, options, said):
    with pytest.raises(ArgumentError) as error:
        fw.create_model(*arguments, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
