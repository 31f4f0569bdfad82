"""The table of how much of each face and of its regions is wrinkle."""

import csv
import io

import numpy as np

from ffhq_wrinkle.faces.regions import region_map
from ffhq_wrinkle.segmentation.prediction.wrinkle_table import (
    WrinkleRow,
    wrinkle_row,
    wrinkle_table,
)
from tests.helpers.faces import drawn_face


def test_the_row_counts_wrinkles_of_the_face_and_of_each_region():
    label_map = drawn_face(512)[1]
    face = np.isin(label_map, (1, 10))
    regions = region_map((512, 512), label_map=label_map)
    wrinkles = np.zeros((512, 512), bool)
    wrinkles[150, 200:260] = True  # the forehead
    wrinkles[5, :7] = True  # beside the face
    row = wrinkle_row(wrinkles, face, regions, faces=2)
    assert row[:4] == (67, face.sum(), 60, 2)
    assert row.regions[0] == ((regions == 1).sum(), 60)
    assert [wrinkle_px for _, wrinkle_px in row.regions[1:]] == [0] * 14


def test_rows_come_back_from_their_text():
    rows = [
        WrinkleRow(5, 100, 4, 1, tuple((10 * number, number) for number in range(15))),
        WrinkleRow(5, 100, 4, 3),
    ]
    assert [WrinkleRow.parse(str(row)) for row in rows] == rows
    assert WrinkleRow.parse(None) is WrinkleRow.parse("1 2") is WrinkleRow.parse("a b c d") is None


def test_the_table_has_counts_shares_and_blanks():
    rows = [
        ("00001", WrinkleRow(9, 100, 5, 1, ((10, 1), (20, 2), (0, 0), *[(40, 4)] * 12))),
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
