import pickle

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skimage import data

from ffhq_wrinkle.errors import ParsingError
from ffhq_wrinkle.faces.labels import CLASSES, face_mask
from ffhq_wrinkle.faces.mesh import MeshFace
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.outlines import stretched_outline
from tests.helpers.faces import SKIN_COLOUR, drawn_face
from tests.helpers.landmarks import ASTRONAUT

HAIR = CLASSES.index("hair")
EYES = [CLASSES.index(name) for name in ("l_eye", "r_eye")]
MOUTH = [CLASSES.index(name) for name in ("mouth", "u_lip", "l_lip")]


@pytest.fixture(scope="module")
def parser():
    return MeshParser()


def mask_of(parser, image):
    return face_mask(parser([image], ["x"])[0], image.shape[:2])


def canvas_with(image, shape, left, top):
    canvas = np.full((*shape, 3), 128, np.uint8)
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def test_a_drawn_face_is_found_without_its_eyes_and_mouth(parser):
    image, truth = drawn_face(512)
    label_map = parser([image], ["x"])[0]
    face = np.isin(label_map, (1, 10))
    assert face[np.isin(truth, (4, 5))].mean() < 0.1  # eyes
    assert face[truth == 11].mean() < 0.1  # mouth
    assert face[np.isin(truth, (1, 10))].mean() > 0.75
    assert face[truth == 0].mean() < 0.1
    assert set(np.unique(label_map)) <= set(range(len(CLASSES)))


def test_the_parts_of_a_real_face_have_their_classes(parser, astronaut):
    label_map = parser([astronaut], ["x"])[0]  # 512x512: a cell is a pixel
    left_eye, right_eye, mouth_left, mouth_right = ASTRONAUT.points
    assert label_map[left_eye[1], left_eye[0]] == CLASSES.index("l_eye")
    assert label_map[right_eye[1], right_eye[0]] == CLASSES.index("r_eye")
    middle = (mouth_left[0] + mouth_right[0]) // 2
    assert label_map[145, middle] == CLASSES.index("mouth")  # teeth
    assert label_map[152, middle] == CLASSES.index("l_lip")
    assert label_map[120, middle] == CLASSES.index("nose")
    assert label_map[125, 195] == label_map[168, 222] == CLASSES.index("skin")  # cheek, chin
    assert label_map[89, 198] == CLASSES.index("l_brow")
    assert label_map[92, 245] == CLASSES.index("r_brow")
    for column, row in ((150, 100), (300, 100), (222, 200), (222, 30)):  # beside, below, above
        assert label_map[row, column] == 0
    assert 0.015 < np.isin(label_map, (1, 10)).mean() < 0.03


def hatted(image, texture):
    """The drawn face, whose forehead is covered down to a row above the brows."""
    covered = image.copy()
    colour = np.array((40, 45, 120)) + np.random.default_rng(0).integers(
        -texture, texture + 1, (160, 512, 1)
    )
    covered[:160] = colour.clip(0, 255)
    return covered


def test_a_hat_over_the_forehead_is_not_skin(parser):
    image = drawn_face(512)[0]
    bare = mask_of(parser, image)
    label_map = parser([hatted(image, 30)], ["x"])[0]
    assert bare[120:150, 200:310].mean() > 0.9
    assert np.isin(label_map[120:150, 200:310], (1, 10)).mean() < 0.1
    assert (label_map[120:150, 200:310] == HAIR).mean() > 0.5


def test_an_even_shadow_on_the_forehead_stays_skin(parser):
    image = drawn_face(512)[0]
    shaded = image.copy()
    shaded[:165] = np.array(SKIN_COLOUR) // 2  # without the drawn lines
    assert mask_of(parser, shaded)[125:150, 200:310].mean() > 0.9


def test_wrinkles_of_the_forehead_stay_skin(parser):
    image = drawn_face(512)[0]
    lined = image.copy()
    for row in (130, 145, 160):
        lined[row : row + 3, 170:340] = (90, 60, 50)
    assert mask_of(parser, lined)[128:165, 180:330].mean() > 0.95


def test_the_same_face_at_other_sizes_has_the_same_labels(parser):
    image = drawn_face(1024)[0]
    large = parser([image], ["x"])[0]
    for side in (256, 777):
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        assert (parser([small], ["x"])[0] == large).mean() > 0.97


@pytest.mark.parametrize(
    ("left", "top", "shape"), [(0, 0, (700, 600)), (250, 120, (640, 800)), (600, 900, (1500, 1200))]
)
def test_a_face_is_found_anywhere_in_a_photo(parser, astronaut, left, top, shape):
    face = mask_of(parser, canvas_with(astronaut, shape, left, top)[: shape[0], : shape[1]])
    (left_eye, row), (right_eye, _) = ASTRONAUT.points[:2]
    for column, eye_row in ASTRONAUT.points[:2]:
        assert not face[eye_row + top, column + left]
    assert face[row + top + 20, left_eye + left : right_eye + left].mean() > 0.9  # cheeks, nose
    assert 0.015 < face.sum() / 512**2 < 0.03


def test_faces_of_similar_size_are_all_labelled(parser, astronaut):
    face = mask_of(parser, np.hstack([astronaut, astronaut]))
    assert face[:, :512].sum() > 4000
    assert face[:, 512:].sum() > 4000


def test_faces_of_less_than_half_the_size_are_left_out(parser, astronaut):
    large = cv2.resize(astronaut, (1536, 1536), interpolation=cv2.INTER_CUBIC)
    large[900:1412, 1024:] = astronaut
    face = mask_of(parser, large)
    assert face[:700].sum() > 30_000
    assert not face[900:1412, 1024:].any()


@pytest.mark.parametrize(
    "image",
    [
        np.full((512, 512, 3), 128, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        data.coffee(),
    ],
)
def test_a_picture_without_a_face_is_refused(parser, image):
    with pytest.raises(ParsingError, match="no face found"):
        parser([image], ["x"])


class Found:
    """A finder that returns given faces."""

    def __init__(self, *faces):
        self._faces = list(faces)

    def find(self, image, *, least_score):
        return [face for face in self._faces if face.score >= least_score]


@pytest.fixture
def points(parser, astronaut):
    """The astronaut's mesh."""
    return parser._finder.find(astronaut)[0].points


def test_points_that_are_not_to_be_trusted_are_refused_with_their_score(
    parser, monkeypatch, astronaut, points
):
    monkeypatch.setattr(parser, "_finder", Found(MeshFace(points, 0.31)))
    with pytest.raises(ParsingError, match=r"around x 2\d\d, y 1\d\d, has a score of 0.31.* 0.5"):
        parser([astronaut], ["x"])


def test_a_profile_is_refused(parser, monkeypatch, astronaut, points):
    turned = points.copy()
    turned[1] = (100, 120)  # the tip of the nose, left of the face
    monkeypatch.setattr(parser, "_finder", Found(MeshFace(turned, 0.99)))
    with pytest.raises(ParsingError, match="turned too far"):
        parser([astronaut], ["x"])


def test_the_outline_is_stretched_above_the_eyes_and_below_the_mouth_only():
    # An upright face: eyes at row 100, mouth at row 160, forehead at 40 and chin at 200.
    points = np.full((468, 2), (100.0, 130.0))
    points[[33, 133, 362, 263], 1] = 100
    points[[61, 291], 1] = 160
    points[10], points[152], points[234] = (100, 40), (100, 200), (50, 130)
    outline = stretched_outline(points, 0.5, 0.25)
    assert outline.shape == (36, 2)
    assert [100, 40 - 0.5 * 60] in outline.tolist()
    assert [100, 200 + 0.25 * 40] in outline.tolist()
    assert [50, 130] in outline.tolist()  # between eyes and mouth


def test_a_copy_in_another_process_gives_the_same_labels(parser, astronaut):
    copy = pickle.loads(pickle.dumps(parser))
    assert copy.settings() == parser.settings()
    assert_array_equal(copy([astronaut], ["x"])[0], parser([astronaut], ["x"])[0])


@pytest.mark.real_data
def test_most_wrinkles_of_real_faces_lie_in_a_mask_of_fair_size(real_data, parser):
    inside, area, refused = [], [], []
    for path in sorted((real_data / "wrinkle-pairs" / "images").iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        wrinkles = cv2.imread(str(path.parents[1] / "masks" / path.name), cv2.IMREAD_GRAYSCALE) > 0
        try:
            face = mask_of(parser, image)
        except ParsingError:
            refused.append(path.stem)  # profiles
            continue
        inside.append((face & wrinkles).sum() / wrinkles.sum())
        area.append(face.mean())
    assert len(refused) <= 2
    assert np.mean(inside) >= 0.945
    assert np.mean(area) <= 0.31


@pytest.mark.real_data
def test_real_portraits_that_are_not_aligned_have_a_face(real_data, parser):
    paths = sorted((real_data / "portraits").glob("*g"))  # png and jpg
    assert paths
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        assert 0.05 < mask_of(parser, image).mean() < 0.35, path.name
