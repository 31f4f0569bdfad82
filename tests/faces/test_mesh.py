import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.alignment import ffhq_alignment
from ffhq_wrinkle.faces.mesh import MeshFace, MeshFinder
from tests.helpers.landmarks import ASTRONAUT

NOSE_TIP, CHIN, FOREHEAD = 1, 152, 10


@pytest.fixture(scope="module")
def finder():
    return MeshFinder()


def distance_px(face, points):
    """Largest distance of eyes and mouth from points measured by hand."""
    return np.hypot(*np.subtract(face.landmarks.points, points).T).max()


def on_canvas(image, shape, left, top):
    canvas = np.full((*shape, 3), 128, np.uint8)
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def test_eyes_and_mouth_are_where_they_were_measured(finder, astronaut):
    (face,) = finder.find(astronaut)
    assert face.points.shape == (468, 2)
    assert face.score > 0.99
    assert distance_px(face, ASTRONAUT.points) < 4
    x, y, width, height = face.box
    assert x < ASTRONAUT.left_eye[0] < ASTRONAUT.right_eye[0] < x + width
    assert y < ASTRONAUT.left_eye[1] < ASTRONAUT.mouth_left[1] < y + height


@pytest.mark.parametrize("scale", [2, 4])
def test_a_small_face_in_a_large_photo_is_found(finder, astronaut, scale):
    # 93 of 1400 and of 2800 pixels: 7 and 3 % of the side.
    photo = on_canvas(astronaut, (700 * scale, 700 * scale), 170 * scale, 110 * scale)
    (face,) = finder.find(photo)
    assert distance_px(face, np.add(ASTRONAUT.points, (170 * scale, 110 * scale))) < 4


def test_a_large_photo_gives_the_same_face(finder, astronaut):
    large = cv2.resize(astronaut, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    (face,) = finder.find(large)
    assert distance_px(face, (np.array(ASTRONAUT.points) + 0.5) * 5 - 0.5) < 20


@pytest.mark.parametrize("angle", [*range(-75, 76, 15), 90, 135, 180, 270])
def test_a_rotated_face_is_found(finder, astronaut, angle):
    matrix = cv2.getRotationMatrix2D((256, 256), angle, 0.7)
    rotated = cv2.warpAffine(astronaut, matrix, (512, 512))
    (face,) = finder.find(rotated)
    expected = np.array(ASTRONAUT.points) @ matrix[:, :2].T + matrix[:, 2]
    assert distance_px(face, expected) < 4


def test_all_faces_are_found_the_largest_first(finder, astronaut):
    small = cv2.resize(astronaut, (340, 340), interpolation=cv2.INTER_AREA)
    photo = on_canvas(astronaut, (512, 1000), 460, 0)
    photo[100:440, 40:380] = small
    large, little = finder.find(photo)
    assert distance_px(large, np.add(ASTRONAUT.points, (460, 0))) < 4
    expected = (np.array(ASTRONAUT.points) + 0.5) * 340 / 512 - 0.5 + (40, 100)
    assert distance_px(little, expected) < 4


@pytest.mark.parametrize(
    "image",
    [
        np.full((512, 512, 3), (205, 160, 135), np.uint8),  # all skin
        np.zeros((300, 400, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((20, 3000, 3), np.uint8),
        data.coffee(),
        data.rocket(),
        data.chelsea(),  # a cat
        np.repeat(data.brick()[:, :, None], 3, axis=2),
    ],
)
def test_a_picture_without_a_face_has_none(finder, image):
    assert finder.find(image) == []


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_arrays_that_are_not_photos_are_refused(finder, image):
    with pytest.raises(ArgumentError, match="a photo is uint8"):
        finder.find(image)


def test_threads_and_processes_find_the_same_points(finder, astronaut):
    photos = [np.roll(astronaut, 7 * number, axis=1) for number in range(6)]
    alone = [finder.find(photo)[0].points for photo in photos]
    assert len({points[0, 0] for points in alone}) == 6
    with ThreadPoolExecutor(4) as pool:
        for faces, expected in zip(pool.map(finder.find, photos), alone, strict=True):
            assert_array_equal(faces[0].points, expected)
    copy = pickle.loads(pickle.dumps(finder))
    assert copy.weights_sha256 == finder.weights_sha256
    assert_array_equal(copy.find(photos[0])[0].points, alone[0])


def test_landmarks_are_means_of_the_eyes_points_and_the_mouth_s_corners():
    points = np.zeros((468, 2))
    points[[33, 160, 158, 133, 153, 144]] = [
        (10, 20),
        (12, 18),
        (14, 18),
        (16, 20),
        (14, 22),
        (12, 22),
    ]
    points[[362, 385, 387, 263, 373, 380]] = [(30, 20)] * 6
    points[61], points[291] = (15, 40), (27, 41)
    face = MeshFace(points, 0.9).landmarks
    assert face.points == ((13, 20), (30, 20), (15, 40), (27, 41))
    assert (face.score, face.box) == (0.9, (0, 0, 30, 41))


@pytest.mark.real_data
def test_real_portraits_have_one_face_each(real_data, finder):
    paths = sorted((real_data / "portraits").glob("*g"))  # png and jpg
    assert len(paths) == 14
    for path in paths:
        (face,) = finder.find(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))
        assert face.score > 0.95, path.name


@pytest.mark.real_data
def test_real_aligned_faces_are_aligned_to_themselves(real_data, finder):
    errors = []
    for path in sorted((real_data / "wrinkle-pairs" / "images").iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        side = len(image)
        faces = finder.find(image)
        corners = np.array([(0, 0), (0, side), (side, side), (side, 0)]) - 0.5
        quad = ffhq_alignment(faces[0].landmarks).quad
        errors.append(np.abs(quad - corners).mean() / side)
    assert len(errors) == 93
    assert np.mean(errors) < 0.017
    assert np.median(errors) < 0.014


def test_points_keep_mediapipe_s_order(finder, astronaut):
    points = finder.find(astronaut)[0].points
    left_eye, right_eye, mouth_left, mouth_right = np.array(ASTRONAUT.points)
    assert points[FOREHEAD, 1] < left_eye[1] < points[NOSE_TIP, 1] < mouth_left[1] < points[CHIN, 1]
    assert_allclose(points[NOSE_TIP, 0], (mouth_left[0] + mouth_right[0]) / 2, atol=6)
    assert points[234, 0] < left_eye[0] < right_eye[0] < points[454, 0]  # the sides of the face
