"""Estimates by real workers of Dask on this machine, one of which is killed, and interruptions."""

import pickle
import signal
import sys
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.demographics.race import LOCK, UNDER_WAY
from ffhq_wrinkle.demographics.race_model import RaceModel
from ffhq_wrinkle.demographics.race_table import RaceSheet, read_race_rows
from ffhq_wrinkle.errors import SourceError
from ffhq_wrinkle.faces.landmarks import COLUMNS
from tests.helpers.files import files_of
from tests.helpers.pictures import pixels
from tests.helpers.processes import LONGEST_WAIT_S, run, start, wait_for, workers_below
from tests.helpers.race_stand_in import write_stand_in

pytest.importorskip("distributed")

COUNT = 64


@pytest.fixture
def photos(tmp_path):
    """Noise in random colours, of which one is damaged and one is black."""
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(COUNT):
        image = random.integers(0, random.integers(20, 256, 3), (60, 50, 3)).astype(np.uint8)
        Image.fromarray(image * (number != 9)).save(folder / f"face {number:02}.png")
    (folder / "face 05.png").write_bytes(b"no image")
    return folder


def test_faces_are_aligned_by_workers_as_they_are_here(stand_in, photos, tmp_path):
    table = tmp_path / "landmarks.csv"
    rows = [f"face {number:02},20,20,30,20,21,32,29,32" for number in range(0, COUNT, 16)]
    table.write_text("\n".join([",".join(COLUMNS), *rows]))
    fixed = ["demographics", photos, "--race", "--align", "--landmarks", table]
    fixed += ["--keep-individual", "--out"]
    here, by_cluster = tmp_path / "here", tmp_path / "there"
    result = CliRunner().invoke(main, [*map(str, [*fixed, here])])
    process, said, stderr = run(*fixed, by_cluster, "--scheduler", "local:2")
    assert process.returncode == result.exit_code == 1, stderr
    assert f"{COUNT // 16} estimates written" in said
    assert files_of(by_cluster) == files_of(here)


def test_tables_of_a_cluster_are_those_of_one_machine(stand_in, photos, tmp_path):
    fixed = ["demographics", photos, "--race", "--batch-size", "5", "--keep-individual", "--out"]
    here, by_cluster = tmp_path / "here", tmp_path / "there"
    result = CliRunner().invoke(main, [*map(str, [*fixed, here])])
    process, said, stderr = run(*fixed, by_cluster, "--scheduler", "local:2")
    assert process.returncode == result.exit_code == 1, stderr
    assert f"{COUNT - 2} estimates written, 0 existed already, 2 failed" in said
    assert files_of(by_cluster) == files_of(here)
    assert {"race.csv", "demographics.csv", "failures.csv"} <= set(files_of(by_cluster))
    # By hand: the stand-in's "black" is the share of red in all three, over 1.5.
    for row in read_race_rows(by_cluster / "race.csv")[::9]:
        means = pixels(photos / f"{row.image_id}.png").reshape(-1, 3).mean(axis=0)
        # Resizing moves the mean of noise a little.
        assert row.probabilities[3] == pytest.approx(means[0] / (1.5 * means.sum()), abs=5e-3)


# A framing that leaves a file of each photo it is asked for, by process, and takes its time.
SLOW = """
import os, sys, time
from pathlib import Path
from ffhq_wrinkle.demographics.race import RaceView, estimate_race, settle
from ffhq_wrinkle.errors import RunInterrupted

if __name__ == "__main__":
    photos, out, seen = map(Path, sys.argv[1:4])

    def slow(photo, image_id):
        time.sleep(0.15)
        (seen / f"{image_id} {os.getpid()}").touch()
        return photo

    try:
        _, report = estimate_race(
            photos, out, view=RaceView("slow", slow), scheduler=(sys.argv[4:] or [None])[0]
        )
        settle(out, keep=True)
        print(report.summary())
    except RunInterrupted as interruption:
        print(interruption.summary)
"""


@pytest.fixture
def begin(stand_in, photos, tmp_path):
    """Begin a run into a folder, by two workers if not by this process."""
    (tmp_path / "slow.py").write_text(SLOW)

    def begun(name, *scheduler):
        seen = tmp_path / f"seen {name}"
        seen.mkdir(exist_ok=True)
        script = (sys.executable, tmp_path / "slow.py")
        return start(photos, tmp_path / name, seen, *scheduler, command=script)

    return begun


def seen(folder):
    """Photos that were looked at, and by which processes."""
    return [path.name.rsplit(" ", 1) for path in folder.glob("*")]


def test_a_worker_killed_in_the_middle_costs_a_retry_and_not_the_run(begin, tmp_path):
    alone = begin("alone")
    process = begin("out", "local:2")
    wait_for(lambda: len(seen(tmp_path / "seen out")) >= 14, process)
    killed = workers_below(process.pid)[0]
    killed.kill()
    said, stderr = process.communicate(timeout=LONGEST_WAIT_S)
    alone.communicate(timeout=LONGEST_WAIT_S)
    assert process.returncode == 0, stderr
    assert said.startswith(f"{COUNT - 2} estimates written, 0 existed already, 2 failed"), stderr
    ids = [image_id for image_id, _ in seen(tmp_path / "seen out")]
    assert len(set(ids)) == COUNT - 1  # all but the damaged one were looked at
    assert len({pid for _, pid in seen(tmp_path / "seen out")}) >= 3  # one took its place
    assert files_of(tmp_path / "out") == files_of(tmp_path / "alone")


def test_ctrl_c_keeps_finished_estimates_and_the_next_run_does_the_rest(begin, tmp_path):
    process = begin("out", "local:2")
    wait_for(lambda: len(seen(tmp_path / "seen out")) >= 14, process)
    process.send_signal(signal.SIGINT)
    said, stderr = process.communicate(timeout=60)
    done = len(read_race_rows(tmp_path / "out" / UNDER_WAY))
    assert 4 <= done < COUNT - 2
    assert said.startswith(f"{done} estimates written"), stderr
    kept = {row.image_id for row in read_race_rows(tmp_path / "out" / UNDER_WAY)}
    process = begin("out", "local:2")
    said, stderr = process.communicate(timeout=90)
    assert said.startswith(f"{COUNT - 2 - done} estimates written, {done} existed already")
    looks = Counter(image_id for image_id, _ in seen(tmp_path / "seen out"))
    assert {looks[image_id] for image_id in kept} == {1}
    rows = read_race_rows(tmp_path / "out" / "race.csv")
    assert len(rows) == COUNT - 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "race.csv", ".race.csv.inputs", "failures.csv", LOCK,
    }  # fmt: skip


def test_a_copy_has_no_estimates_of_the_run_and_reports_its_own_once(tmp_path):
    from ffhq_wrinkle.dataset.layout import ImageFile
    from ffhq_wrinkle.demographics.race_table import Provenance, RaceTable

    table = RaceTable(tmp_path / "t.csv", Provenance("0", 64 * "a", "whole image"))
    sixth = np.array([0.5, 0.5, 0, 0, 0, 0])
    table.add(ImageFile("1", "1.png"), sixth)
    content = pickle.dumps(table)
    assert b"00001" not in content
    copy = pickle.loads(content)
    assert isinstance(copy, RaceSheet)
    copy.add(ImageFile("2", "2.png"), sixth)
    for _ in range(2):  # a shard told twice is in the table once
        table.take([("2", (0.5, 0.5, 0.0, 0.0, 0.0, 0.0), None)])
    assert copy.handed_over() == [("2", (0.5, 0.5, 0.0, 0.0, 0.0, 0.0), None)]
    assert copy.handed_over() == []
    assert [row.image_id for row in table.rows()] == ["00001", "00002"]
    assert not (tmp_path / "t.csv").exists()


def test_a_worker_with_another_model_is_refused(stand_in, monkeypatch):
    content = pickle.dumps(RaceModel())
    assert isinstance(pickle.loads(content), RaceModel)
    write_stand_in(stand_in.parents[2], batch=1)
    with pytest.raises(
        SourceError, match=r"but the run started with 0\.0\.103 and .* all workers need the same"
    ):
        pickle.loads(content)
    stand_in.unlink()
    with pytest.raises(SourceError, match=r"is missing on .* set DEEPFACE_HOME to a folder"):
        pickle.loads(content)
    assert not stand_in.exists()
    write_stand_in(stand_in.parents[2])
    monkeypatch.setattr("deepface.__version__", "9.9")
    with pytest.raises(SourceError, match=r"has DeepFace 9\.9 with"):
        pickle.loads(content)


def test_a_scheduler_without_race_is_wrong_usage(photos, tmp_path):
    options = ["--scheduler", "local:2", "--race-labels", __file__]
    result = CliRunner().invoke(main, ["demographics", str(photos), *options])
    assert result.exit_code == 2
    assert result.output == "Error: --scheduler requires --race; nothing else is distributed\n"
