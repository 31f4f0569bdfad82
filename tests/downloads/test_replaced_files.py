"""Files without a known hash that a host replaces between a cut answer and the rest."""

import email.utils
import io
import time

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.downloads.answers import strong_validator
from ffhq_wrinkle.downloads.download import download_images
from tests.helpers.downloads import SIDE, ledger, place

PATH = "/00001.jpg"
BEFORE, AFTER = (
    {"Last-Modified": email.utils.formatdate(time.time() - age, usegmt=True)}
    for age in (7200, 3600)
)


def jpeg(seed):
    """A picture that still decodes if its lower half is another's."""
    noise = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "JPEG", quality=95)
    return content.getvalue()


FIRST, SECOND = jpeg(1), jpeg(2)


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [
        ({"ETag": '"a"'}, {"ETag": '"b"'}, '"a"'),
        (BEFORE, AFTER, BEFORE["Last-Modified"]),
        ({"ETag": 'W/"a"'}, {"ETag": 'W/"a"'}, None),
        ({}, {}, None),
    ],
    ids=["tag", "date", "weak", "nothing"],
)
@pytest.mark.parametrize("ignores_if_range", [False, True])
def test_two_versions_of_a_file_are_never_joined(
    host, sources, opened, data, first, second, asked, ignores_if_range
):
    host.files[PATH], host.replaced[PATH] = FIRST, SECOND
    host.version_headers = {FIRST: first, SECOND: second}
    host.ignores_if_range = ignores_if_range
    host.schedule[PATH] = ["cut"]
    with opened() as folder:
        report = download_images(folder, parse_ids("1"), source_text=host.url("/{id}.jpg"))
    (path,) = (data / place("00001")).parent.glob("[0-9]*")
    assert path.read_bytes() == SECOND
    assert host.headers_seen[1].get("if-range") == asked
    assert report.fetched == report.unverified == 1
    assert "1 downloaded (decoded, 16x16; no hash is known)" in report.summary()
    assert {row["state"] for row in ledger(data).values()} == {"unverified"}
    assert not list(data.rglob(".*partial*"))


def test_the_same_version_is_resumed_also_by_a_later_run(host, sources, opened, data):
    host.files[PATH] = FIRST
    host.version_headers = {FIRST: {"ETag": '"a"'}}
    host.schedule[PATH] = ["cut", "404"]
    with opened() as folder:
        assert (
            download_images(folder, parse_ids("1"), source_text=host.url("/{id}.jpg")).failed == 1
        )
    with opened() as folder:
        assert (
            download_images(folder, parse_ids("1"), source_text=host.url("/{id}.jpg")).fetched == 1
        )
    assert host.ranges[-1] == (PATH, f"bytes={len(FIRST) // 2}-")
    (path,) = (data / place("00001")).parent.glob("[0-9]*")
    assert path.read_bytes() == FIRST


def test_a_date_of_the_same_second_identifies_no_version():
    date = email.utils.formatdate(0, usegmt=True)
    later = email.utils.formatdate(1, usegmt=True)
    assert strong_validator({"Last-Modified": date, "Date": date}) == ""
    assert strong_validator({"Last-Modified": date, "Date": later}) == date
    assert strong_validator({"Last-Modified": date}) == ""
    assert strong_validator({"ETag": 'W/"a"', "Last-Modified": date, "Date": later}) == date
