"""`predict` over a folder, with a U-Net set by hand, so that every pixel is known beforehand."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.segmentation.prediction.prediction import predict_folder
from ffhq_wrinkle.segmentation.prediction.prediction_folder import PredictSettings
from ffhq_wrinkle.segmentation.prediction.predictor import Predictor
from ffhq_wrinkle.segmentation.prediction.trained_network import TrainedNetwork
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.networks import WRINKLE_LEVEL, threshold_unet
from tests.helpers.pictures import pixels
from tests.helpers.predictions import expected_texture, predict, table_of
from tests.helpers.tables import rows_of

PAPER = TextureSettings()


def test_masks_probabilities_overlays_and_table_follow_the_network(dataset, tmp_path, network):
    out = tmp_path / "out"
    report = predict(dataset, out, network, settings=PredictSettings(probabilities="png"))
    assert (report.images, report.made, report.kept, report.failed) == (6, 6, 0, 0)
    rows = table_of(out)
    assert sorted(rows) == dataset.ids
    for image_id in dataset.ids:
        texture, face = expected_texture(dataset, image_id)
        wrinkles = texture > WRINKLE_LEVEL
        assert 20 < wrinkles.sum() < 3000
        mask = pixels(out / "masks" / f"{image_id}.png")
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, wrinkles * 255)
        # The logit is how many levels the texture is above 40.5.
        probability = pixels(out / "probabilities" / f"{image_id}.png") / 65535
        by_hand = 1 / (1 + np.exp(-(texture - WRINKLE_LEVEL - 0.5)))
        np.testing.assert_allclose(probability, by_hand, atol=2e-3)
        photo = pixels(dataset.image_path(image_id)).astype(int)
        overlay = pixels(out / "overlays" / f"{image_id}.jpg").astype(int)
        assert overlay.shape == photo.shape
        assert np.abs(overlay - photo)[~cv2.dilate(mask, np.ones((9, 9))).astype(bool)].mean() < 4
        assert np.abs(overlay - photo)[wrinkles].mean() > 30
        assert int(rows[image_id]["wrinkle_px"]) == wrinkles.sum()
        assert int(rows[image_id]["face_px"]) == face.sum()
        assert float(rows[image_id]["face_share"]) == pytest.approx(
            wrinkles[face].sum() / face.sum(), abs=1e-6
        )
        forehead = wrinkles[: round(238 / 4 - 0.3 * 33)]  # above where brows would be
        assert int(rows[image_id]["forehead_wrinkle_px"]) == pytest.approx(
            np.count_nonzero(forehead), abs=12
        )
    record = json.loads((out / "predict.json").read_text())
    assert record["command"] == "predict"
    assert record["settings"]["texture"]["recipe"] == "paper"
    assert record["settings"]["checkpoint_sha256"] == network.sha256


def test_predictions_are_the_same_byte_for_byte_in_a_second_run_with_other_jobs(
    dataset, tmp_path, network
):
    settings = PredictSettings(probabilities="npy")
    for name, jobs in (("first", 1), ("second", 3)):
        predict(dataset, tmp_path / name, network, settings=settings, flip=True, jobs=jobs)
    first = files_of(tmp_path / "first")
    assert len(first) == 3 * 6 + 2
    assert first == files_of(tmp_path / "second")
    probabilities = np.load(tmp_path / "first" / "probabilities" / "00000.npy")
    assert probabilities.dtype == np.float16
    assert probabilities.shape == (128, 128)


class Narrow(TrainedNetwork):
    """A stand-in with memory for a limited number of pixels, which fails as PyTorch does."""

    name, sha256, in_channels, texture, side = "narrow", "0", 4, PAPER, None
    batch_size = 2
    pixels = 20_000

    def batch_logits(self, batch):
        if batch[..., 0].size > self.pixels:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")
        return batch[..., 3].astype(np.float32) - 40.5


def test_an_image_that_is_too_large_for_the_memory_fails_alone(make_dataset, tmp_path, caplog):
    dataset = make_dataset([0, 1, 2, 3])
    large = cv2.resize(drawn_face(128)[0], (200, 200))
    Image.fromarray(large).save(dataset.image_path("00001"))
    out = tmp_path / "out"
    report = predict(dataset, out, Narrow())
    assert (report.made, report.failed) == (3, 1)
    assert "200x200 pixels need more memory" in (out / "failures.csv").read_text()
    assert "trying one image at a time" in caplog.text  # two of 128x128 are too many


def test_logits_that_are_not_numbers_fail_the_image(dataset, tmp_path):
    class Diverged(Narrow):
        pixels = 10**9

        def batch_logits(self, batch):
            logits = super().batch_logits(batch)
            logits[batch[:, 0, 0, 3] == 0, 5, 5] = np.nan
            return logits

    report = predict(dataset, tmp_path / "out", Diverged())
    assert (report.made, report.failed) == (0, 6)
    assert "is not finite" in (tmp_path / "out" / "failures.csv").read_text()


def test_broken_images_are_rows_of_failures_and_the_rest_is_done(dataset, tmp_path, network):
    dataset.image_path("00000").write_bytes(b"no image")
    whole = dataset.image_path("00001").read_bytes()
    dataset.image_path("00001").write_bytes(whole[: len(whole) // 2])
    np.save(dataset.labels / "00002.npy", np.zeros((512, 512), np.int64))  # nobody there
    (dataset.labels / "00999.npy").unlink()
    out = tmp_path / "out"
    report = predict(dataset, out, network, ids=parse_ids("0-1001"))
    assert (report.made, report.failed) == (2, 996 + 4)
    steps = {row["path"]: row["step"] for row in rows_of(out / "failures.csv")}
    assert steps["00000/00000.png"] == steps["00000/00001.png"] == "read"
    assert steps["00000/00002.png"] == steps["00000/00999.png"] == "parse"
    assert steps["00000/00003.png"] == "find"
    assert sorted(table_of(out)) == ["01000", "01001"]


def test_existing_texture_maps_and_face_masks_replace_computed_ones(dataset, tmp_path, network):
    texture, face = tmp_path / "texture", tmp_path / "face"
    texture.mkdir(), face.mkdir()
    for image_id in dataset.ids:
        drawn = np.zeros((128, 128), np.uint8)
        drawn[40:42, 30:90] = 200
        Image.fromarray(drawn).save(texture / f"{image_id}.png")
        inside = np.zeros((128, 128), np.uint8)
        inside[:, :60] = 255
        Image.fromarray(inside).save(face / f"{image_id}.png")
    (face / "00001.png").unlink()
    Image.new("L", (64, 64)).save(texture / "00002.png")
    Image.new("L", (128, 128), 255).save(face / "999.png")  # 00999 has one of its own
    out = tmp_path / "out"
    ingredients = Ingredients(None, PAPER, textures=texture, face_masks=face)
    report = predict(dataset, out, network, ingredients=ingredients)
    assert report.failed == 2
    expected = np.zeros((128, 128), np.uint8)
    expected[40:42, 30:60] = 255
    np.testing.assert_array_equal(pixels(out / "masks" / "00000.png"), expected)
    failures = (out / "failures.csv").read_text()
    assert "has no face mask with this id" in failures
    assert "00002.png is 64x64, but the image is 128x128" in failures
    rows = table_of(out)
    assert rows["00999"]["face_px"] == "7680"
    row = rows["00000"]
    assert (row["face_px"], row["face_wrinkle_px"]) == ("7680", "60")
    # The regions are those of the face mesh, in the left half of the image.
    assert row["cheek_right_px"] == "0"
    assert 200 < int(row["forehead_px"]) < 3000


def test_an_rgb_network_takes_no_texture(dataset, tmp_path):
    """Wrinkle where the blue of the masked image is above 100."""
    path = tmp_path / "rgb.pt"
    save_checkpoint(path, threshold_unet(3, level=100), "unet", texture=PAPER, side=128)
    network = load_network(path, device="cpu")
    assert network.texture_settings() is None
    out = tmp_path / "out"
    parser = ReadyLabels(dataset.labels)
    predict(dataset, out, network, ingredients=Ingredients(parser, None), limit=1)
    face = expected_texture(dataset, "00000")[1]
    blue = pixels(dataset.image_path("00000"))[:, :, 2] * face
    np.testing.assert_array_equal(pixels(out / "masks" / "00000.png"), (blue > 100) * 255)
    with pytest.raises(ArgumentError, match="leave --texture out"):
        Ingredients(parser, None, textures=dataset.labels)


def test_images_of_any_sizes_and_larger_batches_give_the_same(make_dataset, tmp_path, checkpoint):
    dataset = make_dataset([0, 1, 2], side=128)
    for number, (height, width) in enumerate([(100, 75), (128, 128), (77, 128)], start=3):
        face = cv2.resize(drawn_face(128, number)[0], (width, height))
        Image.fromarray(face).save(dataset.image_path(f"{number:05d}"))
        np.save(dataset.labels / f"{number:05d}.npy", drawn_face(128)[1])
    for name, batch_size in (("one", 1), ("three", 3)):
        network = load_network(checkpoint, device="cpu", batch_size=batch_size)
        assert predict(dataset, tmp_path / name, network).made == 6
    assert pixels(tmp_path / "one" / "masks" / "00003.png").shape == (100, 75)
    one, three = (files_of(tmp_path / name / "masks") for name in ("one", "three"))
    assert one == three


@pytest.mark.real_data
def test_real_faces_run_through(real_data, tmp_path, network):
    out = tmp_path / "out"
    report = predict_folder(
        real_data / "wrinkle-pairs" / "images",
        out,
        Predictor(network, Ingredients(MeshParser(), PAPER)),
        limit=3,
    )
    assert (report.made, report.failed) == (3, 0)
    for row in table_of(out).values():
        assert 0.005 < float(row["face_share"]) < 0.2
