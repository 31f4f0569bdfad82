import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skimage.morphology import skeletonize

from ffhq_wrinkle.measures.metrics import dice, near_dice, near_precision, near_recall, overlap
from ffhq_wrinkle.segmentation.evaluation.centrelines import centreline_overlap, skeleton
from tests.helpers.faces import drawn_lines, mask

EMPTY = np.zeros((30, 40), bool)


@pytest.mark.parametrize("thickness", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_skeleton_of_the_box_is_that_of_the_whole(seed, thickness):
    drawn = np.pad(drawn_lines((40, 50), seed, thickness=thickness), ((0, 9), (7, 0)))
    assert_array_equal(skeleton(drawn), skeletonize(drawn))


def test_the_skeletons_of_random_full_and_small_masks_are_those_of_scikit_image():
    random = np.random.default_rng(0)
    masks = [random.random((30, 40)) < share for share in (0.02, 0.3, 0.7, 0.98)]
    one = EMPTY.copy()
    one[7, 39] = True
    square = EMPTY.copy()
    square[:2, :2] = True
    for drawn in (*masks, EMPTY, ~EMPTY, one, square):
        assert_array_equal(skeleton(drawn), skeletonize(drawn))
        assert skeleton(drawn).any() == drawn.any()  # so that nothing drawn counts as empty


def test_pieces_far_apart_nested_and_at_the_borders_are_thinned_as_scikit_image_does():
    drawn = np.zeros((400, 500), bool)
    drawn[10:60, 10:60] = True
    drawn[15:55, 15:55] = False  # a frame
    drawn[30:35, 20:50] = True  # a bar in it
    drawn[:3, 200:260] = drawn[-4:, 300:330] = drawn[350:, :2] = drawn[100:140, -5:] = True
    drawn[399, 499] = True
    drawn[200, 200] = drawn[201, 201] = drawn[202, 200] = True  # connected by corners
    drawn[300:330, 400:404] = drawn[331:335, 400:430] = True  # boxes that overlap
    assert_array_equal(skeleton(drawn), skeletonize(drawn))
    assert_array_equal(skeleton(drawn.T), skeletonize(drawn.T))


def test_a_mask_that_fills_its_box_and_must_not_be_changed_has_a_skeleton():
    drawn = np.ones((7, 30), bool)
    expected = skeletonize(drawn)
    drawn.flags.writeable = False
    assert_array_equal(skeleton(drawn), expected)


@pytest.mark.parametrize("seed", range(20))
def test_scattered_random_pieces_are_thinned_as_scikit_image_does(seed):
    random = np.random.default_rng(seed)
    drawn = np.zeros((300, 400), bool)
    for _ in range(6):
        y, x, side = *random.integers((300, 400)), random.integers(1, 60)
        piece = drawn[y : y + side, x : x + side]
        piece |= random.random(piece.shape) < random.choice([0.3, 0.6, 0.9, 1])
    assert_array_equal(skeleton(drawn), skeletonize(drawn))


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (9, 8), (64, 64), (65, 63), (200, 203)])
@pytest.mark.parametrize("share", [0.001, 0.02, 1])
def test_the_skeletons_of_masks_of_any_size_and_layout_are_those_of_scikit_image(shape, share):
    random = np.random.default_rng(0)
    drawn = np.kron(random.random(shape) < share, np.ones((3, 2))).astype(bool)
    for one in (drawn, drawn.T, drawn[::2, 1::3], np.asfortranarray(drawn)):
        assert_array_equal(skeleton(one), skeletonize(one))


@pytest.mark.parametrize("gap", range(1, 18))
def test_lines_close_to_each_other_are_thinned_as_scikit_image_does(gap):
    drawn = np.zeros((300, 400), bool)
    drawn[20:24, 10:200] = drawn[24 + gap : 28 + gap, 10:200] = True
    drawn[100:200, 300:303] = drawn[100:200, 303 + gap : 307 + gap] = True
    drawn[250:260, 50:60] = drawn[260 + gap : 270 + gap, 60 + gap : 70 + gap] = True
    assert_array_equal(skeleton(drawn), skeletonize(drawn))


def test_cldice_is_the_harmonic_mean_of_the_two_shares():
    reference, predicted = (
        drawn_lines((60, 80), 1, thickness=3),
        drawn_lines((60, 80), 2, thickness=5),
    )
    predicted |= np.roll(reference, 1, axis=0)
    of_reference, of_predicted = skeletonize(reference), skeletonize(predicted)
    precision = (of_predicted & reference).sum() / of_predicted.sum()  # Shit et al., Eq. 1
    sensitivity = (of_reference & predicted).sum() / of_reference.sum()
    counts = centreline_overlap(reference, predicted)
    assert float(near_precision(counts)) == pytest.approx(precision)
    assert float(near_recall(counts)) == pytest.approx(sensitivity)
    expected = 2 * precision * sensitivity / (precision + sensitivity)
    assert float(near_dice(counts)) == pytest.approx(expected)


def test_a_line_of_another_width_is_nearly_the_same_line():
    thick, thin = np.zeros((9, 30), bool), np.zeros((9, 30), bool)
    thick[3:6, 2:28], thin[4, 3:27] = True, True
    assert float(dice(overlap(thick, thin))) == 2 * 24 / (78 + 24)
    assert float(near_dice(centreline_overlap(thick, thin))) > 0.95  # but for the ends


def test_cldice_of_empty_masks():
    line = mask("##..")
    assert float(near_dice(centreline_overlap(line, line & False))) == 0
    assert float(near_dice(centreline_overlap(line & False, line))) == 0
    assert np.isnan(near_dice(centreline_overlap(line & False, line & False)))
