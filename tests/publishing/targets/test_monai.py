"""MONAI: `load_decathlon_datalist` finds every photograph and label, in parts or folds."""

import json
from pathlib import Path

import numpy as np
import pytest
from monai.data import load_decathlon_datalist
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.publishing import IDS, expected_masks, odd_data, photograph, published

_KEYS = {"training": "train", "validation": "val", "test": "test"}


@pytest.mark.parametrize("with_images", [False, True])
def test_items_have_the_ids_photographs_and_labels_of_the_data(tmp_path, with_images):
    out = published(
        odd_data(tmp_path / "data"), tmp_path / "out", "monai",
        with_images=with_images, any_licence=with_images,
    )  # fmt: skip
    expected = expected_masks()
    parts = {}
    for key, part in _KEYS.items():
        for item in load_decathlon_datalist(str(out / "datalist.json"), True, key):
            image_id = item["image_id"]
            parts[image_id] = part
            label = np.asarray(Image.open(item["label"]))
            np.testing.assert_array_equal(label, expected[image_id] // 255)
            image = np.asarray(Image.open(item["image"]))
            np.testing.assert_array_equal(image, photograph(list(IDS).index(image_id)))
            assert Path(item["image"]).is_relative_to(out) == with_images
    assert parts == IDS


def test_folds_are_of_equal_size_and_leave_the_test_part_out(tmp_path):
    ids = {f"{number:05d}": "val" if number == 3 else "train" for number in range(7)}
    data = odd_data(tmp_path / "data", ids=ids)
    out = published(data, tmp_path / "out", "monai", folds=3)
    items = load_decathlon_datalist(str(out / "datalist.json"), True, "training")
    folds = [item["fold"] for item in items]
    assert sorted(folds.count(fold) for fold in range(3)) == [2, 2, 3]
    assert {item["image_id"] for item in items} == set(ids)
    assert not {"validation", "test"} & json.loads((out / "datalist.json").read_text()).keys()


@pytest.mark.parametrize("folds", [1, 5])
def test_folds_that_would_be_empty_are_refused(tmp_path, folds):
    with pytest.raises(ArgumentError, match=f"--folds is {folds}; it should be 2 to 4"):
        published(odd_data(tmp_path / "data"), tmp_path / "out", "monai", folds=folds)
