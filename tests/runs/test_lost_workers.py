"""Workers of `local:N` that are killed again and again, and workers that cannot start."""

import contextlib
import time

import pytest

from tests.helpers.processes import run, wait_for, workers_below
from tests.helpers.slow_runs import start_slow_run

pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")


def masks(out):
    return list(out.rglob("[0-9]*.png"))


# Dask checks 15 s after a worker died whether it is back, and gives up one that is just starting.
def test_a_worker_is_replaced_whatever_the_pattern_of_kills(make_dataset, tmp_path):
    dataset = make_dataset(range(160), side=32)
    out = tmp_path / "out"
    process = start_slow_run(dataset.images, out, "local:1")
    wait_for(lambda: masks(out), process)
    start = time.monotonic()
    for second in (5, 10, 14.7, 20):
        time.sleep(start + second - time.monotonic())
        for worker in workers_below(process.pid):
            worker.kill()
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert len(masks(out)) == 160
    assert "Traceback" not in stderr


def test_a_run_whose_workers_never_come_back_ends_in_one_line(make_dataset, tmp_path):
    dataset = make_dataset(range(60), side=32)
    out = tmp_path / "out"
    process = start_slow_run(dataset.images, out, "local:2", patience_s=3)
    wait_for(lambda: masks(out), process)
    start = time.monotonic()
    while process.poll() is None:
        assert time.monotonic() - start < 30
        with contextlib.suppress(psutil.NoSuchProcess):
            for worker in workers_below(process.pid):
                worker.kill()
        time.sleep(0.02)
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert "all workers have been gone for" in stderr.splitlines()[-1]
    assert "the same command does the rest" in stderr
    assert "Traceback" not in stderr


def test_workers_that_die_while_they_start_are_reported_in_one_line(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", '["no_such_module"]')
    process, _, stderr = run(
        *("build-weak", dataset.images, tmp_path / "out", "--parser", "labels"),
        *("--scheduler", "local:2"),
    )
    assert process.returncode == 1
    assert stderr.startswith("Error: the workers died while they started")
    assert len(stderr.splitlines()) == 1
