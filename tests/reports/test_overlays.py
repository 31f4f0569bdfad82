import numpy as np
from numpy.testing import assert_array_equal
from skimage.color import deltaE_ciede2000, rgb2lab

from ffhq_wrinkle.reports.overlays import error_overlay, with_regions, wrinkle_overlay
from tests.helpers.faces import mask

FOUND, INVENTED, MISSED = (255, 255, 255), (255, 110, 0), (0, 150, 255)
# Machado, Oliveira, Fernandes 2009: what protanopes, deuteranopes and tritanopes see, linear RGB.
DICHROMATS = [
    [
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ],
    [
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ],
    [
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ],
]


def test_true_and_false_positives_and_false_negatives_have_their_colours():
    shown = error_overlay(mask("##.."), mask("#.#."))
    scale = shown.shape[1] // 4
    assert_array_equal(shown[-1, ::scale], [FOUND, MISSED, INVENTED, (0, 0, 0)])


def test_colour_blind_people_can_tell_the_colours_apart():
    colours = np.array([FOUND, INVENTED, MISSED, (115, 90, 75)]) / 255  # the last is dark skin
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    for seen in (np.eye(3), *map(np.array, DICHROMATS)):
        as_seen = np.clip(linear @ seen.T, 0, 1)
        as_seen = np.where(
            as_seen <= 0.0031308, 12.92 * as_seen, 1.055 * as_seen ** (1 / 2.4) - 0.055
        )
        lab = rgb2lab(as_seen[None])[0]
        for number in range(4):
            for other in range(number):
                assert deltaE_ciede2000(lab[number], lab[other]) > 20  # 2 is just noticeable


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
        assert (half == 255).all(axis=2).any()
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
