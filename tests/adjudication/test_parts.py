import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.adjudication.parts import find_parts, is_within
from tests.helpers.faces import mask


def boxes(masks, **options):
    names = "ABCDEFGHIJKLMNOPQRST"[: len(masks)]
    return [tuple(part.box) for part in find_parts("x", names, masks, **options)]


def test_nobody_drew_so_there_is_no_part():
    assert boxes([mask("... / ..."), mask("... / ...")]) == []


def test_a_part_is_what_anybody_drew_together():
    (part,) = find_parts("x", "AB", [mask("..... / .##.. / ....."), mask("..... / ..##. / .....")])
    assert tuple(part.box) == (1, 1, 1, 3)
    assert_array_equal(part.masks, [mask("##."), mask(".##")])
    assert_array_equal(part.union, mask("###"))


def test_pixels_that_touch_at_a_corner_are_one_part():
    assert boxes([mask("#.... / .#..."), mask("..... / .....")]) == [(0, 0, 2, 2)]


@pytest.mark.parametrize(("line", "parts"), [
    ("#.#......", [(0, 0, 1, 3)]),
    ("#..#.....", [(0, 0, 1, 4)]),
    ("#...#....", [(0, 0, 1, 1), (0, 4, 1, 1)]),
    ("........#", [(0, 8, 1, 1)]),
])  # fmt: skip
def test_gaps_of_up_to_two_pixels_are_closed(line, parts):
    empty = np.zeros((1, 9), bool)
    assert boxes([mask(line), empty]) == parts
    assert boxes([mask(line).T, empty.T]) == [(left, top, w, h) for top, left, h, w in parts]


def test_the_gap_can_lie_between_annotators_and_is_not_drawn():
    (part,) = find_parts("x", "AB", [mask("#...."), mask("...#.")])
    assert_array_equal(part.union, mask("#..#"))


def test_a_part_has_nothing_of_another_one_in_its_box():
    corner = mask("###### / #..... / #..... / #..... / #..... / #....#")
    first, second = find_parts("x", "AB", [corner, np.zeros((6, 6), bool)])
    assert tuple(first.box) == (0, 0, 6, 6)
    assert not first.union[5, 5]
    assert tuple(second.box) == (5, 5, 1, 1)


def test_the_majority_is_more_than_half():
    masks = [mask("###.."), mask("##..."), mask("#....")]
    (part,) = find_parts("x", "ABC", masks)
    assert_array_equal(part.majority, mask("##."))
    (part,) = find_parts("x", "AB", masks[:2])
    assert_array_equal(part.majority, mask("##."))


@pytest.mark.parametrize(("first", "second", "within"), [
    ("..#.. / ..... / .....", "..#.. / ..... / .....", [0, 1]),
    ("..#.. / ..... / .....", "..... / ..#.. / .....", [1, 1.5]),
    ("..#.. / ..... / .....", "..... / ...#. / .....", [1.5, 2]),  # 1.41 pixels away
    ("..#.. / ..... / .....", "..... / ..... / ..#..", [2, 3]),
    ("#.... / ..... / .....", "###.. / ..... / .....", [2]),  # one end is two pixels away
])  # fmt: skip
def test_all_lie_within_a_distance_of_each_other(first, second, within):
    masks = np.stack([mask(first), mask(second)])
    for far in (0, 1, 1.5, 2, 3):
        assert is_within(masks, far) == (far >= within[0]), far


def test_a_part_that_somebody_did_not_draw_is_not_settled():
    parts = find_parts("x", "ABC", [mask("##..."), mask("##..."), mask(".....")])
    assert [part.is_settled for part in parts] == [False]
    assert not is_within(np.stack([mask("#"), mask(".")]), 100)


def test_the_tolerance_settles_a_part():
    masks = [mask("##... / ....."), mask("..... / ##...")]
    assert [part.is_settled for part in find_parts("x", "AB", masks)] == [True]
    assert [part.is_settled for part in find_parts("x", "AB", masks, tolerance_px=0)] == [False]


def test_an_id_stays_when_other_parts_change_and_not_when_this_one_does():
    before = [mask("##......#"), mask("#.......#")]
    top, right = (part.part_id for part in find_parts("x", "AB", before))
    after = [mask("##......#"), mask("##......#")]
    changed, same = (part.part_id for part in find_parts("x", "AB", after))
    assert same == right
    assert changed != top


def test_an_id_does_not_depend_on_the_order_of_annotators_but_on_who_drew():
    first, second = mask("##."), mask("#..")
    (part,) = find_parts("x", "AB", [first, second])
    assert find_parts("x", "BA", [second, first])[0].part_id == part.part_id
    assert find_parts("x", "BA", [first, second])[0].part_id != part.part_id
    assert find_parts("y", "AB", [first, second])[0].part_id != part.part_id


def test_twenty_annotators_have_their_masks():
    masks = np.zeros((20, 1, 3), bool)
    masks[19, 0, 1] = True
    (part,) = find_parts("x", [f"n{number}" for number in range(20)], list(masks))
    assert part.masks.sum() == part.masks[19].sum() == 1
