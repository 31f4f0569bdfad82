"""Tables of the files that results were made from."""

import hashlib
import os

import pytest

from ffhq_wrinkle.errors import OutputError
from ffhq_wrinkle.results.inputs import (
    INPUTS,
    InputRow,
    InputRows,
    InputTable,
    Reading,
    SizesAndTimes,
    sha256_of_inputs,
)
from ffhq_wrinkle.results.result_files import LocalFiles


def table(folder):
    opened = InputTable(folder, LocalFiles(folder, (), lock=".lock"), "build.json")
    opened.load()
    return opened


def journals(folder):
    return sorted(path.name for path in folder.glob(".build.json.inputs-*"))


def test_a_row_has_size_time_and_a_hash_of_the_contents(tmp_path):
    (tmp_path / "a").write_bytes(b"photo")
    (tmp_path / "b").write_bytes(b"labels")
    os.utime(tmp_path / "a", ns=(0, 5_000_000_123))
    os.utime(tmp_path / "b", ns=(0, 7))
    inputs = ((f"{tmp_path}/a",), (f"{tmp_path}/none", f"{tmp_path}/b"))
    digests = b"".join(hashlib.sha256(content).digest() for content in (b"photo", b"labels"))
    sha256 = hashlib.sha256(digests).hexdigest()[:32]
    assert Reading(inputs).row() == InputRow("5:5000000123 6:7", sha256)
    assert SizesAndTimes().of(inputs) == "5:5000000123 6:7"
    assert SizesAndTimes().of(((f"{tmp_path}/none",), (f"{tmp_path}/a",))) == "- 5:5000000123"


def test_a_file_that_changes_while_it_is_read_has_a_row_that_does_not_match_it(tmp_path):
    photo = tmp_path / "a"
    photo.write_bytes(b"one")
    reading = Reading([[str(photo)]])
    photo.write_bytes(b"another")
    row = reading.row()
    assert row.sha256 == ""
    present = InputRow(SizesAndTimes().of([[str(photo)]]), sha256_of_inputs([[str(photo)]]))
    assert not row.matches(present)


@pytest.mark.parametrize(
    ("row", "present", "same"),
    [
        (("3:1", "aa"), ("3:1", "aa"), True),
        (("3:1", "aa"), ("3:2", "aa"), True),  # touched
        (("3:1", "aa"), ("3:2", "bb"), False),
        (("3:1", ""), ("3:1", "aa"), True),
        (("3:1", ""), ("3:2", ""), False),
        (("3:1", ""), ("3:12", ""), False),
        (("3:1 4:1", "aa"), ("3:1 -", ""), True),  # the label map is gone
        (("3:1 4:1", "aa"), ("3:2 -", ""), False),
        (("3:1 -", ""), ("3:1 4:1", "aa"), False),
        (("3:1", ""), ("3:1 4:1", ""), False),
        (("", ""), ("3:1", "aa"), False),
    ],
)
def test_files_are_the_same_by_contents_or_by_sizes_and_times(row, present, same):
    assert InputRow(*row).matches(InputRow(*present)) is same


NAMES = ["00007", "a,b", 'say "x"', "two\r\nlines", "caf\udce9", "é"]


def test_a_table_keeps_rows_of_any_names(tmp_path):
    rows = InputRows()
    for number, name in enumerate(NAMES):
        rows.record(name, InputRow(f"{number}:1", "ab"))
    again = InputRows()
    again.read(rows.content())
    assert {name: again.row(name) for name in again} == {
        name: InputRow(f"{number}:1", "ab") for number, name in enumerate(NAMES)
    }


def test_rows_are_in_a_journal_at_once_and_in_the_table_once_saved(tmp_path):
    first = table(tmp_path)
    for name in NAMES:
        first.note(name, InputRow("1:1", "ab"))  # and then the process is killed
    assert len(journals(tmp_path)) == 1
    assert not (tmp_path / INPUTS).exists()
    second = table(tmp_path)
    assert set(second) == set(NAMES)
    second.save()
    assert journals(tmp_path) == []
    assert set(table(tmp_path)) == set(NAMES)


def test_half_a_row_does_not_count(tmp_path):
    (tmp_path / ".build.json.inputs-1").write_bytes(b"a,1:1,ab\r\nb,1:1,a")
    assert list(table(tmp_path)) == ["a"]


def test_the_later_row_counts_and_contradicting_journals_match_no_file(tmp_path):
    (tmp_path / INPUTS).write_bytes(b"image_id,sizes_and_times,sha256\r\na,1:1,aa\r\nb,1:1,aa\r\n")
    (tmp_path / ".build.json.inputs-1").write_bytes(b"a,2:2,bb\r\nb,2:2,bb\r\n")
    (tmp_path / ".build.json.inputs-2").write_bytes(b"b,3:3,cc\r\n")
    rows = table(tmp_path)
    assert rows.row("a") == ("2:2", "bb")
    for cells in (("1:1", "aa"), ("2:2", "bb"), ("3:3", "cc")):
        assert not rows.row("b").matches(InputRow(*cells))


@pytest.mark.parametrize("content", ["mine", "image_id,age\n7,30\n"])
def test_a_file_of_another_origin_is_refused(tmp_path, content):
    (tmp_path / INPUTS).write_text(content)
    with pytest.raises(OutputError, match=r"inputs\.csv is not a table of this command"):
        table(tmp_path)
    assert (tmp_path / INPUTS).read_text() == content


def test_an_empty_table_as_a_power_cut_leaves_it_has_no_rows(tmp_path):
    (tmp_path / INPUTS).write_bytes(b"")
    assert list(table(tmp_path)) == []


def test_a_pipe_in_place_of_a_photograph_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert sha256_of_inputs([[str(tmp_path / "pipe")]]) == ""
