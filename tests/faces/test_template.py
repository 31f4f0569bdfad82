import cv2
import numpy as np
import pytest
from skimage import data

from ffhq_wrinkle.errors import ParsingError
from ffhq_wrinkle.faces.labels import CLASSES, face_mask
from ffhq_wrinkle.faces.template import Frame, TemplateParser
from tests.helpers.faces import drawn_face

# Measured by hand on the astronaut's portrait: centres of her eyes and mouth, (column, row).
EYES = ((203, 101), (246, 103))
MOUTH = (223, 146)


@pytest.fixture(scope="module")
def parser():
    return TemplateParser()


def mask_of(parser, image):
    return face_mask(parser([image], ["x"])[0], image.shape[:2])


def test_a_drawn_aligned_face_is_found_without_its_eyes_and_mouth(parser):
    image, truth = drawn_face(512)
    label_map = parser([image], ["x"])[0]
    face = np.isin(label_map, (1, 10))
    assert face[np.isin(truth, (4, 5))].mean() < 0.1  # eyes
    assert face[truth == 11].mean() < 0.1  # mouth
    assert face[np.isin(truth, (1, 10))].mean() > 0.75
    assert face[truth == 0].mean() < 0.1
    assert set(np.unique(label_map)) <= set(range(len(CLASSES)))


def test_hair_over_the_forehead_is_not_skin(parser):
    image = drawn_face(512)[0]
    bare = mask_of(parser, image)
    image[:150] = (30, 25, 20)
    covered = mask_of(parser, image)
    assert bare[112:145, 200:310].mean() > 0.9
    assert covered[112:140, 200:310].mean() < 0.1


def test_the_same_face_at_other_sizes_has_the_same_labels(parser):
    image = drawn_face(1024)[0]
    large = parser([image], ["x"])[0]
    for side in (256, 777):
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        assert (parser([small], ["x"])[0] == large).mean() > 0.98


@pytest.mark.parametrize(
    ("top", "left", "height", "width"),
    [(0, 0, 512, 512), (0, 0, 700, 600), (90, 260, 640, 800), (0, -60, 400, 350)],
)
def test_a_face_that_is_not_aligned_is_searched(parser, astronaut, top, left, height, width):
    # The portrait on a gray canvas, or a part of it.
    canvas = np.full((2000, 2000, 3), 128, np.uint8)
    canvas[500 + top : 1012 + top, 500 + left : 1012 + left] = astronaut
    face = mask_of(parser, canvas[500 : 500 + height, 500 : 500 + width])
    for column, row in (*EYES, MOUTH):
        assert not face[row + top, column + left]
    (left_eye, row), (right_eye, _) = EYES
    assert face[row + top + 20, left_eye + left : right_eye + left].mean() > 0.9  # cheeks, nose
    area = face.sum() / 512**2
    assert 0.015 < area < 0.03  # her skin takes about 80 x 90 pixels
    columns = np.flatnonzero(face.any(axis=0))
    assert abs(columns.mean() - (MOUTH[0] + left)) < 10


@pytest.mark.parametrize(
    "image",
    [
        np.full((512, 512, 3), 128, np.uint8),
        np.full((512, 512, 3), (205, 160, 135), np.uint8),  # all skin
        np.zeros((300, 400, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((20, 3000, 3), np.uint8),
        data.coffee(),
        data.rocket(),
        data.chelsea(),
        np.repeat(data.brick()[:, :, None], 3, axis=2),
        np.repeat(data.camera()[:, :, None], 3, axis=2),
    ],
)
def test_a_picture_without_a_face_is_refused(parser, image):
    with pytest.raises(ParsingError, match="no face found"):
        parser([image], ["x"])


def test_a_frame_may_reach_beyond_the_image_s_border():
    image = drawn_face(100)[0]
    frame = Frame(-30, -40, 200)
    view = frame.view(image)
    assert view.shape == (128, 128, 3)
    labels = np.full((512, 512), 7, np.uint8)
    assert (frame.placed(labels, (100, 100)) == 7).all()
    outside = Frame(60, 60, 100).placed(labels, (100, 100))
    assert (outside[308:, 308:] == 7).all()
    assert not outside[:306].any()


@pytest.mark.real_data
def test_most_wrinkles_of_real_faces_lie_in_a_mask_of_fair_size(real_data, parser):
    inside, area = [], []
    for path in sorted((real_data / "wrinkle-pairs" / "images").iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        wrinkles = cv2.imread(str(path.parents[1] / "masks" / path.name), cv2.IMREAD_GRAYSCALE) > 0
        face = mask_of(parser, image)
        inside.append((face & wrinkles).sum() / wrinkles.sum())
        area.append(face.mean())
    assert len(inside) == 93
    assert np.mean(inside) >= 0.92
    assert np.mean(area) <= 0.30


@pytest.mark.real_data
def test_real_portraits_that_are_not_aligned_have_a_face(real_data, parser):
    paths = sorted((real_data / "portraits").glob("*g"))  # png and jpg
    assert paths
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        assert 0.02 < mask_of(parser, image).mean() < 0.4, path.name
