import os
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError, OutputError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.files import files_of
from tests.helpers.pictures import gray_pixels
from tests.helpers.weak_masks import build, expected_mask, rows


def test_a_run_that_is_refused_changes_nothing(dataset, tmp_path):
    build(dataset, tmp_path / "out")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "00001.npy").write_bytes(b"somebody else's")
    before = files_of(tmp_path)
    with pytest.raises(OutputError, match="did not make"):
        build(dataset, tmp_path / "out", by_products=ByProducts(labels=tmp_path / "labels"))
    assert files_of(tmp_path) == before


def test_an_id_without_an_image_is_a_failure(dataset, tmp_path):
    report = build(dataset, tmp_path / "out", ids=parse_ids("1,5"))
    assert (report.images, report.made, report.failed) == (2, 1, 1)
    assert rows(tmp_path / "out") == ["00000/00005.png,find,no image of this id"]


def spoil(dataset):
    """Make five images fail, each in its own way."""
    content = dataset.image_path("00001").read_bytes()
    dataset.image_path("00001").write_bytes(content[: len(content) // 2])
    dataset.image_path("00002").write_text("not an image")
    (dataset.labels / "00999.npy").unlink()
    np.save(dataset.labels / "01000.npy", np.zeros((4, 4), np.uint8))


def test_images_that_fail_are_listed_and_the_rest_are_done(dataset, tmp_path):
    spoil(dataset)
    report = build(dataset, tmp_path / "out", jobs=2)
    assert (report.made, report.failed) == (2, 4)
    steps = [row.split(",")[:2] for row in rows(tmp_path / "out")]
    assert steps == [
        ["00000/00001.png", "read"],
        ["00000/00002.png", "read"],
        ["00000/00999.png", "parse"],
        ["01000/01000.png", "parse"],
    ]
    done = {path.stem for path in (tmp_path / "out").rglob("*.png")}
    assert done == {"00000", "01001"}


def test_failed_images_are_tried_again_and_their_rows_go(dataset, make_dataset, tmp_path):
    spoil(dataset)
    build(dataset, tmp_path / "out")
    whole = make_dataset([1, 2, 999, 1000])
    for image_id in whole.ids:
        dataset.image_path(image_id).write_bytes(whole.image_path(image_id).read_bytes())
        content = (whole.labels / f"{image_id}.npy").read_bytes()
        (dataset.labels / f"{image_id}.npy").write_bytes(content)
    report = build(dataset, tmp_path / "out")
    assert (report.made, report.kept, report.failed) == (4, 2, 0)
    assert not (tmp_path / "out" / "failures.csv").exists()


def test_different_settings_and_a_different_parser_are_refused(dataset, tmp_path):
    build(dataset, tmp_path / "out")
    with pytest.raises(OutputError, match=r"sigma 5.0 there and 7.0 now"):
        build(dataset, tmp_path / "out", texture=TextureSettings(sigma=7.0))
    other = tmp_path / "other" / "face_parsed_labels"
    other.mkdir(parents=True)
    with pytest.raises(OutputError, match=f"labels {dataset.labels} there and {other} now"):
        build(dataset, tmp_path / "out", parser=ReadyLabels(other))
    report = build(dataset, tmp_path / "out", texture=TextureSettings(sigma=7.0), overwrite=True)
    assert report.made == 6
    weak_mask = gray_pixels(tmp_path / "out/00000/00001.png")
    assert_array_equal(weak_mask, expected_mask(dataset, "00001", sigma=7.0))


def test_photographs_are_never_overwritten(dataset, tmp_path):
    before = files_of(dataset.root)
    shard = dataset.images / "00000"
    for images, out in (
        (dataset.images, dataset.images),
        (shard, dataset.images),  # would write 00000/00001.png
        (dataset.root, dataset.images),
        (dataset.images, dataset.labels),
        (dataset.images, shard),
    ):
        with pytest.raises(ArgumentError, match="overlap"):
            build_weak(images, out, parser=ReadyLabels(dataset.labels), overwrite=True)
    with pytest.raises(ArgumentError, match="overlap"):
        build(dataset, tmp_path / "o", by_products=ByProducts(labels=tmp_path / "o"))
    link = tmp_path / "link"
    link.symlink_to(dataset.images)
    with pytest.raises(ArgumentError, match="overlap"):
        build(dataset, link, overwrite=True)
    assert files_of(dataset.root) == before


def test_an_image_without_any_face_is_a_failure_not_an_empty_mask(dataset, tmp_path):
    np.save(dataset.labels / "00001.npy", np.full((512, 512), 17))
    report = build(dataset, tmp_path / "out")
    assert (report.made, report.failed) == (5, 1)
    assert rows(tmp_path / "out")[0].startswith("00000/00001.png,parse,no face found")
    assert not (tmp_path / "out/00000/00001.png").exists()


def test_harmful_label_maps_are_failures_of_their_images(dataset, tmp_path):
    np.savez(tmp_path / "archive.npz", a=np.zeros(3))
    (tmp_path / "archive.npz").rename(dataset.labels / "00000.npy")
    header = b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((   "
    (dataset.labels / "00001.npy").write_bytes(header)
    for image_id in ("00002", "00999"):
        (dataset.labels / f"{image_id}.npy").unlink()
    os.mkfifo(dataset.labels / "00002.npy")
    bomb = struct.pack(">II", 60000, 60000) + b"\x08\x00\x00\x00\x00"
    chunk = b"IHDR" + bomb
    (dataset.labels / "00999.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    report = build(dataset, tmp_path / "out")
    assert (report.made, report.failed) == (2, 4)
    assert [row.split(",")[1] for row in rows(tmp_path / "out")] == ["parse"] * 4
