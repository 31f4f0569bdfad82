"""Runs on real clusters of Dask on loopback, whose workers and commands are killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.runs.cluster import connected
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of, partial_files
from tests.helpers.networks import threshold_unet
from tests.helpers.processes import (
    kill,
    run,
    run_after,
    start,
    wait_for,
    without_module,
    workers_below,
)
from tests.helpers.slow_runs import start_slow_run

psutil = pytest.importorskip("psutil")
pytest.importorskip("distributed")


def results(out):
    return [path for path in out.rglob("*.png") if not path.name.startswith(".")]


class Cluster:
    """A scheduler and two workers, which begin again when they die."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.log = (folder / "log").open("w")
        host = ["--host", "127.0.0.1", "--no-dashboard"]
        self._scheduler = self._begin("scheduler", "--port", str(port), *host)
        fixed = ["--nworkers", "2", "--nthreads", "1", "--local-directory", str(folder)]
        self._workers = self._begin("worker", self.address, *fixed, *host)
        wait_for(lambda: len(self.workers()) == 2, self._workers)

    def _begin(self, *arguments, **environment):
        command = [sys.executable, "-m", "dask", *arguments]
        return subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env={**os.environ, **environment}
        )

    def workers(self):
        return workers_below(self._workers.pid)

    def end(self):
        for process in (self._workers, self._scheduler):
            process.terminate()
            process.wait(timeout=30)
        self.log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    begun = Cluster(tmp_path_factory.mktemp("cluster"))
    yield begun
    begun.end()


def test_a_worker_killed_in_the_middle_costs_a_retry_and_not_the_run(make_dataset, tmp_path):
    dataset = make_dataset(range(200), side=300)
    dataset.image_path("00007").write_text("not an image")
    here, by_cluster = tmp_path / "here", tmp_path / "there"

    def arguments(out):
        wanted = ["--ids", "0-200", "--parser", "labels", "--save-labels", out / "labels"]
        return ["build-weak", dataset.images, out / "weak", *wanted]

    result = CliRunner().invoke(main, [*map(str, arguments(here))])
    process = start(*arguments(by_cluster), "--scheduler", "local:2")
    wait_for(lambda: len(results(by_cluster)) >= 40, process)
    killed, other = workers_below(process.pid)
    killed.kill()
    assert other.is_running()
    said, stderr = process.communicate(timeout=60)
    assert process.returncode == result.exit_code == 1, stderr
    assert "199 weak masks written, 0 existed already, 2 failed" in said
    assert "Traceback" not in stderr
    assert len(results(here)) == 199
    assert files_of(by_cluster) == files_of(here)
    failures = (by_cluster / "weak" / "failures.csv").read_text().splitlines()
    assert failures[1].startswith("00000/00007.png,read,")
    assert failures[2:] == ["00000/00200.png,find,no image of this id"]


def test_predictions_of_a_cluster_are_those_of_one_machine(
    make_dataset, tmp_path, monkeypatch, caplog, cluster
):
    dataset = make_dataset(range(12), side=96)
    dataset.image_path("00007").write_text("not an image")
    network = threshold_unet(features=64)  # slow enough for a worker to be killed at work
    save_checkpoint(tmp_path / "net.pt", network, "unet", texture=TextureSettings(), side=1024)
    monkeypatch.chdir(tmp_path)  # where the paths below mean something
    options = ["--checkpoint", "net.pt", "--parser", "labels", "--probabilities", "png"]
    options += ["--device", "cpu"]
    process = start("predict", "made", "there", *options, "--scheduler", cluster.address)
    wait_for(lambda: len(results(Path("there"))) >= 4, process)
    cluster.workers()[0].kill()
    _, stderr = process.communicate(timeout=120)
    result = CliRunner().invoke(main, ["predict", "made", "here", *options])
    assert process.returncode == result.exit_code == 1, stderr
    assert "11 predictions written" in result.output
    assert files_of(Path("there")) == files_of(Path("here"))
    assert len((tmp_path / "there" / "wrinkles.csv").read_text().splitlines()) == 12
    assert "11 faces are much smaller" in caplog.text
    # The faces that the killed worker had seen are not known, so the number is not.
    assert "faces are much smaller" in stderr


@pytest.fixture
def slow(make_dataset, tmp_path):
    """Begin a run of 25 images a shard, five seconds each."""
    dataset = make_dataset(range(400), side=32)
    return lambda scheduler: start_slow_run(dataset.images, tmp_path / "out", scheduler)


def still(out):
    """How many results there are once no more come."""
    for _ in range(20):
        before = len(results(out))
        time.sleep(0.6)
        if len(results(out)) == before:
            return before
    raise AssertionError("workers go on")


def test_workers_stop_when_the_command_is_killed(slow, tmp_path, cluster):
    process = slow(cluster.address)
    wait_for(lambda: len(results(tmp_path / "out")) >= 4, process)
    kill(process)
    assert still(tmp_path / "out") < 40  # two shards are 50
    assert not (tmp_path / "out" / "build.json").exists()


def test_ctrl_c_stops_workers_and_counts_their_results(slow, tmp_path):
    process = slow("local:2")
    wait_for(lambda: len(results(tmp_path / "out")) >= 4, process)
    for child in (process, *psutil.Process(process.pid).children(recursive=True)):
        child.send_signal(signal.SIGINT)  # as a terminal does
    said, stderr = process.communicate(timeout=30)
    done = len(results(tmp_path / "out"))
    assert said.startswith(f"{done} weak masks written"), stderr
    assert f"{400 - done} left to do" in said
    assert done < 40
    assert partial_files(tmp_path) == []


def test_a_scheduler_that_does_not_answer_is_named():
    message = "^no Dask scheduler answers at tcp://127.0.0.1:9$"
    with pytest.raises(ArgumentError, match=message), connected("tcp://127.0.0.1:9", connect_s=1):
        pass


def test_a_cluster_s_errors_are_reported_in_one_line(dataset, tmp_path, cluster):
    out = tmp_path / "out"
    fixed = ["build-weak", dataset.images, out, "--parser", "labels", "--scheduler"]
    result = CliRunner().invoke(main, [*map(str, fixed), "local:none"])
    assert result.exit_code == 2
    assert "it should be tcp://HOST:PORT or local:N" in result.output
    assert files_of(out) == {}
    out.mkdir(exist_ok=True)
    (out / "00000").write_text("where a folder has to be")
    process, _, stderr = run(*fixed, cluster.address)
    assert process.returncode == 1
    assert stderr.splitlines()[-1].startswith(f"Error: {out}/00000: ")


def test_without_dask_the_error_names_the_extra_to_install(tmp_path, dataset):
    command = ["build-weak", dataset.images, tmp_path / "out", "--parser", "labels"]
    said = run_after(without_module("distributed"), *command, "--scheduler", "local:2")
    assert said.returncode == 2
    assert said.stderr == "Error: a scheduler needs Dask: pip install 'ffhq-wrinkle[dask]'\n"
    assert files_of(tmp_path / "out") == {}


def test_shards_whose_first_and_last_ids_join_to_one_name_are_all_done(tmp_path):
    # Two images each; "b" to "b!-c" and "b-b!" to "c" are both "b-b!-c" with a hyphen between.
    names = ["b", "b!-c", "b-b!", "c", *(f"d{number:02}" for number in range(12))]
    assert names == sorted(names)
    (tmp_path / "images").mkdir()
    for number, name in enumerate(names):
        Image.fromarray(drawn_face(64, seed=number)[0]).save(tmp_path / "images" / f"{name}.png")
    command = ["build-weak", tmp_path / "images", tmp_path / "out", "--parser", "template"]
    result = CliRunner().invoke(main, [*map(str, command), "--scheduler", "local:1"])
    assert "16 weak masks written" in result.output
    assert sorted(path.stem for path in results(tmp_path / "out")) == names
