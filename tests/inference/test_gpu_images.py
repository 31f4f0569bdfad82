import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from ffhq_wrinkle.inference.gpu_images import Replayed, fetched, halved, on_device, page_locked
from tests.helpers.halving import by_pillow, hard_images


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return torch.device(request.param)


@pytest.mark.parametrize("side", [2, 3, 16, 129, 512])
def test_halved_images_are_pillow_s_to_the_last_bit(side, device):
    images = [image.copy() for image in hard_images(side)]
    for small, image in zip(fetched(halved(on_device(images, device))), images, strict=True):
        assert_array_equal(small, by_pillow(image, side))


def test_a_replay_is_computed_from_the_latest_input(device):
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
