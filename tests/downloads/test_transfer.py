"""Files from hosts that are busy, cut connections, stall, or send something else."""

import time

import pytest

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.downloads.download import download_archive, download_images
from ffhq_wrinkle.downloads.transfer import partial_path
from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.downloads import (
    REPOSITORY,
    REVISION,
    packed,
    picture,
    place,
    serve_images,
    write_facts,
)
from tests.helpers.files import partial_files


@pytest.mark.parametrize("act", ["ok", "403", "429", "503", "cut", "stall", "wrong", "drip"])
def test_an_image_arrives_in_spite_of_earlier_faults_of_the_host(host, sources, opened, data, act):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    host.schedule[host.hub_prefix + "Part1/00001.png"] = [act]
    with opened() as folder:
        report = download_images(folder, parse_ids("1"))
    assert (report.fetched, report.failed) == (1, 0)
    assert (data / place("00001")).read_bytes() == picture(1)
    assert host.requests[host.hub_prefix + "Part1/00001.png"] == (1 if act in ("ok", "drip") else 2)
    assert partial_files(data) == []


@pytest.mark.parametrize(
    ("act", "cause"),
    [("404", "not found"), ("quota", "quota"), ("403", "refused"), ("503", "busy"),
     ("wrong", "wrong content"), ("stall", "stall")],
)  # fmt: skip
def test_an_image_that_cannot_be_fetched_is_reported_by_cause(
    host, sources, opened, data, act, cause
):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    host.schedule[host.hub_prefix + "Part1/00001.png"] = [act] * 9
    host.no_range.add(host.hub_prefix + "Part1/00001.png")
    with opened() as folder:
        report = download_images(folder, parse_ids("1"))
    assert report.causes == {cause: 1}
    assert not (data / place("00001")).exists()
    if act == "quota":
        assert "Wait 24 hours" in report.first_failure
        assert "--cookies" in report.first_failure
        assert host.requests[host.hub_prefix + "Part1/00001.png"] == 1


def test_a_cut_transfer_is_resumed_where_it_stopped(host, sources, opened, data):
    content = picture(1)
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": content})
    path = host.hub_prefix + "Part1/00001.png"
    host.schedule[path] = ["cut"]
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    assert host.ranges == [(path, f"bytes={len(content) // 2}-")]


def test_a_host_without_ranges_sends_all_again(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    path = host.hub_prefix + "Part1/00001.png"
    host.schedule[path], host.no_range = ["cut"], {path}
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).fetched == 1
    assert (data / place("00001")).read_bytes() == picture(1)


def test_a_host_that_asks_for_a_pause_gets_it(host, sources, opened):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    host.schedule[host.hub_prefix + "Part1/00001.png"] = ["429"]
    before = time.monotonic()
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    assert time.monotonic() - before >= 1


def test_a_body_longer_than_it_should_be_is_asked_for_three_times(host, sources, opened, data):
    host.files["/00001.png"] = picture(1) + b"more"
    write_facts(data, host, {"00001": picture(1)})
    with opened() as folder:
        report = download_images(folder, parse_ids("1"), source_text="drive")
    assert report.causes == {"wrong content": 1}
    assert host.requests["/00001.png"] == 3
    assert not (data / place("00001")).exists()


def test_a_body_without_end_is_ended(host, sources, opened, data):
    host.files["/00001.png"] = bytes(80 << 20)
    with opened() as folder:
        report = download_images(folder, parse_ids("1"), source_text=host.url("/{id}.png"))
    assert report.causes == {"wrong content": 1}
    assert f"sends more than {64 << 20} bytes" in report.first_failure
    assert [path.stat().st_size for path in partial_files(data)] == [0]


def test_without_a_network_the_run_ends_early(host, sources, opened):
    template = host.url("/{id}.png")
    host.server_close()  # nobody listens there any more
    with opened(jobs=2) as folder:
        report = download_images(folder, parse_ids("0-999"), source_text=template)
    assert report.causes == {"connection": 4}
    assert "is the network up?" in report.first_failure
    assert ", 996 left to do" in report.summary()


def test_cookies_are_sent(host, sources, opened, tmp_path):
    jar = tmp_path / "cookies.txt"
    jar.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\tsecret\n")
    serve_images(host, [1])
    with opened(cookies=jar) as folder:
        download_images(folder, parse_ids("1"), source_text=host.url("/{id}.png"))
    assert host.headers_seen[0]["cookie"] == "SID=secret"
    jar.write_text("not cookies")
    with pytest.raises(ArgumentError, match="Netscape"):
        opened(cookies=jar)


def test_a_file_that_had_arrived_whole_is_not_requested_again(host, sources, opened, data):
    content = packed({"00001.png": picture(1)})
    sources(weak_masks=("weak.zip", content, "files = 1\n"))
    data.mkdir()
    partial_path(data / "weak.zip").write_bytes(content)
    with opened() as folder:
        assert download_archive(folder, "weak-masks").fetched == 1
    assert host.ranges == [("/weak.zip", f"bytes={len(content)}-")]
    assert host.requests["/weak.zip"] == 1


def test_a_host_that_asks_for_days_is_not_waited_for(host, sources, opened):
    host.retry_after_s = 999_999
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    host.schedule[host.hub_prefix + "Part1/00001.png"] = ["429"]
    with opened() as folder:
        report = download_images(folder, parse_ids("1"))
    assert report.causes == {"busy": 1}
    assert "it asks for a pause of 278 hours" in report.first_failure
