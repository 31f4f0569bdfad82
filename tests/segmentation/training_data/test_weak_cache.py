import logging
import os
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import RunInterrupted
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.tables import write_csv
from tests.helpers.training_data import completed, never

PAPER, RELEASED = TextureSettings(), TextureSettings(recipe="released")


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def test_missing_weak_masks_are_made_with_the_settings_of_the_others(released, dataset):
    lost = released / "weak_wrinkle_masks" / "00000" / "00001.png"
    before = lost.read_bytes()
    lost.unlink()
    listing = completed(released, "finetune", never)
    made = listing.samples[1].weak
    assert made.is_relative_to(released / ".ffhq-wrinkle-cache")
    lost.write_bytes(before)
    assert_array_equal(np.asarray(Image.open(made)), np.asarray(Image.open(lost)))


def test_weak_masks_of_a_plain_folder_are_made_once_and_then_reused(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    first = completed(plain, "finetune", parser, jobs=2)
    assert "made 4 weak masks into" in caplog.text
    assert "reused" not in caplog.text
    made = times(plain / ".ffhq-wrinkle-cache")
    caplog.clear()
    assert completed(plain, "finetune", parser) == first
    assert "4 weak masks reused from" in caplog.text
    assert "made" not in caplog.text
    assert times(plain / ".ffhq-wrinkle-cache") == made


def test_weak_masks_are_made_only_for_the_images_of_a_limit(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    listing = completed(plain, "pretrain", parser, limit=2)
    assert len(listing.samples) == 2
    assert "made 2 weak masks into" in caplog.text


def test_pretraining_adds_to_the_cache_of_finetuning(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    completed(plain, "finetune", parser)
    listing = completed(plain, "pretrain", parser)
    assert len(listing.samples) == 6
    assert "4 weak masks reused from" in caplog.text
    assert "made 2 weak masks into" in caplog.text


def test_the_files_are_those_that_build_weak_makes(plain, dataset, parser, tmp_path):
    listing = completed(plain, "finetune", parser, texture=RELEASED)
    build_weak(
        dataset.images,
        tmp_path / "weak",
        parser=parser(),
        texture=RELEASED,
        by_products=ByProducts(face_masks=tmp_path / "faces"),
    )
    assert listing.texture == RELEASED
    for one in listing.samples[:3]:
        assert one.weak.read_bytes() == (tmp_path / "weak/00000" / one.weak.name).read_bytes()
        assert one.face.read_bytes() == (tmp_path / "faces" / one.face.name).read_bytes()


def test_each_parser_and_texture_has_its_own_cache(plain, parser):
    listings = (
        completed(plain, "finetune", parser),
        completed(plain, "finetune", parser, texture=RELEASED),
        completed(plain, "finetune", MeshParser),
    )
    assert len({listing.samples[0].weak for listing in listings}) == 3


def test_a_cache_elsewhere_leaves_the_data_set_unchanged(plain, parser, tmp_path):
    before = files_of(plain)
    listing = completed(plain, "finetune", parser, cache=tmp_path / "cache")
    assert files_of(plain) == before
    assert listing.samples[0].weak.is_relative_to(tmp_path / "cache")


def test_the_weak_mask_of_a_photograph_that_changed_is_made_again_with_a_message(
    plain, parser, caplog
):
    caplog.set_level(logging.INFO)
    completed(plain, "finetune", parser)
    changed, touched = (plain / "images" / f"{image_id}.png" for image_id in ("00001", "00002"))
    Image.fromarray(drawn_face(128, seed=9)[0]).save(changed)
    os.utime(touched, (1, 1))  # a copy of the data has other times, and the same content
    made = times(plain / ".ffhq-wrinkle-cache")
    caplog.clear()
    completed(plain, "finetune", parser)
    assert "have been replaced: 1 image (00001)" in caplog.text
    assert "their weak masks are made again" in caplog.text
    assert "3 weak masks reused" in caplog.text
    later = times(plain / ".ffhq-wrinkle-cache")
    assert {path.name for path in made if made[path] != later[path]} == {"00001.png"}


def test_an_interrupted_build_is_resumed(plain, dataset, caplog):
    caplog.set_level(logging.INFO)

    class Interrupted(ReadyLabels):
        def prepare(self, image, image_id):
            if image_id == "00002":
                for _ in range(3000):  # what has not begun at an interruption is never done
                    if list(plain.rglob(".ffhq-wrinkle-cache/**/weak/**/0*.png")):
                        break
                    time.sleep(0.01)
                raise KeyboardInterrupt
            return super().prepare(image, image_id)

    with pytest.raises(RunInterrupted):
        completed(plain, "finetune", lambda: Interrupted(dataset.labels), jobs=2)
    caplog.clear()
    listing = completed(plain, "finetune", lambda: ReadyLabels(dataset.labels))
    assert len(listing.samples) == 4
    assert "weak masks reused" in caplog.text
    assert "made 4" not in caplog.text
    assert len(list((plain / ".ffhq-wrinkle-cache").iterdir())) == 1


def test_two_csv_in_one_folder_do_not_share_the_weak_masks_of_different_photographs(
    plain, dataset, parser, tmp_path
):
    weak = []
    for number, image_id in enumerate(("00001", "00002")):
        row = {"image_id": "face", "image": str(dataset.image_path(image_id))}
        path = write_csv(tmp_path / f"{number}.csv", [row])
        (one,) = completed(path, "pretrain", MeshParser).samples
        weak.append(one.weak.read_bytes())
    assert weak[0] != weak[1]


def test_a_label_map_that_was_replaced_is_noticed(plain, dataset, parser, caplog):
    caplog.set_level(logging.INFO)
    completed(plain, "finetune", parser)
    path = dataset.labels / "00002.npy"
    label_map = np.load(path)
    label_map[:, :256] = 0
    np.save(path, label_map)  # of the same size
    listing = completed(plain, "finetune", parser)
    assert "1 image (00002); their weak masks are made again" in caplog.text
    for made in (listing.samples[2].weak, listing.samples[2].face):
        assert not np.asarray(Image.open(made))[:, :64].any()
    assert np.asarray(Image.open(listing.samples[1].weak))[:, :64].any()


def test_a_ready_face_mask_that_was_replaced_is_noticed(plain, dataset, caplog):
    caplog.set_level(logging.INFO)
    (plain / "face_masks").mkdir()
    for image_id in dataset.ids:
        Image.fromarray(np.full((128, 128), 255, np.uint8)).save(
            plain / "face_masks" / f"{image_id}.png"
        )
    completed(plain, "finetune", never)
    half = np.zeros((128, 128), np.uint8)
    half[:, :64] = 255
    Image.fromarray(half).save(plain / "face_masks" / "00001.png")
    listing = completed(plain, "finetune", never)
    assert "1 image (00001); their weak masks are made again" in caplog.text
    assert not np.asarray(Image.open(listing.samples[1].weak))[:, 64:].any()


def test_the_cache_of_a_version_that_recorded_no_inputs_is_reused(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    completed(plain, "finetune", parser)
    for table in plain.rglob(".ffhq-wrinkle-cache/**/inputs.csv"):
        table.unlink()
    made = times(plain / ".ffhq-wrinkle-cache")
    completed(plain, "finetune", parser)
    assert "input files were not recorded for 4 weak masks" in caplog.text
    assert times(plain / ".ffhq-wrinkle-cache") == made
