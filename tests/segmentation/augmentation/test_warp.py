import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.ndimage import map_coordinates

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.augmentation.warp import (
    SamplingGrid,
    warp_image,
    warp_levels,
    warp_mask,
)
from tests.helpers.faces import drawn_lines, mask


def smooth_image(shape=(70, 90)):
    """Levels that change little from pixel to pixel, so that 1/32 of one does not show."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    channels = [128 + 100 * np.sin(x / 13 + y / 17 + turn) for turn in (0, 1, 2)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def curved_grid(shape=(60, 80)):
    """Places inside and outside of the smooth image."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return SamplingGrid(x + 7 * np.sin(y / 9) - 2, y + 0.1 * x + 4 * np.cos(x / 11) - 3)


def identity(shape):
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return SamplingGrid(x, y)


def bilinear(levels, grid):
    """SciPy's interpolation, between the image and 0 beyond it."""
    at = np.stack([grid.y, grid.x]).astype(np.float64)
    return map_coordinates(levels.astype(np.float64), at, order=1, mode="grid-constant")


def off_ties(grid):
    """Where the nearest pixel is not in doubt."""
    return np.all([np.abs(np.abs(m - np.floor(m)) - 0.5) > 0.01 for m in grid], axis=0)


def inside(grid, shape):
    """Where all four neighbours are in the image."""
    return (grid.x > 0) & (grid.y > 0) & (grid.x < shape[1] - 1) & (grid.y < shape[0] - 1)


def test_images_are_bilinear():
    image, grid = smooth_image(), curved_grid()
    warped = warp_image(image, grid)
    assert warped.dtype == np.uint8
    within = inside(grid, image.shape)
    assert 0.5 < within.mean() < 1
    for channel in range(3):
        difference = warped[:, :, channel] - bilinear(image[:, :, channel], grid)
        assert np.abs(difference[within]).max() <= 1
        assert np.abs(difference).max() <= 5  # beside a border of up to 228 levels, 1/32 pixel


def test_levels_are_bilinear():
    levels = smooth_image()[:, :, 0]
    assert_array_equal(
        warp_levels(levels, curved_grid()), warp_image(levels[:, :, None], curved_grid())[:, :, 0]
    )


def test_half_a_pixel_is_the_mean_of_two():
    grid = SamplingGrid(np.array([[-0.5, 0.5, 1.5]], np.float32), np.zeros((1, 3), np.float32))
    assert_array_equal(warp_levels(np.array([[100, 200]], np.uint8), grid), [[50, 150, 100]])


def test_masks_take_the_nearest_pixel_whole():
    lines, grid = drawn_lines((70, 90), 3), curved_grid()
    warped = warp_mask(lines, grid)
    assert warped.dtype == np.bool_
    rows, columns = (np.rint(places).astype(int) for places in (grid.y, grid.x))
    expected = np.pad(lines, 50)[rows + 50, columns + 50]
    clear = off_ties(grid)
    assert clear.mean() > 0.9
    assert_array_equal(warped[clear], expected[clear])


def test_labels_are_not_mixed():
    labels = np.array([[1, 10, 1]], np.uint8)
    grid = SamplingGrid(np.array([[0.4, 0.6, 1.7]], np.float32), np.zeros((1, 3), np.float32))
    assert_array_equal(warp_mask(labels, grid), [[1, 10, 1]])


def test_everything_beyond_the_border_is_0():
    far = SamplingGrid(*(np.full((2, 3), place, np.float32) for place in (-5, 1000)))
    assert not warp_image(np.full((4, 5, 3), 255, np.uint8), far).any()
    assert not warp_mask(np.ones((4, 5), bool), far).any()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_pixel_in_its_own_place_stays_as_it_is(channels):
    image = np.random.default_rng(0).integers(0, 256, (33, 47, channels), dtype=np.uint8)
    assert_array_equal(warp_image(image, identity((33, 47))), image)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_arrays_that_are_not_images_are_refused(image):
    with pytest.raises(ArgumentError):
        warp_image(image, identity((4, 4)))


def test_arrays_that_are_not_masks_are_refused():
    with pytest.raises(ArgumentError, match="float64"):
        warp_mask(np.zeros((4, 4)), identity((4, 4)))
    with pytest.raises(ArgumentError, match="bool"):
        warp_levels(mask("#."), identity((1, 2)))
