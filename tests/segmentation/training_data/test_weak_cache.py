import logging
import os
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import RunInterrupted
from ffhq_wrinkle.faces.parsing import ReadyLabels
from ffhq_wrinkle.faces.template import TemplateParser
from ffhq_wrinkle.segmentation.training_data.checks import require_trainable
from ffhq_wrinkle.segmentation.training_data.listing import read_listing
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.tables import write_manifest
from tests.helpers.training_data import never

PAPER, RELEASED = TextureSettings(), TextureSettings(recipe="released")


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def test_weak_masks_that_are_missing_are_made_as_the_others_were(released, dataset):
    lost = released / "weak_wrinkle_masks" / "00000" / "00001.png"
    before = lost.read_bytes()
    lost.unlink()
    found = read_listing(released, stage="finetune", parser=never)
    made = found.samples[1].weak
    assert made.is_relative_to(released / ".ffhq-wrinkle-cache")
    lost.write_bytes(before)
    assert_array_equal(np.asarray(Image.open(made)), np.asarray(Image.open(lost)))


def test_weak_masks_of_a_plain_folder_are_made_once_and_then_reused(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    first = read_listing(plain, stage="finetune", parser=parser, jobs=2)
    assert "made 4 weak masks into" in caplog.text
    assert "reused" not in caplog.text
    require_trainable(first.samples, stage="finetune", jobs=2)
    made = times(plain / ".ffhq-wrinkle-cache")
    caplog.clear()
    assert read_listing(plain, stage="finetune", parser=parser) == first
    assert "4 weak masks reused from" in caplog.text
    assert "made" not in caplog.text
    assert times(plain / ".ffhq-wrinkle-cache") == made


def test_of_a_limited_number_no_more_weak_masks_are_made(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    found = read_listing(plain, stage="pretrain", parser=parser, limit=2)
    assert len(found.samples) == 2
    assert "made 2 weak masks into" in caplog.text


def test_pretraining_adds_to_the_cache_of_finetuning(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    read_listing(plain, stage="finetune", parser=parser)
    found = read_listing(plain, stage="pretrain", parser=parser)
    assert len(found.samples) == 6
    assert "4 weak masks reused from" in caplog.text
    assert "made 2 weak masks into" in caplog.text


def test_what_is_made_is_what_build_weak_makes(plain, dataset, parser, tmp_path):
    found = read_listing(plain, stage="finetune", parser=parser, texture=RELEASED)
    build_weak(
        dataset.images,
        tmp_path / "weak",
        parser=parser(),
        texture=RELEASED,
        by_products=ByProducts(face_masks=tmp_path / "faces"),
    )
    assert found.texture == RELEASED
    for one in found.samples[:3]:
        assert one.weak.read_bytes() == (tmp_path / "weak/00000" / one.weak.name).read_bytes()
        assert one.face.read_bytes() == (tmp_path / "faces" / one.face.name).read_bytes()


def test_other_settings_have_another_cache(plain, parser):
    one = read_listing(plain, stage="finetune", parser=parser)
    other = read_listing(plain, stage="finetune", parser=parser, texture=RELEASED)
    again = read_listing(plain, stage="finetune", parser=TemplateParser)
    assert len({found.samples[0].weak for found in (one, other, again)}) == 3


def test_the_cache_may_be_elsewhere_and_the_data_stays_as_it_is(plain, parser, tmp_path):
    before = files_of(plain)
    found = read_listing(plain, stage="finetune", parser=parser, cache=tmp_path / "cache")
    assert files_of(plain) == before
    assert found.samples[0].weak.is_relative_to(tmp_path / "cache")


def test_a_photograph_that_changed_is_done_anew_and_said_so(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    read_listing(plain, stage="finetune", parser=parser)
    changed, touched = (plain / "images" / f"{image_id}.png" for image_id in ("00001", "00002"))
    Image.fromarray(drawn_face(128, seed=9)[0]).save(changed)
    os.utime(touched, (1, 1))  # a copy of the data has other times, and the same content
    made = times(plain / ".ffhq-wrinkle-cache")
    caplog.clear()
    read_listing(plain, stage="finetune", parser=parser)
    assert "1 images are not those that" in caplog.text
    assert "such as 00001; these are made anew" in caplog.text
    assert "3 weak masks reused" in caplog.text
    later = times(plain / ".ffhq-wrinkle-cache")
    assert {path.name for path in made if made[path] != later[path]} == {"00001.png"}


def test_an_interrupted_build_goes_on_where_it_was(plain, dataset, caplog):
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
        read_listing(plain, stage="finetune", parser=lambda: Interrupted(dataset.labels), jobs=2)
    caplog.clear()
    found = read_listing(plain, stage="finetune", parser=lambda: ReadyLabels(dataset.labels))
    assert len(found.samples) == 4
    assert "weak masks reused" in caplog.text
    assert "made 4" not in caplog.text
    assert len(list((plain / ".ffhq-wrinkle-cache").iterdir())) == 1


def test_two_manifests_beside_each_other_do_not_share_what_is_not_the_same(
    plain, dataset, parser, tmp_path
):
    listed = []
    for number, image_id in enumerate(("00001", "00002")):
        row = {"image_id": "face", "image": str(dataset.image_path(image_id))}
        path = write_manifest(tmp_path / f"{number}.csv", [row])
        (one,) = read_listing(path, stage="pretrain", parser=TemplateParser).samples
        listed.append(one.weak.read_bytes())
    assert listed[0] != listed[1]
