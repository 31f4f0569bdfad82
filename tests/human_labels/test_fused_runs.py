"""`fuse-labels` and `agreement` as real processes: killed, interrupted, out of room, watched."""

import os
import signal
import subprocess

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.helpers.faces import drawn_lines
from tests.helpers.files import files_of
from tests.helpers.processes import file_limit, kill, run_after, start, wait_for


def begin(command, folders, out, *options):
    return start(command, *folders, "--out", out, "--jobs", 2, *options)


def masks(out):
    return list(out.glob("0*.png"))


@pytest.fixture
def many(annotate):
    """Masks of 400x400 by three annotators, of as many images as asked for, ten different ones."""

    def make(count, under="annotators"):
        drawn = {
            name: {f"{image:05d}": drawn_lines((400, 400), [image, seed]) for image in range(10)}
            for seed, name in enumerate("ABC")
        }
        folders = annotate(drawn, under)
        for folder in folders:
            for number in range(10, count):
                os.link(folder / f"{number % 10:05d}.png", folder / f"{number:05d}.png")
        return folders

    return make


@pytest.mark.parametrize("method", ["majority", "weighted"])
def test_a_run_killed_at_any_moment_and_started_again_has_the_same_result(many, tmp_path, method):
    folders = many(300)
    (folders[1] / "00007.png").unlink()
    (folders[1] / "00007.png").write_text("not an image")
    out, straight = tmp_path / "out", tmp_path / "straight"
    for reached in (1, 90, 180):
        process = begin("fuse-labels", folders, out, "--method", method)
        wait_for(lambda reached=reached: len(masks(out)) >= reached, process)
        kill(process)
        assert not (out / "fusion.json").exists()
        for path in masks(out):
            with Image.open(path) as image:
                assert np.array(image).shape == (400, 400)  # whole
    assert len(masks(out)) < 299
    for folder in (out, straight):
        process = begin("fuse-labels", folders, folder, "--method", method)
        said = process.communicate(timeout=60)
        assert process.returncode == 1, said
        assert "00007.png: not an image" in said[0]
    assert len(masks(out)) == 299
    assert files_of(out) == files_of(straight)


def test_ctrl_c_stops_with_a_summary_and_the_run_can_be_resumed(many, tmp_path):
    folders, out = many(400), tmp_path / "out"
    process = begin("fuse-labels", folders, out)
    wait_for(lambda: len(masks(out)) >= 5, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    done = len(masks(out))
    assert f"Interrupted: {done} fused masks written" in said
    assert f"{400 - done} left to do" in said
    process = begin("fuse-labels", folders, out)
    assert f"{400 - done} fused masks written, {done} existed already" in process.communicate()[0]


def test_an_interrupted_agreement_writes_nothing(many, tmp_path):
    folders, out = many(600), tmp_path / "report"
    process = begin("agreement", folders, out, "--tolerance-px", "3")
    log = psutil.Process(process.pid)
    wait_for(lambda: log.num_threads() > 2, process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == ("", "Interrupted.\n")
    assert not out.exists()


@pytest.mark.parametrize("command", ["fuse-labels", "agreement"])
def test_a_write_that_fails_leaves_no_part_of_a_file(many, tmp_path, command):
    folders, out = many(10), tmp_path / "out"
    run = run_after(file_limit(300), command, *folders, "--out", out)
    assert run.returncode == 1
    assert "File too large; make room" in run.stderr
    assert "Traceback" not in run.stderr
    assert not files_of(out)


def test_memory_does_not_grow_with_the_number_of_images(many, tmp_path):
    peaks = []
    for count in (60, 1200):
        folders = many(count, under=str(count))
        process = begin("agreement", folders, tmp_path / f"report{count}")
        watched, peak = psutil.Process(process.pid), 0
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
                process.wait(0.01)
            except (psutil.Error, subprocess.TimeoutExpired):
                continue
        said = process.communicate()
        assert process.returncode == 0, said
        peaks.append(peak)
    # 3 x 1,140 further masks of 400x400 would be 547 MB, were they kept.
    assert peaks[1] - peaks[0] < 40e6
