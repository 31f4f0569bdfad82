"""QuPath: GeoJSON seen at a glance."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import annotations_of, drawn

SIZE = (8, 12)
SQUARE = [[1, 1], [6, 1], [6, 6], [1, 6], [1, 1]]
HOLE = [[2, 2], [4, 2], [4, 4], [2, 4], [2, 2]]
FAR = [[8, 1], [10, 1], [10, 3], [8, 3], [8, 1]]


def feature(kind, coordinates, name="wrinkle"):
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": {"name": name}},
    }


def write(path, *features, bare=False):
    listed = list(features)
    document = listed if bare else {"type": "FeatureCollection", "features": listed}
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("bare", [True, False])
def test_polygons_have_holes_and_parts(tmp_path, bare):
    features = (
        feature("Polygon", [SQUARE, HOLE]),
        feature("MultiPolygon", [[FAR], [[[0, 7], [3, 7], [3, 8], [0, 8], [0, 7]]]]),
    )
    (annotation,) = annotations_of(write(tmp_path / "00007.geojson", *features, bare=bare))
    assert annotation.image_name == "00007"
    expected = np.zeros(SIZE, bool)
    expected[1:6, 1:6] = True
    expected[2:4, 2:4] = False
    assert_array_equal(drawn(annotation, "wrinkle", SIZE, {"Polygon"}), expected)
    expected = np.zeros(SIZE, bool)
    expected[1:3, 8:10] = expected[7, 0:3] = True
    assert_array_equal(drawn(annotation, "wrinkle", SIZE, {"MultiPolygon"}), expected)


def test_lines_and_points(tmp_path):
    features = (
        feature("LineString", [[0.5, 0.5], [3.5, 0.5]]),
        feature("MultiLineString", [[[0.5, 7.5], [1.5, 7.5]], [[5.5, 7.5], [6.5, 7.5]]]),
        feature("Point", [1, 1]),
    )
    (annotation,) = annotations_of(write(tmp_path / "00007.geojson", *features))
    assert drawn(annotation, size=SIZE, kinds={"LineString"}, line_width=1).sum() == 4
    assert drawn(annotation, size=SIZE, kinds={"MultiLineString"}, line_width=1).sum() == 4
    assert annotation.shapes[2].areas == ()


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (feature("Curve", []), "feature 1: .* 'Curve'"),
        (feature("Polygon", [["a"]]), "feature 1"),
        ({"type": "Feature", "geometry": {}}, "feature 1: not as QuPath writes it"),
    ],
)
def test_a_damaged_feature_is_an_error_that_names_it(tmp_path, one, reason):
    with pytest.raises(ExportError, match=rf"00007\.geojson, {reason}"):
        annotations_of(write(tmp_path / "00007.geojson", one))
