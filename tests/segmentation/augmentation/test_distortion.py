import math

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import map_coordinates

from ffhq_wrinkle.segmentation.augmentation.distortion import (
    Distortion,
    ElasticField,
    elastic_nodes,
)
from ffhq_wrinkle.segmentation.augmentation.warp import warp_image

SHAPE = (201, 301)


def elastic(shape=SHAPE, *, alpha=20.0, sigma=60.0, seed=0):
    noise = np.random.default_rng(seed).standard_normal(elastic_nodes(sigma, shape), np.float32)
    return ElasticField(noise=noise, alpha=alpha, sigma=sigma)


STEPS = (np.array([0.8, 1.2, 1.0, 0.7]), np.array([1.1, 0.9]))


def whole(distortion, shape=SHAPE):
    return distortion.sampling_grid(shape, slice(0, shape[0]), slice(0, shape[1]))


def pixels(shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    return x, y


def noise_image(shape):
    return np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(1024, 1024), (500, 333), (64, 65), (3, 1), (1, 1)])
def test_by_default_every_pixel_stays_in_its_place(shape):
    grid = whole(Distortion(), shape)
    for found, expected in zip(grid, pixels(shape), strict=True):
        assert found.dtype == np.float32
        assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(1024, 1024), (500, 333), (64, 65), (1, 1)])
def test_a_flip_is_a_permutation(shape):
    image = noise_image(shape)
    assert_array_equal(warp_image(image, whole(Distortion(flipped=True), shape)), image[:, ::-1])


def test_a_quarter_turn_is_clockwise():
    image = noise_image((64, 64))
    turned = warp_image(image, whole(Distortion(rotation_deg=90), (64, 64)))
    inner = (slice(1, -1), slice(1, -1))  # at the border the last bit of a place decides
    difference = np.abs(turned.astype(int) - np.rot90(image, -1))[inner]
    assert difference.max() <= 1


def test_translation_is_to_the_right_and_down():
    image = noise_image((100, 200))
    moved = warp_image(image, whole(Distortion(translation=(0.05, -0.04)), (100, 200)))
    assert np.abs(moved[:-4, 10:].astype(int) - image[4:, :-10]).max() <= 1
    assert not moved[:, :9].any()
    assert not moved[-3:].any()


def test_scaling_keeps_the_centre():
    grid = whole(Distortion(scale=1.25))
    x, y = pixels()
    assert_allclose(grid.x, 150 + (x - 150) / 1.25, atol=1e-4)
    assert_allclose(grid.y, 100 + (y - 100) / 1.25, atol=1e-4)


def test_shear_leans_lines():
    tangent = math.tan(math.radians(10))
    upright = Distortion(shear_deg=(10, 0))
    # The point 50 above the centre comes to lie to the left of it, by 50 tan.
    x, y = upright.sources(np.array([150 - 50 * tangent]), np.array([50.0]), SHAPE)
    assert_allclose([x[0], y[0]], [150, 50])
    level = Distortion(shear_deg=(0, 10))
    x, y = level.sources(np.array([200.0]), np.array([100 + 50 * tangent]), SHAPE)
    assert_allclose([x[0], y[0]], [200, 100])


def test_an_affine_distortion_is_exact_everywhere():
    turned = Distortion(rotation_deg=-7, shear_deg=(3, -4), scale=0.93, translation=(0.02, 0.03))
    angle = math.radians(-7)
    forward = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    forward = forward @ [[1, math.tan(math.radians(3))], [math.tan(math.radians(-4)), 1]] * 0.93
    source = np.stack([m.astype(np.float64) for m in whole(turned)], axis=-1)
    back = (source - [150, 100]) @ forward.T + [150 + 0.02 * 301, 100 + 0.03 * 201]
    assert_allclose(back, np.stack(pixels(), axis=-1), atol=2e-4)


def test_steps_move_the_ends_of_the_parts():
    x, y = Distortion(steps=STEPS).sources(
        np.array([0, 75, 150, 225, 300.0]), np.array([0, 50, 100, 150, 200.0]), SHAPE
    )
    total = 0.8 + 1.2 + 1.0 + 0.7
    assert_allclose(x, np.array([0, 0.8, 2.0, 3.0, total]) * 300 / total, atol=1e-9)
    assert_allclose(y[[0, 2, 4]], [0, 110, 200], atol=1e-9)


def test_steps_neither_fold_nor_kink():
    steps = (np.array([0.6, 1.4, 0.6, 1.4, 1.4, 0.6]), np.ones(6))
    places = np.arange(-30, 331.0)
    x, y = Distortion(steps=steps).sources(places, places, SHAPE)
    assert np.diff(x).min() > 0
    assert np.abs(np.diff(x, 2)).max() < 0.1  # a corner would be 0.8
    assert_allclose(y, places, atol=1e-9)


@pytest.mark.parametrize("k", [0.05, -0.05])
def test_a_lens_is_opencvs(k):
    camera = np.array([[301, 0, 150], [0, 301, 100], [0, 0, 1.0]])
    expected = cv2.initUndistortRectifyMap(
        camera, np.array([k, k, 0, 0, 0]), None, None, SHAPE[::-1], cv2.CV_32FC1
    )
    for found, wanted in zip(whole(Distortion(optical=k)), expected, strict=True):
        assert np.abs(found - wanted).max() < 0.01


def test_elastic_displacements_have_their_strength_and_smoothness():
    shape = (1024, 1024)
    x, y = (m[::16, ::16] for m in pixels(shape))
    moved = []
    for seed in range(40):
        along = elastic(shape, alpha=5, sigma=32, seed=seed).displacements(x, y, shape)
        moved.extend(along)
    fields = np.stack(moved)
    assert fields.std() == pytest.approx(5, rel=0.03)
    assert fields[:, :2].std() == pytest.approx(5, rel=0.08)  # as much at the border
    # White noise through a Gaussian correlates as exp(-d^2 / (4 sigma^2)).
    for nodes in (1, 2, 4, 8):
        product = (fields[:, :, nodes:] * fields[:, :, :-nodes]).mean() / 25
        assert product == pytest.approx(math.exp(-((16 * nodes) ** 2) / (4 * 32**2)), abs=0.05)
    assert abs((fields[::2] * fields[1::2]).mean()) < 0.05 * 25  # x and y apart


def test_the_same_values_distort_alike_at_any_size():
    large, small = (1024, 768), (256, 192)
    distortion = Distortion(
        elastic=elastic(large), steps=STEPS, optical=0.05, rotation_deg=5, translation=(0.1, 0)
    )
    assert elastic_nodes(60, large) == elastic_nodes(60, small)
    shrunk = [
        cv2.resize(m, small[::-1], interpolation=cv2.INTER_AREA) for m in whole(distortion, large)
    ]
    for found, expected in zip(whole(distortion, small), shrunk, strict=True):
        assert np.abs(found - (expected + 0.5) / 4 + 0.5).max() < 0.5


def test_all_together_are_the_six_one_after_the_other():
    field = elastic(alpha=20)
    one_after_the_other = [
        Distortion(flipped=True),
        Distortion(scale=0.95),
        Distortion(rotation_deg=8, shear_deg=(4, -3), translation=(0.02, -0.03)),
        Distortion(elastic=field),
        Distortion(steps=STEPS),
        Distortion(optical=0.05),
    ]
    together = Distortion(
        flipped=True, scale=0.95, rotation_deg=8, shear_deg=(4, -3), translation=(0.02, -0.03),
        elastic=field, steps=STEPS, optical=0.05,
    )  # fmt: skip
    carried = list(pixels())  # two pictures, which show where each of their pixels was
    for single in one_after_the_other:
        at = single.sources(*pixels(), SHAPE)[::-1]
        carried = [map_coordinates(picture, at, order=1, cval=np.nan) for picture in carried]
    seen = np.isfinite(carried[0])
    assert seen.mean() > 0.7
    for found, expected in zip(whole(together), carried, strict=True):
        assert np.abs(found - expected)[seen].max() < 0.2


def test_a_part_of_the_output_is_as_in_the_whole():
    distortion = Distortion(elastic=elastic((600, 600)), steps=STEPS, optical=-0.04, scale=1.1)
    part = distortion.sampling_grid((600, 600), slice(101, 401), slice(33, 533))
    for found, expected in zip(part, whole(distortion, (600, 600)), strict=True):
        assert found.shape == (300, 500)
        assert np.abs(found - expected[101:401, 33:533]).max() < 0.3
