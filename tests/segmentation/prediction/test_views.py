"""`predict` on photographs that are not aligned: each face cut out, and laid back."""

import pickle

import cv2
import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.alignment import ffhq_alignment
from ffhq_wrinkle.faces.landmarks import Landmarks
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.views import AlignedFaces
from ffhq_wrinkle.segmentation.evaluation.prediction_files import find_predictions
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.segmentation.prediction.prediction import predict_folder
from ffhq_wrinkle.segmentation.prediction.prediction_folder import PredictSettings
from ffhq_wrinkle.segmentation.prediction.predictor import Predictor
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.landmarks import landmarks_csv
from tests.helpers.pictures import pixels
from tests.helpers.predictions import corrected, table_of

PAPER = TextureSettings()
FACE = Landmarks((95.0, 119.0), (161.0, 119.0), (104.0, 190.0), (152.0, 190.0))


@pytest.fixture
def photos(tmp_path):
    """Two photos that are not aligned: one turned face, and two faces beside each other."""
    folder = tmp_path / "photos"
    folder.mkdir()
    face = drawn_face(256)[0]
    turn = cv2.getRotationMatrix2D((128, 128), 20, 0.8)
    turned = cv2.warpAffine(face, turn, (300, 280), borderValue=(70, 90, 110))
    Image.fromarray(turned).save(folder / "turned.png")
    Image.fromarray(np.hstack([face, drawn_face(256, 1)[0]])).save(folder / "two.png")
    points = np.array(FACE.points) @ turn[:, :2].T + turn[:, 2]
    shifted = [(x + 256, y) for x, y in FACE.points]
    faces = [
        ("turned", Landmarks(*map(tuple, points.tolist()))), ("two", FACE),
        ("two", Landmarks(*shifted)),
    ]  # fmt: skip
    return folder, landmarks_csv(tmp_path / "landmarks.csv", faces), dict(faces[:1])["turned"]


def of_views(network, views):
    return Predictor(network, Ingredients(WholeCrop(), PAPER), views)


class WholeCrop(MeshParser):
    """Says that all of a picture is face, which of drawn ones is easier to know."""

    def prepare(self, image, image_id):
        return np.ones((512, 512), np.uint8)


def test_aligned_faces_are_predicted_and_laid_back_onto_the_photo(photos, tmp_path, network):
    folder, table, face = photos
    out = tmp_path / "out"
    report = predict_folder(
        folder,
        out,
        of_views(network, AlignedFaces(table, size=256)),
    )
    assert (report.made, report.failed) == (1, 1)
    assert "2 faces found; --all-faces takes every one" in (out / "failures.csv").read_text()
    seen, mask = (pixels(out / name / "turned.png") for name in ("aligned", "masks"))
    on_photo = pixels(out / "photo_masks" / "turned.png")
    assert (seen.shape, mask.shape, on_photo.shape) == ((256, 256, 3), (256, 256), (280, 300))
    alignment = ffhq_alignment(face, 256)
    expected = alignment.onto_photo(mask > 0, (280, 300))
    np.testing.assert_array_equal(on_photo > 0, expected)
    assert on_photo.any()
    assert pixels(out / "overlays" / "turned.jpg").shape == (280, 300, 3)
    # Dark lines on the forehead of the photo, where they were drawn: rows 70 and 80 before turning.
    turn = cv2.getRotationMatrix2D((128, 128), 20, 0.8)
    line = turn @ [128, 70, 1]
    around = on_photo[round(line[1]) - 3 : round(line[1]) + 4, round(line[0]) - 3 :][:, :7]
    assert around.any()
    assert predict_folder(
        folder,
        out,
        of_views(network, AlignedFaces(table, size=256)),
    ).kept == 1  # fmt: skip


def test_all_faces_of_a_photo_have_their_own_results(photos, tmp_path, network):
    folder, table, _ = photos
    Image.open(folder / "turned.png").save(folder / "x.face1.png")
    Image.open(folder / "turned.png").save(folder / "unknown.png")
    out = tmp_path / "out"

    def run():
        return predict_folder(
            folder,
            out,
            Predictor(
                network,
                Ingredients(WholeCrop(), PAPER),
                AlignedFaces(table, all_faces=True, size=256),
            ),
            settings=PredictSettings(overlays=False, probabilities="png"),
        )

    report = run()
    assert (report.made, report.failed) == (2, 2)
    names = ["turned.face1", "two.face1", "two.face2"]
    for kind in ("masks", "aligned", "probabilities"):
        assert sorted(path.stem for path in (out / kind).iterdir()) == names
    assert sorted(path.name for path in (out / "photo_masks").iterdir()) == [
        "turned.png",
        "two.png",
    ]
    rows = table_of(out)
    assert [rows[name]["faces_in_photo"] for name in names] == ["1", "2", "2"]
    failures = (out / "failures.csv").read_text()
    assert "reserved for results of --all-faces" in failures
    assert "no face with this id" in failures
    (out / "masks" / "two.face2.png").unlink()
    before = corrected(out, "masks/two.face1.png")
    assert (run().made, run().kept) == (1, 2)
    assert (out / "masks" / "two.face1.png").read_bytes() == before
    one_face = landmarks_csv(tmp_path / "one.csv", [("two", FACE)])
    predict_folder(
        folder,
        out,
        Predictor(
            network,
            Ingredients(WholeCrop(), PAPER),
            AlignedFaces(one_face, all_faces=True, size=256),
        ),
        settings=PredictSettings(overlays=False),
        ids=parse_ids("two"),
        overwrite=True,
    )
    assert not list(out.glob("*/two.face2.*"))
    assert not list(out.glob("probabilities/two.*"))
    with pytest.raises(ArgumentError, match=r"name .*photo_masks for references drawn on the ph"):
        find_predictions(out)
    assert find_predictions(out / "photo_masks").image_ids == {"turned", "two"}
    assert not (out / "overlays").exists()


def test_views_are_made_again_in_another_process(photos):
    views = AlignedFaces(photos[1], all_faces=True, size=128)
    assert pickle.loads(pickle.dumps(views)).settings() == views.settings()
