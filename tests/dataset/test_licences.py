"""Licences: what FFHQ's metadata says of each photograph."""

import pytest

from ffhq_wrinkle.dataset.licences import ids_under, licence_of, parse_licences, read_attribution
from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.publishing import write_attribution

_CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("Attribution License", f"{_CC}/licenses/by/2.0/", "cc-by"),
        ("Attribution-NonCommercial License", f"{_CC}/licenses/by-nc/2.0/", "cc-by-nc"),
        ("Public Domain Dedication (CC0)", f"{_CC}/publicdomain/zero/1.0/", "cc0"),
        ("Public Domain Mark", f"{_CC}/publicdomain/mark/1.0/", "pd"),
        ("United States Government Work", "http://www.usa.gov/copyright.shtml", "us-gov"),
        ("", f"{_CC}/licenses/by-nc-sa/2.0/", "cc-by-nc-sa"),
        ("", f"{_CC}/licenses/by-nd/2.0/", "cc-by-nd"),
        ("Attribution License", "", "cc-by"),
        # The address counts.
        ("Attribution License", f"{_CC}/licenses/by-nc-nd/2.0/", "cc-by-nc-nd"),
        ("Attribution License", "https://example.org/mine", None),
        ("All Rights Reserved", "", None),
        ("", "", None),
    ],
)
def test_licences_are_recognised(name, address, expected):
    licence = licence_of(name, address)
    assert (licence.name if licence else None) == expected


def test_names_of_licences_are_parsed():
    assert parse_licences("cc0, CC-BY") == {"cc0", "cc-by"}
    with pytest.raises(ArgumentError, match="licence 'mit' is not one of cc0, pd, us-gov, cc-by"):
        parse_licences("cc0,mit")


def test_ids_under_a_licence(tmp_path):
    write_attribution(tmp_path, {"00001": "cc0", "00002": "cc-by-nc", "00003": "cc-by"})
    assert ids_under(tmp_path, {"cc0", "cc-by"}) == {"00001", "00003"}
    with pytest.raises(ArgumentError, match=r"none of the photographs .* is under us-gov"):
        ids_under(tmp_path, {"us-gov"})


def test_without_the_table_an_error_says_where_it_comes_from(tmp_path):
    assert read_attribution(tmp_path) == {}
    with pytest.raises(ArgumentError, match="download metadata"):
        ids_under(tmp_path, {"cc0"})


def test_a_table_without_a_column_is_refused(tmp_path):
    (tmp_path / "attribution.csv").write_text("image_id,author\n00001,a\n")
    with pytest.raises(ArgumentError, match=r"attribution\.csv:1: there is no column license"):
        read_attribution(tmp_path)
