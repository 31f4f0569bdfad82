import csv
import hashlib
import json
import os
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.downloads.archive_download import download_archive
from ffhq_wrinkle.downloads.data_set import DataSet
from ffhq_wrinkle.downloads.download import download_part
from ffhq_wrinkle.downloads.file_download import download_file, download_weights
from ffhq_wrinkle.downloads.image_download import download_images
from ffhq_wrinkle.downloads.transfer import Patience, partial_path
from ffhq_wrinkle.errors import ArgumentError, OutputError, SourceError
from ffhq_wrinkle.images.png import encode_png
from tests.helpers import hosts
from tests.helpers.downloads import REPOSITORY, REVISION, SIDE, packed, picture, place, serve_images
from tests.helpers.files import files_of

PATIENCE = Patience(attempts=4, stall_s=0.5, connect_s=1, first_wait_s=0.01, longest_wait_s=0.02)


def md5(content):
    return hashlib.md5(content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def opened(tmp_path):
    """Open the data set; options as `DataSet` has them."""

    def open_it(**options):
        return DataSet(tmp_path / "ffhq", **{"patience": PATIENCE, "jobs": 4, **options})

    return open_it


@pytest.fixture
def data(tmp_path):
    return tmp_path / "ffhq"


def ledger(data):
    with (data / "download.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_images_come_from_the_hub_at_the_pinned_revision(host, sources, opened, data, monkeypatch):
    files = {
        f"Part{number // 10000 + 1}/{number:05d}.png": picture(number) for number in (1, 12345)
    }
    host.add_hub(REPOSITORY, REVISION, files)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with opened() as folder:
        report = download_images(folder, parse_ids("1,12345"))
    assert (report.fetched, report.failed) == (2, 0)
    assert (data / place("00001")).read_bytes() == picture(1)
    assert (data / place("12345")).read_bytes() == picture(12345)
    row = ledger(data)[place("00001")]
    assert (row["source"], row["state"]) == ("huggingface", "verified")
    assert row["hash"] == f"sha256:{sha256(picture(1))}"
    seen = [one for one in host.headers_seen if one["path"].startswith(host.hub_prefix)]
    assert [one["authorization"] for one in seen] == 2 * ["Bearer hf_secret"]
    assert host.requests[f"/api/datasets/{REPOSITORY}/paths-info/{REVISION}"] == 1


def test_a_second_run_asks_nobody(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    for _ in range(2):
        with opened() as folder:
            report = download_images(folder, parse_ids("1"))
        asked = sum(host.requests.values())
        before = files_of(data)
    assert (report.fetched, report.kept) == (0, 1)
    assert asked == 2
    with opened(verify=True) as folder:
        assert download_images(folder, parse_ids("1")).kept == 1
    assert sum(host.requests.values()) == 2
    assert files_of(data) == before


def test_what_the_hub_does_not_have_is_a_failure_by_cause(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        report = download_images(folder, parse_ids("1-3"))
    assert (report.fetched, report.causes) == (1, {"not found": 2})
    assert "2 failed (2 not found), see" in report.summary(data)
    assert ledger(data)[place("00003")]["cause"] == "not found"


def test_a_hub_that_is_busy_is_asked_again(host, sources, opened, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    api = f"/api/datasets/{REPOSITORY}/paths-info/{REVISION}"
    host.schedule[api] = ["503", "503"]
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).fetched == 1
    host.schedule[api] = ["404"]
    with opened() as folder:
        report = download_images(folder, parse_ids("2"))
    assert report.causes == {"source": 1}
    assert "a different --source" in report.first_failure


def test_a_hub_without_connection_is_said_in_one_line(host, sources, opened, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    host.server_close()  # nobody listens there any more
    with opened() as folder:
        report = download_images(folder, parse_ids("1"))
    assert report.causes == {"source": 1}
    assert "(no connection). Try again" in report.first_failure


@pytest.mark.parametrize("act", ["ok", "403", "429", "503", "cut", "stall", "wrong", "drip"])
def test_an_image_arrives_whatever_the_host_does_first(host, sources, opened, data, act):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    host.schedule[host.hub_prefix + "Part1/00001.png"] = [act]
    with opened() as folder:
        report = download_images(folder, parse_ids("1"))
    assert (report.fetched, report.failed) == (1, 0)
    assert (data / place("00001")).read_bytes() == picture(1)
    assert host.requests[host.hub_prefix + "Part1/00001.png"] == (1 if act in ("ok", "drip") else 2)
    assert not list(data.rglob(".ffhq-wrinkle-partial-*"))


@pytest.mark.parametrize(
    ("act", "cause"),
    [("404", "not found"), ("quota", "quota"), ("403", "refused"), ("503", "busy"),
     ("wrong", "wrong content"), ("stall", "stall")],
)  # fmt: skip
def test_an_image_that_cannot_be_downloaded_is_reported_by_cause(
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


def test_what_was_cut_is_resumed_where_it_was(host, sources, opened, data):
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


def test_a_host_that_asks_for_a_pause_gets_it(host, sources, opened, monkeypatch):
    import time

    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    host.schedule[host.hub_prefix + "Part1/00001.png"] = ["429"]
    before = time.monotonic()
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    assert time.monotonic() - before >= 1


def write_facts(data, host, contents, **other):
    data.mkdir(exist_ok=True)
    with (data / "image_facts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "url", "size", "md5", "pixel_md5"])
        for image_id, content in contents.items():
            row = {"size": len(content), "md5": md5(content), "pixel_md5": "0" * 32, **other}
            table.writerow([image_id, host.url(f"/{image_id}.png"), *row.values()])


def test_ffhq_s_own_files_come_by_the_addresses_of_its_metadata(host, sources, opened, data):
    files = serve_images(host, [1, 2])
    write_facts(data, host, files)
    host.schedule["/00001.png"] = ["scan"]
    with opened() as folder:
        report = download_images(folder, parse_ids("1-3"), source_text="drive")
    assert (report.fetched, report.causes) == (2, {"not found": 1})
    for image_id, content in files.items():
        assert (data / place(image_id)).read_bytes() == content
    assert host.requests["/confirmed/00001.png"] == 1


def test_drive_without_metadata_says_what_to_do_first(sources, opened):
    with opened() as folder, pytest.raises(ArgumentError, match="download metadata first"):
        download_images(folder, parse_ids("1"), source_text="drive")


def test_a_template_has_any_host(host, sources, opened, data):
    host.files["/p2/12000/12345.png"] = picture(5)
    with opened() as folder:
        template = host.url("/p{part}/{shard}/{id}.png")
        report = download_images(folder, parse_ids("12345"), source_text=template)
    assert report.fetched == 1
    assert (data / place("12345")).read_bytes() == picture(5)


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


@pytest.mark.parametrize("text", ["ftp://host/{id}", "http://host/x.png", "nowhere", "s3://b/{id}"])
def test_an_unknown_source_is_refused(sources, opened, text):
    with opened() as folder, pytest.raises(ArgumentError, match="--source"):
        download_images(folder, parse_ids("1"), source_text=text)


def test_a_name_is_not_an_ffhq_id(sources, opened):
    with opened() as folder, pytest.raises(ArgumentError, match="'portrait' is not an FFHQ id"):
        download_images(folder, parse_ids("portrait"))


def test_a_colleague_s_folder_is_a_source(sources, opened, data, tmp_path):
    other = tmp_path / "other" / "images1024x1024"
    (other / "00000").mkdir(parents=True)
    (other / "00000" / "00001.png").write_bytes(picture(1))
    (other / "00000" / "00002.png").write_bytes(b"broken")
    with zipfile.ZipFile(tmp_path / "other" / "more.zip", "w") as archive:
        archive.writestr("deep/00003.png", picture(3))
        archive.writestr("deep/readme.txt", "hello")
    with opened() as folder:
        report = download_images(folder, parse_ids("1-4"), source_text=str(tmp_path / "other"))
    assert (report.fetched, report.causes) == (2, {"wrong content": 1, "not found": 1})
    assert (data / place("00001")).samefile(other / "00000" / "00001.png")
    assert (data / place("00003")).read_bytes() == picture(3)
    assert (other / "00000" / "00002.png").read_bytes() == b"broken"


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


def test_without_room_nothing_begins(host, sources, opened, monkeypatch):
    import shutil

    usage = shutil.disk_usage("/")._replace(free=1500)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with (
        opened() as folder,
        pytest.raises(OutputError, match=r"about 0\.0 GB are needed; make room"),
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
def test_a_folder_or_fifo_in_the_place_of_a_file_is_named(host, sources, opened, data, kind):
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


def test_the_licence_is_said_once_and_kept(sources, opened, data, caplog):
    for _ in range(2):
        with opened():
            pass
    assert len([line for line in caplog.messages if "CC BY-NC-SA 4.0" in line]) == 1
    assert "attribution.csv" in (data / "LICENSE.txt").read_text()


def metadata_of(files):
    """FFHQ's table, as it is published."""
    return {
        str(int(image_id)): {
            "category": "training",
            "metadata": {
                "photo_url": f"https://flickr/{image_id}",
                "photo_title": 'A, "title"',
                "author": "Jeremy Frumkin",
                "license": "Attribution-NonCommercial License",
                "license_url": "https://creativecommons.org/licenses/by-nc/2.0/",
            },
            "image": {
                "file_url": f"https://drive/{image_id}",
                "file_size": len(content),
                "file_md5": md5(content),
                "pixel_size": [SIDE, SIDE],
                "pixel_md5": "f" * 32,
            },
        }
        for image_id, content in files.items()
    }


def test_metadata_gives_hashes_and_attribution(host, sources, opened, data):
    content = json.dumps(metadata_of({"00001": picture(1), "00002": picture(2)})).encode()
    more = f'bytes = {len(content)}\nmd5 = "{md5(content)}"\n'
    sources(ffhq_metadata=("ffhq-dataset-v2.json", content, more))
    with opened() as folder:
        assert download_file(folder, "ffhq-metadata").fetched == 1
    with (data / "attribution.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image_id"] for row in rows] == ["00001", "00002"]
    assert rows[0]["author"] == "Jeremy Frumkin"
    assert rows[0]["photo_title"] == 'A, "title"'
    host.files["/x/00001.png"] = picture(9)
    with opened() as folder:
        report = download_images(folder, parse_ids("1"), source_text=host.url("/x/{id}.png"))
    assert report.causes == {"wrong content": 1}
    with opened() as folder:
        assert download_file(folder, "ffhq-metadata").kept == 1


@pytest.mark.parametrize("content", [b"{", b'{"0": {"image": {}}}', b"[1]", b'{"x": 5}'])
def test_metadata_that_is_none_is_said_in_one_line(sources, opened, content):
    sources(ffhq_metadata=("ffhq-dataset-v2.json", content, ""))
    with opened() as folder, pytest.raises(SourceError):
        download_file(folder, "ffhq-metadata")


def test_an_archive_is_unpacked_into_the_layout_and_goes(host, sources, opened, data):
    files = {f"weak_wrinkle_masks/x/{number:05d}.png": picture(number) for number in (1, 2001)}
    content = packed({**files, "weak_wrinkle_masks/.DS_Store": b"x", "readme.txt": b"y"})
    sources(weak_masks=("weak.zip", content, "files = 2\n"))
    for fetched, kept in ((2, 0), (0, 2)):
        with opened() as folder:
            report = download_archive(folder, "weak-masks")
        assert (report.fetched, report.kept, report.failed) == (fetched, kept, 0)
    assert (data / "weak_wrinkle_masks/02000/02001.png").read_bytes() == picture(2001)
    assert not (data / "weak.zip").exists()
    assert host.requests == {"/weak.zip": 1}


def test_archives_of_flat_labels_stay_flat(sources, opened, data):
    sources(
        manual_masks=("m.zip", packed({"a/00001.png": picture(1)}), "files = 1\n"),
        face_parsed_labels=("p.zip", packed({"etcs/a/00001.npy": b"labels"}), "files = 1\n"),
    )
    with opened() as folder:
        for kind in ("manual-masks", "face-parsed-labels"):
            assert download_archive(folder, kind).fetched == 1
    assert (data / "manual_wrinkle_masks" / "00001.png").read_bytes() == picture(1)
    assert (data / "face_parsed_labels" / "00001.npy").read_bytes() == b"labels"


def test_a_checkpoint_has_the_published_hash_or_is_not_kept(sources, opened, data):
    content = packed({"ckpt/stage2_x/a.pth": b"right", "ckpt/stage2_x/b.pth": b"wrong"})
    more = "[checkpoints.members]\n"
    more += f'"stage2_x/a.pth" = "{sha256(b"right")}"\n"stage2_x/b.pth" = "{"0" * 64}"\n'
    sources(checkpoints=("c.zip", content, more))
    with opened() as folder:
        report = download_archive(folder, "checkpoints")
    assert (report.fetched, report.causes) == (1, {"wrong content": 1})
    assert [path.name for path in (data / "checkpoints" / "stage2_x").iterdir()] == ["a.pth"]


def test_an_archive_that_lacks_files_or_is_none_is_a_failure(host, sources, opened, data):
    sources(
        weak_masks=("weak.zip", packed({"00001.png": picture(1)}), "files = 3\n"),
        manual_masks=("m.zip", b"no archive", ""),
    )
    with opened() as folder:
        assert download_archive(folder, "weak-masks").causes == {"not in the archive": 2}
        assert download_archive(folder, "manual-masks").causes == {"damaged archive": 1}
    assert (data / "weak_wrinkle_masks/00000/00001.png").exists()


def test_a_damaged_archive_is_fetched_anew_the_next_time(host, sources, opened, data):
    content = packed({"00001.png": picture(1), "00002.png": picture(2)})
    sources(weak_masks=("weak.zip", content, "files = 2\n"))
    at = content.index(b"00002.png") + 60
    host.files["/weak.zip"] = content[:at] + bytes(20) + content[at + 20 :]
    with opened() as folder:
        report = download_archive(folder, "weak-masks")
    assert (report.fetched, report.causes) == (1, {"damaged archive": 1})
    host.files["/weak.zip"] = content
    with opened() as folder:
        report = download_archive(folder, "weak-masks")
    assert (report.fetched, report.kept, report.failed) == (1, 1, 0)


def test_a_body_longer_than_it_should_be_is_asked_for_three_times(host, sources, opened, data):
    host.files["/00001.png"] = picture(1) + b"more"
    write_facts(data, host, {"00001": picture(1)})
    with opened() as folder:
        report = download_images(folder, parse_ids("1"), source_text="drive")
    assert report.causes == {"wrong content": 1}
    assert host.requests["/00001.png"] == 3
    assert not (data / place("00001")).exists()


def test_a_body_without_end_is_ended(host, sources, opened, data, monkeypatch):
    monkeypatch.setattr("ffhq_wrinkle.downloads.verification._MAX_IMAGE_BYTES", 1000)
    host.files["/00001.png"] = bytes(1_000_000)
    with opened() as folder:
        report = download_images(folder, parse_ids("1"), source_text=host.url("/{id}.png"))
    assert report.causes == {"wrong content": 1}
    assert "the host sends more than 1000 bytes" in report.first_failure
    assert sum(path.stat().st_size for path in data.rglob(".ffhq-wrinkle-partial-*")) == 0


@pytest.mark.parametrize("act", ["cut", "scan", "503", "stall"])
def test_an_archive_arrives_whatever_the_host_does_first(host, sources, opened, data, act):
    sources(weak_masks=("weak.zip", packed({"00001.png": picture(1)}), "files = 1\n"))
    host.schedule["/weak.zip"] = [act]
    with opened() as folder:
        assert download_archive(folder, "weak-masks").fetched == 1


def test_a_quota_on_an_archive_is_named(host, sources, opened, data):
    sources(weak_masks=("weak.zip", packed({"00001.png": picture(1)}), "files = 1\n"))
    host.schedule["/weak.zip"] = ["quota"]
    with opened() as folder:
        report = download_archive(folder, "weak-masks")
    assert report.causes == {"quota": 1}
    assert "Wait 24 hours" in report.summary(data)


def test_without_a_network_the_run_ends_early(host, sources, opened):
    template = host.url("/{id}.png")
    host.server_close()  # nobody listens there any more
    with opened(jobs=2) as folder:
        report = download_images(folder, parse_ids("0-999"), source_text=template)
    assert report.causes == {"connection": 4}
    assert "is the network up?" in report.first_failure
    assert ", 996 left to do" in report.summary(folder.path)


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


def test_images_are_what_pillow_reads(host, sources, opened, data):
    serve_images(host, [4])
    with opened() as folder:
        download_images(folder, parse_ids("4"), source_text=host.url("/{id}.png"))
    with Image.open(data / place("00004")) as image:
        expected = np.random.default_rng(4).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        assert_array_equal(np.array(image), expected)


def test_a_token_does_not_go_to_another_host(host, sources, opened, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    path = host.hub_prefix + "Part1/00001.png"
    host.schedule[path] = ["scan"]
    elsewhere = host.url("/confirmed" + path).replace("127.0.0.1", "localhost")
    monkeypatch.setattr("tests.helpers.hosts.SCAN", hosts.SCAN.replace("{action}", elsewhere))
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).fetched == 1
    tokens = {one["path"]: one.get("authorization") for one in host.headers_seen}
    assert tokens == {path: "Bearer hf_secret", "/confirmed" + path: None}


def test_one_part_that_fails_does_not_stop_the_next(host, sources, opened):
    sources(weak_masks=("weak.zip", packed({"00001.png": picture(1)}), "files = 1\n"))
    api = f"/api/datasets/{REPOSITORY}/paths-info/{REVISION}"
    host.schedule[api] = ["404"]
    with opened() as folder:
        (images,) = download_part(folder, "images", parse_ids("1"))
        (labels,) = download_part(folder, "labels", only=["weak"])
    assert images.causes == {"source": 1}
    assert labels.fetched == 1


def test_a_member_of_wrong_content_does_not_replace_a_good_file(sources, opened, data):
    more = f'[face-parsed-labels.members]\n"00001.npy" = "{sha256(b"right")}"\n'
    sources(face_parsed_labels=("p.zip", packed({"a/00001.npy": b"wrong"}), more))
    (data / "face_parsed_labels").mkdir(parents=True)
    (data / "face_parsed_labels" / "00001.npy").write_bytes(b"right")
    with opened() as folder:
        download_archive(folder, "face-parsed-labels")
    assert (data / "face_parsed_labels" / "00001.npy").read_bytes() == b"right"


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


def test_masks_in_a_colleague_s_folder_are_no_photographs(sources, opened, data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("weak_wrinkle_masks/00000/00001.png", "thumbnails128x128/00000/00001.png"):
        with zipfile.ZipFile(other / f"{name.split('/')[0]}.zip", "w") as archive:
            archive.writestr(name, picture(9))
    with zipfile.ZipFile(other / "ffhq.zip", "w") as archive:
        archive.writestr("images1024x1024/00000/00001.png", picture(1))
        archive.writestr("thumbnails128x128/00000/00001.png", picture(9))
    with opened() as folder:
        assert download_images(folder, parse_ids("1"), source_text=str(other)).fetched == 1
    assert (data / place("00001")).read_bytes() == picture(1)


def test_what_had_arrived_whole_is_not_asked_for_again(host, sources, opened, data):
    content = packed({"00001.png": picture(1)})
    sources(weak_masks=("weak.zip", content, "files = 1\n"))
    data.mkdir()
    partial_path(data / "weak.zip").write_bytes(content)
    with opened() as folder:
        assert download_archive(folder, "weak-masks").fetched == 1
    assert host.ranges == [("/weak.zip", f"bytes={len(content)}-")]
    assert host.requests["/weak.zip"] == 1


@pytest.mark.parametrize("spoil", [b"", b"file,source,bytes,hash,mtime_ns,state,cause\n"])
def test_an_empty_ledger_means_verifying_again(host, sources, opened, data, spoil):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        download_images(folder, parse_ids("1"))
    (data / "download.csv").write_bytes(spoil)
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).kept == 1


def test_tables_that_were_lost_are_made_again(host, sources, opened, data):
    content = json.dumps(metadata_of({"00001": picture(1)})).encode()
    sources(ffhq_metadata=("ffhq-dataset-v2.json", content, ""))
    for _ in range(2):
        with opened() as folder:
            download_file(folder, "ffhq-metadata")
        assert (data / "attribution.csv").exists()
        (data / "attribution.csv").unlink()


def test_masks_have_to_decode_at_their_size(sources, opened, data):
    pages = {"a/00001.png": picture(1), "a/00002.png": b"<html>quota</html>"}
    sources(weak_masks=("weak.zip", packed(pages), f"files = 2\nside = {SIDE}\n"))
    with opened() as folder:
        report = download_archive(folder, "weak-masks")
    assert (report.fetched, report.causes) == (1, {"wrong content": 1})
    assert [path.name for path in (data / "weak_wrinkle_masks" / "00000").iterdir()] == [
        "00001.png"
    ]


def test_weights_arrive_whatever_the_host_does_first(host, sources, opened, tmp_path, monkeypatch):
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    more = f'sha256 = "{sha256(b"weights")}"\n'
    sources(bisenet=("79999_iter.pth", b"weights", more), yunet=("y.onnx", b"weights", more))
    host.schedule["/79999_iter.pth"] = ["503", "cut", "quota"]
    with opened() as folder:
        first, second, third = (download_weights(folder) for _ in range(3))
        assert (first.files, first.fetched, first.kept, first.causes) == (2, 1, 0, {"quota": 1})
        assert (second.fetched, second.kept, second.causes) == (1, 1, {})
        (tmp_path / "cache" / "79999_iter.pth").write_bytes(b"damaged")
        fourth = download_weights(folder)
        assert (fourth.fetched, fourth.kept, fourth.causes) == (0, 1, {"source": 1})
        (tmp_path / "cache" / "79999_iter.pth").write_bytes(b"weights")
    assert (third.fetched, third.kept, third.causes) == (0, 2, {})
    assert (tmp_path / "cache" / "y.onnx").read_bytes() == b"weights"
    assert (tmp_path / "cache" / "79999_iter.pth").read_bytes() == b"weights"


def test_a_host_that_asks_for_days_is_not_waited_for(host, sources, opened, monkeypatch):
    monkeypatch.setattr("tests.helpers.hosts.Host.RETRY_AFTER", "999999")
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    host.schedule[host.hub_prefix + "Part1/00001.png"] = ["429"]
    with opened() as folder:
        report = download_images(folder, parse_ids("1"))
    assert report.causes == {"busy": 1}
    assert "it asks for a pause of 278 hours" in report.first_failure
