"""Masks as tools export them, among them CVAT's with a colour per class."""

import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.annotation_tools.catalogue import TOOLS
from ffhq_wrinkle.annotation_tools.export_files import ExportError, export_files
from tests.helpers.annotation_exports import annotations_of, drawn

MASK = np.zeros((4, 6), bool)
MASK[1, 2:5] = True


def test_a_mask_is_read_as_the_package_reads_masks(tmp_path):
    Image.fromarray(MASK * np.uint8(255)).save(tmp_path / "00007.png")
    (annotation,) = annotations_of(tmp_path / "00007.png")
    assert annotation.image_name == "00007.png"
    assert_array_equal(drawn(annotation), MASK)


def test_a_black_mask_means_that_somebody_looked(tmp_path):
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "00007.png")
    (annotation,) = annotations_of(tmp_path / "00007.png")
    assert annotation.shapes == ()
    assert annotation.looked


def test_soft_masks_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 80, 255]], np.uint8)).save(tmp_path / "00007.png")
    with pytest.raises(ExportError, match=r"00007\.png: not a mask of two values"):
        annotations_of(tmp_path / "00007.png")


@pytest.fixture
def segmentation_masks(tmp_path):
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[MASK] = 250, 50, 83
    colours[3, :2] = 51, 221, 255
    for folder in ("SegmentationClass", "SegmentationObject", "ImageSets"):
        (tmp_path / "export" / folder).mkdir(parents=True)
    for folder in ("SegmentationClass", "SegmentationObject"):
        Image.fromarray(colours).save(tmp_path / "export" / folder / "00007.png")
    (tmp_path / "export" / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nwrinkle:250,50,83::\n"
        "pore:51,221,255::\n"
    )
    return tmp_path / "export"


@pytest.mark.parametrize("packed", [False, True])
def test_classes_of_segmentation_masks_have_the_names_of_their_colours(segmentation_masks, packed):
    export = segmentation_masks
    if packed:
        export = segmentation_masks.parent / "export.zip"
        with zipfile.ZipFile(export, "w") as archive:
            for path in segmentation_masks.rglob("*.*"):
                archive.write(path, path.relative_to(segmentation_masks))
    masks = TOOLS["masks"]
    files = [file for file in export_files(export) if masks.recognises(file)]
    (annotation,) = (annotation for file in files for annotation in masks.read(file))
    assert_array_equal(drawn(annotation, "wrinkle"), MASK)
    assert drawn(annotation, "pore").sum() == 2
    assert {shape.label for shape in annotation.shapes} == {"wrinkle", "pore"}


def test_a_colour_without_a_class_is_an_error(segmentation_masks):
    (segmentation_masks / "labelmap.txt").write_text("background:0,0,0::\nwrinkle:250,50,83::\n")
    files = [file for file in export_files(segmentation_masks) if TOOLS["masks"].recognises(file)]
    with pytest.raises(ExportError, match=r"00007\.png: the colour 33ddff is not in labelmap\.txt"):
        list(TOOLS["masks"].read(files[0]))
