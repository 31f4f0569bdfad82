import numpy as np
import pytest

from tests.helpers.evaluation import SHAPE, random_masks
from tests.helpers.faces import drawn_lines


@pytest.fixture
def masks():
    """References and predictions: random, lines, full, empty, and one of them empty."""
    empty, full = np.zeros(SHAPE, bool), np.ones(SHAPE, bool)
    pairs = [(random_masks(seed, 0.1), random_masks(seed + 50, 0.3)) for seed in range(4)]
    pairs += [(drawn_lines(SHAPE, seed), drawn_lines(SHAPE, seed + 9)) for seed in range(4)]
    pairs += [(full, full), (full, random_masks(7, 0.5)), (empty, empty), (empty, full)]
    pairs += [(drawn_lines(SHAPE, 1), empty), (empty, empty)]
    references = {f"{number:05d}": pair[0] for number, pair in enumerate(pairs)}
    predictions = {f"{number:05d}": pair[1] for number, pair in enumerate(pairs)}
    return predictions, references


@pytest.fixture
def folders(annotate, masks):
    return annotate({"pred": masks[0], "ref": masks[1]})
