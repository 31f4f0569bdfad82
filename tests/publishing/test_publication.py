"""Publication: a folder is absent, old or whole, whenever a run is killed."""

import json
import os
import signal

import numpy as np
import pytest

from ffhq_wrinkle.errors import OutputError
from tests.helpers.files import files_of
from tests.helpers.processes import run_after
from tests.helpers.publishing import drawn, odd_data, published, write_png

pytest.importorskip("pyarrow")

KILLED_AT_STEP = """
import os, signal
from ffhq_wrinkle.publishing.publication import Publication
noted = Publication.note
def note(self, step, facts):
    if step == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    noted(self, step, facts)
Publication.note = note
"""
KILLED_AT_RENAME = """
import os, signal
from pathlib import Path
from ffhq_wrinkle.publishing import publication
renamed = Path.replace
def replace(self, target):
    if self.name.endswith(".publishing"):
        os.kill(os.getpid(), signal.SIGKILL)
    return renamed(self, target)
Path.replace = replace
"""


def killed(code, data, out, *options):
    result = run_after(code, "publish", data, out, "--as", "huggingface", *options)
    assert result.returncode == -signal.SIGKILL, result.stderr


def test_a_killed_run_leaves_nothing_and_the_next_one_ends_with_the_same_bytes(tmp_path):
    data = odd_data(tmp_path / "data")
    straight = published(data, tmp_path / "straight", "huggingface")
    out = tmp_path / "out"
    killed(KILLED_AT_STEP, data, out)
    assert not out.exists()
    steps = sorted((tmp_path / ".out.publishing/.steps").iterdir())
    assert len(steps) == 2
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / ".out.publishing").rglob("t*")}
    published(data, out, "huggingface")
    assert files_of(out) == files_of(straight)
    kept = out / "data/train-00000-of-00001.parquet"
    first = tmp_path / ".out.publishing/data/train-00000-of-00001.parquet"
    assert kept.stat().st_mtime_ns == made[first]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out", "straight"]


def test_a_run_killed_before_the_folder_has_its_name_is_only_renamed(tmp_path):
    data = odd_data(tmp_path / "data")
    out = tmp_path / "out"
    killed(KILLED_AT_RENAME, data, out)
    assert not out.exists()
    waiting = files_of(tmp_path / ".out.publishing")
    published(data, out, "huggingface")
    assert files_of(out) == waiting


def test_an_older_folder_stays_until_the_new_one_is_whole(tmp_path):
    data = odd_data(tmp_path / "data")
    out = published(data, tmp_path / "out", "huggingface")
    old = files_of(out)
    killed(KILLED_AT_STEP, data, out, "--title", "New", "--overwrite")
    assert files_of(out) == old
    published(data, out, "huggingface", title="New", overwrite=True)
    assert json.loads((out / "publish.json").read_text())["title"] == "New"


def test_an_older_folder_comes_back_if_its_replacement_is_given_up(tmp_path):
    data = odd_data(tmp_path / "data")
    out = published(data, tmp_path / "out", "huggingface")
    old = files_of(out)
    killed(KILLED_AT_RENAME, data, out, "--title", "New", "--overwrite")
    assert not out.exists()
    published(data, out, "huggingface")  # what it was published with
    assert files_of(out) == old


def test_the_same_command_again_changes_nothing(tmp_path):
    data = odd_data(tmp_path / "data")
    out = published(data, tmp_path / "out", "huggingface")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    published(data, out, "huggingface")
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_other_settings_need_overwrite(tmp_path):
    data = odd_data(tmp_path / "data")
    out = published(data, tmp_path / "out", "huggingface")
    with pytest.raises(OutputError, match=r"published with different settings.*--overwrite"):
        published(data, out, "huggingface", title="New")


def test_files_that_changed_since_are_published_again_only_with_overwrite(tmp_path):
    data = odd_data(tmp_path / "data")
    out = published(data, tmp_path / "out", "huggingface")
    mask = tmp_path / "data/masks/0.png"
    write_png(mask, drawn(6) * np.uint8(255))
    with pytest.raises(OutputError, match="from different files"):
        published(data, out, "huggingface")


def test_a_run_that_was_killed_starts_again_after_a_file_was_replaced(tmp_path):
    data = odd_data(tmp_path / "data")
    out = tmp_path / "out"
    killed(KILLED_AT_STEP, data, out)
    os.utime(tmp_path / "data/masks/0.png", ns=(1, 1))
    published(data, out, "huggingface")
    assert files_of(out / "data") == files_of(
        published(data, tmp_path / "straight", "huggingface") / "data"
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_files_of_others_is_never_replaced(tmp_path, overwrite):
    data = odd_data(tmp_path / "data")
    out = published(data, tmp_path / "out", "huggingface")
    (out / ".git").mkdir()
    with pytest.raises(OutputError, match=r"holds other files, such as \.git"):
        published(data, out, "huggingface", title="New", overwrite=overwrite)


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "huggingface")
    assert (out / "publish.json").is_file()


def test_images_that_cannot_be_read_are_named_and_nothing_is_published(tmp_path):
    data = odd_data(tmp_path / "data")
    (tmp_path / "data/masks/0.png").write_bytes(b"no picture")
    (tmp_path / "data/masks/3.png").write_bytes(b"")
    with pytest.raises(OutputError, match=r"2 images cannot be.*masks/0\.png.*masks/3\.png"):
        published(data, tmp_path / "out", "huggingface")
    assert not (tmp_path / "out").exists()
