"""COCO: files by pycocotools and datumaro with their truth, and pycocotools as the reference."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pycocotools import mask as reference

from ffhq_wrinkle.annotation_tools.export_files import ExportError
from ffhq_wrinkle.annotation_tools.runs import coco_lengths, coco_text, run_lengths
from tests.helpers.annotation_exports import EXPORTS, annotations_of, drawn, truth


@pytest.mark.real_data
def test_compressed_runs_give_their_truth_pixel_for_pixel():
    (annotation,) = annotations_of(EXPORTS / "coco-pycocotools" / "rle.json")
    assert annotation.image_name == "sub/00007.png"
    for shape, width in zip(annotation.shapes, (1, 2, 3), strict=True):
        one = annotation.__class__("a", (shape,), annotation.size)
        assert_array_equal(drawn(one), truth(f"coco-pycocotools/truth/curve_{width}px.png"))


@pytest.mark.real_data
def test_polygons_of_thin_lines_are_read_with_a_warning():
    (annotation,) = annotations_of(EXPORTS / "coco-pycocotools" / "polygon.json")
    assert all("thinner than 3 px" in shape.remark for shape in annotation.shapes)


@pytest.mark.real_data
def test_uncompressed_runs_of_datumaro_are_those_of_its_cvat_file():
    folder = EXPORTS / "cvat-not-from-a-server"
    (coco,) = annotations_of(folder / "datumaro_coco_instances.json")
    (cvat,) = annotations_of(folder / "datumaro_cvat.xml")
    for label in ("wrinkle", "pore"):
        expected = drawn(cvat, label, kinds={"mask"})
        assert_array_equal(drawn(coco, label, kinds={"mask"}), expected)


@pytest.mark.parametrize("seed", range(40))
def test_compressed_runs_are_those_of_pycocotools(seed):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 200, 2))
    mask = random.random(shape) < random.choice([0, 0.01, 0.5, 0.99, 1])
    if seed % 3 == 0:  # long runs, whose differences are large and negative
        mask = np.repeat(mask[:, :1], shape[1], axis=1)
    counts = reference.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()
    lengths = run_lengths(mask.T)
    assert coco_lengths(counts).tolist() == lengths.tolist()
    assert coco_text(lengths) == counts


def write(path, annotations, images=None, categories=None):
    document = {
        "images": images or [{"id": 1, "file_name": "00007.png", "width": 9, "height": 6}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 1, **more}
            for number, more in enumerate(annotations, start=1)
        ],
        "categories": categories or [{"id": 1, "name": "wrinkle"}],
    }
    path.write_text(json.dumps(document))
    return path


L_SHAPE = np.zeros((6, 9), bool)
L_SHAPE[1:4, 2] = L_SHAPE[3, 2:6] = True


@pytest.mark.parametrize("compressed", [True, False])
def test_runs_go_column_by_column(tmp_path, compressed):
    lengths = run_lengths(L_SHAPE.T)
    counts = coco_text(lengths) if compressed else lengths.tolist()
    path = write(tmp_path / "a.json", [{"segmentation": {"counts": counts, "size": [6, 9]}}])
    assert_array_equal(drawn(annotations_of(path)[0]), L_SHAPE)


def test_the_parts_of_a_polygon_are_a_union(tmp_path):
    parts = [[1, 1, 5, 1, 5, 4, 1, 4], [2, 2, 7, 2, 7, 3, 2, 3]]
    (annotation,) = annotations_of(write(tmp_path / "a.json", [{"segmentation": parts}]))
    expected = np.zeros((6, 9), bool)
    expected[1:4, 1:5] = expected[2, 2:7] = True
    assert_array_equal(drawn(annotation), expected)


def test_annotations_of_an_image_are_gathered_in_any_order(tmp_path):
    images = [
        {"id": number, "file_name": f"0000{number}.png", "width": 9, "height": 6}
        for number in (1, 2, 3)
    ]
    square = [[0, 0, 2, 0, 2, 2, 0, 2]]
    annotations = [{"image_id": image, "segmentation": square} for image in (1, 2, 1)]
    path = write(tmp_path / "a.json", annotations, images)
    listed = {one.image_name: (len(one.shapes), one.looked) for one in annotations_of(path)}
    assert listed == {"00001.png": (2, True), "00002.png": (1, True), "00003.png": (0, False)}


def test_annotators_that_a_file_names_are_told_apart(tmp_path):
    square = [[0, 0, 2, 0, 2, 2, 0, 2]]
    path = write(
        tmp_path / "a.json",
        [{"segmentation": square, "annotator": person} for person in ("2", "3")],
    )
    assert [one.people for one in annotations_of(path)] == [("2",), ("3",)]


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"segmentation": {"counts": [1, 2], "size": [6, 9]}}, "its runs have 3 pixels, not 54"),
        ({"segmentation": {"counts": "1", "size": [9, 6]}}, "mask is 6x9, but its image is 9x6"),
        ({"segmentation": {"counts": "\u00e9", "size": [6, 9]}}, "not ASCII"),
        ({"segmentation": {"counts": "P", "size": [6, 9]}}, "damaged or cut short"),
        ({"segmentation": [[1, 2, 3]]}, "not pairs of numbers"),
        ({"segmentation": [[1, 2]], "category_id": 5}, "there is no category 5"),
        ({"segmentation": [[1, 2]], "image_id": 4}, "there is no image 4"),
    ],
)
def test_a_damaged_annotation_is_an_error_that_names_it(tmp_path, annotation, reason):
    path = write(tmp_path / "a.json", [annotation])
    with pytest.raises(ExportError, match=rf"a\.json, annotation 1: .*{reason}"):
        drawn(annotations_of(path)[0])


@pytest.mark.parametrize("end", [2, 40, 150])
def test_a_truncated_file_is_an_error(tmp_path, end):
    path = write(tmp_path / "a.json", [{"segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}])
    path.write_bytes(path.read_bytes()[:-end])
    with pytest.raises(ExportError, match=r"a\.json: damaged or cut short"):
        annotations_of(path)
