"""Hugging Face: `datasets` reads the same pixels and ids, in the splits that were meant."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.publishing import (
    IDS,
    SHAPE,
    drawn,
    expected_masks,
    odd_data,
    photograph,
    published,
    write_png,
)

datasets = pytest.importorskip("datasets", reason="the oracle of parquet files")
pq = pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the oracle's own dependencies
_PARTS = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture
def load(tmp_path):
    return lambda folder: datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))


def test_ids_and_masks_are_those_of_the_data_in_the_given_splits(tmp_path, load):
    loaded = load(published(odd_data(tmp_path / "data"), tmp_path / "out", "huggingface"))
    rows = {row["image_id"]: (row, split) for split in loaded for row in loaded[split]}
    assert {image_id: split for image_id, (_, split) in rows.items()} == {
        image_id: _PARTS[part] for image_id, part in IDS.items()
    }
    for image_id, mask in expected_masks().items():
        np.testing.assert_array_equal(np.asarray(rows[image_id][0]["mask"]), mask)
    assert loaded["train"].column_names == ["image_id", "mask"]


def test_photographs_weak_masks_and_annotators_are_columns(tmp_path, load, annotate):
    data = odd_data(tmp_path / "data", weak=True)
    folders = annotate({"A": {"00007": drawn(6)}, "anna": {"eval-1": drawn(7)}})
    out = published(
        data, tmp_path / "out", "huggingface",
        with_images=True, any_licence=True, annotators=[str(folder) for folder in folders],
    )  # fmt: skip
    loaded = load(out)["train"]
    assert loaded.column_names == [
        "image_id", "image", "mask", "weak_mask", "mask_A", "mask_annotator_2",
    ]  # fmt: skip
    first = {row["image_id"]: row for row in loaded}["00007"]
    np.testing.assert_array_equal(np.asarray(first["image"]), photograph(0))
    np.testing.assert_array_equal(np.asarray(first["weak_mask"]), photograph(0)[:, :, 0])
    np.testing.assert_array_equal(np.asarray(first["mask_A"]), drawn(6) * 255)
    assert first["mask_annotator_2"] is None
    assert "anna" not in (out / "README.md").read_text() + (out / "publish.json").read_text()


def test_masks_of_0_and_1_become_0_and_255(tmp_path, load):
    data = tmp_path / "data"
    write_png(data / "images/00007.png", photograph(0))
    write_png(data / "masks/00007.png", drawn(0).astype(np.uint8))
    loaded = load(published(data, tmp_path / "out", "huggingface"))
    np.testing.assert_array_equal(np.asarray(loaded["train"][0]["mask"]), drawn(0) * 255)


def test_compressed_pixels_are_copied_and_notes_are_not(tmp_path):
    data = odd_data(tmp_path / "data")
    file = tmp_path / "data/masks/0.png"
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "Anna Meier")
    Image.fromarray(drawn(0) * np.uint8(255)).save(file, pnginfo=notes)
    out = published(data, tmp_path / "out", "huggingface")
    [path] = (out / "data").glob("train-*")
    content = pq.read_table(path).to_pylist()[0]["mask"]["bytes"]
    with_notes = file.read_bytes()
    start = with_notes.index(b"IDAT")
    assert content.endswith(with_notes[start:])
    assert b"Anna" not in content


def test_many_images_go_to_several_files_and_groups_of_rows(tmp_path, load, monkeypatch):
    from ffhq_wrinkle.publishing.targets import huggingface

    monkeypatch.setattr(huggingface, "_SHARD_BYTES", 250)
    monkeypatch.setattr(huggingface, "_GROUP_ROWS", 1)
    ids = {f"{number:05d}": "train" for number in range(5)}
    out = published(odd_data(tmp_path / "data", ids=ids), tmp_path / "out", "huggingface")
    files = sorted(path.name for path in (out / "data").iterdir())
    assert len(files) > 1
    assert files[0] == f"train-00000-of-{len(files):05d}.parquet"
    assert pq.ParquetFile(out / "data" / files[0]).num_row_groups == len(
        pq.read_table(out / "data" / files[0])
    )
    assert load(out)["train"]["image_id"][:] == list(ids)


def test_croissant_is_valid_and_gives_the_pixels_back(tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant", reason="the oracle of Croissant")
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "huggingface")
    described = mlcroissant.Dataset(jsonld=str(out / "croissant.json"))
    assert described.metadata.ctx.issues.report() == ""
    records = {
        record["images/image_id"].decode(): np.asarray(record["images/mask"])
        for record in described.records("images")
    }
    expected = expected_masks()
    assert records.keys() == expected.keys()
    for image_id, mask in expected.items():
        np.testing.assert_array_equal(records[image_id], mask)


def test_croissant_has_the_hash_of_each_file(tmp_path):
    import hashlib

    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "huggingface")
    content = json.loads((out / "croissant.json").read_text())
    hashes = {
        file["contentUrl"]: file["sha256"]
        for file in content["distribution"]
        if file["@type"] == "cr:FileObject"
    }
    assert hashes == {
        f"data/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (out / "data").iterdir()
    }


def test_soft_masks_keep_their_levels(tmp_path, load):
    data = tmp_path / "data"
    levels = np.zeros(SHAPE, np.uint8)
    levels[3, 4:8] = (85, 170, 255, 85)
    write_png(data / "images/00007.png", photograph(0))
    write_png(data / "masks/00007.png", levels)
    (data / "masks/fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    loaded = load(published(data, tmp_path / "out", "huggingface"))
    np.testing.assert_array_equal(np.asarray(loaded["train"][0]["mask"]), levels)


def test_without_pyarrow_an_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ArgumentError, match=r"pip install 'ffhq-wrinkle\[publish\]'"):
        published(odd_data(tmp_path / "data"), tmp_path / "out", "huggingface")


def test_photographs_keep_their_pixels_and_lose_where_they_were_taken(tmp_path):
    data = tmp_path / "data"
    write_png(data / "masks/00007.png", drawn(0) * np.uint8(255))
    picture, exif = Image.fromarray(photograph(0)), Image.Exif()
    exif[0x013B] = "Anna Meier"  # the artist
    (data / "images").mkdir()
    picture.save(data / "images/00007.jpg", exif=exif, comment=b"by Anna", quality=90)
    out = published(data, tmp_path / "out", "huggingface", with_images=True, any_licence=True)
    [path] = (out / "data").glob("*")
    content = pq.read_table(path).to_pylist()[0]["image"]["bytes"]
    assert b"Anna" not in content
    expected = np.asarray(Image.open(data / "images/00007.jpg"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), expected)
