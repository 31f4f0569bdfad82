"""Metadata, archives of labels and checkpoints, and weights."""

import json

import pytest

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.downloads import file_download
from ffhq_wrinkle.downloads.download import (
    download_archive,
    download_file,
    download_images,
    download_part,
    download_weights,
)
from ffhq_wrinkle.errors import SourceError
from tests.helpers.downloads import (
    REPOSITORY,
    REVISION,
    SIDE,
    md5,
    metadata_of,
    packed,
    picture,
    sha256,
)
from tests.helpers.tables import rows_of


def test_metadata_gives_hashes_and_attribution(host, sources, opened, data):
    content = json.dumps(metadata_of({"00001": picture(1), "00002": picture(2)})).encode()
    more = f'bytes = {len(content)}\nmd5 = "{md5(content)}"\n'
    sources(ffhq_metadata=("ffhq-dataset-v2.json", content, more))
    with opened() as folder:
        assert download_file(folder, "ffhq-metadata").fetched == 1
    rows = rows_of(data / "attribution.csv")
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
def test_a_file_that_is_not_metadata_is_named_in_one_line(sources, opened, content):
    sources(ffhq_metadata=("ffhq-dataset-v2.json", content, ""))
    with opened() as folder, pytest.raises(SourceError, match=r"ffhq-dataset-v2\.json") as error:
        download_file(folder, "ffhq-metadata")
    assert "\n" not in str(error.value)


def test_an_archive_is_unpacked_into_the_layout_and_removed(host, sources, opened, data):
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


def test_an_archive_that_is_damaged_or_lacks_files_is_a_failure(host, sources, opened, data):
    sources(
        weak_masks=("weak.zip", packed({"00001.png": picture(1)}), "files = 3\n"),
        manual_masks=("m.zip", b"no archive", ""),
    )
    with opened() as folder:
        assert download_archive(folder, "weak-masks").causes == {"not in the archive": 2}
        assert download_archive(folder, "manual-masks").causes == {"damaged archive": 1}
    assert (data / "weak_wrinkle_masks/00000/00001.png").exists()


def test_a_damaged_archive_is_fetched_again_in_the_next_run(host, sources, opened, data):
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


@pytest.mark.parametrize("act", ["cut", "scan", "503", "stall"])
def test_an_archive_arrives_in_spite_of_earlier_faults_of_the_host(
    host, sources, opened, data, act
):
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
    assert "Wait 24 hours" in report.summary()


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


def test_weights_arrive_in_spite_of_earlier_faults_of_the_host(
    host, sources, opened, tmp_path, monkeypatch
):
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path / "cache"))
    more = f'sha256 = "{sha256(b"weights")}"\n'
    monkeypatch.setattr(file_download, "WEIGHTS", ("bisenet", "other"))
    sources(bisenet=("79999_iter.pth", b"weights", more), other=("y.onnx", b"weights", more))
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
