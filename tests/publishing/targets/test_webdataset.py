"""WebDataset: `webdataset` and `datasets` read the same pixels and ids, one sample per image."""

import numpy as np
import pytest

from tests.helpers.publishing import (
    IDS,
    drawn,
    expected_masks,
    odd_data,
    photograph,
    published,
)

webdataset = pytest.importorskip("webdataset", reason="the oracle of tar files")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the oracle's own dependencies
_PARTS = {"train": "train", "val": "validation", "test": "test"}


def samples_in(folder):
    for path in sorted((folder / "data").iterdir()):
        yield from webdataset.WebDataset(str(path), shardshuffle=False).decode("pil")


def test_ids_and_masks_are_those_of_the_data_in_the_given_splits(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "webdataset")
    samples = {sample["json"]["image_id"]: sample for sample in samples_in(out)}
    assert {name: sample["json"]["split"] for name, sample in samples.items()} == {
        image_id: _PARTS[part] for image_id, part in IDS.items()
    }
    for image_id, mask in expected_masks().items():
        np.testing.assert_array_equal(np.asarray(samples[image_id]["mask.png"])[..., 0], mask)
        assert "." not in samples[image_id]["__key__"]


def test_hugging_face_reads_the_same_splits(tmp_path):
    datasets = pytest.importorskip("datasets")
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "webdataset")
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    rows = [(row, split) for split in loaded for row in loaded[split]]
    assert {row["json"]["image_id"]: split for row, split in rows} == {
        image_id: _PARTS[part] for image_id, part in IDS.items()
    }
    for row, _ in rows:
        expected = expected_masks()[row["json"]["image_id"]]
        np.testing.assert_array_equal(np.asarray(row["mask.png"]), expected)


def test_images_that_lack_a_file_are_in_a_tar_file_of_their_own(tmp_path, annotate):
    folders = annotate({"A": {"00007": drawn(5), "eval-1": drawn(6)}})
    out = published(
        odd_data(tmp_path / "data"), tmp_path / "out", "webdataset",
        annotators=[str(folders[0])], with_images=True, any_licence=True,
    )  # fmt: skip
    by_file = {}
    for path in (out / "data").glob("train-*"):
        samples = list(webdataset.WebDataset(str(path), shardshuffle=False).decode("pil"))
        by_file[path.name] = {sample["json"]["image_id"] for sample in samples}
        assert len({frozenset(sample) for sample in samples}) == 1
    assert by_file == {"train-000000.tar": {"00007", "eval-1"}, "train-000001.tar": {"visits/1.2"}}
    first = next(iter(samples_in(out)))
    assert first["json"]["split"] == "test"
    np.testing.assert_array_equal(np.asarray(first["image.png"]), photograph(4))
