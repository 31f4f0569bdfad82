"""Photos whose names could be those of faces of other photos."""

import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.views import AlignedFaces
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.segmentation.prediction.prediction import predict_folder
from ffhq_wrinkle.segmentation.prediction.predictor import Predictor
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.landmarks import ASTRONAUT, landmarks_csv
from tests.helpers.predictions import table_of


@pytest.fixture
def photos(tmp_path):
    """Whole photos of drawn faces, called x, x.face1 and x.face2."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("x", "x.face1", "x.face2")):
        Image.fromarray(drawn_face(128, seed=number)[0]).save(folder / f"{name}.png")
    return folder


def predict(photos, out, network, *, views=None, ids=None, **options):
    ingredients = Ingredients(MeshParser(), network.texture)
    chosen = parse_ids(ids) if ids else None
    predictor = Predictor(network, ingredients, views)
    return predict_folder(photos, out, predictor, ids=chosen, **options)


def test_overwriting_a_photo_keeps_the_results_of_photos_called_like_its_faces(
    photos, tmp_path, network
):
    out = tmp_path / "out"
    predict(photos, out, network)
    before = files_of(out)
    assert len(before) == 3 * 2 + 2
    report = predict(photos, out, network, ids="x", overwrite=True)
    assert report.made == 1
    assert files_of(out) == before
    assert sorted(table_of(out)) == ["x", "x.face1", "x.face2"]


def test_a_photo_that_was_replaced_leaves_them_alone_too(photos, tmp_path, network):
    out = tmp_path / "out"
    predict(photos, out, network)
    kept = {name: content for name, content in files_of(out).items() if ".face" in name}
    Image.fromarray(drawn_face(128, seed=9)[0]).save(photos / "x.png")
    assert predict(photos, out, network).made == 1
    after = files_of(out)
    assert {name: after[name] for name in kept} == kept


def test_faces_of_an_earlier_run_are_removed_but_not_a_photo_between_them(
    photos, tmp_path, network
):
    out = tmp_path / "out"
    (photos / "x.face2.png").unlink()
    predict(photos, out, network)
    kept = (out / "masks" / "x.face1.png").read_bytes()
    (out / "masks" / "x.face2.png").write_bytes(kept)  # as if a run with --all-faces had left it
    predict(photos, out, network, ids="x", overwrite=True)
    assert (out / "masks" / "x.face1.png").read_bytes() == kept
    assert not (out / "masks" / "x.face2.png").exists()


def test_with_all_faces_such_photos_are_refused_before_anything_is_written(
    photos, tmp_path, network
):
    table = landmarks_csv(tmp_path / "landmarks.csv", [("x", ASTRONAUT)])
    views = AlignedFaces(table, all_faces=True, size=128)
    with pytest.raises(ArgumentError, match=r"has the images x and x\.face1, but with --all-faces"):
        predict(photos, tmp_path / "out", network, views=views, ids="x")
    assert not (tmp_path / "out").exists()


def test_photos_with_the_same_number_cannot_share_landmarks_or_face_masks(tmp_path, network):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, name in enumerate(("7", "00007")):
        Image.fromarray(drawn_face(128, seed=number)[0]).save(photos / f"{name}.png")
    table = landmarks_csv(tmp_path / "landmarks.csv", [("7", ASTRONAUT)])
    message = r"photos: the images 00007 and 7 have the same number 00007; rename one"
    with pytest.raises(ArgumentError, match=message):
        predict(photos, tmp_path / "out", network, views=AlignedFaces(table, size=128))
    faces = tmp_path / "faces"
    faces.mkdir()
    Image.new("L", (128, 128), 255).save(faces / "00007.png")
    predictor = Predictor(network, Ingredients(None, network.texture, face_masks=faces))
    with pytest.raises(ArgumentError, match=message):
        predict_folder(photos, tmp_path / "out", predictor)
    assert predict(photos, tmp_path / "out", network).made == 2  # each has its own results


def test_two_face_masks_with_the_number_of_a_photo_are_a_failure_of_it(tmp_path, network):
    photos, faces = tmp_path / "photos", tmp_path / "faces"
    for folder, names in ((photos, ["00007", "00008"]), (faces, ["7", "007", "8", "00008"])):
        folder.mkdir()
        for name in names:
            mode, colour = ("RGB", (200, 160, 130)) if folder is photos else ("L", 255)
            Image.new(mode, (128, 128), colour).save(folder / f"{name}.png")
    predictor = Predictor(network, Ingredients(None, network.texture, face_masks=faces))
    report = predict_folder(photos, tmp_path / "out", predictor)
    assert (report.made, report.failed) == (1, 1)  # 00008 has one of its own name
    assert "has 007.png and 7.png for this id" in (tmp_path / "out/failures.csv").read_text()
