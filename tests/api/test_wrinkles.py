"""Wrinkles of photographs by a `Predictor`, beside what `predict` writes.

The network is set by hand: wrinkle where the texture map is above a level.
"""

import io
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError, ImageError, ParsingError, SourceError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.segmentation.prediction.predictor import Wrinkles
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.array_forms import array_forms
from tests.helpers.commands import run
from tests.helpers.files import files_of
from tests.helpers.networks import WRINKLE_LEVEL, threshold_unet
from tests.helpers.pictures import pixels
from tests.helpers.predictions import expected_texture
from tests.helpers.weak_masks import expected_mask


@pytest.fixture
def predictor(checkpoint, dataset):
    parser = ReadyLabels(dataset.labels)
    return fw.Predictor.from_checkpoint(checkpoint, parser=parser, device="cpu")


def test_a_photograph_has_the_wrinkles_that_the_network_says(predictor, dataset):
    for image_id in dataset.ids[:2]:
        texture, face = expected_texture(dataset, image_id)
        path = dataset.image_path(image_id)
        wrinkles = predictor(path)
        assert 20 < wrinkles.mask.sum() < 3000
        assert_array_equal(wrinkles.mask, texture > WRINKLE_LEVEL)
        assert_array_equal(wrinkles.photo, pixels(path))
        # The logit is how many levels the texture is above 40.5.
        by_hand = 1 / (1 + np.exp(-(texture - WRINKLE_LEVEL - 0.5)))
        np.testing.assert_allclose(wrinkles.probability, by_hand, atol=2e-3)
        assert wrinkles.probability.dtype == np.float32
        assert_array_equal(wrinkles.faces[0].mask, face)


def test_an_overlay_colours_the_wrinkles_and_a_notebook_shows_it(predictor, dataset):
    wrinkles = predictor(str(dataset.image_path("00001")))
    overlay = wrinkles.overlay()
    assert (overlay.dtype, overlay.shape) == (np.uint8, (128, 128, 3))
    changed = (overlay != wrinkles.photo).any(axis=2)
    assert changed[wrinkles.mask].mean() > 0.9
    with Image.open(io.BytesIO(wrinkles._repr_png_())) as shown:
        assert_array_equal(np.asarray(shown), overlay)


def test_a_notebook_shows_large_photographs_with_at_most_900_pixels_a_side():
    photo = np.full((500, 2000, 3), (205, 160, 135), np.uint8)
    mask = np.zeros((500, 2000), bool)
    mask[200:300] = True
    content = Wrinkles(mask, photo, [], [])._repr_png_()
    with Image.open(io.BytesIO(content)) as shown:
        assert (shown.format, shown.size) == ("PNG", (900, 225))
        assert shown.getpixel((450, 112)) != shown.getpixel((450, 20)) == (205, 160, 135)


def test_paths_and_arrays_give_the_same_and_several_keep_their_order(checkpoint, dataset):
    predictor = fw.Predictor.from_checkpoint(checkpoint, parser="mesh", device="cpu")
    paths = [dataset.image_path(image_id) for image_id in ("01001", "00000", "00999")]
    alone = [predictor(path).probability for path in paths]
    assert len({probability.tobytes() for probability in alone}) == 3
    mixed = [str(paths[0]), pixels(paths[1]), paths[2]]
    for several in (mixed, tuple(mixed)):
        for wrinkles, probability in zip(predictor(several), alone, strict=True):
            assert_array_equal(wrinkles.probability, probability)
    assert predictor([]) == []


def test_predict_writes_the_same_masks(predictor, checkpoint, dataset, tmp_path):
    report = fw.predict(
        dataset.root, tmp_path / "out", checkpoint=checkpoint, parser="labels", device="cpu", jobs=2
    )
    assert (report.images, report.made, report.failed) == (6, 6, 0)
    photos = [dataset.image_path(image_id) for image_id in dataset.ids]
    for image_id, wrinkles in zip(dataset.ids, predictor(photos), strict=True):
        assert_array_equal(
            pixels(tmp_path / "out" / "masks" / f"{image_id}.png"), wrinkles.mask * np.uint8(255)
        )


def test_the_command_writes_the_same_files(checkpoint, dataset, tmp_path):
    fw.predict(
        str(dataset.root), str(tmp_path / "one"), checkpoint=str(checkpoint), parser="mesh",
        device="cpu", ids="0-2", limit=2, flip=True, probabilities="npy", overlays=False,
    )  # fmt: skip
    said = run(
        "predict", dataset.root, tmp_path / "two", "--checkpoint", checkpoint, "--parser",
        "mesh", "--device", "cpu", "--ids", "0-2", "--limit", 2, "--flip", "--probabilities",
        "npy", "--no-overlays",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    files = files_of(tmp_path / "one")
    assert {"masks/00000.png", "probabilities/00001.npy", "wrinkles.csv"} < set(files)
    assert files == files_of(tmp_path / "two")


def test_photographs_without_wrinkles_have_an_empty_mask(predictor, dataset):
    shutil.copy(dataset.labels / "00000.npy", dataset.labels / "photo.npy")
    even = np.full((96, 80, 3), 128, np.uint8)
    wrinkles = predictor(even)
    assert wrinkles.mask.shape == (96, 80)
    assert not wrinkles.mask.any()


@pytest.mark.parametrize("recipe", ["paper", "released"])
def test_a_recipe_of_choice_takes_the_place_of_that_of_training(dataset, tmp_path, recipe):
    level = 5  # of the noise on the skin, where it matters that the formulas differ by one or two
    path = tmp_path / "w.pt"
    save_checkpoint(path, threshold_unet(level=level), "unet", texture=TextureSettings(), side=128)
    parser = ReadyLabels(dataset.labels)
    predictor = fw.Predictor.from_checkpoint(path, parser=parser, recipe=recipe, device="cpu")
    texture = expected_mask(dataset, "00001", recipe=recipe)
    assert np.count_nonzero(texture == level) > 20
    wrinkles = predictor(dataset.image_path("00001"))
    assert_array_equal(wrinkles.mask, texture > level)


@pytest.mark.parametrize(
    ("photo", "kind", "said"),
    [
        ("none.png", ImageError, "none.png: no such file"),
        (
            np.zeros((64, 64), np.uint8),
            ImageError,
            "a photo should be uint8 (H, W, 3), not uint8 (64,",
        ),
        (
            np.zeros((64, 64, 3)),
            ImageError,
            "a photo should be uint8 (H, W, 3), not float64 (64, 64, 3)",
        ),
        (np.zeros((64, 64, 3), np.uint8), ParsingError, "has no label map photo.npy"),
    ],
)
def test_photographs_that_cannot_be_used_are_refused_in_one_line(predictor, photo, kind, said):
    for photos in (photo, [photo]):
        with pytest.raises(kind) as error:
            predictor(photos)
        assert said in str(error.value)
        assert "\n" not in str(error.value)
        assert isinstance(error.value, fw.FfhqWrinkleError)


def test_what_cannot_be_loaded_is_refused_in_one_line(checkpoint, tmp_path):
    (tmp_path / "text.pt").write_text("quota exceeded")
    rgb = tmp_path / "rgb.pt"
    save_checkpoint(rgb, threshold_unet(3), "unet", texture=TextureSettings(), side=128)
    for path, options, kind, said in (
        ("official-vnet", {}, ArgumentError, "there is no checkpoint official-vnet; name a file"),
        (tmp_path / "text.pt", {}, SourceError, "not a weights file"),
        (checkpoint, {"device": "cuda:99"}, ArgumentError, "'cuda:99' does not exist"),
        (
            checkpoint,
            {"parser": "dlib"},
            ArgumentError,
            "parser is 'dlib'; choose one of auto",
        ),
        (checkpoint, {"precision": "bf16"}, ArgumentError, "bf16 is for CUDA"),
        (checkpoint, {"recipe": "other"}, ArgumentError, "'other'"),
        (rgb, {"recipe": "paper"}, ArgumentError, "this network does not use a texture map"),
    ):
        with pytest.raises(kind) as error:
            fw.Predictor.from_checkpoint(path, **{"parser": "mesh", "device": "cpu", **options})
        assert said in str(error.value)
        assert "\n" not in str(error.value)


def test_photographs_of_any_form_in_memory_have_the_same_wrinkles(checkpoint, dataset):
    predictor = fw.Predictor.from_checkpoint(checkpoint, parser="mesh", device="cpu")
    expected = predictor(dataset.image_path("00001"))
    assert expected.mask.any()
    for array in array_forms(pixels(dataset.image_path("00001"))):
        wrinkles = predictor(array)
        assert_array_equal(wrinkles.mask, expected.mask)
        assert_array_equal(wrinkles.overlay(), expected.overlay())
