from importlib import resources

import pytest

from ffhq_wrinkle.dataset.ids import (
    merge_ids,
    official_test_ids,
    parse_ids,
    parse_ids_or_test,
    read_ids,
)
from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.odd_names import NOT_TEXT


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("0-2,60000", ["00000", "00001", "00002", "60000"]),
        (" 7 , 3-4 ", ["00003", "00004", "00007"]),
        ("1,1,0-1", ["00000", "00001"]),
        ("0000102-0000103", ["0000102", "0000103"]),
        ("portrait_01,pif-2", ["pif-2", "portrait_01"]),
        ("99999-100000", ["100000", "99999"]),
    ],
)
def test_ids_are_read_as_text_of_five_digits(text, ids):
    assert list(parse_ids(text)) == ids


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,,2",
        "9-3",
        "0-99999999999",
        "../secret",
        "a//b",
        "a/../b",
        "a/.b",
        "a/",
        "..",
        ".hidden",
        "a\\b",
        "/etc/passwd",
    ],
)
def test_a_text_that_is_not_an_id_is_refused(text):
    with pytest.raises(ArgumentError, match="--ids"):
        parse_ids(text)


def test_an_id_list_has_comments_ranges_and_blank_lines(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("\ufeff00001\n\n# the second part\n 5-6  # two\n9,11,\r\n")
    assert list(read_ids(path)) == ["00001", "00005", "00006", "00009", "00011"]


def test_a_wrong_line_of_an_id_list_is_named(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("00001\n../../etc/passwd\n")
    with pytest.raises(ArgumentError, match=r"ids.txt:2: '../../etc/passwd' is not an image id"):
        read_ids(path)


def test_unreadable_and_empty_id_lists_are_errors(tmp_path):
    path = tmp_path / "ids.txt"
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_ids(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_ids(path)
    path.write_text("# nothing\n")
    with pytest.raises(ArgumentError, match="contains no image id"):
        read_ids(path)


def test_merged_ids_are_those_of_all_parts():
    assert list(merge_ids([parse_ids("1-2"), parse_ids("2,a")])) == ["00001", "00002", "a"]


def test_the_official_test_ids_ship():
    table = resources.files("ffhq_wrinkle.manifests") / "test_ids.txt"
    with resources.as_file(table) as path:
        ids = list(read_ids(path))
    assert len(ids) == 100
    assert all(len(image_id) == 5 and int(image_id) <= 21035 for image_id in ids)


def test_the_word_test_stands_for_the_official_test_ids():
    official = list(official_test_ids())
    assert len(official) == 100
    assert {"01044", "03140"} <= set(official)
    assert list(parse_ids_or_test("test")) == official
    assert list(parse_ids_or_test("7, test,8-9")) == sorted([*official, "00007", "00008", "00009"])
    assert list(parse_ids_or_test("7")) == ["00007"]
    with pytest.raises(ArgumentError, match="'' is not an image id"):
        parse_ids_or_test("")


def test_an_id_list_may_have_names_that_are_not_text(tmp_path):
    (tmp_path / "ids.txt").write_bytes(b"caf\xe9\n\xff\xfe, 7\n")
    assert set(read_ids(tmp_path / "ids.txt")) == {*NOT_TEXT, "00007"}
