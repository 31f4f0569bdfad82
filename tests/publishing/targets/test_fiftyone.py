"""FiftyOne: the folder that its importer takes, read as the importer reads it.

`tools/check_fiftyone.sh` imports such a folder with FiftyOne itself.
"""

import ast
import json

import numpy as np
import pytest
from PIL import Image

from tests.helpers.publishing import (
    IDS,
    drawn,
    expected_masks,
    odd_data,
    photograph,
    published,
)


def pixels(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("with_images", [False, True])
def test_photographs_and_labels_have_the_same_stems(tmp_path, with_images):
    out = published(
        odd_data(tmp_path / "data"), tmp_path / "out", "fiftyone",
        with_images=with_images, any_licence=with_images,
    )  # fmt: skip
    labels = {path.stem: path for path in (out / "labels").iterdir()}
    if with_images:
        images = {path.stem: path for path in (out / "data").iterdir()}
    else:
        listed = json.loads((out / "data.json").read_text())
        images = {stem: out / place for stem, place in listed.items()}
    assert labels.keys() == images.keys()
    about = json.loads((out / "samples.json").read_text())
    assert {entry["image_id"] for entry in about.values()} == set(IDS)
    for stem, entry in about.items():
        number = list(IDS).index(entry["image_id"])
        np.testing.assert_array_equal(pixels(images[stem]), photograph(number))
        np.testing.assert_array_equal(pixels(labels[stem]), expected_masks()[entry["image_id"]])


def test_annotators_and_weak_masks_are_further_fields(tmp_path, annotate):
    folders = annotate({"A": {"00007": drawn(5)}, "anna": {"eval-1": drawn(6)}})
    out = published(
        odd_data(tmp_path / "data", weak=True), tmp_path / "out", "fiftyone",
        annotators=[str(folder) for folder in folders],
    )  # fmt: skip
    np.testing.assert_array_equal(pixels(out / "labels_A/00007.png"), drawn(5) * 255)
    np.testing.assert_array_equal(pixels(out / "labels_annotator_2/eval-1.png"), drawn(6) * 255)
    np.testing.assert_array_equal(pixels(out / "labels_weak/00007.png"), photograph(0)[:, :, 0])
    script = (out / "import_to_fiftyone.py").read_text()
    ast.parse(script)
    assert 'for field in ["weak", "A", "annotator_2"]:' in script
    published(  # the folders of annotators are its own
        odd_data(tmp_path / "data", weak=True), out, "fiftyone",
        annotators=[str(folder) for folder in folders], title="New", overwrite=True,
    )  # fmt: skip
