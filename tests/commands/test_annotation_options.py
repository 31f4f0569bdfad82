"""Options that `fuse-labels` and `agreement` share: folders of annotators, and ids."""

import os

import pytest

from tests.helpers.commands import run
from tests.helpers.files import files_of
from tests.helpers.spoilt_masks import broken, gray, of_another_size


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(broken, "not an image"), (of_another_size, "is 3x3, but"), (gray, "(2000 in all)")],
)
def test_a_bad_file_is_named_in_one_line(annotators, tmp_path, spoil, said):
    spoil(annotators[1])
    result = run("agreement", *annotators, "--out", tmp_path / "report")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert f"{annotators[1]}/00002.png" in result.stderr
    assert said in result.stderr
    assert not (tmp_path / "report").exists()
    result = run("fuse-labels", *annotators, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert f"{annotators[1]}/00002.png" in result.stdout
    assert said in result.stdout
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


@pytest.mark.parametrize("command", ["fuse-labels", "agreement"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda annotators: [annotators[0], "nowhere"], "there is no folder nowhere"),
        (lambda annotators: annotators[:1], "1 annotator given"),
        (lambda annotators: [annotators[0], annotators[0]], "are the same folder"),
        (lambda annotators: [annotators[0], f"B={annotators[0]}"], "are the same folder"),
        (lambda annotators: [f"A={annotators[0]}", f"A={annotators[1]}"], "are both called A"),
        (lambda annotators: [*annotators, "--ids", "77"], "none of the 1 requested id"),
        (lambda annotators: [*annotators, "--ids", "../1"], "not an image id"),
    ],
)
def test_wrong_values_are_reported_in_one_line_and_write_nothing(
    annotators, tmp_path, monkeypatch, command, spoil, said
):
    monkeypatch.chdir(tmp_path)
    before = files_of(tmp_path)
    result = run(command, *spoil(annotators), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert result.output.count("\n") == 1
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("command", ["fuse-labels", "agreement"])
def test_images_that_somebody_lacks_stop_it_before_anything_is_written(
    annotators, tmp_path, command
):
    (annotators[1] / "00002.png").unlink()
    result = run(command, *annotators, "--out", tmp_path / "out")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "00002 (B)" in result.output
    assert "--missing skip" in result.output
    assert not (tmp_path / "out").exists()
    assert run(command, *annotators, "--out", tmp_path / "out", "--missing", "skip").exit_code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_reported_in_one_line(annotators, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    for command in ("fuse-labels", "agreement"):
        result = run(command, *annotators, "--out", tmp_path / "locked" / "out")
        assert (result.exit_code, result.output.count("\n")) == (1, 1)
