"""The remark on faces whose size differs from that of the faces that a network was trained on."""

import numpy as np
import pytest
import torch
from PIL import Image

from ffhq_wrinkle.faces.landmarks import Landmarks
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.views import AlignedFaces
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ffhq_wrinkle.segmentation.prediction.ingredients import Ingredients
from ffhq_wrinkle.segmentation.prediction.network_files import load_network
from ffhq_wrinkle.segmentation.prediction.prediction import predict_folder
from ffhq_wrinkle.segmentation.prediction.predictor import Predictor
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.landmarks import landmarks_csv
from tests.helpers.networks import threshold_unet
from tests.helpers.predictions import predict
from tests.helpers.training import RECIPE, run
from tests.helpers.training_data import draw_masks

REMARK = "pixels a side of the faces that the network was trained on"


@pytest.fixture
def network_for(tmp_path):
    """Return the small U-Net as if it had been trained on faces of a size."""

    def load(side):
        path = tmp_path / f"trained_on_{side}.pt"
        save_checkpoint(path, threshold_unet(), "unet", texture=TextureSettings(), side=side)
        return load_network(path, device="cpu")

    return load


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (85, "6 faces are much larger than the 85 pixels"),
        (86, ""),  # 128 / 86 is just below 1.5
        (128, ""),
        (192, ""),
        (193, "6 faces are much smaller than the 193 pixels"),
    ],
)
def test_faces_of_another_size_than_in_training_are_remarked_on(
    side, expected, dataset, network_for, tmp_path, caplog
):
    predict(dataset, tmp_path / "out", network_for(side))
    assert (REMARK in caplog.text) == bool(expected)
    assert expected in caplog.text


@pytest.mark.parametrize(
    ("side", "advice"),
    [(1024, "--align resizes faces to 1024"), (300, "resize them to about 300 pixels a side")],
)
def test_the_advice_depends_on_the_faces_of_training(
    side, advice, dataset, network_for, tmp_path, caplog
):
    predict(dataset, tmp_path / "out", network_for(side), limit=1)
    assert "1 face is much smaller" in caplog.text
    assert advice in caplog.text


@pytest.mark.parametrize(("side", "expected"), [(256, ""), (1024, "much smaller"), (64, "larger")])
def test_aligned_faces_are_compared_after_alignment_and_align_is_not_advised(
    side, expected, network_for, tmp_path, caplog
):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(np.pad(drawn_face(256)[0], ((0, 0), (0, 344), (0, 0)))).save(photos / "x.png")
    face = Landmarks((95.0, 119.0), (161.0, 119.0), (104.0, 190.0), (152.0, 190.0))
    table = landmarks_csv(tmp_path / "landmarks.csv", [("x", face)])
    network = network_for(side)
    predictor = Predictor(
        network,
        Ingredients(MeshParser(), network.texture),
        AlignedFaces(table, size=256),
    )
    report = predict_folder(photos, tmp_path / "out", predictor)
    assert report.made == 1, (tmp_path / "out" / "failures.csv").read_text()
    assert (REMARK in caplog.text) == bool(expected)
    assert expected in caplog.text
    assert "--align resizes" not in caplog.text


@pytest.fixture
def trained(make_dataset, tmp_path):
    """A network trained on crops of 32 pixels of faces of 128, with the data set."""
    data = make_dataset(range(12), side=128)
    draw_masks(data.root / "manual_wrinkle_masks", data.ids)
    run(data, tmp_path / "run", RECIPE.replace("batch_size", "size = 32\nbatch_size"))
    return data, tmp_path / "run"


def test_a_network_trained_on_crops_finds_its_training_images_of_the_right_size(
    trained, tmp_path, caplog
):
    data, folder = trained
    for stage in ("pretrain", "finetune"):
        for name in ("best.pt", "last.pt"):
            assert load_checkpoint(folder / stage / name).side == 128
    network = load_network(folder / "finetune" / "best.pt", device="cpu")
    predict(data, tmp_path / "out", network)
    assert REMARK not in caplog.text


def test_crops_in_older_checkpoints_do_not_count_as_faces(tmp_path, caplog, dataset):
    for name, size, expected in (("cropped", 32, None), ("whole", 0, 64)):
        path = tmp_path / f"{name}.pt"
        more = {"stage": "finetune", "settings": {"finetune": {"size": size}}}
        save_checkpoint(
            path, threshold_unet(), "unet", texture=TextureSettings(), side=1, more=more
        )
        content = torch.load(path, weights_only=True)
        del content["face_side"]  # as in checkpoints of earlier versions
        torch.save({**content, "side": size or 64}, path)
        assert load_checkpoint(path).side == expected
    predict(dataset, tmp_path / "out", load_network(tmp_path / "cropped.pt", device="cpu"))
    assert REMARK not in caplog.text


def test_faces_of_several_sizes_are_recorded_by_their_median(make_dataset, tmp_path):
    data = make_dataset(range(12), side=64)
    draw_masks(data.root / "manual_wrinkle_masks", data.ids, side=64)
    for image_id in data.ids[:3]:
        for path in (data.image_path(image_id), *data.root.glob(f"manual*/{image_id}.png")):
            larger = Image.open(path).resize((96, 96), Image.Resampling.NEAREST)
            Image.fromarray(np.asarray(larger)).save(path)
    finetune = RECIPE[RECIPE.index("[finetune]") :].replace("batch_size", "size = 32\nbatch_size")
    run(data, tmp_path / "run", finetune)
    assert load_checkpoint(tmp_path / "run" / "finetune" / "best.pt").side == 64
