"""Facial regions, and the table of how much of them is wrinkle."""

import csv
import io

import cv2
import numpy as np
import pytest

from ffhq_wrinkle.faces.labels import CLASSES
from ffhq_wrinkle.segmentation.prediction.regions import REGIONS, region_map
from ffhq_wrinkle.segmentation.prediction.wrinkle_table import (
    WrinkleRow,
    wrinkle_row,
    wrinkle_table,
)
from tests.helpers.faces import drawn_face

# The drawn face: eyes at columns 190 and 322, 132 apart, row 238; mouth around 380; no brows.
UNIT = 132


@pytest.fixture
def label_map():
    labels = drawn_face(512)[1]
    for column in (190, 322):
        cv2.ellipse(labels, (column, 205), (30, 6), 0, 0, 360, CLASSES.index("l_brow"), -1)
    return labels


def region_at(regions, column, row):
    number = regions[row, column]
    return REGIONS[number - 1] if number else None


def test_regions_lie_where_their_names_say(label_map):
    regions = region_map(label_map, (1024, 1024))
    assert region_at(regions, 256, 150) == "forehead"
    assert region_at(regions, 256, 195) == "forehead"
    assert region_at(regions, 256, 205) is None  # between the brows
    assert region_at(regions, 140, 240) == "crows_feet_left"
    assert region_at(regions, 372, 240) == "crows_feet_right"
    assert region_at(regions, 190, 340) == "nasolabial_left"
    assert region_at(regions, 322, 340) == "nasolabial_right"
    assert region_at(regions, 256, 450) is None  # chin
    assert region_at(regions, 190, 238) is None  # an eye is not skin
    assert region_at(regions, 20, 20) is None


def test_crow_s_feet_begin_at_the_outer_corner_and_have_the_stated_size(label_map):
    regions = region_map(label_map, (512, 512))
    where = np.argwhere(regions == REGIONS.index("crows_feet_right") + 1)
    corner = (322 + 28, 238)  # right end of the ellipse
    assert where[:, 1].min() == pytest.approx(corner[0], abs=2)
    assert where[:, 0].min() == pytest.approx(corner[1] - 0.3 * UNIT, abs=2)
    assert where[:, 0].max() == pytest.approx(corner[1] + 0.4 * UNIT, abs=2)


def test_left_and_right_mirror_each_other(label_map):
    regions = region_map(label_map, (512, 512))
    mirrored = region_map(np.ascontiguousarray(label_map[:, ::-1]), (512, 512))[:, ::-1]
    swap = np.array([0, 1, 3, 2, 5, 4])
    assert np.mean(swap[mirrored] != regions) < 0.002  # pixels on the edges


def test_regions_turn_with_the_face(label_map):
    turn = cv2.getRotationMatrix2D((255.5, 255.5), 15, 1)
    turned = cv2.warpAffine(label_map, turn, (512, 512), flags=cv2.INTER_NEAREST)
    expected = cv2.warpAffine(
        region_map(label_map, (512, 512)), turn, (512, 512), flags=cv2.INTER_NEAREST
    )
    assert np.mean(region_map(turned, (512, 512)) != expected) < 0.01


def test_a_squeezed_label_map_has_the_regions_of_the_image_s_shape(label_map):
    # The same face in the left half of a wide image: its label map is squeezed by two.
    wide = np.zeros((512, 512), np.uint8)
    wide[:, :256] = label_map[:, ::2]
    regions = region_map(wide, (512, 1024))
    expected = region_map(label_map, (512, 512))[:, ::2]
    assert np.mean(regions[:, :256] != expected) < 0.005


@pytest.mark.parametrize("lost", ["l_eye", "r_eye"])
def test_without_both_eyes_no_region_is_drawn(lost, label_map):
    label_map[label_map == CLASSES.index(lost)] = CLASSES.index("eye_g")
    assert region_map(label_map, (512, 512)) is None


def test_without_a_mouth_no_fold_is_drawn(label_map):
    label_map[label_map == CLASSES.index("mouth")] = 1
    assert set(np.unique(region_map(label_map, (512, 512)))) == {0, 1, 2, 3}


def test_the_row_counts_wrinkles_of_the_face_and_of_each_region(label_map):
    face = np.isin(label_map, (1, 10))
    regions = region_map(label_map, (512, 512))
    wrinkles = np.zeros((512, 512), bool)
    wrinkles[150, 200:260] = True  # the forehead
    wrinkles[5, :7] = True  # beside the face
    row = wrinkle_row(wrinkles, face, label_map, faces=2)
    assert row[:4] == (67, face.sum(), 60, 2)
    assert row.regions[0] == ((regions == 1).sum(), 60)
    assert [wrinkle_px for _, wrinkle_px in row.regions[1:]] == [0, 0, 0, 0]


def test_rows_come_back_from_their_text():
    rows = [
        WrinkleRow(5, 100, 4, 1, ((10, 1), (20, 2), (30, 3), (40, 4), (50, 0))),
        WrinkleRow(5, 100, 4, 3),
    ]
    assert [WrinkleRow.parse(str(row)) for row in rows] == rows
    assert WrinkleRow.parse(None) is WrinkleRow.parse("1 2") is WrinkleRow.parse("a b c d") is None


def test_the_table_has_counts_shares_and_blanks():
    rows = [
        ("00001", WrinkleRow(9, 100, 5, 1, ((10, 1), (0, 0), (30, 3), (40, 4), (50, 0)))),
        ("a,b", WrinkleRow(0, 0, 0, 2)),
    ]
    table = list(csv.DictReader(io.StringIO(wrinkle_table(rows).decode())))
    assert table[0]["name"] == "00001"
    assert float(table[0]["face_share"]) == 0.05
    assert float(table[0]["forehead_share"]) == 0.1
    assert table[0]["crows_feet_left_px"] == "0"
    assert table[0]["crows_feet_left_share"] == ""
    assert float(table[0]["nasolabial_left_share"]) == 0.1
    assert (table[1]["name"], table[1]["faces_in_photo"]) == ("a,b", "2")
    assert table[1]["face_share"] == table[1]["forehead_px"] == ""
