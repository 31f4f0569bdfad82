import logging
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import TrainingDataError
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.segmentation.training_data.checks import require_trainable
from ffhq_wrinkle.segmentation.training_data.samples import load_sample
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.tables import write_csv
from tests.helpers.training_data import completed, draw_masks, listed, never

PAPER, RELEASED = TextureSettings(), TextureSettings(recipe="released")


def test_weak_masks_that_a_stage_does_not_need_are_not_listed(released):
    with_weak, without = (listed(released, "pretrain", weak=weak) for weak in (True, False))
    assert all(one.weak for one in with_weak.samples)
    assert [one.weak for one in without.samples] == [None] * 6
    require_trainable(without.samples, stage="pretrain", complete=False)
    with pytest.raises(TrainingDataError, match="6 images have no weak mask"):
        require_trainable(without.samples, stage="pretrain")


def test_ready_face_masks_need_no_parser(plain, dataset, parser, tmp_path):
    by_products = ByProducts(face_masks=plain / "face_masks")
    build_weak(dataset.images, tmp_path / "weak", parser=parser(), by_products=by_products)
    listing = completed(plain, "finetune", never)
    for one in listing.samples[:3]:
        assert one.face == plain / "face_masks" / f"{one.image_id}.png"
        made = np.asarray(Image.open(one.weak))
        expected = Image.open(tmp_path / "weak" / "00000" / f"{one.image_id}.png")
        assert_array_equal(made, np.asarray(expected))


def test_images_without_a_face_are_left_out_and_named(plain, dataset, parser, caplog):
    np.save(dataset.labels / "00001.npy", np.zeros((512, 512), np.uint8))
    listing = completed(plain, "finetune", parser)
    assert [one.image_id for one in listing.samples] == ["00000", "00002", "00999"]
    (warning,) = (one.getMessage() for one in caplog.records if one.levelname == "WARNING")
    assert warning.startswith("1 of 4 images is left out because no face was found: 00001 (")
    for path in dataset.labels.iterdir():
        np.save(path, np.zeros((512, 512), np.uint8))
    with pytest.raises(TrainingDataError, match="none of the 4 images has a face"):
        completed(plain, "finetune", parser, cache=plain / "other")


def test_a_damaged_or_missing_image_is_not_left_out_but_reported(plain, parser):
    (plain / "images" / "00001.png").write_text("not an image")
    (plain / "masks" / "00009.png").write_bytes((plain / "masks" / "00000.png").read_bytes())
    with pytest.raises(TrainingDataError) as caught:
        completed(plain, "finetune", parser)
    missing, damaged = str(caught.value).splitlines()[1:]
    assert missing == f"1 file does not exist: {plain / 'images' / '00009.png'}"
    assert damaged.startswith(f"1 file cannot be used: {plain / 'images' / '00001.png'}: not an")


def test_the_hash_depends_on_the_data_and_not_on_where_they_are(plain, dataset, parser, tmp_path):
    def digest(folder):
        return completed(folder, "finetune", parser).sha256()

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
    seen.add(completed(plain, "pretrain", parser).sha256())
    seen.add(completed(plain, "finetune", parser, texture=RELEASED).sha256())
    assert len(seen) == 5


@pytest.mark.real_data
def test_real_faces_are_listed_from_a_csv(real_data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    pairs = real_data / "wrinkle-pairs"
    rows = [
        {"image_id": path.stem, "image": str(path), "mask": str(pairs / "masks" / path.name)}
        for path in sorted((pairs / "images").iterdir())[:4]
    ]
    path = write_csv(tmp_path / "data.csv", rows)
    for line in ("made 4 weak masks into", "4 weak masks reused from"):
        caplog.clear()
        listing = completed(path, "finetune", MeshParser, jobs=2)
        assert line in caplog.text
    loaded = [load_sample(one, stage="finetune") for one in listing.samples]
    inside = [np.mean(one.face[one.target == 255]) for one in loaded]
    assert np.median(inside) > 0.9  # what people drew is on the face; in one of these on the neck
