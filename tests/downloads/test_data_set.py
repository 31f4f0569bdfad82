"""The folder of a data set while files are brought into it."""

import os

import pytest

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.downloads.download import download_archive, download_images
from ffhq_wrinkle.errors import OutputError
from tests.helpers.downloads import packed, picture, place, serve_images
from tests.helpers.files import files_of


def test_without_disk_space_nothing_starts(host, sources, opened, tmp_path):
    table = tmp_path / "sources.toml"
    table.write_text(table.read_text().replace("bytes_each = 1000", f"bytes_each = {10**18}"))
    with (
        opened() as folder,
        pytest.raises(OutputError, match=r"about 2000000000\.0 GB are needed; make room"),
    ):
        download_images(folder, parse_ids("1-2"))
    assert not host.requests


def test_nothing_is_written_through_a_link_that_leads_out(host, sources, opened, data, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    data.mkdir()
    (data / "images1024x1024").symlink_to(tmp_path / "elsewhere")
    (data / "weak_wrinkle_masks").symlink_to(tmp_path / "elsewhere")
    serve_images(host, [1])
    sources(weak_masks=("weak.zip", packed({"00001.png": picture(1)}), "files = 1\n"))
    with opened() as folder, pytest.raises(OutputError, match="a link that leads out of"):
        download_images(folder, parse_ids("1"), source_text=host.url("/{id}.png"))
    with opened() as folder, pytest.raises(OutputError, match="a link that leads out of"):
        download_archive(folder, "weak-masks")
    assert files_of(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_a_folder_or_device_in_the_way_is_named(host, sources, opened, data, kind):
    path = data / place("00001")
    path.parent.mkdir(parents=True)
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    serve_images(host, [1])
    with opened() as folder:
        report = download_images(folder, parse_ids("1"), source_text=host.url("/{id}.png"))
    assert report.causes == {"in the way": 1}
    assert "00001.png is not a file; move it away" in report.first_failure


def test_two_runs_do_not_go_into_one_folder(sources, opened):
    with opened(), pytest.raises(OutputError, match="another run is downloading"), opened():
        pass


def test_the_licence_is_shown_once_and_kept(sources, opened, data, caplog):
    for _ in range(2):
        with opened():
            pass
    assert len([line for line in caplog.messages if "CC BY-NC-SA 4.0" in line]) == 1
    assert "attribution.csv" in (data / "LICENSE.txt").read_text()
