import os

import pytest

from ffhq_wrinkle.errors import OutputError
from ffhq_wrinkle.results.failures import Failure, read_failures, update_failures


def lines(folder):
    return (folder / "failures.csv").read_text().splitlines()


def test_failures_are_a_table_sorted_by_path(tmp_path):
    rows = [Failure("b.png", "read", "cut, short"), Failure("a.png", "parse", "no face")]
    update_failures(tmp_path, rows, about=None)
    assert lines(tmp_path) == [
        "path,step,reason",
        "a.png,parse,no face",
        'b.png,read,"cut, short"',
    ]
    assert read_failures(tmp_path) == sorted(rows)


def test_failures_of_images_that_a_run_was_not_about_stay(tmp_path):
    rows = [Failure("00000/00001.png", "read", "x"), Failure("00000/00002.png", "read", "y")]
    update_failures(tmp_path, rows, about=None)
    update_failures(
        tmp_path,
        [Failure("c.jpg", "read", "z")],
        about=lambda path: path in ("00000/00002.png", "c.jpg"),
    )
    assert lines(tmp_path)[1:] == ["00000/00001.png,read,x", "c.jpg,read,z"]
    update_failures(tmp_path, [], about=None)
    assert not (tmp_path / "failures.csv").exists()


def test_names_that_are_not_text_survive_in_the_table(tmp_path):
    name = os.fsdecode(b"caf\xe9\n.png")
    update_failures(tmp_path, [Failure(name, "read", "x")], about=None)
    update_failures(tmp_path, [], about=lambda path: path == "other.png")
    assert read_failures(tmp_path) == [Failure(name, "read", "x")]
    assert b"caf\xe9" in (tmp_path / "failures.csv").read_bytes()


def test_a_missing_table_means_no_failures(tmp_path):
    assert read_failures(tmp_path) == []


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "failures.csv").mkdir()
    with pytest.raises(OutputError, match=r"failures.csv cannot be read"):
        update_failures(tmp_path, [], about=lambda _: False)
