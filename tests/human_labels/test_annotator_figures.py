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
from tests.helpers.faces import drawn_lines, mask


def drawing(picture, masks):
    """The part of an overlay below the legend, at its original size."""
    scale = picture.shape[1] // masks[0].shape[1]
    rows = masks[0].shape[0] * scale
    return picture[-rows::scale, ::scale]


def test_each_annotator_has_a_colour_and_all_of_them_white():
    masks = [mask("#..##.."), mask(".#.#.#."), mask("..#.##.")]
    masks = [np.hstack([one, mask("#")]) for one in masks]
    colours = annotator_colours(3).astype(int)
    shown = drawing(overlay(masks, "ABC"), masks)[0]
    sums = [colours[0] + colours[1], colours[0] + colours[2], colours[1] + colours[2]]
    expected = [*colours, *sums, (0, 0, 0), (255, 255, 255)]
    assert_array_equal(shown, np.minimum(expected, 255))


def test_pixels_of_several_annotators_are_gray_if_there_are_more_than_three():
    masks = [mask("#...#"), mask(".#..#"), mask("....#"), mask("##..#")]
    shown = drawing(overlay(masks, "ABCD"), masks)[0]
    colours = annotator_colours(4)
    assert_array_equal(shown, [(150, 150, 150), (150, 150, 150), (0, 0, 0), (0, 0, 0), (255,) * 3])
    shown = drawing(overlay([mask("#."), *[mask("..")] * 3], "ABCD"), [mask("#.")])[0]
    assert_array_equal(shown[0], colours[0])


@pytest.mark.parametrize("annotators", [2, 3, 4, 20])
def test_colours_and_their_sums_are_distinct(annotators):
    colours = annotator_colours(annotators).astype(int)
    seen = [*colours, (255, 255, 255), (0, 0, 0)]
    if annotators == 3:
        seen += [np.minimum(colours[a] + colours[b], 255) for a, b in ((0, 1), (0, 2), (1, 2))]
    for number, one in enumerate(seen):
        for other in seen[:number]:
            assert np.abs(np.subtract(one, other)).sum() > 60


def test_a_photograph_shows_through_darker():
    masks = [mask("#. / .."), mask("#. / ..")]
    photo = np.full((20, 20, 3), (200, 100, 60), np.uint8)
    shown = drawing(overlay(masks, "AB", photo), masks)
    assert_array_equal(shown[0, 0], (255, 255, 255))
    assert_array_equal(shown[1, 1], (90, 45, 27))


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
        with Image.open(io.BytesIO(plot(agreement))) as image:
            assert np.array(image.convert("L")).std() > 10
        assert plot(agreement) == plot(agreement)
