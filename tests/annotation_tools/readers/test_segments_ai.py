"""Segments.ai: small releases seen at a glance."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.annotation_tools.annotation import State
from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import annotations_of, drawn

OBJECTS = np.array([[0, 1, 1], [300, 0, 1]])  # 300 = 44 + 1 * 256
CATEGORIES = [{"id": 1, "name": "wrinkle"}, {"id": 2, "name": "pore"}]


def write(folder, labels, name="faces/00007.png"):
    document = {
        "name": "v1",
        "dataset": {
            "name": "a/b",
            "task_attributes": {"categories": CATEGORIES},
            "samples": [{"uuid": "u", "name": name, "labels": labels}],
        },
    }
    (folder / "release.json").write_text(json.dumps(document))
    return folder / "release.json"


def bitmap_label(status="LABELED"):
    annotations = [{"id": 1, "category_id": 1}, {"id": 300, "category_id": 2}]
    bitmap = {"url": "https://example.org/bucket/abc123.png?signature=x"}
    return {
        "label_status": status,
        "attributes": {"annotations": annotations, "segmentation_bitmap": bitmap},
    }


@pytest.mark.parametrize("name", ["abc123.png", "00007_label_anna.png", "00007.png"])
def test_a_bitmap_beside_the_release_has_numbers_of_three_bytes(tmp_path, name):
    pixels = np.zeros((*OBJECTS.shape, 4), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 3] = OBJECTS % 256, OBJECTS // 256, 255
    Image.fromarray(pixels).save(tmp_path / name)
    (annotation,) = annotations_of(write(tmp_path, {"anna": bitmap_label()}))
    assert annotation.people == ("anna",)
    assert_array_equal(drawn(annotation, "wrinkle"), OBJECTS == 1)
    assert_array_equal(drawn(annotation, "pore"), OBJECTS == 300)


def test_a_bitmap_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ExportError, match=r"00007\.png, anna: its bitmap is not beside the JSON"):
        annotations_of(write(tmp_path, {"anna": bitmap_label()}))


def test_vectors_and_states_of_sets_of_labels(tmp_path):
    shapes = [
        {"id": 1, "category_id": 1, "type": "polygon", "points": [[1, 1], [5, 1], [5, 4], [1, 4]]},
        {"id": 2, "category_id": 1, "type": "polyline", "points": [[0.5, 0.5], [3.5, 0.5]]},
        {"id": 3, "category_id": 2, "type": "bbox", "points": [[1, 1], [3, 2]]},
        {"id": 4, "category_id": 2, "type": "point", "points": [[1, 1]]},
    ]
    labels = {
        "anna": {"label_status": "REVIEWED", "attributes": {"annotations": shapes}},
        "ben": {"label_status": "SKIPPED", "attributes": {}},
        "chris": {"label_status": "PRELABELED", "attributes": {"annotations": shapes}},
        "dora": {"label_status": "LABELED", "attributes": {"annotations": []}},
    }
    anna, ben, chris, dora = annotations_of(write(tmp_path, labels))
    assert drawn(anna, "wrinkle", (8, 8), {"polygon"}).sum() == 12
    assert drawn(anna, "wrinkle", (8, 8), {"polyline"}, line_width=1).sum() == 4
    assert drawn(anna, "pore", (8, 8), {"bbox"}).sum() == 2
    assert (ben.state, chris.state) == (State.SKIPPED, State.DRAFT)
    assert (dora.shapes, dora.looked) == ((), True)
