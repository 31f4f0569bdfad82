import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from scipy.stats import pearsonr
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_of_statsmodels

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.measures.metrics import (
    NearOverlap,
    Overlap,
    accuracy,
    cohen_kappa,
    dice,
    fleiss_kappa,
    in_range,
    jaccard,
    near_dice,
    near_jaccard,
    near_precision,
    near_recall,
    overlap,
    pearson,
    precision,
    recall,
)
from ffhq_wrinkle.measures.neighbourhoods import near_px
from tests.helpers.faces import drawn_lines, mask

EMPTY, FULL = np.zeros((12, 15), bool), np.ones((12, 15), bool)
ONE = EMPTY.copy()
ONE[3, 4] = True
RANDOM = [
    np.random.default_rng(seed).random((12, 15)) < share for seed, share in enumerate((0.1, 0.5))
]
LINES = [drawn_lines((12, 15), seed) for seed in range(2)]
MASKS = {"empty": EMPTY, "full": FULL, "one": ONE, "rare": RANDOM[0], "half": RANDOM[1],
         "lines": LINES[0], "others": LINES[1]}  # fmt: skip
PAIRS = [(first, second) for first in MASKS for second in MASKS]


def quietly(measure, *arguments, **options):
    """A library's value, without its warning of a ratio 0/0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(measure(*arguments, **options))


def same(ours, theirs):
    assert ours.dtype == np.float64
    assert_allclose(float(ours), theirs, atol=1e-9, rtol=0)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_measures_are_those_of_other_libraries(first, second):
    one, other = MASKS[first].ravel(), MASKS[second].ravel()
    counts = overlap(MASKS[first], MASKS[second])
    if one.any() or other.any():
        same(jaccard(counts), quietly(jaccard_score, one, other))
        same(dice(counts), quietly(f1_score, one, other))
    else:  # where scikit-learn says 0 with a warning
        assert np.isnan(jaccard(counts))
        assert np.isnan(dice(counts))
    same(accuracy(counts), quietly(accuracy_score, one, other))
    same(precision(counts), quietly(precision_score, one, other, zero_division=np.nan))
    same(recall(counts), quietly(recall_score, one, other, zero_division=np.nan))
    same(cohen_kappa(counts), quietly(cohen_kappa_score, one, other))
    same(pearson(counts), quietly(lambda: pearsonr(one * 1.0, other * 1.0)[0]))


def test_a_region_leaves_out_the_rest():
    region = RANDOM[1]
    counts = overlap(LINES[0], LINES[1], region)
    one, other = LINES[0][region], LINES[1][region]
    same(jaccard(counts), jaccard_score(one, other))
    same(cohen_kappa(counts), cohen_kappa_score(one, other))


@pytest.mark.parametrize("annotators", [2, 3, 5, 20])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_fleiss_kappa_is_that_of_statsmodels(annotators, share):
    masks = np.random.default_rng(annotators).random((annotators, 40, 50)) < share
    votes = masks.sum(axis=0).ravel()
    table = np.stack([annotators - votes, votes], axis=1)
    histogram = np.bincount(votes, minlength=annotators + 1)
    same(fleiss_kappa(histogram), quietly(fleiss_of_statsmodels, table))


@pytest.mark.real_data
def test_measures_of_real_masks_are_those_of_other_libraries(real_data):
    folders = sorted((real_data / "bsds500").glob("annotator_*"))
    for path in sorted(folders[0].iterdir())[:6]:
        masks = [np.array(Image.open(folder / path.name)) > 0 for folder in folders]
        counts = overlap(masks[0], masks[1])
        one, other = masks[0].ravel(), masks[1].ravel()
        same(jaccard(counts), jaccard_score(one, other))
        same(cohen_kappa(counts), cohen_kappa_score(one, other))
        same(pearson(counts), pearsonr(one * 1.0, other * 1.0)[0])
        votes = np.sum(masks, axis=0).ravel()
        table = np.stack([5 - votes, votes], axis=1)
        same(fleiss_kappa(np.bincount(votes, minlength=6)), fleiss_of_statsmodels(table))


def test_measures_of_huge_counts_stay_exact():
    # 50,000 images of 1024x1024, pooled: the table as fractions of whole numbers, by hand.
    from fractions import Fraction

    both, first, second, pixels = 300_000_001, 900_000_007, 800_000_003, 50_000 * 1024 * 1024
    counts = overlap(EMPTY, EMPTY)._make(np.array(n) for n in (both, first, second, pixels))
    by_chance = Fraction(first * (pixels - second) + second * (pixels - first))
    kappa = float(2 * Fraction(pixels * both - first * second) / by_chance)
    assert_allclose(float(cohen_kappa(counts)), kappa, rtol=1e-12)
    variance = Fraction(first * (pixels - first)) * Fraction(second * (pixels - second))
    phi = float(pixels * both - first * second) / float(variance) ** 0.5
    assert_allclose(float(pearson(counts)), phi, rtol=1e-12)


@pytest.mark.parametrize("other", [EMPTY[:5], EMPTY.astype(np.uint8)])
def test_masks_of_other_shape_or_kind_are_refused(other):
    with pytest.raises(ArgumentError, match="masks must be bool and of one shape"):
        overlap(EMPTY, other)


def near_counts(first, second, tolerance):
    found = near_px([first, second], [tolerance])[0]
    return NearOverlap(found[0, 1], found[0, 0], found[1, 0], found[1, 1])


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_at_distance_0_near_measures_are_the_exact_ones(first, second):
    near_counted = near_counts(MASKS[first], MASKS[second], 0)
    counts = overlap(MASKS[first], MASKS[second])
    assert_allclose(near_dice(near_counted), dice(counts), atol=1e-12)
    assert_allclose(near_jaccard(near_counted), jaccard(counts), atol=1e-12)


def test_near_precision_and_recall_by_hand():
    first, second = mask("#..#...."), mask(".#....##")  # 1 near 1 of 2; 1 near 1 of 3
    counts = near_counts(first, second, 1)
    assert float(near_recall(counts)) == 1 / 2
    assert float(near_precision(counts)) == 1 / 3
    assert float(near_dice(counts)) == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))
    assert float(near_jaccard(counts)) == pytest.approx(0.4 / 1.6)


def test_near_measures_of_empty_masks():
    line = mask("##..")
    one_empty = near_counts(line, line & False, 1)
    assert (float(near_dice(one_empty)), float(near_recall(one_empty))) == (0, 0)
    assert np.isnan(near_precision(one_empty))
    assert np.isnan(near_dice(near_counts(line & False, line & False, 1)))


def counts_of_many(largest, kind):
    """Counts of 20,000 pairs of masks: equal, complementary, or overlapping at random."""
    random = np.random.default_rng(largest)
    pixels = random.integers(2, largest, 20_000)
    first, second = (random.integers(0, pixels + 1) for _ in range(2))
    if kind == "equal":
        return Overlap(first, first, first, pixels)
    if kind == "complementary":
        return Overlap(0 * first, first, pixels - first, pixels)
    both = random.integers(np.maximum(0, first + second - pixels), np.minimum(first, second) + 1)
    return Overlap(both, first, second, pixels)


@pytest.mark.parametrize("largest", [100, 2**20, 2**26, 2**31])
@pytest.mark.parametrize("kind", ["equal", "complementary", "random"])
def test_measures_stay_within_their_range(kind, largest):
    counts = counts_of_many(largest, kind)
    for measure, low in (
        (pearson, -1), (cohen_kappa, -1), (jaccard, 0), (dice, 0), (accuracy, 0), (recall, 0),
    ):  # fmt: skip
        values = measure(counts)
        assert np.nanmin(values) >= low
        assert np.nanmax(values) <= 1
        if kind == "equal":
            assert_allclose(values[~np.isnan(values)], 1, rtol=1e-15)


@pytest.mark.parametrize("annotators", [2, 3, 4, 7, 20])
def test_fleiss_kappa_stays_within_its_range(annotators):
    random = np.random.default_rng(annotators)
    evenly, alike = np.zeros((2, 5000, annotators + 1), np.int64)
    # Half of the annotators drew each pixel, or as many more or fewer as there is one too many.
    evenly[:, [annotators // 2, annotators - annotators // 2]] = random.integers(
        1, 2**20, (5000, 1)
    )
    alike[:, [0, annotators]] = random.integers(0, 2**20, (5000, 2))
    lowest = -1 / (annotators - 1)
    assert fleiss_kappa(evenly).min() >= lowest
    if annotators % 2 == 0:
        assert_allclose(fleiss_kappa(evenly), lowest, rtol=1e-14)
    kappas = fleiss_kappa(alike)
    assert_allclose(kappas[~np.isnan(kappas)], 1, rtol=1e-15)
    assert np.nanmax(kappas) <= 1


def test_only_rounding_is_taken_off_a_figure():
    values = np.array([-1e-3, -1e-16, 0, 0.3, 1, 1 + 3e-16, 1 + 1e-9, np.nan])
    assert in_range(values, 0, 1).tolist()[:-1] == [-1e-3, 0, 0, 0.3, 1, 1, 1 + 1e-9]
    assert np.isnan(in_range(values, 0, 1)[-1])
