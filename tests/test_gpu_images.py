import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.gpu_images import Replayed, fetched, halved, on_device, page_locked


def by_pillow(image, side):
    return np.array(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return torch.device(request.param)


@pytest.mark.parametrize("side", [2, 3, 16, 129, 512])
def test_halved_images_are_pillow_s_to_the_last_bit(side, device):
    rng = np.random.default_rng(side)
    noise = rng.integers(0, 256, (2 * side, 2 * side, 3), dtype=np.uint8)
    extremes = rng.choice(np.array([0, 255], np.uint8), noise.shape)
    # Sums that end in a half, which rounding to even would have down every other time.
    ties = rng.integers(0, 64, noise.shape, dtype=np.uint8) * 4
    images = [noise, extremes, ties, noise[::-1, ::-1].copy()]
    for small, image in zip(fetched(halved(on_device(images, device))), images, strict=True):
        assert_array_equal(small, by_pillow(image, side))


def test_what_is_replayed_is_computed_of_the_latest_input(device):
    doubled = Replayed(lambda one, other: one * 2 + other)
    for start in (0, 10):
        for length in (3, 5):
            one = torch.arange(start, start + length, device=device)
            assert doubled(one, one).tolist() == [3 * n for n in range(start, start + length)]


@pytest.mark.gpu
def test_page_locked_copies_are_copies():
    image = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    copy = page_locked(image)
    assert torch.from_numpy(copy).is_pinned()
    assert not np.shares_memory(copy, image)
    assert_array_equal(copy, image)
