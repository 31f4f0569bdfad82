import numpy as np
from numpy.testing import assert_array_equal

from ffhq_wrinkle.reports.overlays import error_overlay, with_regions, wrinkle_overlay
from tests.helpers.colours import least_difference
from tests.helpers.faces import mask

FOUND, INVENTED, MISSED = (255, 255, 255), (255, 110, 0), (0, 150, 255)


def test_true_and_false_positives_and_false_negatives_have_their_colours():
    shown = error_overlay(mask("##.."), mask("#.#."))
    scale = shown.shape[1] // 4
    assert_array_equal(shown[-1, ::scale], [FOUND, MISSED, INVENTED, (0, 0, 0)])


def test_colour_blind_people_can_tell_the_colours_apart():
    dark_skin = (115, 90, 75)
    assert least_difference(np.array([FOUND, INVENTED, MISSED, dark_skin])) > 20


def test_wrinkles_are_seven_tenths_colour_and_three_tenths_photo():
    photo = np.full((1, 2, 3), (200, 100, 50), np.uint8)
    shown = wrinkle_overlay(photo, mask("#."))
    assert_array_equal(shown[0, 1], photo[0, 1])
    # 0.7 * (0, 255, 130) + 0.3 * (200, 100, 50)
    assert np.abs(shown[0, 0] - np.array([60, 208.5, 106])).max() <= 0.5
    assert_array_equal(photo[0, 0], (200, 100, 50))


def test_regions_are_outlined_and_named_and_the_rest_of_the_picture_is_kept():
    drawn = np.full((120, 200, 3), 100, np.uint8)
    regions = np.zeros((120, 200), np.uint8)
    regions[20:100, 20:100] = 1
    regions[20:100, 100:180] = 3
    named = with_regions(drawn, regions, ("cheek_left", "nose", "cheek_right"))
    assert (named[60, 21] == 100).all()  # inside, beside the name
    assert (named[5:15] == 100).all()
    assert (named[:, 190:] == 100).all()
    for column in (20, 100, 180):  # edges
        assert (named[30, column - 1 : column + 2].max(axis=1) > 100).any()
    for half in (named[30:90, 30:90], named[30:90, 110:170]):  # the same word in both
        assert half.min(axis=2).max() > 200  # white, as far as small letters are
        assert half.min() == 0  # and their black edge
    assert (drawn == 100).all()


def test_regions_are_filled_with_different_colours_on_request():
    regions = np.repeat(np.array([0, 1, 2], np.uint8), 60)[None].repeat(60, axis=0)
    named = with_regions(np.zeros((60, 180, 3), np.uint8), regions, ("a", "b"), colours=True)
    colours = {tuple(named[5, column].tolist()) for column in (30, 75, 135)}
    assert len(colours) == 3
    assert (0, 0, 0) in colours


def test_a_drawing_without_regions_is_unchanged():
    drawn = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert_array_equal(with_regions(drawn, np.zeros((4, 4), np.uint8), ("a",)), drawn)
