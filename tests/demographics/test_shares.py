import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from ffhq_wrinkle.demographics.shares import association, wilson_intervals


@pytest.mark.parametrize(
    "counts", [[0, 1], [5, 0, 95], [1], [66, 68, 233, 246, 186, 161, 40], [0, 29728, 20272]]
)
def test_wilson_intervals_are_those_of_statsmodels(counts):
    low, high = wilson_intervals(np.array(counts))
    expected = proportion_confint(np.array(counts), sum(counts), alpha=0.05, method="wilson")
    np.testing.assert_allclose(low, expected[0], atol=1e-12)
    np.testing.assert_allclose(high, expected[1], atol=1e-12)


def test_without_faces_the_interval_is_undefined():
    low, high = wilson_intervals(np.array([0, 0]))
    assert np.isnan([low, high]).all()


def test_differences_of_sets_agree_with_hand_computation():
    # Equal margins of 10: each expected count is 5, so chi-squared is 4 * 2**2 / 5.
    result = association(np.array([[7, 3], [3, 7]]))
    assert result.chi_squared == pytest.approx(3.2)
    assert (result.degrees, result.least_expected) == (1, 5)
    assert result.cramers_v == pytest.approx(math.sqrt(3.2 / 20))
    assert result.p == pytest.approx(stats.chi2.sf(3.2, 1))
    assert association(np.array([[7, 3], [14, 6]])).cramers_v == pytest.approx(0, abs=1e-9)
    assert association(np.array([[7, 0], [0, 3]])).cramers_v == pytest.approx(1)


def test_chi_squared_follows_its_definition_and_leaves_out_empty_groups():
    counts = np.array([[471, 0, 529, 12], [26_458, 0, 22_542, 3]])
    counted = counts[:, [0, 2, 3]]
    expected = counted.sum(axis=1, keepdims=True) * counted.sum(axis=0) / counted.sum()
    result = association(counts)
    assert result.chi_squared == pytest.approx(((counted - expected) ** 2 / expected).sum())
    assert result.degrees == 2
    assert result.least_expected == pytest.approx(expected.min())
    assert result.cramers_v == pytest.approx(stats.contingency.association(counted))


@pytest.mark.parametrize("counts", [[[0, 0], [3, 7]], [[5, 0], [9, 0]], [[0, 0], [0, 0]]])
def test_an_empty_set_or_a_single_group_cannot_be_compared(counts):
    result = association(np.array(counts))
    assert np.isnan([result.chi_squared, result.p, result.cramers_v, result.least_expected]).all()
    assert result.degrees == 0


def test_shares_and_differences_stay_within_their_range():
    random = np.random.default_rng(0)
    for faces in (1, 2, 7, 49, 997, 70_000):
        for count in {0, 1, faces - 1, faces}:
            low, high = wilson_intervals(np.array([count, faces - count]))
            shares = np.array([count, faces - count]) / faces
            assert (low >= 0).all()
            assert (low <= shares).all()
            assert (shares <= high).all()
            assert (high <= 1).all()
    for first, second, third in random.integers(1, 1000, (500, 3)):
        apart = association(np.array([[first, 0, third], [0, second, 0]])).cramers_v
        assert apart == pytest.approx(1)
        assert apart <= 1
        alike = association(np.array([[first, second, third], [3 * first, 3 * second, 3 * third]]))
        assert 0 <= alike.cramers_v < 1e-6
        assert 0 <= alike.p <= 1
