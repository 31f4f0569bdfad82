"""Intervals over subjects, of each of whom there are several images."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import bootstrap

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.measures.bootstrap import bootstrap_intervals
from ffhq_wrinkle.segmentation.experiments.experiments import compare_runs
from tests.helpers.experiments import GOOD, write_run
from tests.helpers.faces import drawn_lines

SUBJECTS = np.array([0, 0, 1, 0, 2, 1, 3, 3, 4, 5])
VALUES = np.random.default_rng(0).normal(SUBJECTS, 1)
RESAMPLES = 999


def of_subjects(*per_image, subjects=SUBJECTS):
    """The sums of each subject's images."""
    return [np.bincount(subjects, values) for values in per_image]


def by_scipy(statistic, *sums):
    interval = bootstrap(
        sums,
        statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return [interval.low, interval.high]


def test_intervals_are_those_of_scipy_over_the_sums_of_subjects():
    low, high = bootstrap_intervals(
        lambda weights: weights @ VALUES[:, None] / weights.sum(axis=1, keepdims=True),
        len(VALUES),
        subjects=SUBJECTS,
        resamples=RESAMPLES,
    )
    sums, counts = of_subjects(VALUES, np.ones(len(VALUES)))
    expected = by_scipy(lambda total, images: total.sum() / images.sum(), sums, counts)
    assert_allclose([low[0], high[0]], expected, atol=1e-12)


def test_a_subject_is_drawn_with_all_images_or_not_at_all():
    drawn = []

    def statistics(weights):
        drawn.extend(map(tuple, weights.astype(int)))
        return weights[:, :1]

    bootstrap_intervals(statistics, 3, subjects=np.array([0, 0, 1]), resamples=200)
    assert drawn[0] == (1, 1, 1)  # to count the statistics
    # Two draws of two subjects: the first twice, each once, or the second twice.
    assert set(drawn[1:]) == {(2, 2, 0), (1, 1, 1), (0, 0, 2)}


def test_each_image_as_a_subject_is_the_bootstrap_over_images():
    def means(weights):
        return weights @ VALUES[:, None] / weights.sum(axis=1, keepdims=True)

    plain = bootstrap_intervals(means, 10, resamples=RESAMPLES)
    each = bootstrap_intervals(means, 10, subjects=np.arange(10), resamples=RESAMPLES)
    assert_array_equal(plain, each)


def test_one_subject_gives_no_interval():
    low, high = bootstrap_intervals(lambda w: w[:, :1], 3, subjects=np.zeros(3, int))
    assert_array_equal([low, high], [[np.nan], [np.nan]])


def masks_of(seed):
    """Masks of ten images of six subjects, by ids such as ``s1/5``."""
    return {
        f"s{subject}/{number}": drawn_lines((40, 40), [seed, subject, number])
        for number, subject in enumerate(SUBJECTS)
    }


def counts_of(first, second):
    ids = sorted(first)
    both = np.array([np.count_nonzero(first[name] & second[name]) for name in ids])
    either = np.array([np.count_nonzero(first[name] | second[name]) for name in ids])
    return both, either, np.array([int(name[1]) for name in ids])


@pytest.mark.parametrize("rule", ["folder", r"^s\d"])
@pytest.mark.parametrize("kind", ["agreement", "evaluate"])
def test_agreement_and_evaluate_draw_subjects(kind, rule):
    first, second = masks_of(0), masks_of(1)
    options = {"resamples": RESAMPLES, "group_by": rule}
    if kind == "agreement":
        result = fw.agreement({"A": first, "B": second}, **options)
    else:
        result = fw.evaluate(first, second, **options)
    mean, pooled = result.estimates[:2]  # of Jaccard's index
    both, either, subjects = counts_of(first, second)
    shares, ones = both / either, np.ones(len(both))

    def ratio(numerator, denominator):
        return numerator.sum() / denominator.sum()

    assert_allclose(mean.value, shares.mean())
    expected = by_scipy(ratio, *of_subjects(shares, ones, subjects=subjects))
    assert_allclose([mean.low, mean.high], expected, atol=1e-12)
    expected = by_scipy(ratio, *of_subjects(both, either, subjects=subjects))
    assert_allclose([pooled.low, pooled.high], expected, atol=1e-12)
    assert "95 % bootstrap intervals over 6 subjects" in " ".join(result.summary().split())
    assert result.record()["bootstrap"] == {
        "confidence": 0.95, "resamples": RESAMPLES, "seed": 0, "group_by": rule, "subjects": 6,
    }  # fmt: skip
    json.dumps(result.record())


def test_without_a_rule_the_record_is_as_before():
    result = fw.agreement({"A": masks_of(0), "B": masks_of(1)}, resamples=RESAMPLES)
    assert "over images" in " ".join(result.summary().split())
    assert set(result.record()["bootstrap"]) == {"confidence", "resamples", "seed"}


@pytest.mark.parametrize(
    ("rule", "message"),
    [("(", "neither folder nor a regular"), ("^s[0-4]", "not found in 1 of 10 ids: s5/9")],
)
def test_rules_that_do_not_fit_are_refused(rule, message):
    for measure in (
        lambda: fw.agreement({"A": masks_of(0), "B": masks_of(1)}, group_by=rule),
        lambda: fw.evaluate(masks_of(0), masks_of(1), group_by=rule),
    ):
        with pytest.raises(ArgumentError, match=message):
            measure()


def test_compare_draws_subjects(tmp_path):
    scores = dict(zip(("a/1", "a/2", "b/1"), GOOD.values(), strict=True))
    run = write_run(tmp_path / "run", scores=scores)
    compared = compare_runs([run], resamples=RESAMPLES, group_by="folder")
    accuracy = compared.cells[0].figure("accuracy")
    # Drawn are a and a, a and b, or b and b: means of 0.9 and 1.0, of all three, or of 0.94.
    assert_allclose([accuracy.low, accuracy.high], [0.94, 0.95])
    assert "intervals over 2 subjects" in " ".join(compared.summary().split())
    assert compared.record()["bootstrap"]["subjects"] == 2
