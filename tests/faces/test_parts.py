"""Which classes of a label map are face: `--parts`."""

import json
import pickle

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.api.weak_masks import build_weak
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.labels import CLASSES, face_mask, parse_parts
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.parsing import create_parser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.weak_labels.gpu_texture import face_masks
from tests.helpers.commands import run
from tests.helpers.formulas import paper
from tests.helpers.weak_masks import StaysOnGpu
from tests.helpers.weak_masks import build as build_with

PARTS = "mouth, skin,l_eye,nose"
CHOSEN = (1, 4, 10, 11)  # by zllrunning's order of classes


def expected_mask(dataset, image_id, classes):
    """Eq. 1 inside some classes, by OpenCV and NumPy."""
    gray = cv2.imread(str(dataset.image_path(image_id)))
    gray = cv2.cvtColor(gray, cv2.COLOR_BGR2GRAY).astype(np.float64)
    face = np.isin(np.load(dataset.labels / f"{image_id}.npy"), classes).astype(np.uint8)
    face = cv2.resize(face, gray.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return paper(gray, cv2.GaussianBlur(gray, (21, 21), 5)) * face


def levels(path):
    return np.asarray(Image.open(path))


def test_parts_are_classes_in_the_order_of_their_numbers():
    assert parse_parts(PARTS) == parse_parts("nose,mouth,l_eye,skin,skin") == CHOSEN
    assert parse_parts(",".join(CLASSES[1:])) == tuple(range(1, 19))


@pytest.mark.parametrize("text", ["", "skin,", "chin", "background", "Skin"])
def test_what_is_not_a_class_is_refused_with_the_names(text):
    with pytest.raises(ArgumentError, match=r"--parts: '.*' is not a part.*skin, l_brow.*hat$"):
        parse_parts(text)


def test_a_face_mask_has_the_chosen_classes():
    label_map = np.random.default_rng(0).integers(0, 19, (512, 512)).astype(np.uint8)
    assert_array_equal(face_mask(label_map, (512, 512), CHOSEN), np.isin(label_map, CHOSEN))
    assert_array_equal(face_mask(label_map, (512, 512)), np.isin(label_map, (1, 10)))
    on_gpu = face_masks(torch.from_numpy(label_map)[None], (512, 512), CHOSEN)
    assert_array_equal(on_gpu[0].numpy(), np.isin(label_map, CHOSEN))


def test_weak_masks_cover_the_chosen_parts_which_the_record_names(dataset, tmp_path):
    arguments = ["build-weak", dataset.images, tmp_path / "weak", "--parser", "labels"]
    result = run(*arguments, "--parts", PARTS)
    assert result.exit_code == 0, result.output
    for image_id in dataset.ids:
        made = levels(tmp_path / "weak" / f"{int(image_id) // 1000 * 1000:05d}" / f"{image_id}.png")
        assert_array_equal(made, expected_mask(dataset, image_id, CHOSEN))
    record = json.loads((tmp_path / "weak" / "build.json").read_text())
    assert record["settings"]["parts"] == "skin,l_eye,nose,mouth"
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "parts skin,l_eye,nose,mouth there and not set now" in refused.output
    assert run(*arguments, "--parts", "nose,skin,mouth,l_eye").exit_code == 0


def test_skin_and_nose_are_recorded_as_in_earlier_versions(dataset, tmp_path):
    arguments = ["build-weak", dataset.images, tmp_path / "weak", "--parser", "labels"]
    assert run(*arguments, "--parts", "nose,skin").exit_code == 0
    record = json.loads((tmp_path / "weak" / "build.json").read_text())
    assert "parts" not in record["settings"]
    assert run(*arguments).exit_code == 0


def test_a_batch_on_a_gpu_has_the_same_parts(dataset, tmp_path):
    parser = StaysOnGpu(dataset.labels)
    parser.choose_parts(PARTS)
    build_with(dataset, tmp_path / "weak", parser=parser)
    made = levels(tmp_path / "weak" / "00000" / "00001.png")
    assert_array_equal(made, expected_mask(dataset, "00001", CHOSEN))


def test_an_image_without_the_parts_fails_by_their_names(dataset, tmp_path):
    result = run(
        "build-weak", dataset.images, tmp_path / "weak", "--parser", "labels", "--parts", "neck,hat"
    )
    assert result.exit_code == 1
    failures = (tmp_path / "weak" / "failures.csv").read_text()
    assert "no face found: the label map has none of neck,hat" in failures


def test_predictions_use_the_chosen_parts(dataset, tmp_path, checkpoint):
    arguments = ["predict", dataset.images, "--checkpoint", checkpoint, "--parser", "labels"]
    arguments.insert(2, tmp_path / "out")
    assert run(*arguments, "--parts", PARTS).exit_code == 0
    # The network finds wrinkle where the weak mask is above 40, see `threshold_unet`.
    expected = expected_mask(dataset, "00001", CHOSEN) > 40
    assert_array_equal(levels(tmp_path / "out" / "masks" / "00001.png") > 0, expected)
    record = json.loads((tmp_path / "out" / "predict.json").read_text())
    assert record["settings"]["parts"] == "skin,l_eye,nose,mouth"


def test_parts_without_a_parser_are_refused(dataset, tmp_path, checkpoint):
    faces = ["--face-masks", dataset.images, "--parts", "skin"]
    result = run("predict", dataset.images, tmp_path / "out", "--checkpoint", checkpoint, *faces)
    assert result.exit_code == 2
    assert "--parts" in result.output
    with pytest.raises(ArgumentError, match="parser that is given by name"):
        build_weak(dataset.images, tmp_path, parser=ReadyLabels(dataset.labels), parts="skin")


def test_the_face_mesh_refuses_parts_that_it_does_not_label():
    with pytest.raises(ArgumentError, match="the parser mesh does not label neck, cloth; leave"):
        create_parser("mesh", parts="skin,neck,cloth")
    parser = create_parser("mesh", parts="skin,nose,hair,u_lip")
    assert parser.parts == (1, 10, 12, 17)


def test_a_parser_in_another_process_has_the_same_parts(tmp_path):
    for parser in (MeshParser(), ReadyLabels(tmp_path)):
        parser.choose_parts("skin,mouth")
        assert pickle.loads(pickle.dumps(parser)).parts == (1, 11)
