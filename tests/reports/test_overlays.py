import numpy as np
from numpy.testing import assert_array_equal

from ffhq_wrinkle.reports.overlays import error_overlay, wrinkle_overlay
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
