import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from ffhq_wrinkle.faces.detection import detect_faces, overlaps, squares_of
from ffhq_wrinkle.faces.squares import Square

PHOTO = np.zeros((256, 256, 3), np.uint8)
WHOLE = squares_of((256, 256), 0)


class Anchors:
    """A detector that sees the same in each square: logit, and middle and size of the box."""

    def __init__(self, anchors):
        self._anchors = anchors

    def __call__(self, images):
        boxes, logits = torch.zeros(len(images), 896, 16), torch.full((len(images), 896), -1e4)
        for anchor, (logit, values) in self._anchors.items():
            logits[:, anchor] = logit
            boxes[:, anchor, : len(values)] = torch.tensor(values)
        return boxes, logits


def test_boxes_and_points_are_relative_to_their_anchor():
    # Anchor 35: the second one of the cell in row 1, column 1, of 16x16, whose middle is (12, 12).
    # Twice as large in the photo, whose first pixel begins at -0.5.
    values = (4.0, 8.0, 20.0, 10.0, 0.0, 0.0, 6.0, 0.0)
    (face,) = detect_faces(PHOTO, WHOLE, Anchors({35: (0.0, values)}))
    assert_allclose(face.box, np.array([6, 15, 26, 25]) * 2 - 0.5)
    assert_allclose(face.points[:2], np.array([[12, 12], [18, 12]]) * 2 - 0.5)
    assert face.score == 0.5


def test_the_coarse_grid_follows_the_fine_one():
    # The first anchor of 8x8 cells has its middle at (8, 8).
    (face,) = detect_faces(PHOTO, WHOLE, Anchors({512: (9.0, (0.0, 0.0, 4.0, 4.0))}))
    assert_allclose(face.box, np.array([6, 6, 10, 10]) * 2 - 0.5)


def test_anchors_below_a_score_of_one_half_are_not_faces():
    assert detect_faces(PHOTO, WHOLE, Anchors({0: (-0.01, (0.0, 0.0, 9.0, 9.0))})) == []


def test_overlapping_boxes_are_averaged_by_their_scores():
    # Two boxes at one place, the second 2 pixels to the right, with scores 0.75 and 0.5.
    anchors = {
        0: (float(np.log(3)), (0.0, 0.0, 40.0, 40.0)),
        1: (0.0, (2.0, 0.0, 40.0, 40.0)),
        512: (2.0, (90.0, 90.0, 10.0, 10.0)),
    }
    far, face = detect_faces(PHOTO, WHOLE, Anchors(anchors))
    assert face.score == pytest.approx(0.75)
    middle = 4 + (0.75 * 0 + 0.5 * 2) / 1.25
    assert_allclose(face.box[[0, 2]], np.array([middle - 20, middle + 20]) * 2 - 0.5, atol=1e-5)
    assert far.score > face.score


def test_a_turned_square_gives_upright_boxes():
    square = Square((127.5, 127.5), (0, 128))  # its rows go down in the photo
    values = (0.0, 0.0, 4.0, 8.0, 0.0, 0.0, 2.0, 0.0)
    (face,) = detect_faces(PHOTO, [square], Anchors({0: (9.0, values)}))
    # The anchor (4, 4) lies 4 pixels below the photo's upper right corner and 4 to its left.
    left, top, right, bottom = (face.box + 0.5) / 2
    assert_allclose((left, top, right, bottom), (120, 2, 128, 6))
    assert_allclose((face.points[:2] + 0.5) / 2, [(124, 4), (124, 6)])


@pytest.mark.parametrize("shape", [(100, 100), (100, 150), (427, 640), (3000, 20), (1, 1)])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_face_of_up_to_half_a_square_is_whole_in_one(shape, level):
    squares = squares_of(shape, level)
    side = max(shape) / 2**level
    assert {square.side for square in squares} == {side}
    lows = np.array(sorted({square.centre[::-1] for square in squares})) - side / 2
    for axis, length in enumerate(shape):
        starts = np.unique(lows[:, axis])
        if length <= side:
            assert len(starts) == 1
            assert starts[0] <= -0.5
            assert starts[0] + side >= length - 0.5
        else:
            assert_allclose((starts[0], starts[-1] + side), (-0.5, length - 0.5))
            assert np.diff(starts).max() <= side / 2 + 1e-9


def test_overlap_is_intersection_over_union():
    square = np.array([0.0, 0, 2, 2])
    others = np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3]])
    assert_allclose(overlaps(square, others), [1, 1 / 3, 0])
    assert overlaps(np.zeros(4), np.zeros((1, 4))) == [0]
