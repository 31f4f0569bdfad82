"""Catalogue: files are recognised by their content, and others are refused with advice."""

import json

import pytest

from ffhq_wrinkle import import_labels
from ffhq_wrinkle.annotation_tools.catalogue import TOOLS, tool_of
from ffhq_wrinkle.annotation_tools.export_files import ExportError, export_files
from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.annotation_exports import EXPORTS, cvat_file, cvat_shape


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("cvat-not-from-a-server/job_11_ann-a.zip", "cvat"),
        ("cvat-not-from-a-server/datumaro_cvat.xml", "cvat"),
        ("cvat-not-from-a-server/datumaro_coco_instances.json", "coco"),
        ("labelstudio-brush-polygon/JSON.json", "label-studio"),
        ("labelstudio-brush-polygon/JSON_MIN.json", "label-studio"),
        ("labelstudio-brush-polygon/snapshot.json", "label-studio"),
        ("labelstudio-brush-polygon/BRUSH_TO_PNG.zip", "label-studio-png"),
        ("labelstudio-thin-lines-coco/BRUSH_TO_COCO.zip", "coco"),
        ("labelme/a", "labelme"),
        ("coco-pycocotools/rle.json", "coco"),
        ("napari/labels.tif", "napari-labels"),
        ("napari/lines.csv", "napari-shapes"),
        ("layers-gimp-krita/layers.psd", "psd"),
        ("layers-gimp-krita/layers.ora", "ora"),
        ("volumes-nrrd-nifti/cropped.seg.nrrd", "nrrd"),
        ("volumes-nrrd-nifti/sitk_2d.nii.gz", "nifti"),
        ("napari/truth/labels_1.png", "masks"),
    ],
)
def test_real_files_are_recognised_whatever_they_are_called(name, tool):
    assert {tool_of(file).name for file in export_files(EXPORTS / name)} == {tool}


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("<annotation><filename>1.png</filename></annotation>", "export as CVAT for images 1.1"),
        ("0 0.1 0.2 0.3 0.4 0.5 0.6\n", "YOLO's polygons lose thin lines"),
        ('{"shapes": [], "image": "1.png"}', "not an export that is read"),
        ("hello", "not an export that is read"),
    ],
)
def test_other_files_are_refused_with_advice(tmp_path, content, advice):
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(ExportError, match=rf"a\.txt: .*{advice}"):
        import_labels([tmp_path / "a.txt"], tmp_path / "out")


def test_a_format_that_is_named_is_taken_for_the_files_that_may_be_it(tmp_path):
    folder = tmp_path / "anna"
    folder.mkdir()
    cvat_file(folder / "a.xml", {"1.png": cvat_shape()})
    (folder / "notes.txt").write_text("none")
    assert import_labels([folder], tmp_path / "out", format="cvat").made == 1
    with pytest.raises(ExportError, match="not an export of the format coco"):
        import_labels([folder], tmp_path / "b", format="coco")
    with pytest.raises(ArgumentError, match="format is 'paint'; there are cvat, label-studio"):
        import_labels([folder], tmp_path / "b", format="paint")


def test_the_wrong_tool_s_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"a": [1]}))
    for name in TOOLS:
        with pytest.raises(ExportError, match=r"a\.json"):
            import_labels([tmp_path / "a.json"], tmp_path / "out", format=name)
