"""Tables that fit the width of a terminal."""

import re

import pytest

from ffhq_wrinkle.reports.tabulation import Section, wrapped

WIDE = Section(
    "Figures of all",
    ["px", "", "Jaccard,\nmean over images", "Jaccard,\npooled", "recall", "undefined"],
    [
        ["1", "anna & ben", "0.2925 [0.2801, 0.3049]", "0.3 [0.2, 0.4]", "0.5", "Jaccard in 1"],
        ["2", "ben & chris", "0.1925 [0.1801, 0.2049]", "0.2 [0.1, 0.3]", "0.6", "-"],
    ],
    labels=2,
)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_of_a_table_is_wider_than_the_terminal(width):
    text = WIDE.text(width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    for cell in ("0.5", "0.6", "Jaccard in 1", "0.2925 [0.2801, 0.3049]", "0.2 [0.1, 0.3]"):
        assert cell in words, text


def test_each_part_of_a_wide_table_says_what_its_rows_are_about():
    text = WIDE.text(60)
    assert text.splitlines()[0] == "Figures of all"
    assert len(re.findall(r"^ *1 +anna & ben +", text, re.MULTILINE)) == 2
    assert len(re.findall(r"^ *2 +ben & chris +", text, re.MULTILINE)) == 2


def test_a_table_that_fits_is_printed_as_without_a_width():
    assert WIDE.text(1000) == WIDE.text()
    assert "\n\n" not in WIDE.text().split("\n\n", 1)[1]


def test_cells_too_long_for_any_terminal_are_wrapped():
    section = Section("Why", ["run", "why"], [["/data/" + 70 * "x", 12 * "another size "]])
    text = section.text(50)
    assert max(map(len, text.splitlines())) <= 50
    assert text.count("x") == 70
    assert text.count("another") == 12


def test_paragraphs_are_wrapped_one_by_one_and_paths_stay_whole():
    path = "/a" * 30
    assert wrapped(f"one two three\n{path} four", 9).splitlines() == [
        "one two",
        "three",
        path,
        "four",
    ]
