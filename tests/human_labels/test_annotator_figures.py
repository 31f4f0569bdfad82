import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.human_labels.agreement import measure_agreement
from ffhq_wrinkle.human_labels.annotator_figures import (
    annotator_colours,
    distribution,
    overlay,
    pair_matrix,
)
from ffhq_wrinkle.human_labels.annotators import parse_annotators
from tests.helpers.colours import least_difference
from tests.helpers.faces import drawn_lines, mask


def outlined(picture, masks):
    """The colours of the first row of outlines at the original size, at the top of each pixel."""
    scale = round(1000 / masks[0].shape[1])
    rows = masks[0].shape[0] * scale
    return picture[-rows, -masks[0].shape[1] * scale :: scale]


def test_each_annotator_and_each_mixture_has_a_colour_and_all_of_them_white():
    masks = [mask("#.#.#.#.#"), mask("#...#.#.."), mask("..#.....#")]
    masks = [
        np.hstack([own, mask(extra)]) for own, extra in zip(masks, (".#", "##", "#."), strict=True)
    ]
    shown = outlined(overlay(masks, "ABC"), masks)
    a, b, c = annotator_colours(3)
    mixed = {"AB": (0, 158, 115), "AC": (213, 94, 0), "BC": (0, 114, 178)}
    drawn_by = {"A": a, "B": b, "C": c, **mixed, "ABC": (255, 255, 255), "": (0, 0, 0)}
    for column, colour in enumerate(shown):
        who = "".join(name for name, own in zip("ABC", masks, strict=True) if own[0, column])
        assert_array_equal(colour, drawn_by[who], who)


def test_outlines_are_thin_and_what_is_in_them_stays_visible():
    masks = [mask("#. / .."), mask("#. / ..")]
    photo = np.full((20, 20, 3), (200, 100, 60), np.uint8)
    picture = overlay(masks, "AB", photo)
    assert picture.shape[1] == 1000 + 8 + 1000
    left, right = picture[-1000:, :1000], picture[-1000:, 1008:]
    assert (left == (200, 100, 60)).all()  # as it is
    assert_array_equal(right[:500, 0], [(255, 255, 255)] * 500)
    assert_array_equal(right[250, 250], (90, 45, 27))  # dark, inside the outline
    assert_array_equal(right[750, 750], (90, 45, 27))
    assert np.count_nonzero((right == 255).all(axis=2)) == 4 * 500 - 4


def test_pixels_of_several_annotators_are_gray_if_there_are_more_than_three():
    masks = [mask("#...#"), mask(".#..#"), mask("....#"), mask("##..#")]
    shown = outlined(overlay(masks, "ABCD"), masks)
    assert_array_equal(shown, [(150, 150, 150), (150, 150, 150), (0, 0, 0), (0, 0, 0), (255,) * 3])
    shown = outlined(overlay([mask("#."), *[mask("..")] * 3], "ABCD"), [mask("#.")])
    assert_array_equal(shown[0], annotator_colours(4)[0])


@pytest.mark.parametrize("annotators", [2, 3, 4, 5, 6, 20])
def test_colours_are_distinct_and_no_two_annotators_are_red_and_green(annotators):
    colours = annotator_colours(annotators).astype(int)
    assert colours.shape == (annotators, 3)
    seen = [*colours, (255, 255, 255), (0, 0, 0)]
    for number, one in enumerate(seen):
        for other in seen[:number]:
            assert np.abs(np.subtract(one, other)).sum() > 40
    red, green, blue = colours.T
    is_green = (green > 1.3 * red) & (green > 1.3 * blue)
    assert not is_green.any()


@pytest.mark.parametrize("annotators", [2, 3, 4, 5])
def test_colour_blind_people_can_tell_up_to_five_annotators_apart(annotators):
    colours = [*annotator_colours(annotators), (255, 255, 255), (0, 0, 0)]
    assert least_difference(np.array(colours)) > 10  # 2 is just noticeable


def test_names_of_any_alphabet_are_drawn_and_differ():
    masks = [mask("#."), mask(".#")]
    pictures = [
        overlay(masks, names).tobytes()
        for names in (("Müller", "B"), ("Muller", "B"), ("Ирина", "B"), ("Ирена", "B"),
                      ("\u5c71", "B"), ("\u7530", "B"))
    ]  # fmt: skip
    assert len(set(pictures)) == 6


def test_a_long_legend_takes_more_lines():
    masks = [np.zeros((300, 400), bool)] * 20
    short = overlay(masks[:2], "AB").shape[0]
    assert overlay(masks, [f"annotator {number}" for number in range(20)]).shape[0] > short + 80


@pytest.mark.parametrize("annotators", [2, 3, 20])
def test_plots_are_drawn_of_any_number_of_annotators(annotate, annotators):
    masks = {
        f"a{seed}": {str(image): drawn_lines((20, 30), [image, seed]) for image in range(3)}
        for seed in range(annotators)
    }
    masks["a0"] = {image_id: one & False for image_id, one in masks["a0"].items()}
    masks["a1"]["0"] &= False
    agreement = measure_agreement(
        parse_annotators([str(folder) for folder in annotate(masks)]), resamples=0
    )
    for plot in (pair_matrix, distribution):
        for form, start in (("pdf", b"%PDF"), ("svg", b"<?xml")):
            assert plot(agreement, form).startswith(start)
            assert plot(agreement, form) == plot(agreement, form)
        with Image.open(io.BytesIO(plot(agreement))) as image:
            assert np.array(image.convert("L")).std() > 10
        assert plot(agreement) == plot(agreement)
