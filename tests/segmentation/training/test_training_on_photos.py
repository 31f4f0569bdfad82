"""`train --align`, and what `predict` knows of it."""

import tomllib

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.faces.landmarks import Landmarks
from ffhq_wrinkle.faces.views import AlignedFaces
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe
from ffhq_wrinkle.segmentation.training.training import train
from tests.helpers.commands import run
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.landmarks import landmarks_csv
from tests.helpers.networks import FEATURES
from tests.helpers.predictions import predict
from tests.helpers.training import RECIPE
from tests.helpers.whole_faces import WholeFace

FACE = Landmarks((60, 70), (92, 70), (64, 100), (88, 100))  # a square of 128 pixels
FINETUNE = RECIPE[RECIPE.index("[finetune]") :].replace("batch_size = 4", "batch_size = 2")


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(6):
        photo = np.full((150, 160, 3), 80, np.uint8)
        photo[10:138, 12:140] = drawn_face(128, number)[0]
        Image.fromarray(photo).save(root / "images" / f"{number}.png")
        mask = drawn_lines((150, 160), number, lines=9) * np.uint8(255)
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    landmarks_csv(tmp_path / "landmarks.csv", [(str(number), FACE) for number in range(6)])
    return root


def test_alignment_is_recorded_and_predict_warns_of_images_that_are_not_aligned(
    photos, dataset, tmp_path, caplog
):
    report = train(
        parse_recipe(FINETUNE.replace("epochs = 2", "epochs = 1"), "small.toml"),
        photos,
        tmp_path / "run",
        parser=WholeFace,
        faces=AlignedFaces(tmp_path / "landmarks.csv", size=128),
        accelerator="cpu",
    )
    assert "predict PHOTOS OUT --checkpoint" in report.summary()
    assert report.summary().endswith(" --align")
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["align"].startswith("landmarks ")
    checkpoint = load_checkpoint(report.checkpoints["finetune"])
    assert (checkpoint.aligned, checkpoint.side) == (True, 128)  # not 160, the side of the photos
    caplog.clear()
    predict(dataset, tmp_path / "out", load_network(report.checkpoints["finetune"], device="cpu"))
    assert "6 images are of another size. Advice: --align" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--landmarks", "landmarks.csv"), "--landmarks requires --align"),
        (("--align", "--parser", "labels"), "cannot be combined with --align"),
    ],
)
def test_options_that_do_not_fit_are_refused(photos, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = run("train", "unet_texture", "photos", "run", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "run").exists()


def test_the_configuration_records_the_parser_that_was_chosen(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ffhq_wrinkle.api.training.create_parser", lambda *_, **__: WholeFace())
    for name in ("mesh", "auto"):
        result = run(
            "train", "unet_texture", "photos", name, "--parser", name, "--stage", "finetune",
            "--epochs", 1, "--batch-size", 2, "--size", 32, "--features", FEATURES,
            "--accelerator", "cpu", "--workers", 0, "--limit", 5,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        config = tomllib.loads((tmp_path / name / "config.toml").read_text())
        assert config["parser"] == name
