"""napari: files of its own writers with their truth."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import EXPORTS, annotations_of, drawn, truth

HEADER = "index,shape-type,vertex-index,axis-0,axis-1\n"


@pytest.mark.real_data
def test_labels_are_classes_by_their_numbers():
    (annotation,) = annotations_of(EXPORTS / "napari" / "labels.tif")
    for label in ("1", "2"):
        assert_array_equal(drawn(annotation, label), truth(f"napari/truth/labels_{label}.png"))


@pytest.mark.real_data
def test_shapes_have_whole_numbers_at_the_centres_of_pixels():
    (annotation,) = annotations_of(EXPORTS / "napari" / "lines.csv")
    lines = truth("napari/truth/lines_w3_centre_convention.png")
    polygon = truth("napari/truth/polygon_centre_convention.png")
    mask = drawn(annotation, size=lines.shape, kinds={"path", "line"}, line_width=3)
    assert_array_equal(mask, lines)
    assert_array_equal(drawn(annotation, size=polygon.shape, kinds={"polygon"}), polygon)


def test_an_ellipse_is_given_by_the_corners_of_its_box(tmp_path):
    corners = "".join(
        f"0,ellipse,{number},{down},{right}\n"
        for number, (down, right) in enumerate([(3, 4), (3, 8), (5, 8), (5, 4)])
    )
    (tmp_path / "a.csv").write_text(HEADER + corners)
    (annotation,) = annotations_of(tmp_path / "a.csv")
    expected = np.zeros((9, 12), bool)
    expected[4, 4:9] = expected[3:6, 6] = True
    assert_array_equal(drawn(annotation, size=(9, 12)), expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEADER + "0,path,0,1\n", r"a\.csv:2: not a row of shapes"),
        (HEADER + "0,path,0,x,1\n", r"a\.csv:2: not a row of shapes"),
        (HEADER + "0,blob,0,1,1\n", "'blob'"),
        ("index,shape-type,vertex-index,axis-0,axis-1,axis-2\n", "its columns are"),
    ],
)
def test_a_damaged_table_is_an_error_that_names_its_line(tmp_path, text, reason):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ExportError, match=reason):
        annotations_of(tmp_path / "a.csv")
