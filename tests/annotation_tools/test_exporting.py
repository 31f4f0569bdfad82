"""Exporting: masks for annotation tools, and back without a change."""

import json

import numpy as np
import pytest
from cvat_sdk.masks import decode_mask
from defusedxml.ElementTree import parse
from numpy.testing import assert_array_equal
from PIL import Image
from pycocotools.coco import COCO

from ffhq_wrinkle import export_labels, import_labels, read_mask
from ffhq_wrinkle.errors import OutputError
from tests.helpers.faces import drawn_lines

IDS = ("00007", "00021", "portrait")
SIZE = (50, 70)


@pytest.fixture
def masks(tmp_path):
    """Three masks: of lines, of nothing, and of all pixels along one side."""
    edge = np.zeros(SIZE, bool)
    edge[:, 0] = edge[0, :] = edge[-1, -1] = True
    drawn = dict(zip(IDS, (drawn_lines(SIZE, 3, lines=5), np.zeros(SIZE, bool), edge), strict=True))
    (tmp_path / "masks").mkdir()
    for image_id, mask in drawn.items():
        Image.fromarray(mask * np.uint8(255)).save(tmp_path / "masks" / f"{image_id}.png")
    return drawn


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for image_id in IDS:
        Image.new("RGB", SIZE[::-1]).save(folder / f"{image_id}.jpg")
    return folder


def accepted(out):
    """Turn predictions into submitted annotations, as Label Studio does when somebody accepts."""
    tasks = json.loads((out / "tasks.json").read_text())
    for number, task in enumerate(tasks, start=1):
        (prediction,) = task.pop("predictions")
        result = prediction["result"]
        task |= {"id": number, "annotations": [{"id": number, "completed_by": 1, "result": result}]}
    (out / "tasks.json").write_text(json.dumps(tasks))


@pytest.mark.parametrize("per", ["component", "image"])
@pytest.mark.parametrize("tool", ["cvat", "label-studio", "labelme", "coco"])
def test_masks_come_back_with_the_same_pixels(masks, photographs, tmp_path, tool, per):
    out, back = tmp_path / "out", tmp_path / "back"
    report = export_labels(tmp_path / "masks", out, format=tool, images=photographs, per=per)
    assert (report.images, report.failed) == (3, 0)
    if tool == "label-studio":
        accepted(out)
    export = out if tool == "labelme" else out / report.file
    import_labels([export], back, images=photographs)
    for image_id, mask in masks.items():
        assert_array_equal(read_mask(back / "annotator_1" / f"{image_id}.png"), mask)


def test_each_component_is_a_shape_or_all_are_one(masks, tmp_path):
    for per, count in (("component", 2), ("image", 1)):
        out = tmp_path / per
        export_labels(tmp_path / "masks", out, format="coco", per=per)
        coco = COCO(out / "annotations.json")
        (image_id,) = [one["id"] for one in coco.imgs.values() if "portrait" in one["file_name"]]
        assert len(coco.getAnnIds(imgIds=image_id)) == count


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_coco_is_what_pycocotools_reads(masks, tmp_path):
    export_labels(tmp_path / "masks", tmp_path / "out", format="coco")
    coco = COCO(tmp_path / "out" / "annotations.json")
    for image in coco.imgs.values():
        whole = np.zeros(SIZE, bool)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            part = coco.annToMask(annotation)
            assert annotation["area"] == part.sum()
            whole |= part.astype(bool)
        assert_array_equal(whole, masks[image["file_name"][:-4]])


def test_cvat_s_own_decoder_reads_its_masks(masks, tmp_path):
    export_labels(tmp_path / "masks", tmp_path / "out", format="cvat", per="image")
    images = parse(tmp_path / "out" / "annotations.xml").getroot().iterfind("image")
    for image in images:
        whole = np.zeros(SIZE, bool)
        for mask in image:
            left, top, width, height = (
                int(mask.get(key)) for key in ("left", "top", "width", "height")
            )
            runs = [int(run) for run in mask.get("rle").split(",")]
            encoded = [*runs, left, top, left + width - 1, top + height - 1]
            whole |= decode_mask(encoded, image_width=SIZE[1], image_height=SIZE[0])
        assert_array_equal(whole, masks[image.get("name")[:-4]])


def test_label_studio_gets_scores_a_version_and_an_interface(tmp_path):
    (tmp_path / "masks").mkdir()
    levels = np.zeros(SIZE, np.uint8)
    levels[5, 5:9], levels[20, 5:7] = 204, 102
    Image.fromarray(levels).save(tmp_path / "masks" / "00007.png")
    export_labels(
        tmp_path / "masks", tmp_path / "out", format="label-studio", threshold=100,
        prefix="/data/local-files/?d=", model_version="unet", label="fine line",
    )  # fmt: skip
    (task,) = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert task["data"] == {"image": "/data/local-files/?d=00007.png"}
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == "unet"
    assert [region["score"] for region in prediction["result"]] == [0.8, 0.4]
    assert prediction["score"] == pytest.approx((4 * 0.8 + 2 * 0.4) / 6, abs=1e-6)
    assert 'Label value="fine line"' in (tmp_path / "out" / "label_config.xml").read_text()


def test_labelme_finds_the_photographs_from_its_files(masks, photographs, tmp_path):
    export_labels(tmp_path / "masks", tmp_path / "out", format="labelme", images=photographs)
    document = json.loads((tmp_path / "out" / "00007.json").read_text())
    assert (tmp_path / "out" / document["imagePath"]).resolve() == photographs / "00007.jpg"


def test_masks_that_do_not_fit_are_failures(masks, photographs, tmp_path):
    (photographs / "00021.jpg").unlink()
    Image.new("RGB", (9, 9)).save(photographs / "portrait.jpg")
    Image.fromarray(np.array([[0, 80, 255]], np.uint8)).save(tmp_path / "masks" / "00009.png")
    report = export_labels(tmp_path / "masks", tmp_path / "out", format="cvat", images=photographs)
    assert (report.images, report.failed) == (1, 3)
    said = (tmp_path / "out" / "failures.csv").read_text()
    assert "there is no photograph 00021" in said
    assert "portrait.png is 70x50, but" in said
    assert "00009.png: not a mask of two values" in said


def test_an_earlier_export_is_replaced_only_if_asked(masks, tmp_path):
    export_labels(tmp_path / "masks", tmp_path / "out", format="cvat")
    with pytest.raises(OutputError, match="exists already"):
        export_labels(tmp_path / "masks", tmp_path / "out", format="cvat")
    report = export_labels(tmp_path / "masks", tmp_path / "out", format="cvat", overwrite=True)
    assert report.images == 3
