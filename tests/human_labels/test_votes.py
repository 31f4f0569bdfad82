import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.human_labels.votes import drawn_votes
from tests.helpers.faces import mask

A, B, C = mask("##. / ..."), mask("#.# / ..."), mask("#.. / ..#")


def patterns_of(masks, region=None):
    """The vote pattern of every pixel (H, W)."""
    votes = drawn_votes(masks, region)
    return votes.spread(votes.patterns)


def test_each_annotator_has_a_bit():
    assert_array_equal(patterns_of([A, B, C]), [[1 + 2 + 4, 1, 2], [0, 0, 4]])


@pytest.mark.parametrize(
    ("annotators", "dtype"), [(2, np.uint8), (8, np.uint8), (9, np.uint16), (20, np.uint32)]
)
def test_the_last_annotator_s_bit_is_not_lost(annotators, dtype):
    masks = np.zeros((annotators, 1, 2), bool)
    masks[-1, 0, 1] = True
    patterns = patterns_of(masks)
    assert patterns.dtype == dtype
    assert_array_equal(patterns, [[0, 2 ** (annotators - 1)]])


def test_pixels_outside_the_region_have_no_votes():
    assert_array_equal(patterns_of([A, B, C], region=mask(".## / ..#")), [[0, 1, 2], [0, 0, 4]])


def test_masks_stay_as_they_are():
    before = A.copy()
    drawn_votes([A, B, C], region=B).counted(6)
    assert_array_equal(A, before)


@pytest.mark.parametrize("masks", [[], [A, A[:1]], [A, A.astype(np.uint8)], [A[0], B[0]], [A] * 33])
def test_other_masks_are_refused(masks):
    with pytest.raises(ArgumentError, match="masks"):
        drawn_votes(masks)


def test_patterns_are_counted():
    counts = drawn_votes([A, B, C]).counted(6)
    assert_array_equal(counts.patterns, [0, 1, 2, 4, 7])
    assert_array_equal(counts.counts, [2, 1, 1, 1, 1])
    assert counts.pixels == 6
    assert_array_equal(counts.votes_px, [2, 3, 0, 1])
    assert_array_equal(counts.both_px, [[2, 1, 1], [1, 2, 1], [1, 1, 2]])
    assert_array_equal(counts.marks[1:4], np.eye(3, dtype=bool))


def test_undrawn_pixels_of_a_region_are_counted_and_others_are_not():
    region = mask("### / ...")
    counts = drawn_votes([A, B, C], region).counted(3)
    assert_array_equal(counts.patterns, [0, 1, 2, 7])
    assert_array_equal(counts.counts, [0, 1, 1, 1])


@pytest.mark.parametrize("annotators", [2, 3, 8, 9, 17, 20])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (64, 64), (33, 31)])
def test_counts_are_those_of_numpy_s_unique(annotators, shape):
    masks = np.random.default_rng(annotators).random((annotators, *shape)) < 0.2
    values = np.tensordot(2 ** np.arange(annotators), masks, axes=1)
    counts = drawn_votes(masks).counted(masks[0].size)
    found, expected = np.unique(values, return_counts=True)
    occurring = counts.counts > 0
    assert_array_equal(counts.patterns[occurring], found)
    assert_array_equal(counts.counts[occurring], expected)
    assert_array_equal(counts.both_px, np.einsum("ahw,bhw->ab", masks * 1, masks * 1))
    expected_votes = np.bincount(masks.sum(axis=0).ravel(), minlength=annotators + 1)
    assert_array_equal(counts.votes_px, expected_votes)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 8), (5, 13), (1, 64), (7, 65), (40, 50)])
@pytest.mark.parametrize("share", [0, 0.01, 1])
def test_votes_of_the_drawn_places_are_spread_over_the_image(shape, share):
    random = np.random.default_rng(0)
    masks = random.random((3, *shape)) < share
    region = random.random(shape) < 0.5
    votes = drawn_votes(masks, region)
    expected = np.tensordot([1, 2, 4], masks & region, axes=1)
    assert_array_equal(votes.spread(votes.patterns), expected)
    assert votes.patterns.any(axis=1).all()  # and no other places
    turned = patterns_of(masks.transpose(0, 2, 1), region.T)
    assert_array_equal(turned, expected.T)


@pytest.mark.parametrize("annotators", [1, 2, 4, 5, 8, 9, 20, 32])
@pytest.mark.parametrize("shape", [(1, 1), (5, 13), (8, 64), (33, 31)])
@pytest.mark.parametrize("share", [0, 0.05, 1])
def test_drawn_votes_are_counted_and_looked_up_as_their_patterns(annotators, shape, share):
    random = np.random.default_rng(annotators)
    masks = np.asfortranarray(random.random((annotators, *shape)) < share)
    region = random.random(shape) < 0.7
    expected = np.tensordot(2 ** np.arange(annotators), masks & region, axes=1)
    votes = drawn_votes(masks, region)
    counts = votes.counted(int(region.sum()))
    found, pixels = np.unique(expected[region | (expected > 0)], return_counts=True)
    occurring = counts.counts > 0
    assert_array_equal(counts.patterns[occurring], found)
    assert_array_equal(counts.counts[occurring], pixels)
    if annotators > 20:  # no table is that long
        return
    soft = random.integers(0, 256, 2**annotators, dtype=np.uint8)
    for table in (soft, soft // 128 * np.uint8(255), soft // 128 * np.uint8(7), soft * 0):
        table[0] = 0
        levels = votes.levels(table)
        assert levels.dtype == np.uint8
        assert_array_equal(levels, table[expected])
