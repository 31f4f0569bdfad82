import logging
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import TrainingDataError
from ffhq_wrinkle.faces.template import TemplateParser
from ffhq_wrinkle.segmentation.training_data.checks import require_trainable
from ffhq_wrinkle.segmentation.training_data.listing import read_listing
from ffhq_wrinkle.segmentation.training_data.samples import load_sample
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.tables import write_manifest
from tests.helpers.training_data import draw_masks, never

PAPER, RELEASED = TextureSettings(), TextureSettings(recipe="released")


def test_without_weak_masks_none_are_made_nor_listed(plain, released, parser):
    found = read_listing(plain, stage="pretrain", parser=never, weak=False)
    assert [one.weak for one in found.samples] == [None] * 6
    require_trainable(found.samples, stage="pretrain", weak=False)
    with pytest.raises(TrainingDataError, match="6 images have no weak mask"):
        require_trainable(found.samples, stage="pretrain")
    assert not (plain / ".ffhq-wrinkle-cache").exists()
    found = read_listing(released, stage="finetune", parser=never, weak=False)
    assert all(one.weak is None and one.face for one in found.samples)
    found = read_listing(plain, stage="finetune", parser=parser, weak=False)  # faces are needed
    assert all(one.weak is None and one.face for one in found.samples)


def test_ready_face_masks_need_no_parser(plain, dataset, parser, tmp_path):
    by_products = ByProducts(face_masks=plain / "face_masks")
    build_weak(dataset.images, tmp_path / "weak", parser=parser(), by_products=by_products)
    found = read_listing(plain, stage="finetune", parser=never)
    for one in found.samples[:3]:
        assert one.face == plain / "face_masks" / f"{one.image_id}.png"
        made = np.asarray(Image.open(one.weak))
        expected = Image.open(tmp_path / "weak" / "00000" / f"{one.image_id}.png")
        assert_array_equal(made, np.asarray(expected))


def test_images_without_a_face_are_left_out_and_named(plain, dataset, parser, caplog):
    np.save(dataset.labels / "00001.npy", np.zeros((512, 512), np.uint8))
    found = read_listing(plain, stage="finetune", parser=parser)
    assert [one.image_id for one in found.samples] == ["00000", "00002", "00999"]
    (warning,) = (one.getMessage() for one in caplog.records if one.levelname == "WARNING")
    assert warning.startswith("1 of 4 images are left out, for no face was found: 00001 (")
    for path in dataset.labels.iterdir():
        np.save(path, np.zeros((512, 512), np.uint8))
    with pytest.raises(TrainingDataError, match="none of the 4 images has a face"):
        read_listing(plain, stage="finetune", parser=parser, cache=plain / "other")


def test_a_damaged_image_is_not_left_out_but_named_by_the_checks(plain, parser):
    (plain / "images" / "00001.png").write_text("not an image")
    (plain / "masks" / "00009.png").write_bytes((plain / "masks" / "00000.png").read_bytes())
    found = read_listing(plain, stage="finetune", parser=parser)
    with pytest.raises(TrainingDataError) as caught:
        require_trainable(found.samples, stage="finetune")
    missing, damaged = str(caught.value).splitlines()[1:]
    assert missing == f"1 files are not there: {plain / 'images' / '00009.png'}"
    assert damaged.startswith(f"1 files can not be used: {plain / 'images' / '00001.png'}: not an")


def test_the_hash_is_of_the_data_and_not_of_its_place(plain, dataset, parser, tmp_path):
    def digest(folder):
        return read_listing(folder, stage="finetune", parser=parser).sha256()

    before = digest(plain)
    assert before == digest(plain)
    shutil.copytree(plain, tmp_path / "copy", ignore=shutil.ignore_patterns(".ffhq*"))
    assert digest(tmp_path / "copy") == before
    seen = {before}
    draw_masks(tmp_path / "other", ["00077"])
    shutil.copy(tmp_path / "other" / "00077.png", tmp_path / "copy" / "masks" / "00001.png")
    seen.add(digest(tmp_path / "copy"))
    (tmp_path / "copy" / "masks" / "00002.png").unlink()
    seen.add(digest(tmp_path / "copy"))
    seen.add(read_listing(plain, stage="pretrain", parser=parser).sha256())
    seen.add(read_listing(plain, stage="finetune", parser=parser, texture=RELEASED).sha256())
    assert len(seen) == 5


@pytest.mark.real_data
def test_real_faces_are_listed_from_a_manifest(real_data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    pairs = real_data / "wrinkle-pairs"
    rows = [
        {"image_id": path.stem, "image": str(path), "mask": str(pairs / "masks" / path.name)}
        for path in sorted((pairs / "images").iterdir())[:4]
    ]
    path = write_manifest(tmp_path / "data.csv", rows)
    for line in ("made 4 weak masks into", "4 weak masks reused from"):
        caplog.clear()
        found = read_listing(path, stage="finetune", parser=TemplateParser, jobs=2)
        assert line in caplog.text
    require_trainable(found.samples, stage="finetune")
    loaded = [load_sample(one, stage="finetune") for one in found.samples]
    inside = [np.mean(one.face[one.target == 255]) for one in loaded]
    assert np.median(inside) > 0.9  # what people drew is on the face; in one of these on the neck
