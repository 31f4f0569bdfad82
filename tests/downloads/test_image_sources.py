"""Photographs from the hub, from FFHQ's own addresses, from any host and from folders."""

import zipfile

import pytest

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.downloads.download import download_images
from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.downloads import (
    REPOSITORY,
    REVISION,
    ledger,
    picture,
    place,
    serve_images,
    sha256,
    write_facts,
)


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


def test_an_image_missing_on_the_hub_is_a_failure_by_cause(host, sources, opened, data):
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    with opened() as folder:
        report = download_images(folder, parse_ids("1-3"))
    assert (report.fetched, report.causes) == (1, {"not found": 2})
    assert "2 failed (2 not found), see" in report.summary()
    assert ledger(data)[place("00003")]["cause"] == "not found"


def test_a_hub_that_is_busy_is_asked_again(host, sources, opened):
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


def test_a_hub_without_connection_is_reported_in_one_line(host, sources, opened):
    host.server_close()  # nobody listens there any more
    with opened() as folder:
        report = download_images(folder, parse_ids("1"))
    assert report.causes == {"source": 1}
    assert "(no connection" in report.first_failure
    assert "\n" not in report.first_failure


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


def test_drive_without_metadata_advises_to_download_it(sources, opened):
    with opened() as folder, pytest.raises(ArgumentError, match="download metadata first"):
        download_images(folder, parse_ids("1"), source_text="drive")


def test_a_template_has_any_host(host, sources, opened, data):
    host.files["/p2/12000/12345.png"] = picture(5)
    with opened() as folder:
        template = host.url("/p{part}/{shard}/{id}.png")
        report = download_images(folder, parse_ids("12345"), source_text=template)
    assert report.fetched == 1
    assert (data / place("12345")).read_bytes() == picture(5)


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


def test_a_token_does_not_go_to_another_host(host, sources, opened, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    host.add_hub(REPOSITORY, REVISION, {"Part1/00001.png": picture(1)})
    path = host.hub_prefix + "Part1/00001.png"
    host.schedule[path] = ["scan"]
    elsewhere = host.url("/confirmed" + path).replace("127.0.0.1", "localhost")
    host.confirmed_at = elsewhere
    with opened() as folder:
        assert download_images(folder, parse_ids("1")).fetched == 1
    of_file = [seen for seen in host.headers_seen if seen["path"].endswith(path)]
    tokens = {seen["path"]: seen.get("authorization") for seen in of_file}
    assert tokens == {path: "Bearer hf_secret", "/confirmed" + path: None}


def test_masks_in_a_colleague_s_folder_are_not_taken_for_photographs(
    sources, opened, data, tmp_path
):
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
