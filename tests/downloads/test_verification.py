"""Which files are taken for right, at first and in later runs."""

import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.downloads.download import download_file, download_images
from ffhq_wrinkle.images.png import encode_png
from tests.helpers.downloads import (
    REPOSITORY,
    REVISION,
    SIDE,
    md5,
    picture,
    place,
    serve_images,
    write_facts,
)
from tests.helpers.files import files_of
from tests.helpers.pictures import pixels


def test_a_second_run_sends_no_request(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).fetched == 1
    asked, before = host.requests.copy(), files_of(data)
    assert asked[f"/api/datasets/{REPOSITORY}/paths-info/{REVISION}"] == 1
    assert asked[host.hub_prefix + "Part1/00001.png"] == 1
    for verify in (False, True):
        with opened(verify=verify) as folder:
            report = download_images(folder, parse_ids("1"))
        assert (report.fetched, report.kept) == (0, 1)
        assert host.requests == asked
        assert files_of(data) == before


def test_without_a_hash_an_image_has_to_decode_at_its_size(host, sources, opened, data):
    host.files["/00001.png"] = picture(1)[:-20]
    host.files["/00002.png"] = encode_png(np.zeros((8, 8, 3), np.uint8))
    host.files["/00003.png"] = b"<html>Sign in to continue</html>"
    with opened() as folder:
        report = download_images(folder, parse_ids("1-3"), source_text=host.url("/{id}.png"))
    assert report.causes == {"wrong content": 2, "not public": 1}
    assert not (data / place("00001")).exists()


def test_other_compression_with_the_same_pixels_is_right(host, sources, opened, data, tmp_path):
    content = picture(1)
    pixels = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    write_facts(data, host, {"00001": content}, md5="0" * 32, pixel_md5=md5(pixels.tobytes()))
    host.files["/x/00001.png"] = content
    with opened() as folder:
        assert download_images(folder, parse_ids("1"), source_text=host.url("/x/{id}.png")).fetched
    host.files["/x/00002.png"] = picture(7)
    write_facts(data, host, {"00002": content}, md5="0" * 32, pixel_md5=md5(pixels.tobytes()))
    with opened() as folder:
        report = download_images(folder, parse_ids("2"), source_text=host.url("/x/{id}.png"))
    assert report.causes == {"wrong content": 1}


def test_a_good_file_is_not_replaced_by_a_bad_one(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    (data / "download.csv").unlink()
    host.schedule[host.hub_prefix + "Part1/00001.png"] = ["wrong"] * 9
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).kept == 1
    assert (data / place("00001")).read_bytes() == picture(1)
    assert host.requests[host.hub_prefix + "Part1/00001.png"] == 1  # verified where it was


def test_a_file_that_changed_is_fetched_again(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    (data / place("00001")).write_bytes(b"damaged on the disk")
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).fetched == 1
    assert (data / place("00001")).read_bytes() == picture(1)


def test_damage_that_keeps_size_and_time_is_found_by_verifying(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    path = data / place("00001")
    before = path.stat()
    path.write_bytes(bytes(len(picture(1))))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).kept == 1
    with opened(verify=True) as folder:
        assert download_images(folder, parse_ids("1")).fetched == 1
    assert path.read_bytes() == picture(1)


def test_images_are_decoded_as_pillow_decodes_them(host, sources, opened, data):
    serve_images(host, [4])
    with opened() as folder:
        download_images(folder, parse_ids("4"), source_text=host.url("/{id}.png"))
    expected = np.random.default_rng(4).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert_array_equal(pixels(data / place("00004")), expected)


def test_verifying_does_not_believe_altered_files_without_a_published_hash(
    host, sources, opened, data
):
    sources(aging_labels=("ages.csv", b"image_number,age_group\n", ""))
    with opened() as folder:
        download_file(folder, "aging-labels")
    path = data / "ages.csv"
    before = path.stat()
    path.write_bytes(b"X" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with opened(verify=True) as folder:
        assert download_file(folder, "aging-labels").fetched == 1
    assert path.read_bytes() == b"image_number,age_group\n"


@pytest.mark.parametrize("spoil", [b"", b"file,source,bytes,hash,mtime_ns,state,cause\n"])
def test_an_empty_ledger_means_verifying_again(host, sources, opened, data, spoil):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    (data / "download.csv").write_bytes(spoil)
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).kept == 1
