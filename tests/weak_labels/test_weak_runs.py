"""`build-weak` as real processes: killed, interrupted, out of room, and watched for memory."""

import os
import signal
import subprocess
import time

import pytest

from ffhq_wrinkle.storage.writing import PARTIAL_PREFIX
from tests.helpers.files import files_of
from tests.helpers.pictures import gray_pixels
from tests.helpers.processes import file_limit, kill, run_after, start, wait_for
from tests.helpers.weak_masks import build


def begin(dataset, out):
    return start("build-weak", dataset.images, out, "--parser", "labels", "--jobs", 2)


def masks(out):
    return list(out.glob("0*/*.png"))


def test_a_run_killed_at_any_moment_and_started_again_has_the_same_result(make_dataset, tmp_path):
    dataset = make_dataset(range(120), side=300)
    dataset.image_path("00007").write_text("not an image")
    out, straight = tmp_path / "out", tmp_path / "straight"
    for reached in (1, 40, 80):
        process = begin(dataset, out)
        wait_for(lambda reached=reached: len(masks(out)) >= reached, process)
        kill(process)
        assert not (out / "build.json").exists()
        for path in masks(out):
            assert gray_pixels(path).shape == (300, 300)  # whole
    assert len(masks(out)) < 119
    for folder in (out, straight):
        process = begin(dataset, folder)
        said = process.communicate(timeout=60)
        assert process.returncode == 1, said
    assert len(masks(out)) == 119
    assert files_of(out) == files_of(straight)


def test_ctrl_c_stops_with_a_summary_and_the_run_can_be_resumed(make_dataset, tmp_path):
    dataset = make_dataset(range(150), side=300)
    out = tmp_path / "out"
    process = begin(dataset, out)
    wait_for(lambda: len(masks(out)) >= 5, process)
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - before < 5
    assert process.returncode == 130
    assert "Traceback" not in said
    done = len(masks(out))
    assert f"Interrupted: {done} weak masks written" in said
    assert f"{150 - done} left to do" in said
    assert not list(out.rglob(f"{PARTIAL_PREFIX}*"))
    assert not (out / "build.json").exists()
    process = begin(dataset, out)
    assert f"{150 - done} weak masks written, {done} existed already" in process.communicate()[0]
    assert process.returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB, where this machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_leaves_only_whole_files(small_disk, make_dataset):
    dataset = make_dataset(range(60), side=256)
    out = small_disk / "out"
    process = begin(dataset, out)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "No space left on device; make room and run the same command again" in said
    assert "Traceback" not in said
    assert 0 < len(masks(out)) < 60
    for path in masks(out):
        gray_pixels(path)
    assert not list(out.rglob(f"{PARTIAL_PREFIX}*"))
    for path in masks(out)[1:]:
        path.unlink()  # room
    report = build(dataset, out, limit=5)
    assert report.failed == 0
    assert len(masks(out)) >= 5


def test_a_write_that_fails_stops_the_run_and_leaves_only_whole_files(make_dataset, tmp_path):
    dataset = make_dataset(range(20), side=256)  # masks of more than 4,000 bytes
    out = tmp_path / "out"
    run = run_after(file_limit(4000), "build-weak", dataset.images, out, "--parser", "labels")
    assert run.returncode == 1
    assert "File too large; make room" in run.stderr
    assert "Traceback" not in run.stderr
    assert set(files_of(out)) == {".build.json.under-way"}


def test_memory_does_not_grow_with_the_number_of_images(make_dataset, tmp_path):
    psutil = pytest.importorskip("psutil")
    dataset = make_dataset(range(30), side=512)
    for number in range(30, 600):  # the same pictures under other names
        os.link(dataset.image_path(f"{number % 30:05d}"), dataset.image_path(f"{number:05d}"))
        os.link(dataset.labels / f"{number % 30:05d}.npy", dataset.labels / f"{number:05d}.npy")
    out = tmp_path / "out"
    process = begin(dataset, out)
    watched = psutil.Process(process.pid)
    early = late = 0
    while process.poll() is None:
        try:
            memory = watched.memory_info().rss
        except psutil.Error:
            break
        if len(masks(out)) <= 150:
            early = max(early, memory)
        else:
            late = max(late, memory)
        time.sleep(0.02)
    said = process.communicate()
    assert process.returncode == 0, said
    assert early > 0
    # 450 further images of 512x512 RGB would be 354 MB, were they kept.
    assert late - early < 30e6
