"""COCO: `pycocotools` gives every mask back, byte for byte."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.helpers.publishing import IDS, SHAPE, expected_masks, odd_data, photograph, published

coco = pytest.importorskip("pycocotools.coco")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the oracle, about NumPy


def loaded(path):
    document = coco.COCO()
    document.dataset = json.loads(path.read_text())
    document.createIndex()
    return document


def masks_in(document):
    """The union of each image's annotations, by our id, as 0 and 255."""
    masks = {}
    for image in document.dataset["images"]:
        mask = np.zeros((image["height"], image["width"]), np.uint8)
        for annotation in document.loadAnns(document.getAnnIds(image["id"])):
            mask |= document.annToMask(annotation)
        masks[image["id_text"]] = mask * np.uint8(255)
    return masks


def test_masks_and_ids_are_those_of_the_data_in_the_given_splits(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "coco")
    masks = {}
    for part in ("train", "val", "test"):
        of_part = masks_in(loaded(out / f"annotations/instances_{part}.json"))
        assert set(of_part) == {image_id for image_id, its in IDS.items() if its == part}
        masks |= of_part
    for image_id, mask in expected_masks().items():
        np.testing.assert_array_equal(masks[image_id], mask)


def test_each_connected_part_is_an_annotation_in_its_box(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "coco")
    document = loaded(out / "annotations/instances_test.json")
    [image] = document.dataset["images"]
    annotations = document.dataset["annotations"]
    assert len(annotations) == 3  # two bars and a pixel
    assert [annotation["id"] for annotation in annotations] == [1, 2, 3]
    assert {annotation["iscrowd"] for annotation in annotations} == {0}
    # Of the fifth image: 6 rows down, columns 3 to 13; then 24 columns right, rows 9 to 19.
    assert [annotation["bbox"] for annotation in annotations] == [
        [3, 6, 11, 1], [24, 9, 1, 11], [9, 22, 1, 1],
    ]  # fmt: skip
    assert [annotation["area"] for annotation in annotations] == [11, 11, 1]
    assert (image["height"], image["width"]) == SHAPE


def test_without_photographs_their_names_are_given(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "coco")
    content = json.loads((out / "annotations/instances_val.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["dev=203.png"]
    assert not (out / "images").exists()


def test_photographs_lie_under_the_names_that_are_given(tmp_path):
    out = published(
        odd_data(tmp_path / "data"), tmp_path / "out", "coco", with_images=True, any_licence=True
    )
    content = json.loads((out / "annotations/instances_val.json").read_text())
    [image] = content["images"]
    np.testing.assert_array_equal(
        np.asarray(Image.open(out / "images" / image["file_name"])), photograph(2)
    )
