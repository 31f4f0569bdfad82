"""`publish` as a user calls it."""

import json

import pytest

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.publishing.catalogue import TARGETS
from tests.helpers.commands import run
from tests.helpers.publishing import drawn, odd_data

pytest.importorskip("pyarrow")


def test_a_data_set_is_published_and_the_command_says_so(tmp_path):
    data, out = odd_data(tmp_path / "data"), tmp_path / "out"
    result = run("publish", data, out, "--as", "huggingface")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"5 images for Hugging Face published in {out}\n"
    result = run("publish", data, out, "--as", "huggingface")
    assert result.stdout == f"{out} already holds 5 images for Hugging Face; nothing has changed\n"


def test_several_annotators_follow_one_option(tmp_path, annotate):
    data, out = odd_data(tmp_path / "data"), tmp_path / "out"
    folders = annotate({name: {"00007": drawn(1)} for name in ("A", "ben", "C")})
    result = run(
        "publish", data, out, "--annotators", folders[0], f"two={folders[1]}", folders[2],
        "--as", "huggingface",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    counts = json.loads((out / "publish.json").read_text())["counts"]["train"]
    assert [name for name in counts if name.startswith("mask_")] == ["mask_A", "mask_two", "mask_C"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as", "huggingface", "--annotators"], "requires an argument"),
        (["--as", "huggingface", "--annotators", "nowhere"], "there is no folder nowhere"),
        (["--as", "parquet"], "Invalid value for '--as': 'parquet' is not"),
        ([], "Missing option '--as'"),
        (["--as", "huggingface", "--title", " "], "the title is empty"),
        (["--as", "huggingface", "--ids", "99999"], "1 id has no mask"),
        (["--as", "huggingface", "--with-images"], "does not say under which licence"),
    ],
)
def test_wrong_arguments_are_exit_status_2_and_one_message(tmp_path, arguments, message):
    result = run("publish", odd_data(tmp_path / "data"), tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_data_set_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    result = run("publish", tmp_path / "data", tmp_path / "out", "--as", "huggingface")
    assert result.exit_code == 2
    assert "is not training data" in result.stderr


def test_the_targets_are_those_of_the_library():
    options = {option.name: option for option in main.commands["publish"].params}
    assert tuple(options["target"].type.choices) == tuple(TARGETS)
