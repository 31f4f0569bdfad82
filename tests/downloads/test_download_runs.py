"""`download` as real processes against a host that does everything at once: killed, run again."""

import csv
import hashlib
import signal
import time

import pytest

from tests.helpers.downloads import SIDE, place
from tests.helpers.files import partial_files
from tests.helpers.processes import kill, start, wait_for
from tests.helpers.tables import rows_of

COUNT, JOBS = 240, 16
ACTS = (
    "ok", "quota", "scan", "403", "404", "429", "503", "cut", "stall", "wrong", "drip", "norange",
)  # fmt: skip


def content_of(number):
    """Bytes that stand for an image, of which the hash is known; unlike any other."""
    return hashlib.sha256(str(number).encode()).digest() * (20 + number % 50)


@pytest.fixture
def crowd(host, tmp_path, monkeypatch):
    """Files that the host gives only after some trouble, and the data set's folder."""
    data = tmp_path / "ffhq"
    data.mkdir()
    with (data / "image_facts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "url", "size", "md5", "pixel_md5"])
        for number in range(COUNT):
            content, name = content_of(number), f"/{number:05d}.png"
            host.files[name] = content
            md5 = hashlib.md5(content).hexdigest()
            table.writerow([f"{number:05d}", host.url(name), len(content), md5, "0" * 32])
            act = ACTS[number % 60] if number % 60 < len(ACTS) else "ok"
            if act == "norange":
                host.no_range.add(name)
                act = "cut"
            if act != "ok":
                host.schedule[name] = [act]
    (tmp_path / "sources.toml").write_text(
        f'[ffhq-images]\nside = {SIDE}\nhuggingface = "x"\nrevision = "y"\npath = "{{image_id}}"\n'
        "bytes_each = 1000\n"
    )
    monkeypatch.setenv("FFHQ_WRINKLE_SOURCES", str(tmp_path / "sources.toml"))
    return data


def begin(data):
    chosen = ["--ids", f"0-{COUNT - 1}", "--source", "drive"]
    return start("download", "images", data, *chosen, "--jobs", JOBS, "--timeout", 1)


def arrived(data):
    return [path for path in data.glob("images1024x1024/0*/*.png") if path.name[0] != "."]


def test_with_all_faults_and_two_kills_everything_arrives_once(crowd, host):
    data = crowd
    acts = {name: list(planned) for name, planned in host.schedule.items()}
    for reached in (50, 120):
        process = begin(data)
        wait_for(lambda reached=reached: len(arrived(data)) >= reached, process)
        kill(process)
        for path in arrived(data):  # nothing partial under a final name
            assert path.read_bytes() == content_of(int(path.stem))
    said = []
    for _ in range(3):
        process = begin(data)
        said.append(process.communicate(timeout=120))
        if process.returncode == 0:
            break
    assert process.returncode == 0, said
    assert len(arrived(data)) == COUNT
    for number in range(COUNT):
        assert (data / place(f"{number:05d}")).read_bytes() == content_of(number)
    assert partial_files(data) == []
    # One request for each file, one more for each trouble (two of a page to confirm are one more),
    # and what was under way when the client was killed.
    troubles = sum(planned != ["drip"] for planned in acts.values())  # which costs nothing
    asked = sum(host.requests.values())
    assert COUNT + troubles <= asked <= COUNT + troubles + 2 * JOBS
    process = begin(data)
    said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said[0] == f"images: 0 downloaded, {COUNT} already present\n"
    assert sum(host.requests.values()) == asked
    rows = rows_of(data / "download.csv")
    assert len(rows) == COUNT
    assert {row["state"] for row in rows} == {"verified"}


def test_ctrl_c_stops_at_once_even_while_hosts_stall(crowd, host):
    data = crowd
    for number in range(COUNT):
        host.schedule[f"/{number:05d}.png"] = ["stall"] * 3
    process = begin(data)
    wait_for(lambda: sum(host.requests.values()) >= JOBS, process)
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=20)
    assert time.monotonic() - before < 3
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in said
    done = f"0 downloaded, 0 already present, {COUNT} left to do"
    assert f"Interrupted: images: {done}" in said
