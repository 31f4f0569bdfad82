import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import map_coordinates

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.augmentation.warp import (
    SamplingGrid,
    grid_tensor,
    warp_image,
    warp_levels,
    warp_mask,
    warp_tensor,
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


def test_beyond_the_border_all_is_0():
    far = SamplingGrid(*(np.full((2, 3), place, np.float32) for place in (-5, 1000)))
    assert not warp_image(np.full((4, 5, 3), 255, np.uint8), far).any()
    assert not warp_mask(np.ones((4, 5), bool), far).any()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_pixel_in_its_own_place_stays_as_it_is(channels):
    image = np.random.default_rng(0).integers(0, 256, (33, 47, channels), dtype=np.uint8)
    assert_array_equal(warp_image(image, identity((33, 47))), image)


def test_grid_tensor_has_its_ends_at_the_outer_edges():
    grid = SamplingGrid(
        np.array([[-0.5, 0, 3.5]], np.float32), np.array([[-0.5, 0.5, 1.5]], np.float32)
    )
    found = grid_tensor([grid, grid], (2, 4))
    assert found.shape == (2, 1, 3, 2)
    assert_allclose(found[1, 0].numpy(), [[-1, -1], [-0.75, 0], [1, 1]])


def test_tensors_are_warped_as_arrays_are():
    image, lines = smooth_image(), drawn_lines((70, 90), 3)
    grids = [curved_grid(), SamplingGrid(*(m + 9.3 for m in curved_grid()))]
    batch = (
        torch.from_numpy(np.dstack([image, lines])).permute(2, 0, 1).float().expand(2, 4, 70, 90)
    )
    places = grid_tensor(grids, (70, 90))
    warped = warp_tensor(batch[:, :3], places).permute(0, 2, 3, 1).numpy()
    masks = warp_tensor(batch[:, 3:], places, "nearest")[:, 0].numpy()
    for index, grid in enumerate(grids):
        difference = np.abs(warped[index] - warp_image(image, grid))
        assert difference[inside(grid, image.shape)].max() <= 1
        assert difference.max() <= 5
        clear = off_ties(grid)
        assert_array_equal(masks[index][clear], warp_mask(lines, grid)[clear])


def test_half_precision_does_not_move_pixels():
    ramp = torch.arange(1024.0).expand(1, 1, 3, 1024).to(torch.bfloat16)
    warped = warp_tensor(ramp, grid_tensor([identity((3, 1024))], (3, 1024)), "nearest")
    assert warped.dtype == torch.bfloat16
    assert torch.equal(warped, ramp)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ArgumentError):
        warp_image(image, identity((4, 4)))


def test_what_is_no_mask_is_refused():
    with pytest.raises(ArgumentError, match="float64"):
        warp_mask(np.zeros((4, 4)), identity((4, 4)))
    with pytest.raises(ArgumentError, match="bool"):
        warp_levels(mask("#."), identity((1, 2)))


def test_a_batch_needs_a_grid_for_each_image():
    places = grid_tensor([identity((4, 4))], (4, 4))
    with pytest.raises(ArgumentError, match="with 1"):
        warp_tensor(torch.zeros(2, 1, 4, 4), places)
    with pytest.raises(ArgumentError, match="uint8"):
        warp_tensor(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), places)
    with pytest.raises(ArgumentError, match="one size"):
        grid_tensor([identity((4, 4)), identity((4, 5))], (4, 4))
