import os
import subprocess
import sys

import pytest

from ffhq_wrinkle.errors import OutputError
from ffhq_wrinkle.storage.writing import (
    sha256_of,
    text_bytes,
    text_of,
    valid_text,
    write_bytes,
)
from tests.helpers.odd_names import ESCAPED, NOT_TEXT


def test_writing_replaces_a_file_and_leaves_no_other_file(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


LIMITED_WRITE = """
import resource, signal, sys
from pathlib import Path
from ffhq_wrinkle.errors import OutputError
from ffhq_wrinkle.storage.writing import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes(Path(sys.argv[1]), b"x" * 5000)
except OutputError as error:
    print(error)
"""


def test_when_a_file_cannot_be_written_whole_the_old_one_stays(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    said = subprocess.check_output(
        [sys.executable, "-c", LIMITED_WRITE, str(tmp_path / "a")], text=True
    )
    assert said.startswith(f"{tmp_path / 'a'}: File too large")
    assert "make room" in said
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="nowhere/a: No such file or directory"):
        write_bytes(tmp_path / "nowhere" / "a", b"x")


def test_sha256_of_the_standard_example(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # FIPS 180-2, B.1
    assert sha256_of(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_names_that_are_not_text_keep_their_bytes_in_files_and_are_escaped_elsewhere():
    assert text_bytes(f"x {NOT_TEXT[0]} ü") == b"x caf\xe9 \xc3\xbc"
    assert text_of(b"\xef\xbb\xbfx caf\xe9 \xc3\xbc") == f"x {NOT_TEXT[0]} ü"
    assert tuple(map(valid_text, NOT_TEXT)) == ESCAPED
    assert valid_text("ü\n") == "ü\n"


@pytest.mark.parametrize("content", ["1,2\n".encode("utf-16"), b"\x89PNG\0"])
def test_what_has_a_nul_is_not_text(content):
    with pytest.raises(ValueError, match="not text in UTF-8"):
        text_of(content)
