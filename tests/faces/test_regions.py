"""Facial regions, from the points of the face mesh or from a label map."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skimage import data

from ffhq_wrinkle.faces.labels import CLASSES
from ffhq_wrinkle.faces.mesh import MeshFinder
from ffhq_wrinkle.faces.mesh_parser import face_labels
from ffhq_wrinkle.faces.regions import REGIONS, region_map
from tests.helpers.faces import drawn_face

# Places on the astronaut as (column, row), read off an enlarged photo.
PLACES = {
    "forehead": [(213, 84), (200, 83), (230, 86)],
    "glabella": [(221, 91)],
    "crows_feet_left": [(186, 104)],
    "crows_feet_right": [(264, 104)],
    "under_eye_left": [(203, 110)],
    "under_eye_right": [(245, 112)],
    "cheek_left": [(182, 128)],
    "cheek_right": [(263, 128)],
    "nose": [(223, 118), (222, 105)],
    "nasolabial_left": [(195, 134)],
    "nasolabial_right": [(250, 134)],
    "perioral": [(223, 136)],
    "marionette_left": [(196, 158)],
    "marionette_right": [(250, 157)],
    "chin": [(223, 170)],
}
OTHER_SIDE = {"left": "right", "right": "left"}


def swapped(regions):
    """Return a region map with left and right exchanged."""
    numbers = [0]
    for name in REGIONS:
        stem, _, side = name.rpartition("_")
        other = f"{stem}_{OTHER_SIDE[side]}" if side in OTHER_SIDE else name
        numbers.append(1 + REGIONS.index(other))
    return np.array(numbers)[regions]


@pytest.fixture(scope="module")
def finder():
    return MeshFinder()


@pytest.fixture(scope="module")
def mesh(finder):
    return finder.find(data.astronaut())[:1]


@pytest.fixture
def label_map():
    """Return a drawn face: eyes at columns 190 and 322, row 238; nose 290; mouth 380."""
    return drawn_face(512)[1]


def region_at(regions, column, row):
    number = regions[row, column]
    return REGIONS[number - 1] if number else None


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_lies_where_its_name_says_on_the_astronaut(name, mesh, astronaut):
    regions = region_map((512, 512), mesh, face_labels(mesh[0], astronaut))
    assert [region_at(regions, *place) for place in PLACES[name]] == [name] * len(PLACES[name])


def test_eyes_brows_lips_hair_and_background_are_in_no_region(mesh, astronaut):
    labels = face_labels(mesh[0], astronaut)
    regions = region_map((512, 512), mesh, labels)
    assert not regions[(labels != 1) & (labels != 10)].any()
    for column, row in ((205, 101), (224, 145), (150, 100), (300, 100), (222, 30), (222, 200)):
        assert region_at(regions, column, row) is None


def test_nearly_all_skin_but_the_eyelids_is_in_a_region(mesh, astronaut):
    labels = face_labels(mesh[0], astronaut)
    regions = region_map((512, 512), mesh, labels)
    unnamed = np.argwhere(np.isin(labels, (1, 10)) & (regions == 0))
    eyes = np.argwhere(np.isin(labels, (4, 5)))
    assert len(unnamed) < 0.06 * np.isin(labels, (1, 10)).sum()
    assert np.mean(unnamed[:, 0] < eyes[:, 0].max() + 2) > 0.9


def test_left_and_right_mirror_each_other(finder, mesh, astronaut):
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    regions = region_map((512, 512), mesh)
    reflected = region_map((512, 512), finder.find(mirrored)[:1])[:, ::-1]
    named = regions > 0
    assert np.mean(swapped(reflected)[named] == regions[named]) > 0.93


def test_regions_turn_with_the_head(finder, mesh, astronaut):
    turn = cv2.getRotationMatrix2D((255.5, 120), 35, 1)
    turned = cv2.warpAffine(astronaut, turn, (512, 512), borderMode=cv2.BORDER_REFLECT)
    upright = region_map((512, 512), mesh, face_labels(mesh[0], astronaut))
    expected = cv2.warpAffine(upright, turn, (512, 512), flags=cv2.INTER_NEAREST)
    regions = region_map((512, 512), finder.find(turned)[:1])
    named = expected > 0
    assert np.mean(regions[named] == expected[named]) > 0.93


def test_regions_without_a_mesh_are_those_with_one(mesh, astronaut):
    labels = face_labels(mesh[0], astronaut)
    regions = region_map((512, 512), mesh, labels)
    without = region_map((512, 512), label_map=labels)
    assert np.mean(without[regions > 0] == regions[regions > 0]) > 0.85


def test_every_face_has_regions_and_the_larger_one_hides_the_other(finder, astronaut):
    face = np.ascontiguousarray(astronaut[:256, 96:352])
    photo = np.full((512, 1024, 3), 128, np.uint8)
    photo[:256, :256] = face
    photo[100:484, 600:984] = cv2.resize(face, (384, 384))
    meshes = finder.find(photo)
    regions = region_map((512, 1024), meshes)
    assert region_at(regions, (215 - 96) // 2, 60) == "forehead"
    assert region_at(regions, (600 + (215 - 96) * 3 // 2) // 2, 100 + 90) == "forehead"
    assert_array_equal(
        region_map((512, 1024), [meshes[0], meshes[0]]), region_map((512, 1024), meshes[:1])
    )


def test_regions_of_a_label_map_lie_where_their_names_say(label_map):
    regions = region_map((1024, 1024), label_map=label_map)
    assert region_at(regions, 256, 150) == "forehead"
    assert region_at(regions, 256, 210) == "glabella"
    assert region_at(regions, 142, 240) == "crows_feet_left"
    assert region_at(regions, 370, 240) == "crows_feet_right"
    assert region_at(regions, 190, 262) == "under_eye_left"
    assert region_at(regions, 256, 290) == "nose"
    assert region_at(regions, 190, 340) == "nasolabial_left"
    assert region_at(regions, 322, 340) == "nasolabial_right"
    assert region_at(regions, 256, 450) == "chin"
    assert region_at(regions, 190, 238) is None  # an eye is not skin
    assert region_at(regions, 20, 20) is None


def test_the_regions_of_a_label_map_turn_with_the_face(label_map):
    turn = cv2.getRotationMatrix2D((255.5, 255.5), 15, 1)
    turned = cv2.warpAffine(label_map, turn, (512, 512), flags=cv2.INTER_NEAREST)
    expected = cv2.warpAffine(
        region_map((512, 512), label_map=label_map), turn, (512, 512), flags=cv2.INTER_NEAREST
    )
    assert np.mean(region_map((512, 512), label_map=turned) != expected) < 0.01


def test_a_squeezed_label_map_has_the_regions_of_the_image_s_shape(label_map):
    # The same face in the left half of a wide image: its label map is squeezed by two.
    wide = np.zeros((512, 512), np.uint8)
    wide[:, :256] = label_map[:, ::2]
    regions = region_map((512, 1024), label_map=wide)
    expected = region_map((512, 512), label_map=label_map)[:, ::2]
    assert np.mean(regions[:, :256] != expected) < 0.005


@pytest.mark.parametrize("lost", ["l_eye", "r_eye"])
def test_a_label_map_without_both_eyes_has_no_regions(lost, label_map):
    label_map[label_map == CLASSES.index(lost)] = CLASSES.index("eye_g")
    assert region_map((512, 512), label_map=label_map) is None


def test_eyes_alone_place_the_regions_of_a_label_map(label_map):
    expected = region_map((512, 512), label_map=label_map)
    label_map[np.isin(label_map, (10, 11))] = 1
    regions = region_map((512, 512), label_map=label_map)
    above = expected[:220] > 0
    assert np.mean(regions[:220][above] == expected[:220][above]) > 0.95
    assert region_at(regions, 256, 290) == "nose"


def test_without_a_mesh_and_a_label_map_there_are_no_regions():
    assert region_map((512, 512)) is None
