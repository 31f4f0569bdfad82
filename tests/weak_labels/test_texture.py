import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import ArgumentError, FfhqWrinkleError
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.texture import masked_texture_map, scaled_kernel, texture_map
from tests.helpers.faces import drawn_face
from tests.helpers.formulas import REFERENCES, reference_map

RNG = np.random.default_rng(7)


def lines():
    image = np.full((120, 90, 3), 190, np.uint8)
    image[40] = 70
    image[:, 33] = 110
    image[np.arange(90), np.arange(90)] = 30
    return image


IMAGES = {
    "drawn face": drawn_face(301)[0],
    "noise": RNG.integers(0, 256, (257, 190, 3), dtype=np.uint8),
    "black": np.zeros((64, 64, 3), np.uint8),
    "white": np.full((64, 64, 3), 255, np.uint8),
    "1-pixel lines": lines(),
    "odd size": RNG.integers(0, 256, (33, 47, 3), dtype=np.uint8),
    "smaller than the kernel": RNG.integers(0, 256, (8, 5, 3), dtype=np.uint8),
    "one row": RNG.integers(0, 256, (1, 40, 3), dtype=np.uint8),
    "one pixel": np.full((1, 1, 3), 77, np.uint8),
}


def assert_follows_definition(image, recipe, kernel_size=21, sigma=5.0):
    texture = texture_map(image, kernel_size=kernel_size, sigma=sigma, recipe=recipe)
    assert texture.dtype == np.uint8
    assert texture.shape == image.shape[:2]
    off = np.abs(texture.astype(int) - reference_map(image, recipe, kernel_size, sigma))
    off = np.minimum(off, 256 - off)
    assert off.max() <= 1
    assert (off == 0).mean() >= 0.9999


@pytest.mark.parametrize("recipe", FORMULAS)
@pytest.mark.parametrize("name", IMAGES)
def test_follows_the_definition(name, recipe):
    assert_follows_definition(IMAGES[name], recipe)


@pytest.mark.parametrize("recipe", FORMULAS)
def test_follows_the_definition_on_a_photograph(astronaut, recipe):
    assert_follows_definition(astronaut, recipe)


@pytest.mark.real_data
@pytest.mark.parametrize("recipe", FORMULAS)
def test_follows_the_definition_on_real_faces(real_data, recipe):
    for path in sorted((real_data / "wrinkle-pairs" / "images").iterdir())[:5]:
        assert_follows_definition(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), recipe)


@pytest.mark.parametrize(("kernel_size", "sigma"), [(11, 2.5), (5, 40.0), (3, 0.8), (41, 10.0)])
def test_other_kernels_follow_the_definition(kernel_size, sigma):
    assert_follows_definition(IMAGES["noise"], "paper", kernel_size, sigma)


@pytest.mark.parametrize("recipe", FORMULAS)
def test_even_areas_follow_the_definition_where_a_level_is_at_a_tie(recipe):
    for level in range(256):
        image = np.full((40, 30, 3), level, np.uint8)
        # Filtering does not change an even area.
        expected = REFERENCES[recipe](np.float64(level), np.float64(level))
        assert set(texture_map(image, recipe=recipe).ravel()) == {expected}, level


def test_paper_values_by_hand():
    # Even gray 100: T = (1 - 100/101) * 255 = 2.52..., black: (1 - 0/1) * 255 = 255.
    assert set(texture_map(np.full((9, 9, 3), 100, np.uint8)).ravel()) == {3}
    assert set(texture_map(IMAGES["black"]).ravel()) == {255}
    assert set(texture_map(IMAGES["white"]).ravel()) == {1}


def test_released_values_by_hand():
    # Even gray 100: d = trunc(255 * 100/101) = 252, T = 257 - 252; black: d = 0, 1 - 0 = 1.
    assert set(texture_map(np.full((9, 9, 3), 100, np.uint8), recipe="released").ravel()) == {5}
    assert set(texture_map(IMAGES["black"], recipe="released").ravel()) == {1}


def test_skin_brighter_than_its_surroundings_is_2_in_released_and_0_in_paper():
    image = np.full((41, 41, 3), 120, np.uint8)
    image[20, 20] = 200
    assert texture_map(image, recipe="released")[20, 20] == 2
    assert texture_map(image, recipe="paper")[20, 20] == 0


@pytest.mark.parametrize("recipe", FORMULAS)
@pytest.mark.parametrize("name", IMAGES)
def test_masked_map_is_the_masked_full_map(name, recipe):
    image = IMAGES[name]
    full = texture_map(image, recipe=recipe)
    rng = np.random.default_rng(3)
    for _ in range(20):
        top, left = (rng.integers(0, length) for length in full.shape)
        mask = np.zeros(full.shape, bool)
        mask[top : top + rng.integers(1, 60), left : left + rng.integers(1, 60)] = True
        mask &= rng.random(full.shape) < 0.8
        assert_array_equal(masked_texture_map(image, mask, recipe=recipe), full * mask)


def test_empty_and_full_masks():
    image = IMAGES["noise"]
    empty = np.zeros(image.shape[:2], bool)
    assert_array_equal(masked_texture_map(image, empty), empty)
    assert_array_equal(masked_texture_map(image, ~empty), texture_map(image))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"kernel_size": 20}, "size is 20;"),
        ({"kernel_size": 0}, "size is 0;"),
        ({"kernel_size": -3}, "size is -3;"),
        ({"kernel_size": 21.0}, "size is 21.0;"),
        ({"kernel_size": 4097}, "4097"),
        ({"kernel_size": True}, "True"),
        ({"sigma": True}, "True"),
        ({"sigma": 1e-9}, "sigma is 1e-09;"),
        ({"sigma": 0}, "sigma is 0;"),
        ({"sigma": -1.0}, "sigma is -1.0;"),
        ({"sigma": float("nan")}, "nan"),
        ({"sigma": float("inf")}, "inf"),
        ({"recipe": "papier"}, f"'papier'; choose one of {', '.join(FORMULAS)}"),
        ({"recipe": ["paper"]}, r"recipe is \['paper'\]"),
    ],
)
def test_wrong_settings_are_named(settings, named):
    with pytest.raises(ArgumentError, match=named):
        texture_map(IMAGES["white"], **settings)
    with pytest.raises(ValueError, match=named):
        masked_texture_map(IMAGES["white"], np.ones((64, 64), bool), **settings)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.uint16),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_wrong_images_are_refused(image):
    with pytest.raises(FfhqWrinkleError, match="image should be uint8"):
        texture_map(image)
    with pytest.raises(FfhqWrinkleError, match="image should be uint8"):
        masked_texture_map(image, np.ones((8, 8), bool))


@pytest.mark.parametrize("mask", [np.ones((8, 9), bool), np.ones((8, 8), np.uint8)])
def test_wrong_masks_are_refused(mask):
    with pytest.raises(ArgumentError, match="face_mask should be bool"):
        masked_texture_map(np.zeros((8, 8, 3), np.uint8), mask)


def test_a_scaled_kernel_stays_odd():
    assert scaled_kernel(21, 5.0, 1.0) == (21, 5.0)
    assert scaled_kernel(21, 5.0, 500 / 1024) == (11, 5.0 * 500 / 1024)
    assert scaled_kernel(21, 5.0, 0.01) == (3, 0.05)
    assert scaled_kernel(21, 5.0, 3.75) == (77, 18.75)
    assert scaled_kernel(1, 5.0, 7.0) == (1, 35.0)
