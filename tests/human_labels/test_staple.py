import numpy as np
import pytest
import SimpleITK
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from ffhq_wrinkle.human_labels.staple import staple
from ffhq_wrinkle.human_labels.votes import PatternCounts, drawn_votes
from tests.helpers.faces import drawn_lines, mask


def by_simpleitk(masks):
    """Probabilities (H, W), sensitivities and specificities of SimpleITK's filter."""
    staple_filter = SimpleITK.STAPLEImageFilter()
    staple_filter.SetForegroundValue(1)
    images = [SimpleITK.GetImageFromArray(one.astype(np.uint8)) for one in masks]
    probability = SimpleITK.GetArrayFromImage(staple_filter.Execute(images))
    return probability, staple_filter.GetSensitivity(), staple_filter.GetSpecificity()


def ours(masks):
    votes = drawn_votes(masks)
    counts = votes.counted(masks[0].size)
    estimate = staple(counts)
    at = np.searchsorted(counts.patterns, votes.spread(votes.patterns))
    return estimate.probability[at], estimate.sensitivity, estimate.specificity


def shaky(truth, seed):
    """Draw as an annotator would: shifted by a pixel, with parts left out and an extra line."""
    random = np.random.default_rng(seed)
    moved = np.roll(truth, tuple(random.integers(-1, 2, 2)), (0, 1))
    seen = moved & (random.random(truth.shape) < 0.8)
    return seen | drawn_lines(truth.shape, seed, lines=1, thickness=1)


def assert_same(masks):
    probability, sensitivity, specificity = by_simpleitk(masks)
    found = ours(masks)
    assert_allclose(found[0], probability, atol=1e-6, rtol=0)
    assert_allclose(found[1], sensitivity, atol=1e-6, rtol=0)
    assert_allclose(found[2], specificity, atol=1e-6, rtol=0)
    assert_array_equal(found[0] >= 0.5, probability >= 0.5)


@pytest.mark.parametrize("annotators", [2, 3, 4, 5, 9])
@pytest.mark.parametrize("seed", range(4))
def test_estimates_are_those_of_simpleitk(annotators, seed):
    truth = drawn_lines((120, 160), seed, lines=6, thickness=3)
    assert_same([shaky(truth, [seed, number]) for number in range(annotators)])


@pytest.mark.parametrize("seed", range(3))
def test_estimates_of_unrelated_drawings_are_those_of_simpleitk(seed):
    assert_same([drawn_lines((80, 90), [seed, number]) for number in range(3)])


@pytest.mark.real_data
def test_estimates_of_real_annotators_are_those_of_simpleitk(real_data):
    folders = sorted((real_data / "bsds500").glob("annotator_*"))
    for path in sorted(folders[0].iterdir())[:8]:
        masks = [np.array(Image.open(folder / path.name)) > 0 for folder in folders]
        assert_same(masks)
        assert_same(masks[:3])


def test_one_step_follows_the_equations():
    # Two annotators, four pixels, by hand: patterns 00 (1 pixel), A (1), B (1), AB (1).
    counts = drawn_votes([mask(".#.#"), mask("..##")]).counted(4)
    estimate = staple(counts, max_iterations=1)
    # First guess: 0, 1/2, 1/2, 1. Then p = q = (1/2 + 1) / 2, and with g = 1/2:
    share = 0.75
    expected = [(1 - share) ** 2, share * (1 - share), share * (1 - share), share**2]
    expected = [one / (one + other) for one, other in zip(expected, expected[::-1], strict=True)]
    assert estimate.prevalence == 0.5
    assert_allclose(estimate.sensitivity, [share, share])
    assert_allclose(estimate.specificity, [share, share])
    assert_allclose(estimate.probability, expected)
    assert not estimate.converged


@pytest.mark.parametrize("filled", [False, True])
def test_nothing_is_estimated_if_all_drew_nothing_or_everything(filled):
    masks = np.full((3, 4, 5), filled)
    estimate = staple(drawn_votes(masks).counted(20))
    at_drawn = estimate.probability[-1]
    assert at_drawn == filled
    assert np.isnan(estimate.sensitivity).all()
    assert np.isnan(estimate.specificity).all()


def test_the_same_drawing_by_all_is_the_truth():
    drawn = drawn_lines((50, 60), 1)
    probability, sensitivity, specificity = ours([drawn] * 3)
    assert_allclose(probability, drawn, atol=1e-6)
    assert_allclose([*sensitivity, *specificity], 1, atol=1e-6)


def test_an_annotator_who_drew_everything_does_not_make_it_fail():
    full = np.ones((10, 10), bool)
    probability, sensitivity, specificity = ours([full, full, drawn_lines((10, 10), 0)])
    assert np.isfinite([*probability.ravel(), *sensitivity, *specificity]).all()


def test_estimates_are_probabilities_whatever_the_rounding():
    random = np.random.default_rng(0)
    for annotators in random.integers(2, 7, 300):
        patterns = np.arange(2**annotators)
        pixels = random.integers(0, 2000, len(patterns)) * (random.random(len(patterns)) < 0.4)
        pixels[0] = 100_000
        estimate = staple(PatternCounts(int(annotators), patterns, pixels))
        for shares in (estimate.sensitivity, estimate.specificity, estimate.probability):
            defined = shares[~np.isnan(shares)]
            assert ((defined >= 0) & (defined <= 1)).all()
