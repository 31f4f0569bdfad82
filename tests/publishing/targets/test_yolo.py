"""YOLO: outlines filled by OpenCV, as trainers do, and the loss that the command names."""

import cv2
import numpy as np
import pytest

from ffhq_wrinkle.api.publishing import publish
from ffhq_wrinkle.publishing.targets.yolo import filled, outlines
from tests.helpers.publishing import IDS, SHAPE, expected_masks, odd_data, published, write_png

STEMS = {"00007": "00007", "eval-1": "eval-1", "dev 3": "dev=203", "00008": "00008"}
STEMS["visits/1.2"] = "visits=2F1=2E2"


def read_labels(path, size):
    """Read a label file as Ultralytics does: times the size, cut off, filled."""
    mask = np.zeros(size, np.uint8)
    for line in path.read_text().splitlines():
        numbers = [float(number) for number in line.split()]
        assert numbers[0] == 0
        assert len(numbers) >= 7
        assert len(numbers) % 2 == 1
        points = np.array(numbers[1:]).reshape(-1, 2) * (size[1], size[0])
        cv2.fillPoly(mask, [points.astype(np.int32)], 255)
    return mask


def test_lines_of_one_pixel_come_back_under_the_ids_of_the_data(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "out", "yolo")
    for image_id, mask in expected_masks().items():
        path = out / "labels" / IDS[image_id] / f"{STEMS[image_id]}.txt"
        np.testing.assert_array_equal(read_labels(path, SHAPE), mask)
    assert (out / "data.yaml").read_text().splitlines() == [
        "train: images/train", "val: images/val", "test: images/test", "names:", "  0: wrinkle",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [1000, 1024, 4093])
def test_no_column_moves_at_any_width(width):
    mask = np.zeros((3, width), bool)
    mask[1, ::2] = True
    np.testing.assert_array_equal(filled(outlines(mask), mask.shape), mask)


def test_a_filled_hole_is_counted(tmp_path):
    ring = np.zeros((9, 9), bool)
    ring[2:7, 2:7] = True
    ring[3:6, 3:6] = False  # 16 pixels around 9
    data = tmp_path / "data"
    write_png(data / "images/00007.png", np.zeros((9, 9, 3), np.uint8))
    write_png(data / "masks/00007.png", ring * np.uint8(255))
    report = publish(data, tmp_path / "out", target="yolo", jobs=1)
    assert (
        "Outlines give back 16 of 16 wrinkle pixels and add 9, such as filled holes: Jaccard index "
        "0.6400, at full resolution"
    ) in report.summary()


def test_photographs_lie_beside_their_labels(tmp_path):
    out = published(
        odd_data(tmp_path / "data"), tmp_path / "out", "yolo", with_images=True, any_licence=True
    )
    images = {path.relative_to(out / "images").with_suffix("") for path in out.glob("images/*/*")}
    labels = {path.relative_to(out / "labels").with_suffix("") for path in out.glob("labels/*/*")}
    assert images == labels
    assert len(images) == len(IDS)
