import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import average_precision_score

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.evaluation.probabilities import (
    average_precision,
    level_counts,
    require_probability,
    thresholded,
)
from tests.helpers.faces import drawn_lines, mask

SHAPE = (40, 50)
REFERENCE = drawn_lines(SHAPE, 0)


def random_probability(kind, seed=0):
    """Higher where the reference is drawn, with ties, 0 and 1."""
    random = np.random.default_rng(seed)
    values = np.clip(random.normal(0.3 + 0.3 * REFERENCE, 0.3), 0, 1)
    if kind == "few levels":
        return (np.round(values * 4) / 4).astype(np.float16)
    if kind == "tiny":
        return (values * 1e-4).astype(np.float16)
    if kind == "uint16":
        return np.round(values * 65535).astype(np.uint16)
    if kind in ("float32", "float64"):
        return (np.round(values * 65535) / 65535).astype(kind)
    return values.astype(kind)


KINDS = ["float16", "few levels", "tiny", "uint16", "float32", "float64"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_area_is_scikit_learn_s(kind):
    probability = random_probability(kind)
    found = average_precision(level_counts(probability, REFERENCE))
    expected = average_precision_score(REFERENCE.ravel(), probability.ravel())
    assert found == pytest.approx(expected, abs=1e-12)


def test_any_float32_is_within_a_level_of_scikit_learn_s():
    probability = np.random.default_rng(1).random(SHAPE, np.float32)
    found = average_precision(level_counts(probability, REFERENCE))
    expected = average_precision_score(REFERENCE.ravel(), probability.ravel())
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("kind", ["float16", "uint16"])
def test_the_area_of_several_images_is_that_of_all_their_pixels(kind):
    several = [random_probability(kind, seed) for seed in range(3)]
    together = level_counts(several[0], REFERENCE)
    for one in several[1:]:
        together = together.plus(level_counts(one, REFERENCE))
    expected = average_precision_score(
        np.tile(REFERENCE.ravel(), 3), np.concatenate([one.ravel() for one in several])
    )
    assert average_precision(together) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_region_counts(kind):
    probability = random_probability(kind)
    region = np.zeros(SHAPE, bool)
    region[5:30, 10:45] = True
    found = average_precision(level_counts(probability, REFERENCE, region))
    expected = average_precision_score(REFERENCE[region], probability[region])
    assert found == pytest.approx(expected, abs=1e-12)


def test_empty_and_full_references():
    probability = random_probability("uint16")
    assert np.isnan(average_precision(level_counts(probability, REFERENCE & False)))
    assert average_precision(level_counts(probability, REFERENCE | True)) == 1
    flat = np.full(SHAPE, 0.5, np.float16)
    assert average_precision(level_counts(flat, REFERENCE)) == pytest.approx(REFERENCE.mean())


def test_the_area_by_hand():
    # In falling order: right, wrong, right; precision 1 at recall 1/2, 2/3 at recall 1.
    probability, reference = np.array([[0.9, 0.5, 0.4, 0.1]]), mask("#.#.")
    found = average_precision(level_counts(probability, reference))
    assert found == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_minus_zero_is_zero():
    probability = np.array([[-0.0, 0.0, 0.5]], np.float16)
    counts = level_counts(probability, mask("#.#"))
    assert average_precision(counts) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_scales_do_not_mix():
    with pytest.raises(ArgumentError, match="some probabilities are float16"):
        level_counts(random_probability("float16"), REFERENCE).plus(
            level_counts(random_probability("uint16"), REFERENCE)
        )


@pytest.mark.parametrize("threshold", [0, 0.1, 0.3, 0.5, 1 / 65535, 40000 / 65535, 0.9999])
def test_a_threshold_is_exact(threshold):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert_array_equal(thresholded(levels, threshold), levels / 65535 > threshold)
    halves = np.arange(0x3C01, dtype=np.uint16).view(np.float16)[None]
    assert_array_equal(thresholded(halves, threshold), halves.astype(np.float64) > threshold)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((2, 2), np.uint8), "uint8"),
        (np.zeros((2, 2), np.int64), "int64"),
        (np.zeros((2, 2), complex), "complex128"),
        (np.zeros((1, 2, 2), np.float32), r"\(1, 2, 2\)"),
        (np.zeros((0, 2), np.float32), r"\(0, 2\)"),
        (np.array([[0.5, np.nan]]), "from nan to nan"),
        (np.array([[0.5, np.inf]]), "to inf"),
        (np.array([[-3.5, 4.2]], np.float32), "from -3.5 to 4.2"),
    ],
)
def test_arrays_that_are_not_probabilities_are_refused(wrong, said):
    with pytest.raises(ArgumentError, match=said):
        require_probability(wrong)


def test_another_shape_is_refused():
    with pytest.raises(ArgumentError, match="of one shape"):
        level_counts(np.zeros((2, 2)), mask("##"))
