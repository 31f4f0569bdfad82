"""NRRD and NIfTI: files of three libraries with their truth, and SimpleITK as the reference."""

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import EXPORTS, annotations_of, drawn, truth

VOLUMES = EXPORTS / "volumes-nrrd-nifti"
L_SHAPE = np.zeros((6, 9), np.uint8)
L_SHAPE[1:4, 2] = L_SHAPE[3, 2:6] = 1
L_SHAPE[0, 8] = 2


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    ["sitk_2d.nrrd", "sitk_2d.nii.gz", "sitk_3d.nii.gz", "nib_itk.nii.gz", "nib_eye.nii.gz"],
)
def test_label_pictures_give_their_truth(name):
    (annotation,) = annotations_of(VOLUMES / name)
    assert annotation.size == (240, 320)
    for label, shown in (("1", "label1_wrinkle"), ("2", "label2_pore")):
        expected = truth(f"volumes-nrrd-nifti/truth/{shown}.png")
        assert_array_equal(drawn(annotation, label), expected)


@pytest.mark.real_data
def test_a_cropped_segmentation_has_its_place_and_the_names_of_its_segments():
    (annotation,) = annotations_of(VOLUMES / "cropped.seg.nrrd")
    assert annotation.image_name == "cropped"
    assert annotation.size is None
    for label, shown in (("wrinkle", "label1_wrinkle"), ("pore", "label2_pore")):
        expected = truth(f"volumes-nrrd-nifti/truth/{shown}.png")
        assert_array_equal(drawn(annotation, label, expected.shape), expected)


@pytest.mark.parametrize("name", ["00007.nrrd", "00007.nii.gz", "00007.nii"])
@pytest.mark.parametrize("slices", [False, True])
def test_pictures_of_simpleitk_are_as_they_were(tmp_path, name, slices):
    image = SimpleITK.GetImageFromArray(L_SHAPE[None] if slices else L_SHAPE)
    SimpleITK.WriteImage(image, tmp_path / name)
    (annotation,) = annotations_of(tmp_path / name)
    assert annotation.image_name == "00007"
    for label in (1, 2):
        assert_array_equal(drawn(annotation, str(label)), label == L_SHAPE)


def segments(layers=1):
    kinds = ["domain"] * 3 if layers == 1 else ["list", "domain", "domain", "domain"]
    directions = np.eye(3) if layers == 1 else np.vstack([[np.nan] * 3, np.eye(3)])
    header = {
        "space": "left-posterior-superior",
        "space directions": directions,
        "space origin": np.array([3.0, 2, 0]),
        "kinds": kinds,
    }
    for number, name in enumerate(("wrinkle", "pore")):
        header |= {
            f"Segment{number}_ID": f"Segment_{number}",
            f"Segment{number}_Name": name,
            f"Segment{number}_LabelValue": "1",
            f"Segment{number}_Layer": str(number),
        }
    return header


def test_overlapping_segments_are_in_layers(tmp_path):
    values = np.stack([L_SHAPE.T > 0, L_SHAPE.T == 1]).astype(np.uint8)[..., None]
    nrrd.write(str(tmp_path / "a.seg.nrrd"), values, segments(layers=2))
    (annotation,) = annotations_of(tmp_path / "a.seg.nrrd")
    expected = np.zeros((20, 20), bool)
    expected[2:8, 3:12] = L_SHAPE > 0
    assert_array_equal(drawn(annotation, "wrinkle", (20, 20)), expected)
    expected[2:8, 3:12] = L_SHAPE == 1
    assert_array_equal(drawn(annotation, "pore", (20, 20)), expected)


def test_an_empty_segmentation_is_one_voxel(tmp_path):
    header = {key: value for key, value in segments().items() if not key.startswith("Segment1_")}
    nrrd.write(str(tmp_path / "a.seg.nrrd"), np.zeros((1, 1, 1), np.uint8), header)
    (annotation,) = annotations_of(tmp_path / "a.seg.nrrd")
    assert annotation.shapes == ()
    assert annotation.looked


@pytest.mark.parametrize("turn", [np.diag([1, -1, 1, 1]), np.eye(4)[[1, 0, 2, 3]]])
def test_other_directions_are_refused(tmp_path, turn):
    nibabel.save(nibabel.Nifti1Image(L_SHAPE.T[..., None], turn), tmp_path / "a.nii.gz")
    with pytest.raises(ExportError, match=r"a\.nii\.gz: its directions are"):
        annotations_of(tmp_path / "a.nii.gz")
    header = {**segments(), "space directions": np.asarray(turn, float)[:3, :3]}
    nrrd.write(str(tmp_path / "a.nrrd"), L_SHAPE.T[..., None], header)
    with pytest.raises(ExportError, match=r"a\.nrrd: space directions"):
        annotations_of(tmp_path / "a.nrrd")


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii.gz"])
def test_volumes_and_damaged_files_are_refused(tmp_path, name):
    image = SimpleITK.GetImageFromArray(np.stack([L_SHAPE, L_SHAPE]))
    SimpleITK.WriteImage(image, tmp_path / name)
    with pytest.raises(ExportError, match=r"2 slices|an array of 9x6x2"):
        annotations_of(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) - 20])
    with pytest.raises(ExportError, match="damaged or cut short"):
        annotations_of(tmp_path / name)
