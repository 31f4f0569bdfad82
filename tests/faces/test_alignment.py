import math

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import AlignmentError, ArgumentError
from ffhq_wrinkle.faces.alignment import Alignment, ffhq_alignment
from ffhq_wrinkle.faces.landmarks import Landmarks
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.landmarks import ASTRONAUT

# Middle of the eyes (50, 50), of the mouth (50, 70): m = (0, 20), e = (20, 0).
UPRIGHT = Landmarks((40, 50), (60, 50), (43, 70), (57, 70))


def turned(landmarks, degrees, scale=1.0, about=(0.0, 0.0), to=(0.0, 0.0)):
    """Landmarks turned with the clock about a point, which is moved to another."""
    angle = math.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (np.array(landmarks.points) - about) @ turn.T + to
    return Landmarks(*map(tuple, points.tolist()))


def waves(rows, columns):
    """A smooth RGB image without symmetry, on which a shift of a pixel changes levels by 4."""
    y, x = np.mgrid[:rows, :columns] / 30
    bands = (np.sin(x + 0.3 * y), np.cos(1.1 * y - 0.2 * x), np.sin(0.7 * x + 0.9 * y + 1))
    return np.rint(127 + 120 * np.stack(bands, axis=2)).astype(np.uint8)


def places_of_pixels(alignment):
    """Where in the photo the centres of the aligned pixels are: x and y, (size, size) each."""
    rows, columns = np.mgrid[: alignment.size, : alignment.size]
    grid = np.stack([columns, rows, np.ones_like(rows)])
    return np.tensordot(alignment.to_photo, grid, 1)


def pillow_quad(photo, quad, size):
    """Crop a quadrilateral of pixel centres with Pillow, four times finer, then downsampled."""
    corners = tuple((quad + 0.5).ravel())  # Pillow's (0, 0) is the first pixel's corner
    cut = Image.fromarray(photo).transform(
        (4 * size, 4 * size), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR
    )
    return np.asarray(cut.resize((size, size), Image.Resampling.LANCZOS)).astype(float)


def test_the_square_of_an_upright_face_agrees_with_hand_computation():
    # direction = (20, 0) + (20, 0); side = 2 * max(2 * 20, 1.8 * 20); centre = (50, 50) + 2 down.
    alignment = ffhq_alignment(UPRIGHT, 100)
    assert (alignment.centre, alignment.half_axis) == ((50, 52), (40, 0))
    assert (alignment.side, alignment.scale) == (80, 0.8)
    # Upper left, lower left, lower right, upper right, as Pillow's QUAD takes them.
    assert_array_equal(alignment.quad, [(10, 12), (10, 92), (90, 92), (90, 12)])


def test_a_long_face_is_as_large_as_its_eyes_are_far_from_its_mouth():
    long = Landmarks((40, 50), (60, 50), (45, 90), (55, 90))  # 1.8 * 40 > 2 * 20
    alignment = ffhq_alignment(long)
    assert alignment.side == pytest.approx(2 * 1.8 * 40)
    assert alignment.centre == pytest.approx((50, 54))


def test_the_upright_direction_is_a_mean_of_eyes_and_mouth():
    # A mouth that is off by 10: direction = (20, 0) + (20, -10), so tan = -1 / 4.
    skewed = Landmarks((40, 50), (60, 50), (53, 70), (67, 70))
    x, y = ffhq_alignment(skewed).half_axis
    assert y / x == pytest.approx(-1 / 4)
    assert math.hypot(x, y) == pytest.approx(max(2 * 20, 1.8 * math.hypot(10, 20)))


def test_the_formula_is_that_of_nvidias_script():
    # In its own words: flipud and signs, for faces of any kind.
    random = np.random.default_rng(0)
    for angle in range(0, 360, 20):
        noisy = np.array(UPRIGHT.points) + random.normal(0, 2, (4, 2))
        face = turned(Landmarks(*map(tuple, noisy.tolist())), angle, 3, to=(500, 400))
        left, right, mouth_left, mouth_right = np.array(face.points)
        eye_avg, eye_to_eye = (left + right) * 0.5, right - left
        eye_to_mouth = (mouth_left + mouth_right) * 0.5 - eye_avg
        x = eye_to_eye - np.flipud(eye_to_mouth) * [-1, 1]
        x /= np.hypot(*x)
        x *= max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8)
        y = np.flipud(x) * [-1, 1]
        c = eye_avg + eye_to_mouth * 0.1
        expected = np.stack([c - x - y, c - x + y, c + x + y, c + x - y])
        assert_allclose(ffhq_alignment(face).quad, expected, rtol=1e-12)


def test_a_square_of_whole_pixels_is_cut_out_as_it_is():
    # Rows and columns 20..83: their area ends half a pixel out from the outer pixels' centres.
    photo = waves(100, 120)
    alignment = Alignment((51.5, 51.5), (32, 0), 64)
    assert_array_equal(alignment.to_photo, [[1, 0, 20], [0, 1, 20]])
    # Interpolated between pixels and shrunk, so all but the same.
    inner = (slice(1, -1), slice(1, -1))
    difference = alignment.aligned(photo)[inner].astype(int) - photo[20:84, 20:84][inner]
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_photo_that_lies_on_its_side_gives_the_same_image(degrees):
    photo = waves(200, 200)
    face = turned(UPRIGHT, 0, 1.1, about=(50, 50), to=(99.5, 99.5))
    lying = np.ascontiguousarray(np.rot90(photo, -degrees // 90))
    about = (99.5, 99.5)
    expected = ffhq_alignment(face, 64).aligned(photo).astype(int)
    aligned = ffhq_alignment(turned(face, degrees, about=about, to=about), 64).aligned(lying)
    assert np.abs(aligned - expected).max() <= 1


@pytest.mark.parametrize("degrees", [0, 17, -40, 155])
@pytest.mark.parametrize("size", [128, 300])
def test_the_image_is_that_of_pillow(degrees, size):
    photo = waves(500, 600)
    face = turned(UPRIGHT, degrees, 2.2, about=(50, 50), to=(300, 250))
    alignment = ffhq_alignment(face, size)
    assert (alignment.scale > 1) == (size == 128)
    difference = np.abs(alignment.aligned(photo) - pillow_quad(photo, alignment.quad, size))
    assert difference.mean() < 0.6
    assert difference.max() <= 2


def test_shrinking_takes_the_mean_over_each_pixel():
    # Lines of one pixel: gray from afar, and no bands as where pixels are picked.
    photo = np.zeros((1500, 1500, 3), np.uint8)
    photo[:, ::2] = 200
    face = turned(UPRIGHT, 3, 12, about=(50, 50), to=(750, 700))
    alignment = ffhq_alignment(face, 64)
    assert alignment.scale == pytest.approx(15)
    image = alignment.aligned(photo)
    assert np.abs(image.astype(int) - 100).max() <= 4
    smooth = waves(1500, 1500)
    area = cv2.GaussianBlur(smooth, (0, 0), 4)
    columns, rows = np.rint(places_of_pixels(alignment)).astype(int)
    picked = area[rows, columns].astype(int)
    assert np.abs(alignment.aligned(smooth) - picked).mean() < 4  # an aligned pixel is 60 levels


def test_an_aligned_face_is_where_ffhq_puts_it():
    # The drawn face has FFHQ's places. Turned, shrunk and moved, it comes back.
    drawn = drawn_face(512)[0]
    face = Landmarks((190, 238), (322, 238), (213, 380), (299, 380))
    back = ffhq_alignment(face, 512)
    assert_allclose(back.quad[[0, 2]], [(-8, -12), (520, 516)], atol=5)
    photo = np.full((900, 1000, 3), (70, 90, 110), np.uint8)
    turn = cv2.getRotationMatrix2D((256, 256), 25, 0.9)
    turn[:, 2] += (200, 150)
    photo = cv2.warpAffine(drawn, turn, (1000, 900), dst=photo, borderMode=cv2.BORDER_TRANSPARENT)
    points = (np.column_stack([face.points, np.ones(4)]) @ turn.T).tolist()
    aligned = ffhq_alignment(Landmarks(*map(tuple, points)), 512).aligned(photo)
    inside = (slice(50, 460), slice(60, 450))
    assert np.abs(aligned.astype(int) - back.aligned(drawn))[inside].mean() < 3


def test_the_astronauts_eyes_and_mouth_come_where_ffhq_has_them(astronaut):
    alignment = ffhq_alignment(ASTRONAUT)
    points = np.column_stack([ASTRONAUT.points, np.ones(4)]) @ alignment.to_aligned.T
    # The means over 93 faces of FFHQ are 485 and 746; a smile raises the mouth's corners.
    assert_allclose(points[:2], [(380, 485), (644, 485)], atol=30)
    assert_allclose(points[2:].mean(axis=0), (512, 746), atol=40)
    gray = alignment.aligned(astronaut).mean(axis=2)
    for x, y in points[:2]:
        eye = gray[round(y) - 40 : round(y) + 40, round(x) - 60 : round(x) + 60]
        assert eye.min() < 60  # pupils
    assert np.median(gray[560:660, 330:420]) > 180  # a cheek


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.float32])
@pytest.mark.parametrize(("degrees", "scale"), [(0, 1), (20, 1.7), (-75, 4), (180, 0.8)])
def test_a_mask_lies_on_the_photo_where_its_pixels_came_from(kind, degrees, scale):
    face = turned(UPRIGHT, degrees, scale, about=(50, 50), to=(200.3, 180.2))
    alignment = ffhq_alignment(face, 64)
    mask = (drawn_lines((64, 64), 3) * np.arange(1, 65)).astype(kind)
    laid = alignment.onto_photo(mask, (380, 420))
    assert (laid.shape, laid.dtype) == ((380, 420), kind)
    # From the definition: the cell that each pixel's centre lies in, but for those on an edge.
    y, x = np.mgrid[:380, :420]
    places = np.tensordot(alignment.to_aligned, np.stack([x, y, np.ones_like(x)]), 1)
    columns, rows = np.floor(places + 0.5).astype(int)
    inside = (rows >= 0) & (rows < 64) & (columns >= 0) & (columns < 64)
    expected = np.where(inside, mask[np.clip(rows, 0, 63), np.clip(columns, 0, 63)], kind(0))
    on_edge = (np.abs(places + 0.5 - np.rint(places + 0.5)) < 0.01).any(axis=0)
    assert on_edge.mean() < 0.05
    assert_array_equal(laid[~on_edge], expected[~on_edge])
    assert laid.any()


def test_a_mask_that_was_in_the_photo_comes_back_to_its_place():
    photo = np.zeros((800, 900, 3), np.uint8)
    cv2.line(photo, (350, 300), (520, 330), (255, 255, 255), 9)
    drawn = photo[:, :, 0] > 0
    face = turned(UPRIGHT, 12, 5, about=(50, 50), to=(440, 380))
    alignment = ffhq_alignment(face)
    back = alignment.onto_photo(alignment.aligned(photo)[:, :, 0] > 127, drawn.shape)
    assert (back & drawn).sum() / (back | drawn).sum() > 0.97


def test_beyond_the_photo_lies_its_blurred_mirror_image_without_mask(astronaut):
    photo = np.ascontiguousarray(astronaut[70:, 180:])  # cuts her hair, left and above
    face = Landmarks(*((x - 180, y - 70) for x, y in ASTRONAUT.points))
    alignment = ffhq_alignment(face, 256)
    whole = ffhq_alignment(ASTRONAUT, 256)
    covered = alignment.onto_photo(np.ones((256, 256), bool), photo.shape[:2])
    assert_array_equal(
        covered, whole.onto_photo(np.ones((256, 256), bool), astronaut.shape[:2])[70:, 180:]
    )
    image, uncut = alignment.aligned(photo).astype(int), whole.aligned(astronaut).astype(int)
    x, y = places_of_pixels(alignment)
    inside = (x > 2) & (y > 2)
    assert 0.5 < inside.mean() < 0.8
    assert np.abs(image - uncut)[inside].max() <= 1  # what the photo has is not blurred
    outside = (x < -20) & (y > 2)
    edges = [np.abs(np.diff(one, axis=0))[1:][outside[2:]].mean() for one in (image, uncut)]
    assert outside.any()
    assert 0 < edges[0] < 3


def test_a_photo_may_be_mirrored_more_than_once():
    alignment = ffhq_alignment(turned(UPRIGHT, 10, about=(50, 50), to=(15, 15)), 64)
    photo = waves(30, 28)
    assert alignment.side > 2 * max(photo.shape)
    assert alignment.aligned(photo).shape == (64, 64, 3)


@pytest.mark.parametrize("to", [(-3, 50), (50, -5), (130, 50), (50, 101), (1e9, 50)])
def test_a_face_that_is_not_in_the_photo_is_refused(to):
    alignment = ffhq_alignment(turned(UPRIGHT, 0, about=(50, 52), to=to), 32)
    with pytest.raises(AlignmentError, match="is not in a photo of 120x100; landmarks must"):
        alignment.aligned(waves(100, 120))
    with pytest.raises(AlignmentError, match="is not in a photo of 120x100"):
        alignment.onto_photo(np.ones((32, 32), bool), (100, 120))


def test_a_face_larger_than_any_in_the_photo_is_refused():
    huge = turned(UPRIGHT, 0, 1000, about=(50, 52), to=(50, 52))
    with pytest.raises(AlignmentError, match="80000 pixels wide is not in a photo of 120x100"):
        ffhq_alignment(huge).aligned(waves(100, 120))


@pytest.mark.parametrize(
    "photo", [np.zeros((90, 90), np.uint8), np.zeros((90, 90, 3)), np.zeros((90, 90, 4), np.uint8)]
)
def test_arrays_that_are_not_photos_are_refused(photo):
    with pytest.raises(ArgumentError, match="a photo is uint8"):
        ffhq_alignment(UPRIGHT).aligned(photo)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.ones((64, 63), bool), r"is \(64, 64\), not \(64, 63\)"),
        (np.ones((64, 64), np.int64), "bool, uint8 or float32, not int64"),
        (np.ones((64, 64)), "not float64"),
    ],
)
def test_a_mask_of_another_shape_or_type_is_refused(mask, said):
    with pytest.raises(ArgumentError, match=said):
        ffhq_alignment(UPRIGHT, 64).onto_photo(mask, (100, 100))


@pytest.mark.parametrize(
    ("centre", "half_axis", "size"),
    [
        ((5, 5), (3, 0), 0),
        ((5, 5), (0, 0), 9),
        ((5, math.nan), (3, 0), 9),
        ((5, 5), (math.inf, 0), 9),
    ],
)
def test_a_square_without_size_or_place_is_refused(centre, half_axis, size):
    with pytest.raises(ArgumentError):
        Alignment(centre, half_axis, size)
