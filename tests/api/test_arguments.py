"""Plain values turned into those of the library."""

from pathlib import Path

import numpy as np
import pytest

from ffhq_wrinkle.api.arguments import as_ids, as_path, as_place, masks_by_id
from ffhq_wrinkle.dataset.ids import official_test_ids, parse_ids
from ffhq_wrinkle.errors import ArgumentError


@pytest.mark.parametrize("convert", [as_place, as_path])
def test_text_becomes_a_path_and_a_path_stays_one(convert):
    assert convert("faces/new") == Path("faces/new")
    assert convert(Path("faces")) == Path("faces")
    assert convert("file:///data/faces") == Path("/data/faces")
    assert convert(None) is None


def test_an_address_is_a_place_but_no_path():
    pytest.importorskip("upath")
    pytest.importorskip("s3fs")
    place = as_place("s3://bucket/faces")
    assert str(place) == "s3://bucket/faces"
    for value in (place, "s3://bucket/faces"):
        with pytest.raises(ArgumentError, match=r"^s3://bucket/faces is an address; this must be"):
            as_path(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", ["00007"]),
        ("0-2,portrait", ["00000", "00001", "00002", "portrait"]),
        (["0-1", "9"], ["00000", "00001", "00009"]),
        ({"3"}, ["00003"]),
        ((str(number) for number in (5, 4)), ["00004", "00005"]),
        (parse_ids("8"), ["00008"]),
        ([], []),
    ],
)
def test_ids_are_text_or_any_collection(value, expected):
    assert list(as_ids(value)) == expected


def test_the_word_test_means_the_official_ids_and_none_means_all():
    assert sorted(as_ids("test")) == sorted(official_test_ids())
    assert sorted(as_ids(["test", "0"])) == sorted({*official_test_ids(), "00000"})
    assert as_ids(None) is None
    with pytest.raises(ArgumentError, match="ids"):
        as_ids(["../1"])


def test_masks_without_ids_are_numbered():
    first, second = np.zeros((2, 3), bool), np.ones((2, 3), bool)
    assert list(masks_by_id([first, second])) == ["00000", "00001"]
    assert masks_by_id((first, second))["00001"] is second
    assert masks_by_id({"b": first, "a": second}) == {"b": first, "a": second}


@pytest.mark.parametrize("single", [np.zeros((2, 3), bool), [np.zeros((2, 3, 1), bool)]])
def test_one_mask_is_not_taken_for_as_many_as_it_has_rows(single):
    with pytest.raises(ArgumentError, match=r"mask of 00000 has shape .* each \(H, W\)$"):
        masks_by_id(single)
