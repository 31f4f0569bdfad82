"""Estimates of photographs that have been replaced under the same names."""

import logging
import os

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.demographics.groups import RACES
from ffhq_wrinkle.demographics.race import UNDER_WAY, estimate_race, settle
from ffhq_wrinkle.demographics.race_table import read_race_rows

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
LIKELIEST = {RED: "black", GREEN: "indian", BLUE: "asian"}  # as the stand-in says


def write_photo(folder, number, colour):
    Image.fromarray(np.full((64, 64, 3), colour, np.uint8)).save(folder / f"{number:05d}.png")


@pytest.fixture
def photos(tmp_path):
    """Twelve red images."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        write_photo(folder, number, RED)
    return folder


def likeliest(rows):
    return {row.image_id: RACES[int(np.argmax(row.probabilities))] for row in rows}


def test_a_replaced_photograph_is_estimated_again(stand_in, photos, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    out = tmp_path / "out"
    for colour, made in ((RED, 12), (GREEN, 1), (GREEN, 0), (BLUE, 1)):
        write_photo(photos, 3, colour)
        os.utime(photos / "00004.png")  # touched
        table, report = estimate_race(photos, out, keep=True)
        assert (report.made, report.kept) == (made, 12 - made)
        assert likeliest(table.rows()) == {
            f"{number:05d}": LIKELIEST[colour if number == 3 else RED] for number in range(12)
        }
        settle(out, keep=True)
    assert likeliest(read_race_rows(out / "race.csv"))["00003"] == "asian"
    assert "such as 00003; their estimates are made again" in caplog.text


def test_a_photograph_replaced_after_an_interruption_is_estimated_again(stand_in, photos, tmp_path):
    out = tmp_path / "out"
    estimate_race(photos, out)  # and nothing settles it
    write_photo(photos, 5, GREEN)
    table, report = estimate_race(photos, out)
    assert (report.made, report.kept) == (1, 11)
    assert likeliest(table.rows())["00005"] == "indian"


def test_a_table_that_is_left_in_place_keeps_the_files_that_it_was_made_from(
    stand_in, photos, tmp_path
):
    out = tmp_path / "out"
    estimate_race(photos, out, keep=True)
    settle(out, keep=True)
    write_photo(photos, 5, GREEN)
    estimate_race(photos, out)
    settle(out, keep=False)  # race.csv has the estimate of the first photograph
    table, report = estimate_race(photos, out)
    assert report.made == 1
    assert likeliest(table.rows())["00005"] == "indian"


def test_nothing_of_single_photographs_is_left_without_a_table(stand_in, photos, tmp_path):
    out = tmp_path / "out"
    estimate_race(photos, out)
    assert (out / UNDER_WAY).exists()
    settle(out, keep=False)
    assert [path.name for path in out.iterdir() if path.suffix != ".lock"] == []
