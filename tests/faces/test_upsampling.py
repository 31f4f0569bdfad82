import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch.nn import functional

from ffhq_wrinkle.faces.upsampling import upsampled_classes


def by_torch(logits, side):
    full = functional.interpolate(
        torch.from_numpy(logits)[None], (side, side), mode="bilinear", align_corners=True
    )
    return full[0].argmax(0).numpy()


def smooth(random, classes, height, width):
    """Classes in areas, as a parsing network sees them."""
    coarse = torch.from_numpy(random.normal(size=(1, classes, 5, 5)).astype(np.float32))
    return functional.interpolate(coarse, (height, width), mode="bicubic")[0].numpy().copy()


@pytest.mark.parametrize(
    ("shape", "side"), [((19, 64, 64), 512), ((3, 7, 5), 40), ((2, 2, 2), 2), ((5, 9, 9), 9)]
)
def test_classes_are_those_of_upsampling_all_logits(shape, side):
    random = np.random.default_rng(0)
    for logits in (random.normal(size=shape).astype(np.float32), smooth(random, *shape)):
        classes = upsampled_classes(logits, side)
        assert classes.dtype == np.uint8
        assert len(np.unique(classes)) >= 2
        assert (classes != by_torch(logits, side)).mean() <= 1e-4  # rounding at ties


def test_a_class_may_win_between_grid_points_where_it_wins_at_none():
    logits = np.array([[[9, 0], [9, 0]], [[0, 9], [0, 9]], [[8, 8], [8, 8]]], np.float32)
    # 9 - 9x and 9x are both below 8 for x from 1/9 to 8/9; pixels lie at tenths.
    assert_array_equal(upsampled_classes(logits, 11)[5], [0, 0, *[2] * 7, 1, 1])


def test_the_first_class_wins_among_equal_logits():
    logits = np.zeros((4, 3, 3), np.float32)
    logits[0] = -1
    assert (upsampled_classes(logits, 12) == 1).all()
