import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import bootstrap

from ffhq_wrinkle.measures import bootstrap as bootstrap_module
from ffhq_wrinkle.measures.bootstrap import bootstrap_intervals

VALUES = np.random.default_rng(0).normal([0, 5, 9], size=(40, 3))


def means(weights):
    return weights @ VALUES / weights.sum(axis=1, keepdims=True)


def test_intervals_of_means_are_those_of_scipy():
    low, high = bootstrap_intervals(means, 40, resamples=999, seed=7)
    for column in range(3):
        expected = bootstrap(
            (VALUES[:, column],),
            np.mean,
            method="percentile",
            n_resamples=999,
            rng=np.random.default_rng(7),
        ).confidence_interval
        assert_allclose([low[column], high[column]], expected, atol=1e-12)


def test_every_statistic_sees_the_same_images():
    low, high = bootstrap_intervals(lambda w: np.hstack([means(w), 2 * means(w)]), 40, seed=1)
    assert_allclose(low[3:], 2 * low[:3])
    assert_allclose(high[3:], 2 * high[:3])


def test_a_seed_decides():
    first, again, other = (
        bootstrap_intervals(means, 40, resamples=50, seed=seed)[0] for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_many_images_are_resampled_in_parts():
    values = np.random.default_rng(1).normal(size=(3_000_000,))
    low, high = bootstrap_intervals(
        lambda weights: (weights @ values[:, None]) / len(values), len(values), resamples=4
    )
    spread = 1 / np.sqrt(len(values))
    assert -5 * spread < low[0] < high[0] < 5 * spread


def test_resamples_without_a_value_are_left_out():
    def sometimes(weights):
        chosen = weights[:, :1]
        never = np.full_like(chosen, np.nan)
        return np.hstack([np.where(chosen > 0, 3.0, np.nan), never])

    low, high = bootstrap_intervals(sometimes, 5, resamples=200)
    assert_array_equal(low, [3, np.nan])
    assert_array_equal(high, [3, np.nan])


def test_one_image_and_no_resamples_have_no_interval():
    for images, resamples in ((1, 9999), (40, 0)):
        low, high = bootstrap_intervals(lambda weights: weights[:, :1], images, resamples=resamples)
        assert_array_equal([low, high], [[np.nan], [np.nan]])


def sums_and_gaps(weights):
    """Five sums that do not depend on how resamples are batched; the last are NaN at times."""
    values = np.random.default_rng(4).integers(0, 99, weights.shape[1]).astype(float)
    first, total = weights[:, 0], (weights * values).sum(axis=1)
    rarely = np.where(first > 3, total, np.nan)
    mostly = np.where(first > 0, first / 7, np.nan)
    return np.stack([first / 3, total / 9, -total, mostly, rarely], axis=1)


@pytest.mark.parametrize("images", [2, 6, 40])
@pytest.mark.parametrize(
    ("resamples", "batch_numbers"),
    [(1, 1), (4, 1), (41, 1), (999, 500), (9999, 5000), (9999, 10**9)],
)
def test_limits_are_quantiles_of_all_resamples_to_the_last_bit(
    monkeypatch, images, resamples, batch_numbers
):
    monkeypatch.setattr(bootstrap_module, "_BATCH_NUMBERS", batch_numbers)
    low, high = bootstrap_intervals(sums_and_gaps, images, resamples=resamples, seed=3)
    drawn = np.random.default_rng(3).integers(0, images, (resamples, images))
    weights = np.stack([np.bincount(row, minlength=images) for row in drawn]).astype(float)
    for column, values in enumerate(sums_and_gaps(weights).T):
        defined = values[~np.isnan(values)]
        expected = np.quantile(defined, [0.025, 0.975]) if len(defined) else [np.nan] * 2
        # The ends of the interval are not exactly 0.025 and 0.975, for lack of bits.
        assert_allclose([low[column], high[column]], expected, rtol=1e-14)
        shares = [(1 - 0.95) / 2, (1 + 0.95) / 2]
        expected = np.quantile(defined, shares) if len(defined) else [np.nan] * 2
        assert_array_equal([low[column], high[column]], expected)
