"""Outlines of annotators drawn on the photograph itself."""

import numpy as np
from numpy.testing import assert_array_equal

from ffhq_wrinkle.human_labels.annotator_figures import annotator_colours, overlay


def test_beneath_the_outlines_the_photograph_is_as_it_is():
    photo = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    mask = np.zeros((1000, 1000), bool)
    mask[400:440, 300:700] = True
    drawn = overlay([mask, np.zeros_like(mask)], ["A", "B"], photo, beside=False)[-1000:]
    edge = np.zeros_like(mask)
    edge[[400, 439], 300:700] = edge[400:440, [300, 699]] = True
    assert_array_equal(drawn[~edge], photo[~edge])
    assert (drawn[edge] == annotator_colours(2)[0]).all()


def test_beside_the_photograph_it_is_dark_beneath():
    photo = np.full((1000, 1000, 3), 200, np.uint8)
    mask = np.zeros((1000, 1000), bool)
    drawn = overlay([mask, mask], ["A", "B"], photo)[-1000:]
    assert (drawn[:, :1000] == 200).all()
    assert (drawn[:, -1000:] == 90).all()  # 45 % of 200
