"""What is known of the weak masks of a data set: recorded, published, recognised, or nothing."""

import logging
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.downloads.ledger import Ledger
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.training_data.sample_files import find_sample_files
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from tests.helpers.pictures import gray_pixels
from tests.helpers.tables import write_csv
from tests.helpers.training_data import completed, listed, never
from tests.helpers.weak_masks import expected_mask

PAPER, RELEASED = TextureSettings(), TextureSettings(recipe="released")


def noise(path, seed=0):
    """A mask that no formula makes."""
    levels = np.random.default_rng(seed).integers(1, 256, (128, 128)).astype(np.uint8)
    Image.fromarray(levels).save(path)


@pytest.fixture
def unrecorded(plain, dataset):
    """Give a plain folder weak masks of a formula, without a record."""

    def make(recipe):
        weak = plain / "weak"
        texture = TextureSettings(recipe=recipe)
        build_weak(plain / "images", weak, parser=ReadyLabels(dataset.labels), texture=texture)
        (weak / "build.json").unlink()
        return plain

    return make


@pytest.mark.parametrize("recipe", ["paper", "released"])
def test_a_formula_that_is_not_recorded_is_recognised_and_said(unrecorded, recipe, caplog):
    caplog.set_level(logging.INFO)
    data = unrecorded(recipe)
    assert listed(data, "pretrain").texture == TextureSettings(recipe=recipe)
    said = f"has no build.json; by their pixels its weak masks were made with recipe {recipe}"
    assert said in caplog.text


def test_missing_masks_are_made_by_the_formula_of_the_others(unrecorded, dataset, parser):
    data = unrecorded("released")
    (data / "weak" / "00000" / "00001.png").unlink()
    made = completed(data, "pretrain", parser).samples[1].weak
    assert made.is_relative_to(data / ".ffhq-wrinkle-cache")
    assert_array_equal(gray_pixels(made), expected_mask(dataset, "00001", recipe="released"))


def test_what_is_not_recognised_stays_unknown_and_is_not_mixed_with_anything(
    unrecorded, dataset, parser
):
    data = unrecorded("released")
    for path in (data / "weak").rglob("*.png"):
        noise(path)
    assert listed(data, "pretrain").texture is None
    assert completed(data, "pretrain", never).texture is None
    (data / "weak" / "00000" / "00001.png").unlink()
    message = r"1 image has no weak mask, such as 00001, .*--recipe: paper or released"
    with pytest.raises(ArgumentError, match=message):
        completed(data, "pretrain", parser)
    listing = completed(data, "pretrain", parser, texture=RELEASED)  # as --recipe says
    assert listing.texture == RELEASED
    expected = expected_mask(dataset, "00001", recipe="released")
    assert_array_equal(gray_pixels(listing.samples[1].weak), expected)


def test_only_a_face_mask_that_is_missing_needs_no_formula(unrecorded, parser):
    data = unrecorded("paper")
    for path in (data / "weak").rglob("*.png"):
        noise(path)
    listing = completed(data, "finetune", parser)
    assert listing.texture is None
    assert all(sample.weak.is_relative_to(data / "weak") for sample in listing.samples)


def test_another_formula_than_the_pixels_show_is_refused(unrecorded):
    data = unrecorded("released")
    with pytest.raises(ArgumentError, match=r"made with recipe released.*not with recipe paper"):
        listed(data, "pretrain", texture=PAPER)


def test_published_masks_are_known_by_the_table_of_downloads(released):
    weak = released / "weak_wrinkle_masks"
    (weak / "build.json").unlink()
    ledger = Ledger(released)
    for number, path in enumerate(sorted(weak.rglob("*.png"))):
        noise(path, number)
        ledger.record_present(
            path.relative_to(released).as_posix(), "weak-masks", "crc32:0", is_verified=True
        )
    ledger.save()
    assert find_sample_files(released).texture == RELEASED
    noise(path, 77)  # somebody replaces one
    assert find_sample_files(released).texture is None


@pytest.fixture
def manifest(dataset, tmp_path):
    """A CSV with weak masks of two folders, the first of which has a record by the paper."""

    def make(change):
        rows = []
        for image_id, name in (("00000", "first"), ("00001", "first"), ("00002", "second")):
            weak = tmp_path / name / f"{image_id}.png"
            weak.parent.mkdir(exist_ok=True)
            rows.append(
                {
                    "image_id": image_id,
                    "image": str(dataset.image_path(image_id)),
                    "weak": str(weak),
                }
            )
        build_weak(dataset.images, tmp_path / "built", parser=ReadyLabels(dataset.labels))
        for row in rows:
            shutil.copy(tmp_path / "built" / "00000" / f"{row['image_id']}.png", row["weak"])
        shutil.copy(tmp_path / "built" / "build.json", tmp_path / "first")
        change(tmp_path / "second" / "00002.png")
        return write_csv(tmp_path / "data.csv", rows)

    return make


def test_masks_beside_recorded_ones_are_not_taken_for_the_same(dataset, manifest):
    def by_the_other_formula(path):
        Image.fromarray(expected_mask(dataset, "00002", recipe="released").astype(np.uint8)).save(
            path
        )

    assert find_sample_files(manifest(lambda path: None)).texture == PAPER
    assert find_sample_files(manifest(noise)).texture is None
    with pytest.raises(ArgumentError, match=r"made with different settings: \S+first: recipe pap"):
        find_sample_files(manifest(by_the_other_formula))


def test_the_hash_of_the_data_does_not_depend_on_what_is_known_of_the_masks(unrecorded):
    data = unrecorded("released")
    first = listed(data, "pretrain")
    named = listed(data, "pretrain", texture=RELEASED)
    assert (first.texture, named.texture) == (RELEASED, RELEASED)
    assert first.sha256() == named.sha256()
