"""Long jobs on several devices: some fail, some wait, and some are killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.runs.device_pool import Job, run_jobs
from tests.helpers import ROOT
from tests.helpers.processes import wait_for

SCRIPT = """
import sys
from ffhq_wrinkle.errors import RunInterrupted
from ffhq_wrinkle.runs.device_pool import run_jobs
from tests.runs.test_device_pool import jobs, work

if __name__ == "__main__":
    chosen = jobs(sys.argv[1], ("waits", "wait", ""), ("later", "", "waits"))
    try:
        for outcome in run_jobs(chosen, work, devices=["cpu"]):
            print(outcome)
    except RunInterrupted:
        print("interrupted")
"""


def work(folder: str, name: str, does: str = "") -> None:
    """Write a file with the number of this process, and then do what is asked."""
    Path(folder, name).write_text(f"{os.getpid()} {os.environ['CUDA_VISIBLE_DEVICES']}")
    if does == "fail":
        raise ArgumentError("it was wrong")
    if does == "bug":
        raise KeyError("nobody expected this")
    if does == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if does == "wait":
        time.sleep(100)


def jobs(folder, *described):
    return [
        Job(name=name, after=after, arguments={"folder": str(folder), "name": name, "does": does})
        for name, does, after in described
    ]


def outcomes(ran):
    return {outcome.job.name: outcome.failure for outcome in ran}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Jobs of all kinds on one device, and their folder."""
    folder = tmp_path_factory.mktemp("jobs")
    chosen = jobs(
        folder,
        ("first", "", ""),
        ("wrong", "fail", ""),
        ("waits for wrong", "", "wrong"),
        ("bug", "bug", ""),
        ("dies", "die", ""),
        ("waits for first", "", "first"),
        ("last", "", ""),
    )
    return folder, outcomes(run_jobs(chosen, work, devices=["3"]))


def test_a_job_that_fails_or_dies_does_not_stop_the_others(ended):
    folder, failures = ended
    assert failures == {
        "first": "",
        "wrong": "it was wrong",
        "waits for wrong": "not begun: wrong failed",
        "bug": "KeyError: 'nobody expected this'",
        "dies": "its process ended with exit code -9",
        "waits for first": "",
        "last": "",
    }
    assert not (folder / "waits for wrong").exists()


def test_jobs_of_a_device_have_one_process_until_it_dies(ended):
    folder, _ = ended
    first, bug, last = ((folder / name).read_text().split() for name in ("first", "bug", "last"))
    assert first == bug
    assert first[0] != last[0]
    assert first[1] == last[1] == "3"


def test_devices_work_at_the_same_time(tmp_path):
    chosen = jobs(tmp_path, *((f"job {number}", "", "") for number in range(6)))
    started = time.monotonic()
    assert set(outcomes(run_jobs(chosen, work, devices=["cpu", "cpu"])).values()) == {""}
    pids = {(tmp_path / job.name).read_text() for job in chosen}
    assert len(pids) <= 2
    assert time.monotonic() - started < 120


@pytest.fixture
def waiting(tmp_path):
    """A process whose only job waits, and the number of the job's own process."""
    script = tmp_path / "waiting.py"
    script.write_text(SCRIPT)
    (tmp_path / "jobs").mkdir()
    process = subprocess.Popen(
        [sys.executable, script, tmp_path / "jobs"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    written = tmp_path / "jobs" / "waits"
    wait_for(lambda: written.exists() and written.read_text(), process)
    yield process, int(written.read_text().split()[0])
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_jobs_under_way_and_begins_no_other(waiting, tmp_path, number):
    process, worker = waiting
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert (output, process.returncode) == ("interrupted\n", 0), errors
    assert not psutil.pid_exists(worker)
    assert not (tmp_path / "jobs" / "later").exists()


def test_jobs_end_when_their_parent_is_killed(waiting):
    process, worker = waiting
    process.kill()
    psutil.wait_procs([psutil.Process(worker)], timeout=60)
    assert not psutil.pid_exists(worker)
