"""`predict` over a folder, with a U-Net set by hand, so that every pixel is known beforehand."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError, OutputError, SourceError
from ffhq_wrinkle.faces.alignment import ffhq_alignment
from ffhq_wrinkle.faces.landmarks import Landmarks
from ffhq_wrinkle.faces.parsing import ReadyLabels
from ffhq_wrinkle.faces.template import TemplateParser
from ffhq_wrinkle.segmentation import create_model, save_checkpoint
from ffhq_wrinkle.segmentation.evaluation.prediction_files import find_predictions
from ffhq_wrinkle.segmentation.networks.inputs import network_input
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.segmentation.prediction.prediction import predict_folder
from ffhq_wrinkle.segmentation.prediction.prediction_folder import PredictSettings
from ffhq_wrinkle.segmentation.prediction.predictor import Predictor, load_predictor
from ffhq_wrinkle.segmentation.prediction.views import AlignedFaces
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.landmarks import landmarks_csv
from tests.helpers.networks import WRINKLE_LEVEL, threshold_unet

PAPER = TextureSettings()
pytestmark = pytest.mark.usefixtures("narrow_unet")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "threshold.pt"
    save_checkpoint(path, threshold_unet(), "unet", texture=PAPER, side=128)
    return path


@pytest.fixture(scope="module")
def predictor(checkpoint):
    return load_predictor(checkpoint, device="cpu")


def predict(dataset, out, predictor, **options):
    ingredients = options.pop("ingredients", None) or Ingredients(
        ReadyLabels(dataset.labels), predictor.texture
    )
    return predict_folder(
        dataset.images, out, predictor=predictor, ingredients=ingredients, **options
    )


def expected_texture(dataset, image_id):
    """Eq. 1 in the face, from OpenCV: float64 (H, W), 0 outside."""
    image = cv2.imread(str(dataset.image_path(image_id)))
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64)
    filtered = cv2.GaussianBlur(gray, (21, 21), 5)
    labels = np.load(dataset.labels / f"{image_id}.npy").astype(np.uint8)
    rows = (np.arange(128) * 4 + 2)[:, None]
    face = np.isin(labels, (1, 10))[rows, rows.T]
    return np.clip((1 - gray / (1 + filtered)) * 255, 0, 255).round() * face, face


def pixels(path):
    return np.array(Image.open(path))


def table_of(out):
    with (out / "wrinkles.csv").open() as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_masks_probabilities_overlays_and_table_are_what_the_network_says(
    dataset, tmp_path, predictor
):
    out = tmp_path / "out"
    report = predict(dataset, out, predictor, settings=PredictSettings(probabilities="png"))
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
    assert record["settings"]["checkpoint_sha256"] == predictor.sha256


def test_it_is_the_same_byte_for_byte_when_run_twice_and_with_other_jobs(
    dataset, tmp_path, predictor
):
    settings = PredictSettings(probabilities="npy", flip=True)
    for name, jobs in (("first", 1), ("second", 3)):
        predict(dataset, tmp_path / name, predictor, settings=settings, jobs=jobs)
    first = files_of(tmp_path / "first")
    assert len(first) == 3 * 6 + 2
    assert first == files_of(tmp_path / "second")
    probabilities = np.load(tmp_path / "first" / "probabilities" / "00000.npy")
    assert probabilities.dtype == np.float16
    assert probabilities.shape == (128, 128)


def test_only_what_is_missing_is_made_again(dataset, tmp_path, predictor):
    out = tmp_path / "out"
    predict(dataset, out, predictor)
    before = files_of(out)
    (out / "masks" / "00001.png").unlink()
    (out / "overlays" / "00999.jpg").unlink()
    report = predict(dataset, out, predictor)
    assert (report.made, report.kept) == (2, 4)
    assert files_of(out) == before
    assert "2 predictions written, 4 were there already" in report.summary(out)


def test_other_settings_are_refused_and_overwrite_replaces(dataset, tmp_path, predictor):
    out = tmp_path / "out"
    predict(dataset, out, predictor, limit=1)
    with pytest.raises(OutputError, match="flip False there and True now"):
        predict(dataset, out, predictor, settings=PredictSettings(flip=True))
    report = predict(dataset, out, predictor, settings=PredictSettings(flip=True), overwrite=True)
    assert report.made == 6


def test_a_folder_with_somebody_s_masks_is_refused(dataset, tmp_path, predictor):
    (tmp_path / "out" / "masks").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "out" / "masks" / "00001.png")
    with pytest.raises(OutputError, match=r"did not make, such as masks/00001\.png"):
        predict(dataset, tmp_path / "out", predictor)


def corrected(out, name="masks/00001.png"):
    """Draw a mask anew, as somebody does who corrects it; give its bytes."""
    drawn = np.zeros(pixels(out / name).shape, np.uint8)
    drawn[60:70, 50:60] = 255
    Image.fromarray(drawn).save(out / name)
    return (out / name).read_bytes()


def test_a_corrected_mask_is_left_alone_and_out_of_the_table(dataset, tmp_path, predictor):
    out = tmp_path / "out"
    predict(dataset, out, predictor)
    before = corrected(out)
    assert predict(dataset, out, predictor).made == 0
    assert (out / "masks" / "00001.png").read_bytes() == before
    assert sorted(table_of(out)) == [one for one in dataset.ids if one != "00001"]


def test_a_corrected_mask_outlasts_overlays_made_afterwards_which_show_it(
    dataset, tmp_path, predictor
):
    out = tmp_path / "out"
    predict(dataset, out, predictor, settings=PredictSettings(overlays=False))
    before = corrected(out)
    assert predict(dataset, out, predictor).made == 6
    assert (out / "masks" / "00001.png").read_bytes() == before
    photo = pixels(dataset.image_path("00001")).astype(int)
    changed = np.abs(pixels(out / "overlays" / "00001.jpg") - photo).max(axis=2)
    assert changed[62:68, 52:58].min() > 40
    seen = expected_texture(dataset, "00001")[0] > WRINKLE_LEVEL
    assert np.median(changed[seen]) < 20


def test_a_corrected_mask_outlasts_an_interruption(dataset, tmp_path, predictor):
    out = tmp_path / "out"
    predict(dataset, out, predictor)
    (out / "predict.json").rename(out / ".predict.json.under-way")  # as if it was cut off
    (out / "masks" / "00002.png").unlink()
    before = corrected(out)
    assert predict(dataset, out, predictor).made == 1
    assert (out / "masks" / "00001.png").read_bytes() == before
    assert (out / "predict.json").exists()


def test_overwrite_removes_what_it_does_not_make_and_ends_clean(dataset, tmp_path, predictor):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    predict(dataset, out, predictor, settings=PredictSettings(probabilities="png"))
    npy = PredictSettings(probabilities="npy", flip=True, overlays=False)
    corrected(out)
    predict(dataset, out, predictor, settings=npy, overwrite=True)
    predict(dataset, fresh, predictor, settings=npy)
    assert files_of(out) == files_of(fresh)


def test_overwriting_some_leaves_the_rest_out_of_the_table(dataset, tmp_path, predictor, caplog):
    out = tmp_path / "out"
    predict(dataset, out, predictor)
    flip = PredictSettings(flip=True)
    some = {"ids": parse_ids("0-1"), "overwrite": True, "settings": flip}
    predict(dataset, out, predictor, **some)
    assert sorted(table_of(out)) == ["00000", "00001"]
    assert "results with different settings; run again for all images" in caplog.text
    assert predict(dataset, out, predictor, settings=flip).made == 4
    assert sorted(table_of(out)) == dataset.ids
    assert not (out / ".predict.json.under-way").exists()


def test_a_table_of_another_origin_is_refused(dataset, tmp_path, predictor):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "wrinkles.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"wrinkles\.csv was not made by this command"):
        predict(dataset, tmp_path / "out", predictor)


class Narrow(Predictor):
    """A stand-in that has memory for so many pixels only, and says so as PyTorch does."""

    network, sha256, in_channels, texture, side = "narrow", "0", 4, PAPER, None
    batch_size = 2
    pixels = 20_000

    def _logits(self, batch):
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
    assert "trying one by one" in caplog.text  # two of 128x128 are too many


def test_logits_that_are_no_numbers_fail_the_image(dataset, tmp_path):
    class Diverged(Narrow):
        pixels = 10**9

        def _logits(self, batch):
            logits = super()._logits(batch)
            logits[batch[:, 0, 0, 3] == 0, 5, 5] = np.nan
            return logits

    report = predict(dataset, tmp_path / "out", Diverged())
    assert (report.made, report.failed) == (0, 6)
    assert "no finite numbers" in (tmp_path / "out" / "failures.csv").read_text()


def test_images_far_from_the_trained_size_are_remarked_upon(dataset, tmp_path, caplog):
    class Large(Narrow):
        side = 1024

    predict(dataset, tmp_path / "out", Large())
    assert "6 faces are much smaller or larger than the 1024 pixels" in caplog.text


def test_broken_images_are_rows_of_failures_and_the_rest_is_done(dataset, tmp_path, predictor):
    dataset.image_path("00000").write_bytes(b"no image")
    whole = dataset.image_path("00001").read_bytes()
    dataset.image_path("00001").write_bytes(whole[: len(whole) // 2])
    np.save(dataset.labels / "00002.npy", np.zeros((512, 512), np.int64))  # nobody there
    (dataset.labels / "00999.npy").unlink()
    out = tmp_path / "out"
    report = predict(dataset, out, predictor, ids=parse_ids("0-1001"))
    assert (report.made, report.failed) == (2, 996 + 4)
    with (out / "failures.csv").open() as file:
        steps = {row["path"]: row["step"] for row in csv.DictReader(file)}
    assert steps["00000/00000.png"] == steps["00000/00001.png"] == "read"
    assert steps["00000/00002.png"] == steps["00000/00999.png"] == "parse"
    assert steps["00000/00003.png"] == "find"
    assert sorted(table_of(out)) == ["01000", "01001"]


def test_ready_texture_maps_and_face_masks_stand_in_for_what_is_made(dataset, tmp_path, predictor):
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
    report = predict(dataset, out, predictor, ingredients=ingredients)
    assert report.failed == 2
    expected = np.zeros((128, 128), np.uint8)
    expected[40:42, 30:60] = 255
    np.testing.assert_array_equal(pixels(out / "masks" / "00000.png"), expected)
    failures = (out / "failures.csv").read_text()
    assert "has no face mask of this id" in failures
    assert "00002.png is 64x64, the image 128x128" in failures
    rows = table_of(out)
    assert rows["00999"]["face_px"] == "7680"
    row = rows["00000"]
    assert (row["face_px"], row["face_wrinkle_px"], row["forehead_px"]) == ("7680", "60", "")


def test_texture_maps_of_another_recipe_are_refused(dataset, tmp_path):
    (tmp_path / "weak").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "weak" / "00001.png")
    noted = {"settings": {"recipe": "paper", "kernel_size": 21, "sigma": 5.0}}
    (tmp_path / "weak" / "build.json").write_text(json.dumps(noted))
    parser = ReadyLabels(dataset.labels)
    released = TextureSettings(recipe="released")
    with pytest.raises(ArgumentError, match="recipe paper there and released here"):
        Ingredients(parser, released, textures=tmp_path / "weak")
    Ingredients(parser, PAPER, textures=tmp_path / "weak")


def test_an_rgb_network_takes_no_texture(dataset, tmp_path):
    """Wrinkle where the blue of the masked image is above 100."""
    path = tmp_path / "rgb.pt"
    save_checkpoint(path, threshold_unet(3, level=100), "unet", texture=PAPER, side=128)
    predictor = load_predictor(path, device="cpu")
    assert predictor.texture_settings() is None
    out = tmp_path / "out"
    parser = ReadyLabels(dataset.labels)
    predict(dataset, out, predictor, ingredients=Ingredients(parser, None), limit=1)
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
        predictor = load_predictor(checkpoint, device="cpu", batch_size=batch_size)
        assert predict(dataset, tmp_path / name, predictor).made == 6
    assert pixels(tmp_path / "one" / "masks" / "00003.png").shape == (100, 75)
    one, three = (files_of(tmp_path / name / "masks") for name in ("one", "three"))
    assert one == three


def test_flipping_averages_with_the_mirror_image():
    class Columns(Predictor):
        """Logits that are the column's number, as no symmetric network would give."""

        batch_size = 1

        def _logits(self, batch):
            columns = np.arange(batch.shape[2], dtype=np.float32)
            return np.broadcast_to(columns, batch.shape[:3]) + batch[..., 0]

    image = np.zeros((1, 5, 4), np.uint8)
    image[0, 1, 0] = 100
    plain, flipped = Columns().logits([image]), Columns().logits([image], flip=True)
    np.testing.assert_array_equal(plain[0], [[0, 101, 2, 3, 4]])
    np.testing.assert_array_equal(flipped[0], [[2, 102, 2, 2, 2]])


def test_the_logits_are_the_model_s_for_all_its_folding(tmp_path):
    torch.manual_seed(0)
    model = create_model("unet", 4, 2).eval()
    for name, value in model.state_dict().items():
        if name.endswith(("running_mean", "running_var", "1.weight", "4.bias")):
            value.copy_(torch.rand(value.shape) * 0.3 + 0.5)
    save_checkpoint(tmp_path / "w.pt", model, "unet", texture=PAPER, side=128)
    seen = np.random.default_rng(0).integers(0, 256, (70, 90, 4), np.uint8)
    x = torch.from_numpy(seen).permute(2, 0, 1)[None].float() / 255 * 2 - 1
    with torch.inference_mode():
        background, wrinkle = model(x)[0]
    found = load_predictor(tmp_path / "w.pt", device="cpu").logits([seen])[0]
    np.testing.assert_allclose(found, (wrinkle - background).numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("channels", "message"), [((3, 1), "of stage 1"), ((4, 3), "4 -> 3 channels")]
)
def test_networks_that_predict_something_else_are_refused(channels, message, tmp_path):
    path = tmp_path / "w.pt"
    save_checkpoint(path, create_model("unet", *channels), "unet", texture=PAPER, side=128)
    with pytest.raises(SourceError, match=message):
        load_predictor(path)


def test_bf16_and_devices_that_are_not_there_are_refused(checkpoint):
    with pytest.raises(ArgumentError, match="bf16 is for CUDA"):
        load_predictor(checkpoint, device="cpu", precision="bf16")
    with pytest.raises(ArgumentError, match="cuda:99"):
        load_predictor(checkpoint, device="cuda:99")


def test_the_input_is_the_masked_image_and_the_texture():
    image = np.full((2, 2, 3), 7, np.uint8)
    face = np.array([[True, False], [True, True]])
    texture = np.array([[9, 0], [8, 7]], np.uint8)
    seen = network_input(image, face, texture)
    assert seen.tolist() == [[[7, 7, 7, 9], [0, 0, 0, 0]], [[7, 7, 7, 8], [7, 7, 7, 7]]]
    assert network_input(image, face).shape == (2, 2, 3)
    with pytest.raises(ArgumentError, match=r"the image is \(2, 2\), and .* \(3, 3\)"):
        network_input(image, face, np.zeros((3, 3), np.uint8))


FACE = Landmarks((95.0, 119.0), (161.0, 119.0), (104.0, 190.0), (152.0, 190.0))


@pytest.fixture
def photos(tmp_path):
    """Two photos that are not aligned: one turned face, and two faces beside each other."""
    folder = tmp_path / "photos"
    folder.mkdir()
    face = drawn_face(256)[0]
    turn = cv2.getRotationMatrix2D((128, 128), 20, 0.8)
    turned = cv2.warpAffine(face, turn, (300, 280), borderValue=(70, 90, 110))
    Image.fromarray(turned).save(folder / "turned.png")
    Image.fromarray(np.hstack([face, drawn_face(256, 1)[0]])).save(folder / "two.png")
    points = np.array(FACE.points) @ turn[:, :2].T + turn[:, 2]
    shifted = [(x + 256, y) for x, y in FACE.points]
    faces = [
        ("turned", Landmarks(*map(tuple, points.tolist()))), ("two", FACE),
        ("two", Landmarks(*shifted)),
    ]  # fmt: skip
    return folder, landmarks_csv(tmp_path / "landmarks.csv", faces), dict(faces[:1])["turned"]


class WholeCrop(TemplateParser):
    """Says that all of a picture is face, which of drawn ones is easier to know."""

    def prepare(self, image, image_id):
        return np.ones((512, 512), np.uint8)


def test_aligned_faces_are_predicted_and_laid_back_onto_the_photo(photos, tmp_path, predictor):
    folder, table, face = photos
    out = tmp_path / "out"
    report = predict_folder(
        folder,
        out,
        predictor=predictor,
        ingredients=Ingredients(WholeCrop(), PAPER),
        views=AlignedFaces(table, size=256),
    )
    assert (report.made, report.failed) == (1, 1)
    assert "2 faces found; --all-faces takes every one" in (out / "failures.csv").read_text()
    seen, mask = (pixels(out / name / "turned.png") for name in ("aligned", "masks"))
    on_photo = pixels(out / "photo_masks" / "turned.png")
    assert (seen.shape, mask.shape, on_photo.shape) == ((256, 256, 3), (256, 256), (280, 300))
    alignment = ffhq_alignment(face, 256)
    expected = alignment.onto_photo(mask > 0, (280, 300))
    np.testing.assert_array_equal(on_photo > 0, expected)
    assert on_photo.any()
    assert pixels(out / "overlays" / "turned.jpg").shape == (280, 300, 3)
    # Dark lines on the forehead of the photo, where they were drawn: rows 70 and 80 before turning.
    turn = cv2.getRotationMatrix2D((128, 128), 20, 0.8)
    line = turn @ [128, 70, 1]
    around = on_photo[round(line[1]) - 3 : round(line[1]) + 4, round(line[0]) - 3 :][:, :7]
    assert around.any()
    assert predict_folder(
        folder,
        out,
        predictor=predictor,
        ingredients=Ingredients(WholeCrop(), PAPER),
        views=AlignedFaces(table, size=256),
    ).kept == 1  # fmt: skip


def test_all_faces_of_a_photo_have_their_own_results(photos, tmp_path, predictor):
    folder, table, _ = photos
    Image.open(folder / "turned.png").save(folder / "x.face1.png")
    Image.open(folder / "turned.png").save(folder / "unknown.png")
    out = tmp_path / "out"

    def run():
        return predict_folder(
            folder,
            out,
            predictor=predictor,
            ingredients=Ingredients(WholeCrop(), PAPER),
            views=AlignedFaces(table, all_faces=True, size=256),
            settings=PredictSettings(overlays=False, probabilities="png"),
        )

    report = run()
    assert (report.made, report.failed) == (2, 2)
    names = ["turned.face1", "two.face1", "two.face2"]
    for kind in ("masks", "aligned", "probabilities"):
        assert sorted(path.stem for path in (out / kind).iterdir()) == names
    assert sorted(path.name for path in (out / "photo_masks").iterdir()) == [
        "turned.png",
        "two.png",
    ]
    rows = table_of(out)
    assert [rows[name]["faces_in_photo"] for name in names] == ["1", "2", "2"]
    failures = (out / "failures.csv").read_text()
    assert "rename it" in failures
    assert "no face of this id" in failures
    (out / "masks" / "two.face2.png").unlink()
    before = corrected(out, "masks/two.face1.png")
    assert (run().made, run().kept) == (1, 2)
    assert (out / "masks" / "two.face1.png").read_bytes() == before
    one_face = landmarks_csv(tmp_path / "one.csv", [("two", FACE)])
    predict_folder(
        folder,
        out,
        predictor=predictor,
        ingredients=Ingredients(WholeCrop(), PAPER),
        views=AlignedFaces(one_face, all_faces=True, size=256),
        settings=PredictSettings(overlays=False),
        ids=parse_ids("two"),
        overwrite=True,
    )
    assert not list(out.glob("*/two.face2.*"))
    assert not list(out.glob("probabilities/two.*"))
    with pytest.raises(ArgumentError, match=r"name .*photo_masks for references drawn on the ph"):
        find_predictions(out)
    assert find_predictions(out / "photo_masks").image_ids == {"turned", "two"}
    assert not (out / "overlays").exists()


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "tolerance"), [("32", 1e-3), ("bf16", 0.3)])
def test_a_gpu_gives_the_cpu_s_logits(tmp_path, precision, tolerance, monkeypatch):
    monkeypatch.setattr("ffhq_wrinkle.segmentation.networks.unet.UNet.width", 64)
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "w.pt", create_model("unet", 4, 2), "unet", texture=PAPER, side=128)
    seen = [np.random.default_rng(n).integers(0, 256, (96, 80, 4), np.uint8) for n in range(5)]
    on_cpu = load_predictor(tmp_path / "w.pt", device="cpu").logits(seen)
    gpu = load_predictor(tmp_path / "w.pt", device="cuda", precision=precision)
    assert gpu.batch_size == 4
    for one, other in zip(gpu.logits(seen), on_cpu, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)
    np.testing.assert_array_equal(gpu.logits(seen[:1])[0], gpu.logits(seen)[0])


@pytest.mark.real_data
def test_real_faces_run_through(real_data, tmp_path, predictor):
    out = tmp_path / "out"
    report = predict_folder(
        real_data / "wrinkle-pairs" / "images",
        out,
        predictor=predictor,
        ingredients=Ingredients(TemplateParser(), PAPER),
        limit=3,
    )
    assert (report.made, report.failed) == (3, 0)
    for row in table_of(out).values():
        assert 0.005 < float(row["face_share"]) < 0.2
