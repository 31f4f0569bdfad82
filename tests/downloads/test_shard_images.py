"""Photographs from tar files of lossless WebP on a hub, and from several mirrors in turn."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.dataset.layout import find_images
from ffhq_wrinkle.downloads.image_download import download_images
from ffhq_wrinkle.downloads.shard_images import INDEX
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.images.photographs import read_image
from tests.helpers.commands import run
from tests.helpers.downloads import (
    REPOSITORY,
    REVISION,
    SHARD_REPOSITORY,
    SHARD_REVISION,
    SIDE,
    ledger,
    picture,
    pixel_md5,
    place,
    serve_images,
    serve_shards,
    shard,
    tar,
    webp,
    write_facts,
)

IN_ORDER = {f"{n:04d}.tar": range(10 * n, 10 * n + 10) for n in range(3)}


@pytest.fixture
def mirrors(sources, tmp_path):
    """A table of sources with both mirrors."""
    table = tmp_path / "sources.toml"
    table.write_text(
        table.read_text() + f'[ffhq-images-wds]\ntitle = "T"\nhuggingface = "{SHARD_REPOSITORY}"\n'
        f'revision = "{SHARD_REVISION}"\nside = {SIDE}\n'
    )


@pytest.fixture
def fetch(opened):
    """Download images; ids and options as `download_images` takes them."""

    def fetch_them(ids, **options):
        with opened() as folder:
            return download_images(
                folder, parse_ids(ids), **{"source_text": "gaunernst", **options}
            )

    return fetch_them


def serve(host, shards=IN_ORDER):
    return serve_shards(host, {name: shard(numbers) for name, numbers in shards.items()})


def has_pixels(path, number):
    return np.array_equal(read_image(path), np.asarray(Image.open(io.BytesIO(picture(number)))))


def requests_of(host, prefix):
    """How often each tar file was requested after its first header was looked at."""
    counts = {
        path.removeprefix(prefix): n for path, n in host.requests.items() if path.endswith("tar")
    }
    return {name: n - 1 for name, n in counts.items()}


def test_only_the_shards_that_the_ids_need_are_read(host, mirrors, fetch, data):
    prefix = serve(host)
    report = fetch("3,7,12")
    assert (report.fetched, report.failed) == (3, 0)
    for number in (3, 7, 12):
        path = data / place(f"{number:05d}")
        assert path.read_bytes().startswith(b"\x89PNG")
        assert has_pixels(path, number)
    assert requests_of(host, prefix) == {"0000.tar": 1, "0001.tar": 1, "0002.tar": 0}
    assert ledger(data)[place("00003")]["source"] == "gaunernst"
    assert "decoded, 16x16; no hash is known" in report.summary()


def test_a_second_run_makes_no_request_for_what_is_done(host, mirrors, fetch):
    serve(host)
    fetch("3,7")
    before = dict(host.requests)
    assert fetch("3,7").kept == 2
    assert host.requests == before


def test_webp_is_kept_on_request_and_read_by_everything_else(host, mirrors, fetch, data, opened):
    serve(host)
    assert fetch("3,12", keep_webp=True).fetched == 2
    path = data / place("00003").replace(".png", ".webp")
    assert path.read_bytes() == webp(3)
    assert [file.path for file in find_images(data / "images1024x1024").values()] == [
        "00000/00003.webp", "00000/00012.webp",
    ]  # fmt: skip
    assert fetch("3,12").kept == 2  # not again as PNG
    with opened() as folder:
        assert download_images(folder, parse_ids("3")).kept == 1  # nor from another mirror
    with pytest.raises(ArgumentError, match="--keep-webp is for --source gaunernst"):
        fetch("3", source_text="huggingface", keep_webp=True)


def test_images_have_the_published_pixels_or_are_not_kept(host, mirrors, fetch, data):
    serve(host)
    files = {f"{number:05d}": picture(number) for number in (3, 4)}
    write_facts(data, host, files, md5="0" * 32, pixel_md5=pixel_md5(3))
    report = fetch("3,4")
    assert (report.fetched, report.unverified, report.causes) == (1, 0, {"wrong content": 1})
    assert ledger(data)[place("00003")]["state"] == "verified"
    assert not (data / place("00004")).exists()


@pytest.mark.parametrize("act", ["cut", "stall", "503", "429"])
def test_a_connection_that_breaks_is_resumed_within_the_shard(host, mirrors, fetch, data, act):
    prefix = serve(host)
    host.retry_after_s = 0
    host.schedule[f"{prefix}0000.tar"] = ["ok", act]  # the first header, then the images
    report = fetch("0-9")
    assert (report.fetched, report.failed) == (10, 0)
    assert all(has_pixels(data / place(f"{number:05d}"), number) for number in range(10))
    if act == "cut":
        ((path, asked),) = host.ranges
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        assert path == f"{prefix}0000.tar"
        assert 0 < start <= len(host.files[path]) // 2
        assert host.files[path][start:].startswith(b"0000")  # a header, which begins with a name


def test_a_later_run_reads_on_from_where_the_shard_was_left(host, mirrors, fetch, data):
    prefix = serve(host)
    fetch("2")
    known = json.loads((data / INDEX).read_text())["shards"]["0000.tar"]
    assert sorted(known["starts"]) == ["00000", "00001", "00002"]
    assert fetch("1,5").fetched == 2
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for _, asked in host.ranges]
    # First the image whose place is known, then on from the first that was not seen.
    assert starts == [known["starts"]["00001"], known["read_to"]]
    assert {path for path, _ in host.ranges} == {f"{prefix}0000.tar"}


def test_shards_in_any_order_are_searched_until_all_images_arrived(host, mirrors, fetch, data):
    order = np.random.default_rng(0).permutation(30)
    serve(host, {f"{n:04d}.tar": order[10 * n : 10 * n + 10] for n in range(3)})
    report = fetch("0-29")
    assert (report.fetched, report.failed) == (30, 0)
    assert all(has_pixels(data / place(f"{number:05d}"), number) for number in range(30))


def test_missing_ids_are_failures_and_double_ones_come_once(host, mirrors, fetch, data):
    serve(host, {"b.tar": [1, 2, 2, 3], "a.tar": [3, 5]})
    report = fetch("1-5")
    assert (report.fetched, report.causes) == (4, {"not found": 1})
    assert ledger(data)[place("00004")]["cause"] == "not found"
    before = dict(host.requests)
    assert fetch("4").causes == {"not found": 1}
    assert host.requests == before  # every tar file has been read to its end


def test_a_damaged_shard_loses_only_its_own_images(host, mirrors, fetch, data):
    prefix = serve(host)
    whole = host.files[f"{prefix}0001.tar"]
    host.files[f"{prefix}0001.tar"] = whole[: len(whole) // 2]
    report = fetch("0-29")
    arrived = {row["file"] for row in ledger(data).values() if row["state"] != "failed"}
    assert {place(f"{n:05d}") for n in (*range(10), *range(20, 30), 10, 11)} <= arrived
    assert report.fetched == len(arrived) < 30
    assert set(report.causes) == {"not found"}


def test_an_image_that_cannot_be_decoded_is_a_failure(host, mirrors, fetch, data):
    serve_shards(host, {"0.tar": tar([("00001.webp", b"RIFF no"), ("x/00002.webp", webp(2))])})
    report = fetch("1-2")
    assert (report.fetched, report.causes) == (1, {"wrong content": 1})
    assert has_pixels(data / place("00002"), 2)


def test_a_mirror_without_tar_files_is_reported_in_one_line(host, mirrors, fetch):
    serve_shards(host, {})
    report = fetch("1")
    assert report.causes == {"source": 1}
    assert "it has no tar files" in report.first_failure


def test_mirrors_are_tried_in_turn_and_counted(host, mirrors, fetch, data):
    host.add_hub(REPOSITORY, REVISION, {f"Part1/{n:05d}.png": picture(n) for n in (1, 2)})
    serve(host, {"0.tar": [2, 3]})
    files = serve_images(host, [4])
    write_facts(data, host, {**files, "00005": picture(5)}, pixel_md5="0" * 32)
    report = fetch("1-5", source_text="auto")
    assert (report.fetched, report.causes) == (4, {"not found": 1})
    assert report.origins == {"huggingface": 2, "gaunernst": 1, "drive": 1}
    assert "(2 from huggingface, 1 from gaunernst, 1 from drive)" in report.summary()
    rows = ledger(data)
    assert [rows[place(f"0000{n}")]["source"] for n in (1, 3, 4)] == [
        "huggingface", "gaunernst", "drive",
    ]  # fmt: skip


def test_a_mirror_that_does_not_answer_is_passed_over(host, mirrors, fetch, data):
    serve(host)
    host.schedule[f"/api/datasets/{REPOSITORY}/paths-info/{REVISION}"] = ["404"]
    report = fetch("3-4", source_text="auto", keep_webp=True)
    assert (report.fetched, report.failed, report.origins) == (2, 0, {"gaunernst": 2})
    assert set(ledger(data)) == {place(f"0000{n}").replace(".png", ".webp") for n in (3, 4)}


def test_the_command_has_auto_by_default(host, mirrors, data):
    serve(host)
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    result = run("download", "images", data, "--ids", "1,3")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "images: 2 downloaded, 1 of them verified by a hash, the others decoded, 16x16 (1 from "
        "huggingface, 1 from gaunernst), 0 already present\n"
    )
