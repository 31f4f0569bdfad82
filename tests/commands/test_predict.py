"""The command `predict`: what it prints, how it ends, and what it asks for."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle.cli import main
from ffhq_wrinkle.segmentation.checkpoints.checkpoint import save_checkpoint
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.landmarks import ASTRONAUT, landmarks_csv
from tests.helpers.networks import threshold_unet
from tests.helpers.pictures import pixels


@pytest.fixture
def run(checkpoint):
    def invoke(*arguments, weights=checkpoint):
        options = ["--checkpoint", weights, "--device", "cpu"]
        command = ["predict", *arguments, *options]
        return CliRunner().invoke(main, [str(part) for part in command])

    return invoke


def test_predict_reports_its_results(run, dataset, tmp_path):
    out = tmp_path / "out"
    result = run(dataset.root, out, "--parser", "labels", "--ids", "0-2")
    assert result.exit_code == 0
    assert result.stdout == "3 predictions written, 0 existed already\n"
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".lock") == [
        "inputs.csv", "masks", "overlays", "predict.json", "wrinkles.csv",
    ]  # fmt: skip


def test_failures_are_counted_and_the_exit_status_is_1(run, dataset, tmp_path):
    dataset.image_path("00001").write_bytes(b"")
    result = run(dataset.root, tmp_path / "out", "--parser", "labels", "--limit", "2")
    assert result.exit_code == 1
    assert "1 prediction written, 0 existed already, 1 failed, see" in result.stdout


def test_with_face_masks_no_parser_is_needed(run, dataset, tmp_path):
    (tmp_path / "skin").mkdir()
    Image.new("L", (128, 128), 255).save(tmp_path / "skin" / "00000.png")
    result = run(dataset.root, tmp_path / "out", "--face-masks", tmp_path / "skin", "--limit", "1")
    assert result.exit_code == 0, result.output


def test_faces_are_aligned_by_a_table_of_landmarks(run, tmp_path, astronaut):
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut).save(tmp_path / "photos" / "7.png")
    table = landmarks_csv(tmp_path / "faces.csv", [("7", ASTRONAUT)])
    out = tmp_path / "out"
    options = ["--align", "--landmarks", table, "--parser", "mesh"]
    result = run(tmp_path / "photos", out, *options)
    assert result.exit_code == 0, result.output
    assert pixels(out / "masks" / "7.png").shape == (1024, 1024)
    assert pixels(out / "photo_masks" / "7.png").shape == (512, 512)


def test_a_photo_is_aligned_by_the_face_mesh_without_landmarks(run, dataset, tmp_path, astronaut):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(astronaut).save(folder / "7.png")
    out = tmp_path / "out"
    result = run(folder, out, "--align", "--parser", "mesh")
    assert result.exit_code == 0, result.output
    assert pixels(out / "aligned" / "7.png").shape == (1024, 1024, 3)
    assert json.loads((out / "predict.json").read_text())["settings"]["align"].startswith(
        "face mesh "
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--landmarks", "."], "is a directory"),
        (["--all-faces"], "--landmarks and --all-faces require --align"),
        (["--align", "--texture", "."], "they cannot be combined with --align"),
        (["--align", "--parser", "labels"], "they cannot be combined with --align"),
        (["--precision", "bf16", "--parser", "mesh"], "bf16 is for CUDA"),
        (["--parser", "mesh", "--ids", "77"], "none of the 1 requested id"),
        (["--probabilities", "jpg"], "is not one of"),
        (["--batch-size", "0"], "is not in the range"),
        (["--face-masks", ".", "--labels", "."], "no parser is used with --face-masks"),
    ],
)
def test_wrong_options_are_wrong_usage(options, message, run, dataset, tmp_path):
    result = run(dataset.root, tmp_path / "out", *options)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_a_missing_checkpoint_is_wrong_usage(run, dataset, tmp_path):
    result = run(dataset.root, tmp_path / "out", "--parser", "mesh", weights="official-vnet")
    assert result.exit_code == 2
    assert "there is no checkpoint official-vnet; name a file, a folder of `train`, or one of " in (
        result.output
    )


def test_odd_names_do_not_make_errors_longer_than_a_line(run, dataset, tmp_path):
    result = run(dataset.root, tmp_path / "out", "--parser", "mesh", weights="no\nsuch")
    assert result.exit_code == 2
    assert "there is no checkpoint no\\nsuch; name" in result.output
    assert result.output.count("\n") == 1


def test_a_recipe_is_for_networks_that_take_texture_maps(run, dataset, tmp_path):
    path = tmp_path / "rgb.pt"
    save_checkpoint(path, threshold_unet(3), "unet", texture=TextureSettings(), side=128)
    options = ["--parser", "labels", "--recipe", "paper"]
    result = run(dataset.root, tmp_path / "out", *options, weights=path)
    assert result.exit_code == 2
    assert "leave --recipe out" in result.output


def test_a_file_that_is_not_a_checkpoint_is_reported_in_one_line(run, dataset, tmp_path):
    (tmp_path / "w.pth").write_text("quota exceeded")
    weights = tmp_path / "w.pth"
    result = run(dataset.root, tmp_path / "out", "--parser", "mesh", weights=weights)
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "not a weights file" in result.output


def test_results_must_not_go_where_images_are_read(run, dataset):
    result = run(dataset.root, dataset.images, "--parser", "labels")
    assert result.exit_code == 2
    assert "overlap" in result.output


def test_a_run_that_made_nothing_does_not_refuse_the_corrected_command(run, dataset, tmp_path):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    wrong = run(dataset.root, out, "--parser", "labels", "--labels", tmp_path / "empty")
    assert wrong.exit_code == 1
    assert "0 predictions written" in wrong.output
    right = run(dataset.root, out, "--parser", "labels", "--flip")
    assert right.exit_code == 0, right.output


def test_the_record_counts_images_beside_files(run, dataset, tmp_path):
    dataset.image_path("00001").write_bytes(b"")
    run(dataset.root, tmp_path / "out", "--parser", "labels", "--probabilities", "npy")
    record = json.loads((tmp_path / "out" / "predict.json").read_text())
    # Six photos, of which one is damaged; each other one has a mask, an overlay and probabilities.
    assert record["counts"] == {"images": 5, "results": 15, "failed": 1}


def test_a_checkpoint_can_be_a_run_of_train(run, checkpoint, dataset, tmp_path):
    for stage in ("pretrain", "finetune"):
        (tmp_path / "run" / stage).mkdir(parents=True)
    shutil.copy(checkpoint, tmp_path / "run" / "finetune" / "best.pt")
    (tmp_path / "run" / "pretrain" / "best.pt").write_bytes(b"not this one")
    options = ["--parser", "labels", "--limit", "1"]
    for number, weights in enumerate((checkpoint, tmp_path / "run", tmp_path / "run/finetune")):
        result = run(dataset.root, tmp_path / str(number), *options, weights=weights)
        assert result.exit_code == 0, result.output
    masks = [(tmp_path / str(number) / "masks/00000/00000.png") for number in range(3)]
    masks = [path if path.exists() else path.parents[1] / path.name for path in masks]
    assert len({path.read_bytes() for path in masks}) == 1
    result = run(dataset.root, tmp_path / "out", weights=dataset.root)
    assert result.exit_code == 2
    assert f"{dataset.root} is not a run of `train` with a finetune/best.pt" in result.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_does_not_exist_is_refused_before_anything_is_fetched(dataset, tmp_path):
    command = ["predict", str(dataset.root), str(tmp_path / "out"), "--device", "cuda"]
    result = CliRunner().invoke(main, [*command, "--checkpoint", "official-unet"])
    assert result.exit_code == 2
    assert "device 'cuda' does not exist on this machine" in result.output
