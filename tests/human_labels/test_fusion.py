import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.human_labels.fusion import FusionRule, fuse
from tests.helpers.faces import drawn_lines, mask

A, B, C = mask("##. / ..#"), mask("#.. / .##"), mask("#.# / ...")


def fused(masks, region=None, **rule):
    return fuse(masks, FusionRule(**rule), region).mask


def drawn(art):
    return mask(art) * np.uint8(255)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, "#.. / ..#"),
        ({"method": "union"}, "### / .##"),
        ({"method": "intersection"}, "#.. / ..."),
        ({"min_votes": 1}, "### / .##"),
        ({"min_votes": 3}, "#.. / ..."),
        ({"method": "weighted", "weights": (3, 1, 1)}, "##. / ..#"),
        ({"method": "weighted", "weights": (0.2, 0.3, 0.5)}, "#.. / ..."),
        ({"method": "weighted", "weights": (0.1, 0.2, 0.7)}, "#.# / ..."),
    ],
)
def test_rules_for_three_annotators_agree_with_hand_computation(rule, expected):
    found = fuse([A, B, C], FusionRule(**rule))
    assert found.mask.dtype == np.uint8
    assert_array_equal(found.mask, drawn(expected))
    assert found.kept_px == expected.count("#")


@pytest.mark.parametrize(
    ("annotators", "needed"), [(2, 2), (3, 2), (4, 3), (5, 3), (9, 5), (20, 11)]
)
def test_a_majority_is_more_than_half(annotators, needed):
    masks = np.zeros((annotators, 1, annotators + 1), bool)
    for votes in range(annotators + 1):  # pixel n has n votes
        masks[:votes, 0, votes] = True
    expected = np.where(np.arange(annotators + 1) >= needed, 255, 0)
    assert_array_equal(fused(masks)[0], expected)


def test_soft_is_the_share_of_votes():
    assert_array_equal(fused([A, B, C], method="soft"), [[255, 85, 85], [0, 85, 170]])
    assert_array_equal(fused([A, B], method="soft"), [[255, 128, 0], [0, 128, 255]])


@pytest.mark.parametrize("weights", [(0.1, 0.2, 0.3), (1 / 3, 1 / 3, 2 / 3)])
def test_half_of_the_weight_is_a_tie_however_it_rounds(weights):
    tied = [mask("#"), mask("#"), mask(".")]
    assert_array_equal(fused(tied, method="weighted", weights=weights), [[0]])


def test_a_weight_breaks_the_tie_of_four():
    masks = [mask("#"), mask("#"), mask("."), mask(".")]
    assert_array_equal(fused(masks, method="weighted", weights=(2, 1, 1, 1)), [[255]])
    assert_array_equal(fused(masks, method="weighted", weights=(1, 1, 2, 1)), [[0]])


def test_outside_the_region_nothing_is_kept_by_any_method():
    region = mask("#.# / .##")
    assert_array_equal(fused([A, B, C], region), drawn("#.. / ..#"))
    assert_array_equal(fused([A, B, C], region, method="union"), drawn("#.# / .##"))
    assert_array_equal(fused([A, B, C], region, method="soft"), [[255, 0, 85], [0, 85, 170]])
    assert not fused([A, B, C], region, method="staple")[~region].any()


@pytest.mark.parametrize("method", ["majority", "union", "intersection", "soft", "staple"])
def test_empty_stays_empty_and_full_full(method):
    for level in (0, 255):
        masks = np.full((3, 4, 5), level > 0)
        found = fuse(masks, FusionRule(method=method))
        assert_array_equal(found.mask, np.full((4, 5), level))
        assert found.degenerate == ""


def test_staple_follows_annotators_who_agree():
    truth = drawn_lines((60, 80), 0, lines=5, thickness=3)
    masks = [truth, truth, truth, drawn_lines((60, 80), 1), drawn_lines((60, 80), 2)]
    found = fuse(masks, FusionRule(method="staple"))
    assert_array_equal(found.mask > 0, truth)
    assert found.staple.sensitivity[0] > 0.9 > found.staple.sensitivity[3]
    assert found.degenerate == ""


def with_pattern_counts(*counts):
    """Return masks of one row with the given number of pixels for each vote pattern."""
    patterns = np.repeat(np.arange(len(counts)), counts)[None]
    return [patterns >> annotator & 1 == 1 for annotator in range((len(counts) - 1).bit_length())]


def test_near_extremes_are_extremes():
    # One pixel in a hundred is decided otherwise than by the union.
    exact = [100000, 0, 0, 1, 0, 1, 200, 1, 0, 5, 200, 50, 0, 0, 20, 0]
    near = [100000, 4, 0, 1, 0, 1, 200, 1, 0, 5, 200, 50, 0, 0, 20, 0]
    for counts in (exact, near):
        found = fuse(with_pattern_counts(*counts), FusionRule(method="staple"))
        assert found.degenerate == "union"
    assert found.kept_px < sum(near[1:])


def test_the_union_of_annotators_who_nearly_agree_is_not_an_extreme():
    found = fuse(with_pattern_counts(100, 5, 20, 200), FusionRule(method="staple"))
    assert (found.kept_px, found.degenerate) == (225, "")


@pytest.mark.parametrize(
    ("counts", "degenerate"),
    [
        ([100000, 0, 0, 1, 0, 1, 200, 1, 0, 5, 200, 50, 0, 0, 20, 0], "union"),
        ([1000, 200, 200, 1], "lost"),
        ([1034335, 11095, 1358, 35, 1749, 0, 3, 1], "lost"),  # keeps some, but not what all drew
        ([100, 0, 200, 50, 1, 0, 200, 0], "copy"),
        ([100000, 0, 20, 0, 0, 0, 50, 200, 0, 5, 1, 20, 0, 1, 1, 0], ""),
    ],
)
def test_staple_s_extremes_are_reported(counts, degenerate):
    masks = with_pattern_counts(*counts)
    found = fuse(masks, FusionRule(method="staple"))
    kept = found.mask > 0
    assert found.degenerate == degenerate
    assert (np.logical_and.reduce(masks) & ~kept).any() == (degenerate == "lost")
    assert np.array_equal(kept, np.logical_or.reduce(masks)) == (degenerate == "union")
    if degenerate != "lost":
        assert any(np.array_equal(kept, one) for one in masks) == (degenerate == "copy")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"method": "best"}, "method is 'best'; there are majority, union"),
        ({"method": "union", "min_votes": 2}, "min_votes goes with the method majority"),
        ({"method": "semi-automatic", "min_votes": 1}, "the method majority, not semi-automatic"),
        ({"method": "weighted"}, "weights go with the method weighted"),
        ({"weights": (1.0, 1.0)}, "weights go with the method weighted"),
        ({"method": "weighted", "weights": (1.0, -1.0)}, "none may be negative"),
        ({"method": "weighted", "weights": (0.0, 0.0)}, "nor all be 0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(rule, message):
    with pytest.raises(ArgumentError, match=message):
        FusionRule(**rule)


@pytest.mark.parametrize(
    "rule",
    [{"min_votes": 0}, {"min_votes": 4}, {"method": "weighted", "weights": (1.0, 1.0)}],
)
def test_rules_for_other_numbers_of_annotators_are_refused(rule):
    with pytest.raises(ArgumentError, match=r"(there are|for) 3 annotators"):
        fused([A, B, C], **rule)


def test_semi_automatic_thresholds_the_texture_inside_the_majority_s_drawing():
    texture = np.zeros((9, 9), np.uint8)
    texture[4], texture[:, 6] = 90, 70
    rough = [np.zeros((9, 9), bool) for _ in range(3)]
    rough[0][2:7] = rough[1][2:7] = rough[2][:, 5:8] = True
    expected = np.zeros((9, 9), bool)
    expected[4] = expected[2:7, 6] = True
    rule = FusionRule(method="semi-automatic")
    found = fuse(rough, rule, texture=texture)
    assert_array_equal(found.mask, expected * np.uint8(255))
    assert found.kept_px == expected.sum()
    assert_array_equal(found.counts.both_px.diagonal(), [45, 45, 27])
    # With one annotator, everything drawn inside the region counts.
    region = np.ones((9, 9), bool)
    region[4:] = False
    found = fuse(rough[2:], rule, region, texture)
    assert_array_equal(np.argwhere(found.mask), [[row, 6] for row in range(4)])


def test_texture_goes_with_semi_automatic_alone():
    texture = np.zeros(A.shape, np.uint8)
    for rule, given in (({}, texture), ({"method": "semi-automatic"}, None)):
        with pytest.raises(ArgumentError, match="goes with the method semi-automatic, and with no"):
            fuse([A, B], FusionRule(**rule), texture=given)
